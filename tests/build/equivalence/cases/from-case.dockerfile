from busybox:1 as One
run echo x > /x
FROM one
copy --from=ONE /x /y
