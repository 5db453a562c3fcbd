FROM busybox:1
COPY *.txt /g/
COPY dir/s*/deep/? /h/
COPY [ab].txt /i/
