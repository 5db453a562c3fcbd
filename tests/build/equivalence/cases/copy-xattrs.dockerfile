FROM busybox:1
COPY attrs /attrs
