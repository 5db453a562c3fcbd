FROM busybox:1
LABEL a=1 b="two words" "c d"=e f.g='h'
LABEL multi="line \
 one"
LABEL old form of it
