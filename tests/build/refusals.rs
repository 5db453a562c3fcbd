//! What is refused, how it is told, and that nothing stays of it.

use std::os::unix::fs::symlink;

use crate::{
    Project, names,
    support::process::{eventually, signal},
};

/// A build that must fail; what it says.
#[track_caller]
fn refused(project: &Project, dockerfile: &str, code: i32) -> String {
    project.dockerfile(dockerfile);
    let done = project.try_build(&[]);
    assert_eq!(done.code, code, "{dockerfile}: {done:?}");
    let tagged = project.engine.run(&["image", "inspect", "it"]);
    assert_ne!(tagged.code, 0, "{dockerfile}: something was tagged");
    assert_eq!(project.engine.ok(&["ps", "-aq"]), "", "{dockerfile}");
    done.stderr
}

#[test]
fn mistakes_are_told_with_their_line() {
    let project = Project::new("");
    project.file("f", "x");
    symlink("/etc/passwd", project.context.path().join("out")).unwrap();
    for (dockerfile, line, says) in [
        ("FROM BASE\nRUNN x\n", 2, "did you mean RUN?"),
        ("FROM BASE\nCOPY no /x\n", 2, "there is no no"),
        ("FROM BASE\nCOPY ../f /x\n", 2, "leads out"),
        ("FROM BASE\nCOPY out /x\n", 2, "leads out"),
        ("FROM BASE\nCOPY f f /x\n", 2, "must be a directory"),
        ("FROM BASE\nCOPY --from=1 /f /x\n", 2, "no earlier stage"),
        (
            "FROM BASE\nCOPY --chown=nobody-there f /x\n",
            2,
            "nobody-there",
        ),
        ("FROM BASE\nCOPY --chmod=rwx f /x\n", 2, "is no mode"),
        ("FROM no/such:image\nRUN x\n", 1, "no/such:image"),
        ("FROM BASE\nENV A=${B:?must be given}\n", 2, "must be given"),
        ("FROM BASE\nEXPOSE 99999\n", 2, "a port is"),
        (
            "FROM BASE\nUSER nobody-there\nRUN true\n",
            3,
            "nobody-there",
        ),
    ] {
        let said = refused(&project, dockerfile, 1);
        assert!(
            said.contains(&format!("Dockerfile:{line}: ")),
            "{dockerfile}: {said}"
        );
        assert!(said.contains(says), "{dockerfile}: {said}");
    }
}

#[test]
fn the_exit_code_of_a_failed_step_is_ours() {
    let project = Project::new("");
    let said = refused(&project, "FROM BASE\nRUN echo before && exit 42\n", 42);
    assert!(
        said.contains("before") && said.contains("exit code 42"),
        "{said}"
    );
    assert!(said.contains(">    2 | RUN echo before"), "{said}");
}

#[test]
fn a_stopped_build_leaves_nothing() {
    let project = Project::new("FROM BASE\nRUN echo started; sleep 1000\n");
    let context = project.context.path().to_str().unwrap();
    for (number, code) in [(libc::SIGINT, Some(130)), (libc::SIGKILL, None)] {
        let mut build = project.engine.spawn(&["build", "-t", "it", context]);
        eventually("the step runs", || {
            !project.engine.ok(&["ps", "-q"]).is_empty()
        });
        assert!(signal(build.pid(), number));
        let status = build.0.wait().unwrap();
        if code.is_some() {
            assert_eq!(status.code(), code);
        }
        // The next command takes back what a killed one left.
        eventually("its container is gone", || {
            project.engine.ok(&["ps", "-aq"]).is_empty()
        });
    }
    assert_eq!(project.engine.run(&["image", "inspect", "it"]).code, 1);
    let layers = names(&project.engine.root().join("layers"));
    assert_eq!(layers.len(), 1, "only the base's: {layers:?}");
}
