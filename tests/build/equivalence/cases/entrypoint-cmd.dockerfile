FROM busybox:1
ENTRYPOINT ["echo"]
CMD ["a", "b"]
