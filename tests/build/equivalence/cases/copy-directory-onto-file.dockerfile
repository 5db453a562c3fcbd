FROM busybox:1
RUN echo x > /d
COPY dir /d
