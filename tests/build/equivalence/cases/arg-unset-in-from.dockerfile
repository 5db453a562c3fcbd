ARG TAG
FROM busybox:${TAG:-1}
RUN echo ok > /ok
