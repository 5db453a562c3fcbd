FROM busybox:1
SHELL /bin/sh -c
