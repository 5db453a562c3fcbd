FROM busybox:1
ADD plain.tar.bz2 /out
