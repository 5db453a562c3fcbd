//! What a container can and can't see and do: docker's default, read by the process
//! inside and by the kernel's files about it.

use std::{collections::BTreeMap, fs};

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

fn status(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key, value.trim()))
        .collect()
}

#[test]
fn default_container_has_dockers_capabilities_and_seccomp() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let inits = fs::read_to_string(format!("/proc/{}/status", s.pid("xx"))).unwrap();
    let execs = s.ok(&["exec", "xx", "cat", "/proc/self/status"]);
    for text in [&inits, &execs] {
        let fields = status(text);
        for set in ["CapEff", "CapPrm", "CapBnd"] {
            assert_eq!(fields[set], "00000000a80425fb", "{set}");
        }
        assert_eq!(fields["CapAmb"], "0000000000000000");
        assert_eq!(fields["CapInh"], "0000000000000000");
        assert_eq!(fields["Seccomp"], "2");
        assert_eq!(fields["NoNewPrivs"], "0");
    }
}

#[test]
fn capabilities_are_added_and_dropped() {
    let s = Sandbox::new();
    let effective = |arguments: &[&str]| {
        let mut all = vec!["run", "--rm"];
        all.extend(arguments);
        all.extend([BUSYBOX, "grep", "CapEff", "/proc/self/status"]);
        s.ok(&all).split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(effective(&["--cap-drop", "ALL"]), "0000000000000000");
    assert_eq!(
        effective(&["--cap-drop", "ALL", "--cap-add", "NET_ADMIN"]),
        "0000000000001000"
    );
    assert_eq!(
        effective(&["--cap-add", "CAP_SYS_TIME", "--cap-drop", "mknod"]),
        "00000000a20425fb"
    );
    assert_eq!(
        effective(&["-u", "1000"]),
        "0000000000000000",
        "an ordinary user has none"
    );
}

#[test]
fn no_new_privileges_and_unconfined_seccomp_are_as_asked() {
    let s = Sandbox::new();
    let out = s.ok(&[
        "run",
        "--rm",
        "--security-opt",
        "no-new-privileges",
        BUSYBOX,
        "cat",
        "/proc/self/status",
    ]);
    assert_eq!(status(&out)["NoNewPrivs"], "1");
    assert_eq!(status(&out)["Seccomp"], "2");
    let out = s.ok(&[
        "run",
        "--rm",
        "--security-opt",
        "seccomp=unconfined",
        BUSYBOX,
        "cat",
        "/proc/self/status",
    ]);
    assert_eq!(status(&out)["Seccomp"], "0");
}

#[test]
fn namespaces_are_its_own() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let pid = s.pid("xx");
    for kind in ["pid", "mnt", "uts", "ipc", "net"] {
        let link = |of: &str| fs::read_link(format!("/proc/{of}/ns/{kind}")).unwrap();
        let inside = link(&pid.to_string());
        assert_ne!(inside, link("self"), "{kind}");
        let execs = s.ok(&["exec", "xx", "readlink", &format!("/proc/self/ns/{kind}")]);
        assert_eq!(execs, inside.to_str().unwrap(), "exec joins {kind}");
    }
    assert_eq!(
        s.ok(&[
            "exec",
            "xx",
            "sh",
            "-c",
            "ls /sys/class/net; cat /sys/class/net/lo/operstate"
        ])
        .lines()
        .next(),
        Some("lo")
    );
    s.ok(&["exec", "xx", "ping", "-c1", "-W5", "127.0.0.1"]);
}

#[test]
fn host_network_is_the_hosts() {
    let s = Sandbox::new();
    let inside = s.ok(&[
        "run",
        "--rm",
        "--network",
        "host",
        BUSYBOX,
        "readlink",
        "/proc/self/ns/net",
    ]);
    assert_eq!(
        inside,
        fs::read_link("/proc/self/ns/net")
            .unwrap()
            .to_str()
            .unwrap()
    );
}

#[test]
fn kernel_paths_are_masked_and_read_only() {
    let s = Sandbox::new();
    let script = "
        for f in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/latency_stats; do
            [ ! -e $f ] || [ $(head -c 10 $f 2>/dev/null | wc -c) = 0 ] || echo readable $f
        done
        for d in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/devices/virtual/powercap; do
            [ ! -d $d ] || [ -z \"$(ls $d)\" ] || echo shows $d
        done
        for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity /proc/bus/x /proc/fs/x; do
            (echo x >$f) 2>/dev/null && echo writable $f
        done
        (mkdir /sys/fs/cgroup/x || mkdir /sys/fs/cgroup/*/x) 2>/dev/null && echo writable cgroups
        mount -t tmpfs x /tmp 2>/dev/null && echo mounted
        mount -o remount,rw /sys 2>/dev/null && echo remounted
        echo end";
    assert_eq!(s.ok(&["run", "--rm", BUSYBOX, "sh", "-c", script]), "end");
}

#[test]
fn devices_are_dockers_and_others_are_refused() {
    let s = Sandbox::new();
    let out = s.ok(&["run", "--rm", BUSYBOX, "ls", "/dev"]);
    let have: Vec<&str> = out.lines().collect();
    for name in [
        "null", "zero", "full", "random", "urandom", "tty", "pts", "ptmx", "shm", "mqueue", "fd",
        "stdin", "stdout", "stderr",
    ] {
        assert!(have.contains(&name), "/dev/{name} in {have:?}");
    }
    // The node can be made, the device behind it can't be opened.
    let script = "mknod /mem c 1 1 && (head -c1 /mem 2>&1 | grep -q 'not permitted' && echo refused); head -c1 /dev/zero | wc -c; echo x >/dev/null && echo fine";
    assert_eq!(
        s.ok(&["run", "--rm", BUSYBOX, "sh", "-c", script]),
        "refused\n1\nfine"
    );
}

#[test]
fn device_that_was_given_works() {
    let s = Sandbox::new();
    let out = s.ok(&["run", "--rm", "--device", "/dev/kmsg:/dev/log0:r", BUSYBOX, "sh", "-c",
        "test -c /dev/log0 && dd if=/dev/log0 bs=8k count=1 2>/dev/null | wc -l; (echo x >/dev/log0) 2>&1 | grep -o 'not permitted'"]);
    assert!(
        out.ends_with("not permitted"),
        "read but not written: {out}"
    );
}

#[test]
fn device_that_a_rule_allows_works_once_its_node_is_made() {
    let s = Sandbox::new();
    let script = "mknod /log c 1 11 && dd if=/log bs=8k count=1 2>/dev/null && echo read; \
                  (echo x >/log) 2>&1 | grep -o 'not permitted'";
    let run = |rule: &[&str]| {
        // The kernel log asks for that too.
        let mut args = vec!["run", "--rm", "--cap-add", "SYSLOG"];
        args.extend(rule);
        s.ok(&[&args[..], &[BUSYBOX, "sh", "-c", script]].concat())
    };
    assert_eq!(run(&[]), "not permitted");
    for rule in ["c 1:11 r", "c *:11 r", "a 1:* r"] {
        let out = run(&["--device-cgroup-rule", rule]);
        assert!(out.ends_with("read\nnot permitted"), "{rule}: {out}");
    }
    let bad = [
        "run",
        "--rm",
        "--device-cgroup-rule",
        "c 1 r",
        BUSYBOX,
        "true",
    ];
    let refused = s.refused(&bad, 125);
    assert!(
        refused.contains("invalid device cgroup rule \"c 1 r\""),
        "{refused}"
    );
}

#[test]
fn read_only_root_still_has_its_tmpfs() {
    let s = Sandbox::new();
    let out = s.ok(&["run", "--rm", "--read-only", "--tmpfs", "/tmp", BUSYBOX, "sh", "-c",
        "(echo x >/x) 2>/dev/null && echo wrote; echo y >/tmp/y && cat /tmp/y; echo z >/dev/shm/z && cat /dev/shm/z"]);
    assert_eq!(out, "y\nz");
}

#[test]
fn bind_mounts_are_seen_and_read_only_where_asked() {
    let s = Sandbox::new();
    let host = s.root().join("shared");
    fs::create_dir(&host).unwrap();
    fs::write(host.join("in"), "from host").unwrap();
    let bind = |options: &str| format!("{}:/mnt/deep/x{options}", host.display());
    let out = s.ok(&[
        "run",
        "--rm",
        "-v",
        &bind(""),
        BUSYBOX,
        "sh",
        "-c",
        "cat /mnt/deep/x/in; echo back >/mnt/deep/x/out",
    ]);
    assert_eq!(out, "from host");
    assert_eq!(fs::read_to_string(host.join("out")).unwrap(), "back\n");
    let done = s.run(&[
        "run",
        "--rm",
        "-v",
        &bind(":ro"),
        BUSYBOX,
        "sh",
        "-c",
        "echo no >/mnt/deep/x/no",
    ]);
    assert_ne!(done.code, 0);
    let mount = format!(
        "type=bind,source={},target=/y,readonly",
        host.join("in").display()
    );
    assert_eq!(
        s.ok(&["run", "--rm", "--mount", &mount, BUSYBOX, "cat", "/y"]),
        "from host"
    );
    fs::remove_dir_all(host).unwrap();
}

#[test]
fn nothing_of_ours_is_open_in_the_container() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let open = |pid: &str| -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(open(&s.pid("xx").to_string()), ["0", "1", "2"]);
    // ls itself opens the directory as 3.
    assert_eq!(s.ok(&["exec", "xx", "ls", "/proc/self/fd"]), "0\n1\n2\n3");
    let cwd = fs::read_link(format!("/proc/{}/cwd", s.pid("xx"))).unwrap();
    assert_eq!(cwd.to_str(), Some("/"));
    s.refused(
        &["run", "--rm", "-w", "/proc/self/fd/7", BUSYBOX, "true"],
        125,
    );
}

#[test]
fn our_binary_cannot_be_overwritten_from_inside() {
    // CVE-2019-5736: an exec's /proc/self/exe is our binary until its execve.
    let s = Sandbox::new();
    let before = fs::read(crate::support::sandbox::wharf()).unwrap();
    s.start(&[
        "--name",
        "xx",
        BUSYBOX,
        "sh",
        "-c",
        "while :; do for p in /proc/[0-9]*; do (echo evil >>$p/exe) 2>/dev/null; done; done",
    ]);
    for _ in 0..20 {
        s.ok(&["exec", "xx", "true"]);
    }
    s.ok(&["rm", "-f", "xx"]);
    assert!(
        fs::read(crate::support::sandbox::wharf()).unwrap() == before,
        "our binary was changed"
    );
}

#[test]
fn mount_targets_that_are_symlinks_stay_inside() {
    let s = Sandbox::new();
    let victim = s.root().join("victim");
    fs::create_dir(&victim).unwrap();
    let source = s.root().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("f"), "x").unwrap();
    // A container plants links where the next start mounts.
    s.ok(&[
        "create",
        "--name",
        "xx",
        "-v",
        &format!("{}:/trap/in", source.display()),
        BUSYBOX,
        "sh",
        "-c",
        &format!(
            "rm -rf /trap 2>/dev/null; ls -d {} 2>/dev/null; echo ok",
            victim.display()
        ),
    ]);
    s.ok(&["start", "-a", "xx"]);
    let id = s.id("xx");
    let upper = s.root().join("containers").join(id).join("upper");
    if upper.is_dir() {
        // As if the container had done it: its own files are its to change.
        let _ = fs::remove_dir_all(upper.join("trap"));
        std::os::unix::fs::symlink(&victim, upper.join("trap")).unwrap();
    }
    let done = s.run(&["start", "-a", "xx"]);
    assert!(fs::read_dir(&victim).unwrap().next().is_none(), "{done:?}");
    for directory in [victim, source] {
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn shared_memory_and_message_queues_are_its_own() {
    let s = Sandbox::new();
    let out = s.ok(&[
        "run",
        "--rm",
        BUSYBOX,
        "sh",
        "-c",
        "grep ' /dev/shm ' /proc/mounts; grep -c ' /dev/mqueue ' /proc/mounts",
    ]);
    assert!(out.contains("size=65536k"), "{out}");
    assert!(out.ends_with('1'), "{out}");
}

#[test]
fn privileged_container_has_everything() {
    let s = Sandbox::new();
    let out = s.ok(&["run", "--rm", "--privileged", BUSYBOX, "sh", "-c", "grep -E 'Seccomp:|CapEff' /proc/self/status; mount -t tmpfs x /tmp && echo mounted; test -c /dev/kmsg && echo devices"]);
    let own = process::status_field(std::process::id() as i32, "CapEff").unwrap();
    assert!(out.contains(&own), "{own} in {out}");
    for word in ["Seccomp:\t0", "mounted", "devices"] {
        assert!(out.contains(word), "{word} in {out}");
    }
}

#[test]
fn ulimits_and_sysctls_arrive() {
    let s = Sandbox::new();
    let out = s.ok(&[
        "run",
        "--rm",
        "--ulimit",
        "nofile=123:456",
        "--sysctl",
        "kernel.msgmax=4242",
        BUSYBOX,
        "sh",
        "-c",
        "ulimit -Sn; ulimit -Hn; cat /proc/sys/kernel/msgmax",
    ]);
    assert_eq!(out, "123\n456\n4242");
    assert_ne!(
        fs::read_to_string("/proc/sys/kernel/msgmax")
            .unwrap()
            .trim(),
        "4242"
    );
}

#[test]
fn the_overlay_is_not_in_the_hosts_mounts() {
    let s = Sandbox::new();
    s.start(&["--name", "xx", BUSYBOX, "sleep", "1000"]);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(s.root().to_str().unwrap()), "{mounts}");
    let pid = s.pid("xx");
    s.ok(&["rm", "-f", "xx"]);
    eventually("its process is gone", || {
        process::status_field(pid, "State").is_none()
    });
}
