FROM busybox:1
ADD fake.tar.gz /out/
