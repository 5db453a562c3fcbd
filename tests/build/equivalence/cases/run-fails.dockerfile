FROM busybox:1
RUN exit 3
