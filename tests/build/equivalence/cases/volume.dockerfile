FROM busybox:1
VOLUME /a /b
VOLUME ["/c d"]
RUN mkdir -p /a && echo x > /a/x
