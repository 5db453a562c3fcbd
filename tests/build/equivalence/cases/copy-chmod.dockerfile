FROM busybox:1
COPY --chmod=600 dir /d
COPY --chmod=4711 a.txt /a
