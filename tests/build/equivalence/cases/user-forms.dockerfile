FROM busybox:1
USER wharf:extra
