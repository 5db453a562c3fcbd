FROM busybox:1
COPY --chown=nobody-here a.txt /a
