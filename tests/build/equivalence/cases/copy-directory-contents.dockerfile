FROM busybox:1
COPY dir /d1
COPY dir/ /d2/
COPY ./dir/. d3
