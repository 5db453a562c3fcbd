FROM busybox:1
ARG A=arg
ENV A=${A}env
RUN echo $A > /said
