FROM busybox:1
WORKDIR /a
WORKDIR b/../c
RUN pwd > /said
WORKDIR /x/../y/
