FROM busybox:1
ENV one two three
ENV A=1 B="two words" C=three\ words D='$A'
ENV E=$A-${B}-${NO:-none}-${A:+set} F=${NO:+no}
RUN env | grep -E '^(one|A|B|C|D|E|F)=' | sort > /env
