FROM busybox:1
RUN mkdir -m 777 /w
USER wharf
RUN id -u > /w/a; id -g > /w/b; echo $HOME > /w/h
USER 5
RUN id -u > /w/c; id -g > /w/d
USER 5:6
RUN id -g > /w/e
