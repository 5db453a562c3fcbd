FROM busybox:1
ARG A=default
ARG B
ARG C=c
RUN echo "$A|$B|$C" > /said
LABEL a=$A
