FROM busybox:1 AS one
ARG A=x
RUN echo $A > /one
FROM busybox:1
RUN echo "[$A]" > /two
COPY --from=one /one /one
