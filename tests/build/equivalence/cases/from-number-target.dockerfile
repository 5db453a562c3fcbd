FROM busybox:1
RUN echo a > /a
FROM busybox:1
RUN false
