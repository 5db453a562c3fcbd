//! What can't be: one clear line, and nothing has changed.

use std::{fs, os::unix::fs::symlink};

use crate::support::{Sandbox, sandbox::BUSYBOX};

#[test]
fn bad_mounts_are_refused_and_leave_neither_container_nor_volume() {
    let s = Sandbox::new();
    s.ok(&["volume", "create", "plain"]);
    let own = tempfile::tempdir().unwrap();
    symlink("/etc", own.path().join("link")).unwrap();
    let own = own.path().to_str().unwrap();
    let (bind, through) = (format!("-v={own}:/own"), format!("-v={own}/link:/x"));
    let conflict = "--mount=src=plain,dst=/y,volume-opt=type=tmpfs,volume-opt=device=tmpfs";
    for (flags, says) in [
        (vec!["-v", "../x"], "not absolute"),
        (vec!["-v=-x:/y"], "not a volume's name"),
        (vec!["-v", "x/y:/z"], "not a volume's name"),
        (vec!["-v", "new:/a", "-v", "new:/a"], "two mounts"),
        (vec!["-v", "new:/"], "root"),
        (
            vec!["--mount", "type=bind,src=/there/is/none,dst=/x"],
            "does not exist",
        ),
        (vec!["--mount", "type=disk,src=a,dst=/x"], "type"),
        (
            vec!["--mount", "src=new,dst=/x,volume-driver=nfs"],
            "no volume driver nfs",
        ),
        (
            vec!["--mount", "src=new,dst=/x,volume-opt=size=1g"],
            "bounded",
        ),
        (
            vec!["--volume-driver", "rexray", "-v", "new:/x"],
            "no volume driver rexray",
        ),
        (vec!["--volumes-from", "nobody"], "no such container"),
        (
            vec!["-v", "new:/a", conflict],
            "there is a volume plain already",
        ),
        (vec![&bind, &through], "passes through the symbolic link"),
    ] {
        for command in ["create", "run"] {
            let all = [&[command], &flags[..], &[BUSYBOX, "true"]].concat();
            let done = s.run(&all);
            assert!([1, 2, 125].contains(&done.code), "{all:?}: {done:?}");
            assert!(done.stderr.contains(says), "{all:?}: {done:?}");
            assert_eq!(s.ok(&["ps", "-aq"]), "", "{all:?}");
            assert_eq!(s.ok(&["volume", "ls", "-q"]), "plain", "{all:?}");
        }
    }
}

#[test]
fn bind_source_that_is_exchanged_for_a_link_after_the_creation_is_refused_at_the_start() {
    let s = Sandbox::new();
    let own = tempfile::tempdir().unwrap();
    fs::create_dir(own.path().join("sub")).unwrap();
    let path = own.path().to_str().unwrap();
    let (whole, part) = (format!("{path}:/own"), format!("{path}/sub:/x"));
    s.ok(&[
        "create", "--name", "one", "-v", &whole, "-v", &part, BUSYBOX, "ls", "/x",
    ]);
    // As the container itself could do it.
    fs::remove_dir(own.path().join("sub")).unwrap();
    symlink("/etc", own.path().join("sub")).unwrap();
    let line = s.refused(&["start", "-a", "one"], 1);
    assert!(line.contains("passes through the symbolic link"), "{line}");
    assert_eq!(s.state("one"), "created");
}

#[test]
fn commands_of_volumes_refuse_what_is_not_there_or_makes_no_sense() {
    let s = Sandbox::new();
    for arguments in [
        &["volume", "rm", "none"][..],
        &["volume", "inspect", "none"],
        &["volume", "export", "none"],
        &["volume", "import", "none", "/dev/null"],
        &["volume", "create", "../x"],
        &["volume", "create", "-d", "nfs", "x1"],
        &["volume", "create", "-o", "type=tmpfs", "x1"],
        &["volume", "create", "-o", "nonsense=1", "x1"],
    ] {
        let line = s.refused(arguments, 1);
        assert!(line.lines().count() <= 2, "{line}");
    }
    s.ok(&["volume", "rm", "-f", "none"]);
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "");
    // Known only when it is mounted.
    s.ok(&[
        "volume",
        "create",
        "-o",
        "type=nofs",
        "-o",
        "device=x",
        "odd",
    ]);
    let line = s.refused(&["run", "--rm", "-v", "odd:/x", BUSYBOX, "true"], 125);
    assert!(line.contains("nofs"), "{line}");
    assert_eq!(s.ok(&["ps", "-aq"]), "");
}
