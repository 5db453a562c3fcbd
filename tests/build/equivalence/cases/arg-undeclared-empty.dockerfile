FROM busybox:1
COPY a.txt /x$UNSET
LABEL l="[$UNSET]"
