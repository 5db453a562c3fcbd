FROM busybox:1
MAINTAINER Some One <one@example.org>
