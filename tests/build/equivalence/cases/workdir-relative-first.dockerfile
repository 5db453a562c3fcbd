FROM busybox:1
WORKDIR rel
RUN pwd > /said
