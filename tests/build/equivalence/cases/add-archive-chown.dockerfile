FROM busybox:1
ADD --chown=7:8 plain.tar /out/
