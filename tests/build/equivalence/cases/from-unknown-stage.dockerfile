FROM busybox:1
COPY --from=7 /x /y
