FROM busybox:1
CMD one
CMD two
