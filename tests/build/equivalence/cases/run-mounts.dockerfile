FROM busybox:1 AS s
RUN echo stage > /f
FROM busybox:1
RUN --mount=type=bind,target=/ctx cp /ctx/a.txt /a
RUN --mount=from=s,source=/f,target=/m cat /m > /b
RUN --mount=type=tmpfs,target=/tm echo x > /tm/x
RUN --mount=type=cache,target=/ca,uid=5,mode=700 stat -c '%u %a' /ca > /c
