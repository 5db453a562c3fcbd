FROM busybox:1
LABEL a=file b=file
