# escape=`
FROM busybox:1
RUN echo one `
  two > /said
ENV P=c:\dir
