# a comment

FROM busybox:1
# inside
RUN echo a \
  # not here

  b \
  && echo c > /c
   RUN echo indented > /i
