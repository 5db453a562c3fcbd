FROM busybox:1 AS b
CMD ["x"]
FROM b
ENTRYPOINT ["y"]
