FROM busybox:1
RUN mkdir -p /out/d && echo old > /out/d/in && chmod 700 /out/d
ADD plain.tar /out/
