FROM busybox:1
ENTRYPOINT []
CMD []
