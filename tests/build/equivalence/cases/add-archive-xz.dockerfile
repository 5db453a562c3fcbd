FROM busybox:1
ADD plain.tar.xz /out/
