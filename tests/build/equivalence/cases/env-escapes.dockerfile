FROM busybox:1
ENV A=\$x B="\$x" C='\$x' D=a\\b E="a\"b"
