FROM busybox:1
RUN mkdir /d && echo x > /d/a && echo y > /d/b
RUN rm /d/a
RUN rm -r /d && mkdir /d && echo z > /d/c
RUN rm /etc/group
