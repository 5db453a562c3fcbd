FROM busybox:1
HEALTHCHECK --interval=5m --timeout=3s --start-period=10s --retries=2 CMD curl -f http://h/ || exit 1
