ARG BASE=busybox:1
ARG X=global
FROM $BASE
ARG X
ARG Y=${X}-y
RUN echo $X $Y > /said
