//! Bad input: one clear line, docker's exit codes, nothing changed.

use crate::support::{Sandbox, sandbox::BUSYBOX};

#[test]
fn unknown_and_ambiguous_names_are_said() {
    let s = Sandbox::new();
    for command in [
        "start", "stop", "rm", "inspect", "logs", "pause", "kill", "attach", "top", "diff",
    ] {
        let line = s.refused(&[command, "nobody"], 1);
        assert!(line.contains("nobody"), "{command}: {line}");
    }
    s.refused(&["exec", "nobody", "true"], 1);
    // Ids that share their first digit: by the pigeonhole principle 17 do.
    let mut ids = Vec::new();
    for _ in 0..17 {
        ids.push(s.ok(&["create", BUSYBOX, "true"]));
    }
    let shared = ids
        .iter()
        .find_map(|a| {
            ids.iter()
                .filter(|b| b[..1] == a[..1])
                .count()
                .ge(&2)
                .then(|| a[..1].to_owned())
        })
        .unwrap();
    // No container has such a name, so it can only be a prefix.
    let line = s.refused(&["inspect", &shared], 1);
    assert!(!line.is_empty());
    assert_eq!(s.ok(&["ps", "-aq"]).lines().count(), 17);
}

#[test]
fn malformed_values_are_refused_before_anything_is_made() {
    let s = Sandbox::new();
    for arguments in [
        &["-m", "12x"][..],
        &["--cpus", "-1"],
        &["--cpus", "many"],
        &["--restart", "sometimes"],
        &["-v", "relative:/x:what"],
        &["--name", "../evil"],
        &["--name", "a b"],
        &["--cap-add", "NO_SUCH"],
        &["--ulimit", "nofile=x"],
        &["--stop-signal", "NOSUCH"],
        &["--network", "nosuch"],
        &["--security-opt", "nosuch=1"],
    ] {
        let mut all = vec!["run", "-d"];
        all.extend(arguments);
        all.extend([BUSYBOX, "true"]);
        let line = s.refused(&all, 125);
        assert!(!line.contains("panicked"), "{arguments:?}: {line}");
    }
    assert_eq!(s.ok(&["ps", "-aq"]), "");
}

#[test]
fn missing_program_is_127_and_one_that_cannot_run_is_126() {
    let s = Sandbox::new();
    s.refused(&["run", "--rm", BUSYBOX, "/no/such"], 127);
    s.refused(&["run", "--rm", BUSYBOX, "nosuch"], 127);
    s.refused(&["run", "--rm", BUSYBOX, "/etc/passwd"], 126);
    s.refused(&["run", "--rm", BUSYBOX, "/etc"], 126);
    assert_eq!(s.ok(&["ps", "-aq"]), "");
    s.refused(&["run", "--name", "kept", BUSYBOX, "nosuch"], 127);
    assert_eq!(s.ok(&["ps", "-a", "--format", "{{.Names}}"]), "kept");
}

#[test]
fn taken_name_is_refused_and_the_first_keeps_it() {
    let s = Sandbox::new();
    let first = s.ok(&["create", "--name", "xx", BUSYBOX, "true"]);
    s.refused(&["run", "--name", "xx", BUSYBOX, "true"], 125);
    assert_eq!(s.id("xx"), first);
    assert_eq!(s.ok(&["ps", "-aq"]).lines().count(), 1);
}

#[test]
fn missing_image_is_said_with_its_name() {
    let s = Sandbox::empty();
    let line = s.refused(&["run", "--rm", "no/such:thing", "true"], 125);
    assert!(line.contains("no/such"), "{line}");
}
