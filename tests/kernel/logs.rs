//! Whether a container's output is kept, and how much of it.

use std::fs;

use crate::support::{Sandbox, sandbox::BUSYBOX};

#[test]
fn output_that_is_not_kept_is_seen_and_cannot_be_read_again() {
    let s = Sandbox::new();
    let quiet = ["--log-driver", "none", "--name", "quiet", BUSYBOX];
    let seen = s.ok(&[&["run"][..], &quiet, &["echo", "shown"]].concat());
    assert_eq!(seen, "shown");
    let told = s.refused(&["logs", "quiet"], 1);
    let words = "configured logging driver does not support reading";
    assert!(told.contains(words), "{told}");
    assert_eq!(s.inspect("quiet", "{{.HostConfig.LogConfig.Type}}"), "none");
    let log = s.root().join("containers").join(s.id("quiet")).join("log");
    assert!(!log.exists(), "nothing is written");
}

#[test]
fn log_is_as_long_as_was_asked() {
    let s = Sandbox::new();
    let log = [
        "--log-driver=local",
        "--log-opt=max-size=64k",
        "--log-opt=max-file=2",
    ];
    let script = "i=0; while [ $i -lt 20000 ]; do echo a line of the log $i; i=$((i+1)); done";
    s.ok(&[
        &["run", "--name", "much"][..],
        &log,
        &[BUSYBOX, "sh", "-c", script],
    ]
    .concat());
    let directory = s.root().join("containers").join(s.id("much"));
    let size = |name: &str| fs::metadata(directory.join(name)).map(|file| file.len());
    // A burst may come over it once, by what is written at a time.
    let all = size("log").unwrap() + size("log.1").unwrap();
    assert!(all < 512 << 10, "{all}");
    size("log.2").unwrap_err();
    let kept = s.ok(&["logs", "much"]);
    assert!(kept.ends_with("a line of the log 19999"), "{kept}");
    let config = s.inspect("much", "{{json .HostConfig.LogConfig}}");
    assert!(config.contains(r#""max-size":"64k""#), "{config}");
    for wrong in [
        ["--log-driver", "syslog"],
        ["--log-opt", "tag=x"],
        ["--log-opt", "max-size=1"],
        ["--log-opt", "max-file=0"],
    ] {
        s.refused(&[&["create"][..], &wrong, &[BUSYBOX, "true"]].concat(), 125);
    }
}
