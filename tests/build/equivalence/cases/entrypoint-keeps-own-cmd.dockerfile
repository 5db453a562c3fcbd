FROM busybox:1
CMD ["x"]
ENTRYPOINT ["y"]
