FROM busybox:1
WORKDIR /w/x
COPY a.txt .
COPY b.txt sub/
COPY a.txt ../up
