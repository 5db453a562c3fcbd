FROM busybox:1
ENV D=/dir U=wharf P=80 S=SIGINT
WORKDIR $D
USER ${U}
EXPOSE $P/udp
STOPSIGNAL $S
VOLUME ${D}/v
LABEL x="$D and ${U}"
COPY a.txt ${D}/a
