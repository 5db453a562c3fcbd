FROM busybox:1
COPY links /l
COPY links/to-file /one
COPY links/to-dir /two
