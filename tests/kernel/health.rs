//! Health checks: what they say, what is shown and told of them, and that they outlive
//! the shim that ran them.

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

/// Starts a container whose health is whether `/ok` exists.
fn checked(s: &Sandbox, name: &str, flags: &[&str]) {
    let mut all = vec![
        "--name",
        name,
        "--health-cmd",
        "echo looked >&2; test -e /ok",
        "--health-interval",
        "100ms",
        "--health-retries",
        "2",
    ];
    all.extend(flags);
    all.extend([BUSYBOX, "sleep", "600"]);
    s.start(&all);
}

fn status(s: &Sandbox, name: &str) -> String {
    s.inspect(name, "{{.State.Health.Status}}")
}

#[track_caller]
fn until(s: &Sandbox, name: &str, wanted: &str) {
    eventually(&format!("{name} is {wanted}"), || status(s, name) == wanted);
}

/// How often a check of any container ended, as events tell.
fn ended(s: &Sandbox) -> usize {
    s.known_events().matches("\"exec_die\"").count()
}

fn time(text: &str) -> jiff::Timestamp {
    text.parse()
        .expect("docker writes times as RFC 3339 has them")
}

#[test]
fn health_follows_the_command_and_is_shown_and_told() {
    let s = Sandbox::new();
    checked(&s, "web", &[]);
    let up = || s.ok(&["ps", "--format", "{{.Status}}"]);
    until(&s, "web", "unhealthy");
    assert!(up().ends_with("(unhealthy)"), "{}", up());
    assert_eq!(s.ok(&["ps", "-q", "-f", "health=healthy"]), "");
    s.ok(&["exec", "web", "touch", "/ok"]);
    until(&s, "web", "healthy");
    assert!(up().ends_with("(healthy)"), "{}", up());
    assert_eq!(s.inspect("web", "{{.State.Health.FailingStreak}}"), "0");
    let last = "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}";
    eventually("the log has five successes", || {
        s.inspect("web", last) == "0 looked\n".repeat(5).trim_end()
    });
    assert_eq!(
        s.ok(&["ps", "-q", "-f", "health=healthy"]).lines().count(),
        1
    );
    let told = s.known_events();
    for action in [
        "exec_create: /bin/sh -c echo looked >&2; test -e /ok",
        "exec_start: /bin/sh -c",
        "exec_die",
        "health_status: unhealthy",
        "health_status: healthy",
    ] {
        assert!(told.contains(action), "{action} in {told}");
    }
    // A new run is judged anew.
    s.ok(&["restart", "-t", "0", "web"]);
    let begun = time(&s.inspect("web", "{{.State.StartedAt}}"));
    let checks = "{{range .State.Health.Log}}{{.Start}} {{end}}";
    eventually("the log has checks of the new run only", || {
        let checks = s.inspect("web", checks);
        let mut checks = checks.split_whitespace().map(time).peekable();
        checks.peek().is_some() && checks.all(|check| check >= begun)
    });
}

#[test]
fn check_that_takes_too_long_is_ended_with_all_that_it_started() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "slow",
        "--health-cmd",
        "echo begun; sleep 4321 & sleep 4321",
        "--health-interval",
        "50ms",
        "--health-timeout",
        "200ms",
        "--health-retries",
        "1",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    until(&s, "slow", "unhealthy");
    // A check that was ended before it had begun said nothing.
    let log = "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}};{{end}}";
    let told = "-1 Health check exceeded timeout (0.2s): begun";
    eventually("it is told, with what the check had said", || {
        s.inspect("slow", log).contains(told)
    });
    // Its leftovers would pile up: at most the check of now and the one that just died.
    let sleeps = || s.ok(&["top", "slow"]).matches("4321").count();
    eventually("no sleep is left of many checks", || {
        ended(&s) > 5 && sleeps() <= 4
    });
}

#[test]
fn output_is_cut_and_a_program_that_is_not_there_is_a_failure() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "loud",
        "--health-cmd",
        "yes | head -c 100000",
        "--health-interval",
        "50ms",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    until(&s, "loud", "healthy");
    let output = s.inspect("loud", "{{(index .State.Health.Log 0).Output}}");
    assert!(
        output.len() <= 4096 && output.len() > 4000,
        "{}",
        output.len()
    );
    s.start(&[
        "--name",
        "gone",
        "--health-cmd",
        "exec /there/is/none",
        "--health-interval",
        "50ms",
        "--health-retries",
        "1",
        BUSYBOX,
        "sleep",
        "600",
    ]);
    until(&s, "gone", "unhealthy");
}

#[test]
fn checks_go_on_from_where_they_stood_when_the_shim_is_killed() {
    let s = Sandbox::new();
    checked(&s, "web", &[]);
    s.ok(&["exec", "web", "touch", "/ok"]);
    until(&s, "web", "healthy");
    let shim = s.shim("web");
    process::signal(shim, libc::SIGKILL);
    eventually("the shim is gone", || {
        process::status_field(shim, "State").is_none_or(|state| state.starts_with('Z'))
    });
    s.ok(&["ps"]);
    assert_eq!(s.state("web"), "running");
    assert_eq!(status(&s, "web"), "healthy");
    let before = ended(&s);
    eventually("checks go on", || ended(&s) > before + 2);
    s.ok(&["exec", "web", "rm", "/ok"]);
    until(&s, "web", "unhealthy");
}

#[test]
fn frozen_container_is_not_checked() {
    let s = Sandbox::new();
    checked(&s, "web", &[]);
    s.ok(&["exec", "web", "touch", "/ok"]);
    until(&s, "web", "healthy");
    s.ok(&["pause", "web"]);
    let before = ended(&s);
    std::thread::sleep(std::time::Duration::from_millis(400));
    // One that ran when it was frozen may have ended just before.
    assert!(ended(&s) <= before + 1);
    s.ok(&["unpause", "web"]);
    eventually("checks go on", || ended(&s) > before + 2);
    assert_eq!(status(&s, "web"), "healthy");
}

#[test]
fn image_says_what_is_checked_and_flags_go_over_it() {
    let s = Sandbox::new();
    let context = tempfile::tempdir().unwrap();
    let text = format!("FROM {BUSYBOX}\nHEALTHCHECK --interval=50ms --retries=7 CMD [\"true\"]\n");
    std::fs::write(context.path().join("Dockerfile"), text).unwrap();
    s.ok(&[
        "build",
        "-q",
        "-t",
        "checked",
        context.path().to_str().unwrap(),
    ]);
    s.start(&["--name", "plain", "checked", "sleep", "600"]);
    until(&s, "plain", "healthy");
    s.start(&[
        "--name",
        "other",
        "--health-cmd",
        "false",
        "--health-retries",
        "1",
        "checked",
        "sleep",
        "600",
    ]);
    until(&s, "other", "unhealthy");
    let shown = s.inspect("other", "{{json .Config.Healthcheck}}");
    assert!(
        shown.contains("50000000") && shown.contains("CMD-SHELL"),
        "{shown}"
    );
    s.start(&[
        "--name",
        "none",
        "--no-healthcheck",
        "checked",
        "sleep",
        "600",
    ]);
    let state = s.inspect("none", "{{json .State}}");
    assert!(!state.contains("Health"), "{state}");
    let both = [
        "run",
        "--no-healthcheck",
        "--health-cmd",
        "x",
        "checked",
        "true",
    ];
    s.refused(&both, 125);
    s.refused(
        &[
            "run",
            "--health-cmd",
            "x",
            "--health-interval",
            "soon",
            "checked",
            "true",
        ],
        125,
    );
}
