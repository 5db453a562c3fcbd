FROM busybox:1
ENV abc=hello
ENV abc=bye def=$abc
ENV ghi=$abc
