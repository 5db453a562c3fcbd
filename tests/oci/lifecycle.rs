//! Both runtimes driven through every state.

use std::fs;

use serde_json::json;

use crate::bundle::{Bundle, Runtime};
use crate::support::process::comes_true;

/// What one step did: whether it succeeded, and the status after.
type Step = (String, bool, Option<String>);

fn drive(runtime: Runtime, script: &str, steps: &[&[&str]]) -> Vec<Step> {
    let bundle = Bundle::new(runtime, script);
    let mut seen = Vec::new();
    for step in steps {
        if let ["await", status] = step {
            assert!(
                bundle.reaches(status),
                "{runtime:?} never {status} after {seen:?}"
            );
            continue;
        }
        // A signal is lost on a program that has not got so far as to trap it.
        if let ["await", "file", path] = step {
            let exec = ["exec", &bundle.id, "test", "-e", path];
            let is_there = || bundle.output(&exec).status.success();
            assert!(comes_true(is_there), "{runtime:?}: no {path}");
            continue;
        }
        let args: Vec<_> = step
            .iter()
            .map(|word| {
                if *word == "ID" {
                    bundle.id.as_str()
                } else {
                    word
                }
            })
            .collect();
        // Not piped: a container that lives on holds its standard streams open.
        let status = bundle
            .command(&args)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .expect("the runtime runs");
        // What a signal does takes its time: that is awaited.
        let after = bundle.state().map(|(_, status)| status);
        let after = after.filter(|_| step[0] != "kill");
        seen.push((step.join(" "), status.success(), after));
    }
    seen
}

fn same(script: &str, steps: &[&[&str]]) {
    let ours = drive(Runtime::Ours, script, steps);
    let runcs = drive(Runtime::Runc, script, steps);
    assert_eq!(ours, runcs);
}

#[test]
fn created_started_killed_deleted() {
    same(
        "sleep 1000",
        &[
            &["state", "ID"],
            &["create", "ID"],
            &["create", "ID"],
            &["start", "ID"],
            &["start", "ID"],
            &["delete", "ID"],
            &["kill", "ID", "KILL"],
            &["await", "stopped"],
            &["kill", "ID", "KILL"],
            &["start", "ID"],
            &["pause", "ID"],
            &["exec", "ID", "true"],
            &["delete", "ID"],
            &["delete", "ID"],
            &["delete", "--force", "ID"],
        ],
    );
}

#[test]
fn killed_and_deleted_before_its_start() {
    same(
        "sleep 1000",
        &[
            &["create", "ID"],
            &["kill", "ID", "9"],
            &["await", "stopped"],
            &["start", "ID"],
            &["delete", "ID"],
            &["create", "ID"],
            &["delete", "ID"],
            &["create", "ID"],
            &["delete", "--force", "ID"],
        ],
    );
}

#[test]
fn paused_resumed_and_deleted_by_force() {
    same(
        "sleep 1000",
        &[
            &["run", "-d", "ID"],
            &["resume", "ID"],
            &["pause", "ID"],
            &["pause", "ID"],
            &["exec", "ID", "true"],
            &["delete", "ID"],
            &["resume", "ID"],
            &["exec", "ID", "true"],
            &["pause", "ID"],
            &["delete", "--force", "ID"],
        ],
    );
}

#[test]
fn signals_reach_the_program() {
    same(
        "trap 'exit 3' TERM; touch /tmp/ready; while true; do sleep 0.1; done",
        &[
            &["run", "-d", "ID"],
            &["await", "file", "/tmp/ready"],
            &["kill", "ID", "NOSUCH"],
            &["kill", "ID"],
            &["await", "stopped"],
            &["delete", "ID"],
        ],
    );
    same(
        "sleep 1000 & sleep 1000",
        &[
            &["run", "-d", "ID"],
            &["kill", "--all", "ID", "KILL"],
            &["await", "stopped"],
            &["delete", "ID"],
        ],
    );
}

#[test]
fn exec_sees_what_the_container_has() {
    let runs = [Runtime::Ours, Runtime::Runc].map(|runtime| {
        let mut bundle = Bundle::new(runtime, "sleep 1000");
        bundle.config["linux"]["seccomp"] = json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
        });
        let started = bundle
            .command(&["run", "-d", &bundle.id])
            .stdout(std::process::Stdio::null())
            .status();
        assert!(started.expect("run").success());
        let mut seen = Vec::new();
        let probe = format!("{}\nmkdir /tmp/x", crate::probe::SCRIPT);
        for args in [
            &["--", "sh", "-c", &probe][..],
            &[
                "-e", "A=b", "--cwd", "/tmp", "-u", "1000:7", "-g", "9", "--", "sh", "-c", &probe,
            ],
            &[
                "--cap",
                "CAP_NET_ADMIN",
                "--",
                "sh",
                "-c",
                "grep Cap /proc/self/status",
            ],
            &["--", "sh", "-c", "exit 9"],
            &["--", "sh", "-c", "kill -TERM $$"],
        ] {
            let mut words = vec!["exec"];
            let (flags, program) = args.split_at(args.iter().position(|a| *a == "--").expect("--"));
            words.extend(flags);
            words.push(&bundle.id);
            words.extend(&program[1..]);
            let output = bundle.output(&words);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            seen.push((crate::probe::parts(&text), output.status.code()));
        }
        for (program, code) in [("nothing", 127), ("/etc", 126)] {
            let output = bundle.output(&["exec", &bundle.id, program]);
            // runc says 255 for both; ours what a shell says.
            if runtime == Runtime::Ours {
                assert_eq!(output.status.code(), Some(code), "{program}");
            }
        }
        let file = bundle.path("pid");
        let detached = bundle
            .command(&[
                "exec",
                "-d",
                "--pid-file",
                &file,
                &bundle.id,
                "sleep",
                "100",
            ])
            .stdout(std::process::Stdio::null())
            .status();
        assert!(detached.expect("exec").success());
        let pid = fs::read_to_string(&file).expect("pid file");
        let comm = || fs::read_to_string(format!("/proc/{pid}/comm")).expect("it runs");
        // runc's exec returns, its pid file written, before the program is there.
        if runtime == Runtime::Runc {
            assert!(comes_true(|| comm().trim() == "sleep"), "{}", comm());
        }
        assert_eq!(comm().trim(), "sleep");
        seen
    });
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn limits_are_set_and_changed() {
    let runs = [Runtime::Ours, Runtime::Runc].map(|runtime| {
        let mut bundle = Bundle::new(runtime, "sleep 1000");
        bundle.config["linux"]["resources"]["memory"] = json!({"limit": 64 << 20});
        bundle.config["linux"]["resources"]["pids"] = json!({"limit": 20});
        bundle.config["linux"]["resources"]["cpu"] =
            json!({"shares": 512, "quota": 50000, "period": 100_000});
        let started = bundle
            .command(&["run", "-d", &bundle.id])
            .stdout(std::process::Stdio::null())
            .status();
        assert!(started.expect("run").success());
        let look = || {
            let script = "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max \
                cpu/cpu.shares cpu/cpu.cfs_quota_us memory.max pids.max cpu.max 2>/dev/null";
            let output = bundle.output(&["exec", &bundle.id, "sh", "-c", script]);
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let before = look();
        let update = |args: &[&str]| {
            let mut words = vec!["update"];
            words.extend(args);
            words.push(&bundle.id);
            bundle.output(&words).status.success()
        };
        assert!(update(&["--memory", "33554432", "--pids-limit", "30"]));
        let file = bundle.path("limits");
        fs::write(&file, r#"{"cpu":{"quota":70000,"period":100000}}"#).expect("write");
        assert!(update(&["-r", &file]));
        (before, look())
    });
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0].0, runs[0].1);
}
