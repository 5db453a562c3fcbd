FROM busybox:1
COPY a.txt b.txt /many
