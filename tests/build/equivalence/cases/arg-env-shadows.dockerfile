FROM busybox:1
ENV A=env
ARG A=arg
RUN echo $A > /said
