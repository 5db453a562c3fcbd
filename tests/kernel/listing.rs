//! `wharf ps` in all its forms, over containers in every state.

use crate::support::{Sandbox, sandbox::BUSYBOX};

fn harbour() -> Sandbox {
    let s = Sandbox::new();
    s.start(&[
        "--name", "runner", "--label", "tier=web", BUSYBOX, "sleep", "1000",
    ]);
    s.start(&["--name", "sleeper", BUSYBOX, "sleep", "1000"]);
    s.ok(&["pause", "sleeper"]);
    s.run(&["run", "--name", "ended", BUSYBOX, "sh", "-c", "exit 3"]);
    s.ok(&["create", "--name", "made", BUSYBOX, "true"]);
    s
}

fn names(s: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["ps", "--format", "{{.Names}}"];
    all.extend(arguments);
    let mut names: Vec<String> = s.ok(&all).lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn ps_lists_by_dockers_flags_and_filters() {
    let s = harbour();
    assert_eq!(names(&s, &[]), ["runner", "sleeper"]);
    assert_eq!(names(&s, &["-a"]), ["ended", "made", "runner", "sleeper"]);
    assert_eq!(names(&s, &["-l"]), ["made"]);
    assert_eq!(names(&s, &["-n", "2"]), ["ended", "made"]);
    for (filter, expected) in [
        ("status=exited", vec!["ended"]),
        ("status=paused", vec!["sleeper"]),
        ("status=created", vec!["made"]),
        ("name=run", vec!["runner"]),
        ("label=tier=web", vec!["runner"]),
        ("label=tier", vec!["runner"]),
        ("exited=3", vec!["ended"]),
        (
            "ancestor=busybox:1",
            vec!["ended", "made", "runner", "sleeper"],
        ),
    ] {
        assert_eq!(names(&s, &["-a", "-f", filter]), expected, "{filter}");
    }
    let id = s.id("runner");
    assert_eq!(names(&s, &["-f", &format!("id={}", &id[..12])]), ["runner"]);
    s.refused(&["ps", "-f", "nosuch=1"], 1);
}

#[test]
fn ps_prints_ids_templates_and_json() {
    let s = harbour();
    let id = s.id("runner");
    assert_eq!(
        s.ok(&["ps", "-q", "-f", "name=runner"]),
        id[..12],
        "short ids"
    );
    assert_eq!(s.ok(&["ps", "-q", "--no-trunc", "-f", "name=runner"]), id);
    let table = s.ok(&["ps", "-a", "--format", "table {{.Names}}\t{{.Status}}"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5);
    assert!(
        lines[0].starts_with("NAMES") && lines[0].contains("STATUS"),
        "{table}"
    );
    assert!(
        lines
            .iter()
            .any(|l| l.contains("ended") && l.contains("Exited (3)")),
        "{table}"
    );
    assert!(
        lines
            .iter()
            .any(|l| l.contains("sleeper") && l.contains("(Paused)")),
        "{table}"
    );
    for format in [&["--format", "json"][..], &["--format", "{{json .}}"]] {
        let mut all = vec!["ps", "-f", "name=runner"];
        all.extend(format);
        let value: serde_json::Value = serde_json::from_str(&s.ok(&all)).unwrap();
        for key in ["ID", "Names", "Image", "Status", "State", "Command"] {
            assert!(value.get(key).is_some(), "{key} in {value}");
        }
        assert_eq!(value["Names"], "runner");
        assert_eq!(value["State"], "running");
    }
    assert_eq!(
        s.ok(&[
            "ps",
            "-f",
            "name=runner",
            "--format",
            "{{upper .Names}} {{.Label \"tier\"}}"
        ]),
        "RUNNER web"
    );
    let ours = s.ok(&["ps", "-a", "--json"]);
    assert!(
        serde_json::Deserializer::from_str(&ours)
            .into_iter::<serde_json::Value>()
            .all(|v| v.is_ok()),
        "{ours}"
    );
}

#[test]
fn ps_never_loses_the_name_however_narrow() {
    let s = harbour();
    for columns in ["20", "40", "80", "200"] {
        let mut command = s.command(&["ps", "-a"]);
        command.env("COLUMNS", columns);
        let out = crate::support::process::finish(command, b"").stdout;
        for name in ["runner", "sleeper", "ended", "made"] {
            assert!(out.contains(name), "{name} at {columns} columns:\n{out}");
        }
        assert!(!out.contains('\u{1b}'), "no colours in a pipe: {out:?}");
    }
}

#[test]
fn ps_has_stats_sizes_sorting_and_groups() {
    let s = harbour();
    let out = s.ok(&["ps", "-a", "--stats"]);
    assert!(out.contains("CPU") && out.contains("MEM"), "{out}");
    let sized = s.ok(&["ps", "-a", "-s"]);
    assert!(sized.contains("SIZE"), "{sized}");
    let sorted = s.ok(&["ps", "-a", "--sort", "name", "--format", "{{.Names}}"]);
    assert_eq!(sorted, "ended\nmade\nrunner\nsleeper");
    for arguments in [
        &["ps", "-a", "--group-by", "state"][..],
        &["ps", "-a", "--long"],
        &["ps", "-a", "--no-trunc"],
    ] {
        let out = s.ok(arguments);
        assert!(
            out.contains("runner") && out.contains("made"),
            "{arguments:?}: {out}"
        );
    }
}
