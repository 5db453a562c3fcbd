FROM busybox:1
ENTRYPOINT exec top -b
