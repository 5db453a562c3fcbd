FROM busybox:1
COPY missing /g
