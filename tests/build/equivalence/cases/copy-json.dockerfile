FROM busybox:1
COPY ["odd name", "a.txt", "/with space/"]
