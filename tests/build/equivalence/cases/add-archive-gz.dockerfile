FROM busybox:1
ADD plain.tar.gz /out/
