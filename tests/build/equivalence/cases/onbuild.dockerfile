FROM busybox:1 AS m
ONBUILD RUN echo triggered > /t
ONBUILD COPY a.txt /t.txt
FROM m
RUN cat /t > /u
