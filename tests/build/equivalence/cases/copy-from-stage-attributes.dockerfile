FROM busybox:1 AS s
RUN mkdir -m 711 -p /o && chown 5:6 /o && mkdir -m 750 /o/in && echo x > /o/in/f
FROM busybox:1
COPY --from=s /o /o
COPY --from=s /o /p/q/
