FROM busybox:1
RUN mkdir /there
COPY a.txt /there
COPY a.txt /there/
COPY a.txt /new/
COPY a.txt /as
