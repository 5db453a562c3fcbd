FROM busybox:1
USER wharf
WORKDIR /made/by
RUN stat -c %u:%g /made /made/by > /tmp/said
