FROM busybox:1
CMD ['echo', 'x']
