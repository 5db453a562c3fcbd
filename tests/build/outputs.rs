//! Where the result goes, and what a build may be told.

use std::{os::unix::fs::MetadataExt, process::Command};

use crate::{Project, names};

const FILES: &str = "FROM scratch\nCOPY --chown=5:6 f /d/f\nCOPY --chmod=go-r,u+x f /x\n";

fn project() -> Project {
    let project = Project::new(FILES);
    project.file("f", "x");
    project
}

#[test]
fn files_alone_go_into_a_directory_or_a_tar() {
    let project = project();
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("kept"), "").unwrap();
    let flag = out.path().to_str().unwrap();
    project.build(&["-o", flag]);
    assert_eq!(names(out.path()), ["d", "kept", "x"]);
    let copied = out.path().join("d/f").metadata().unwrap();
    assert_eq!((copied.uid(), copied.mode() & 0o777), (0, 0o644));
    assert_eq!(
        out.path().join("x").metadata().unwrap().mode() & 0o777,
        0o700
    );
    let tar = out.path().join("t.tar");
    let flag = format!("type=tar,dest={}", tar.display());
    project.build(&["-o", &flag]);
    let listed = Command::new("tar").arg("-tvf").arg(&tar).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("5/6") && listed.contains("d/f"), "{listed}");
    // Nothing of it is an image.
    assert_eq!(project.engine.run(&["image", "inspect", "it"]).code, 1);
}

#[test]
fn archives_are_loaded_again() {
    let project = project();
    let out = tempfile::tempdir().unwrap();
    for kind in ["docker", "oci"] {
        let path = out.path().join(kind);
        let flag = format!("type={kind},dest={}", path.display());
        project.build(&["-o", &flag]);
        assert_eq!(project.engine.run(&["image", "inspect", "it"]).code, 1);
        let loaded = project.engine.ok(&["load", "-i", path.to_str().unwrap()]);
        assert!(loaded.contains("it:latest"), "{loaded}");
        project.engine.ok(&["rmi", "it"]);
    }
    for bad in ["type=no", "type=local", "dest=x", "type=oci,x=y"] {
        let said = project.try_build(&["-o", bad]);
        assert_eq!(said.code, 125, "{bad}: {said:?}");
    }
    assert_eq!(names(out.path()), ["docker", "oci"], "half-written files");
    // A build that fails leaves none either.
    project.dockerfile("FROM scratch\nCOPY no /x\n");
    let flag = format!("type=oci,dest={}", out.path().join("failed").display());
    assert_eq!(project.try_build(&["-o", &flag]).code, 1);
    assert_eq!(names(out.path()), ["docker", "oci"]);
}

#[test]
fn layers_are_squashed_and_the_id_is_written() {
    let project = Project::new("FROM BASE\nRUN echo a > /a\nRUN rm /a && echo b > /b\n");
    let file = project.context.path().join("id");
    project.build(&["--squash", "--iidfile", file.to_str().unwrap()]);
    let layers = project.engine.ok(&[
        "image",
        "inspect",
        "--format",
        "{{len .RootFS.Layers}}",
        "it",
    ]);
    assert_eq!(layers, "1");
    assert_eq!(
        project.shell("cat /b; ls /a 2>/dev/null || echo gone"),
        "b\ngone"
    );
    let id = project
        .engine
        .ok(&["image", "inspect", "--format", "{{.Id}}", "it"]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), id);
}

#[test]
fn steps_have_what_the_build_is_told() {
    let project = Project::new(
        "FROM BASE\nRUN df -k /dev/shm | tail -1 | awk '{print $2}' > /said && ulimit -n >> /said \
         && grep -c 'h.example' /etc/hosts >> /said && cat /sys/fs/cgroup/pids/pids.max >> /said || true\n",
    );
    project.build(&[
        "--shm-size=1m",
        "--ulimit=nofile=77:88",
        "--add-host=h.example:10.1.2.3",
        "--pids-limit=33",
    ]);
    let said = project.shell("cat /said");
    assert!(said.starts_with("1024\n77\n1"), "{said}");
}

#[test]
fn what_reaches_beyond_the_build_must_be_allowed() {
    let project = Project::new("");
    for (flag, word) in [
        ("--security=insecure", "security.insecure"),
        ("--network=host", "network.host"),
    ] {
        project.dockerfile(&format!("FROM BASE\nRUN {flag} true\n"));
        let said = project.try_build(&[]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.stderr.contains(&format!("--allow {word}")), "{said:?}");
        project.build(&["--allow", word]);
    }
    project.build(&["--no-cache", "--network=host"]);
}

#[test]
fn only_the_hosts_platform_is_built_for() {
    let project = Project::new(
        "FROM --platform=$BUILDPLATFORM BASE\nARG TARGETARCH\nRUN echo $TARGETARCH > /a\n",
    );
    let host = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    };
    project.build(&["--platform", &format!("linux/{host}")]);
    assert_eq!(project.shell("cat /a"), host);
    let said = project.try_build(&["--platform", "linux/s390x"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("not for linux/s390x"), "{said:?}");
    project.dockerfile("FROM --platform=linux/s390x BASE\n");
    let said = project.try_build(&[]);
    assert!(said.stderr.contains("Dockerfile:1: "), "{said:?}");
}
