//! One day with a Debian root file system made from Debian's packages.

use crate::support::{Cgroup, Sandbox, eventually, sandbox::DEBIAN};

#[test]
fn debian_is_imported_run_limited_paused_execed_into_killed_restarted_and_removed() {
    let s = Sandbox::debian();
    let version = s.ok(&["run", "--rm", DEBIAN, "cat", "/etc/debian_version"]);
    assert!(!version.is_empty());
    assert_eq!(
        s.ok(&["run", "--rm", "-u", "nobody", DEBIAN, "id", "-un"]),
        "nobody"
    );
    assert!(
        s.ok(&["run", "--rm", DEBIAN, "dpkg", "-l", "dpkg"])
            .contains("dpkg")
    );

    let id = s.start(&[
        "--name", "deb", "-m", "64m", "--memory-swap", "64m", "--pids-limit", "50", "--restart", "on-failure", "--stop-signal", "INT",
        DEBIAN, "bash", "-c",
        "echo up >>/var/log/ups; if [ $(wc -l </var/log/ups) = 1 ]; then x=0123456789abcdef; while :; do x=$x$x; done; fi; trap 'exit 0' INT; while :; do sleep 0.1; done",
    ]);
    eventually("it was killed for its memory and started again", || {
        s.inspect("deb", "{{.RestartCount}}") == "1" && s.state("deb") == "running"
    });
    assert!(
        s.ok(&["events", "--since", "1h", "--until", "0s"])
            .contains("oom")
    );
    assert_eq!(Cgroup::of(&id).memory_limit(), Some(64 << 20));

    assert_eq!(
        s.ok(&["exec", "deb", "bash", "-c", "wc -l </var/log/ups"]),
        "2"
    );
    s.ok(&["pause", "deb"]);
    assert_eq!(s.state("deb"), "paused");
    s.ok(&["unpause", "deb"]);
    s.ok(&["restart", "-t", "5", "deb"]);
    eventually("a third run", || {
        s.ok(&["exec", "deb", "bash", "-c", "wc -l </var/log/ups"]) == "3"
    });
    assert!(s.ok(&["diff", "deb"]).contains("A /var/log/ups"));
    s.ok(&["stop", "deb"]);
    assert_eq!(
        s.inspect("deb", "{{.State.Status}} {{.State.ExitCode}}"),
        "exited 0"
    );
    s.ok(&["rm", "deb"]);
    assert_eq!(s.ok(&["ps", "-aq"]), "");
}

#[test]
fn dpkg_works_inside() {
    let s = Sandbox::debian();
    let out = s.ok(&["run", "--rm", DEBIAN, "sh", "-c",
        "mkdir -p /p/DEBIAN && printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x>\\nDescription: x\\n' >/p/DEBIAN/control && echo hi >/p/f && dpkg-deb -b /p /p.deb >/dev/null && dpkg -i /p.deb >/dev/null && cat /f && dpkg -r p >/dev/null && test ! -e /f && echo gone"]);
    assert_eq!(out, "hi\ngone");
}
