FROM busybox:1
COPY --chown=wharf:daemon a.txt /a
COPY --chown=wharf b.txt /b
COPY --chown=12 a.txt /c
COPY --chown=12:extra a.txt /e
