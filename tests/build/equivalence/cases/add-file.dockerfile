FROM busybox:1
ADD a.txt /x/y/z.txt
ADD dir /d
