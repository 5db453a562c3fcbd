FROM busybox:1
COPY --chown=3:4 dir /new/deep/
RUN stat -c %u:%g /new /new/deep > /said
