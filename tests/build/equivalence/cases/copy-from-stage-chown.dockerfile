FROM busybox:1 AS s
RUN mkdir /o && echo x > /o/f && chown 5:6 /o/f
FROM busybox:1
COPY --from=s --chown=wharf /o /o
