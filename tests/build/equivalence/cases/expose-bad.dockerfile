FROM busybox:1
EXPOSE port
