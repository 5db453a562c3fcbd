FROM busybox:1
COPY dir/sub /s
ADD dir/sub /t
COPY --chown=5:6 dir/sub /u/v
RUN mkdir -m 711 /w && mkdir -m 700 -p /x/deep
COPY dir/sub /w
COPY dir/sub /x/
