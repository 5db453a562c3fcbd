FROM busybox:1
RUNN echo
