FROM busybox:1 AS a
RUN echo a > /a
FROM busybox:1 AS b
RUN false
