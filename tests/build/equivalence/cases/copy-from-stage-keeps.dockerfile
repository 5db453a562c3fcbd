FROM busybox:1 AS s
RUN mkdir -p /o/d && echo x > /o/f && ln -s f /o/s && ln /o/f /o/h && chown 5:6 /o/f && chmod 2755 /o/d && chown 1:2 /o/d && mkfifo /o/p
FROM scratch
COPY --from=s /o /o
COPY --from=0 /o/f /one
