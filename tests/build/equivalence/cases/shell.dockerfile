FROM busybox:1
SHELL ["/bin/sh", "-e", "-c"]
RUN echo $- > /said
CMD echo x
ENTRYPOINT top
