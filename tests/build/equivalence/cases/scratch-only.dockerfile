FROM scratch
COPY a.txt /
ENV A=b
CMD ["/a.txt"]
