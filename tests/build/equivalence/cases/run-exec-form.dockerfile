FROM busybox:1
ENV A=b
RUN ["touch", "/$A", "/with space"]
