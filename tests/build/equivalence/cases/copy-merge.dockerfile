FROM busybox:1
RUN mkdir -p /d/sub && echo old > /d/y && echo keep > /d/keep && chmod 700 /d
COPY dir /d
