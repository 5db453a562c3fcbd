FROM busybox:1
RUN mkdir /real && ln -s /real /link && echo old > /t && ln -s /t /tl
COPY a.txt /link/
COPY dir /link/
COPY b.txt /tl
