FROM busybox:1
HEALTHCHECK CMD ["/check", "a b"]
