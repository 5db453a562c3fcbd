//! Where a build's files and its Dockerfile come from.

use std::process::Command;

use crate::{Project, support::sandbox::BUSYBOX};

/// The context as a tar, packed by one of tar's flags.
fn tar(project: &Project, flag: &str) -> Vec<u8> {
    let done = Command::new("tar")
        .args(["-c", flag, "-C"])
        .arg(project.context.path())
        .arg(".")
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    done.stdout
}

#[test]
fn a_tar_on_stdin_is_a_context_however_it_is_packed() {
    let project = Project::new("FROM BASE\nCOPY . /c/\n");
    for (flag, name) in [
        ("-f-", "plain"),
        ("-z", "gz"),
        ("-J", "xz"),
        ("--zstd", "zst"),
    ] {
        project.file("f", name);
        project.file(".dockerignore", "Dockerfile\n.dockerignore\n");
        let built = project
            .engine
            .run_with_input(&["build", "-t", "it", "-"], &tar(&project, flag));
        assert_eq!(built.code, 0, "{name}: {built:?}");
        assert_eq!(project.shell("cd /c; ls -A; cat f"), format!("f\n{name}"));
    }
}

#[test]
fn a_dockerfile_of_a_tar_may_have_another_name_and_an_ignore_of_its_own() {
    let project = Project::new("FROM BASE\nRUN false\n");
    project.file("sub/Other", &format!("FROM {BUSYBOX}\nCOPY . /c/\n"));
    project.file("sub/Other.dockerignore", "sub\nDockerfile\n");
    project.file("f", "x");
    let tar = tar(&project, "-f-");
    let build = |file: &str| {
        let words = ["build", "-t", "it", "-f", file, "-"];
        project.engine.run_with_input(&words, &tar)
    };
    let built = build("sub/Other");
    assert_eq!(built.code, 0, "{built:?}");
    assert_eq!(project.shell("ls /c"), "f");
    let missing = build("no/such");
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("has no no/such"), "{missing:?}");
    let outside = build("../../etc/passwd");
    assert!(outside.stderr.contains("leads out"), "{outside:?}");
    let twice = build("-");
    assert_eq!(twice.code, 125, "{twice:?}");
}

#[test]
fn a_dockerfile_alone_may_come_on_stdin() {
    let project = Project::new("FROM BASE\nRUN false\n");
    project.file("f", "x");
    let alone = format!("FROM {BUSYBOX}\nRUN echo alone > /said\n");
    let with_stdin = |words: &[&str], text: &str| {
        let words = [&["build", "-t", "it"], words].concat();
        project.engine.run_with_input(&words, text.as_bytes())
    };
    let built = with_stdin(&["-"], &alone);
    assert_eq!(built.code, 0, "{built:?}");
    assert_eq!(project.shell("cat /said"), "alone");
    let context = project.context.path().to_str().unwrap();
    let with_files = format!("FROM {BUSYBOX}\nCOPY f /f\n");
    let built = with_stdin(&["-f", "-", context], &with_files);
    assert_eq!(built.code, 0, "{built:?}");
    assert_eq!(project.shell("cat /f"), "x");
    let nothing = with_stdin(&["-"], &with_files);
    assert!(
        nothing.stderr.contains("-:2: there is no build context"),
        "{nothing:?}"
    );
}

#[test]
fn a_broken_or_hostile_tar_leaves_nothing() {
    let project = Project::new("FROM BASE\n");
    project.file("f", &"x".repeat(100_000));
    let whole = tar(&project, "-z");
    let cut = &whole[..whole.len() / 2];
    let said = project.engine.run_with_input(&["build", "-"], cut);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("unpack the context"), "{said:?}");
    let script = "import tarfile, sys, io
t = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')
i = tarfile.TarInfo('link'); i.type = tarfile.SYMTYPE; i.linkname = '/etc'; t.addfile(i)
i = tarfile.TarInfo('link/passwd'); i.size = 1; t.addfile(i, io.BytesIO(b'x'))
t.close()";
    let hostile = Command::new("python3")
        .args(["-c", script])
        .output()
        .unwrap();
    assert!(hostile.status.success());
    let before = std::fs::read("/etc/passwd").unwrap();
    let said = project
        .engine
        .run_with_input(&["build", "-"], &hostile.stdout);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(std::fs::read("/etc/passwd").unwrap(), before);
    // Nothing of either is left where layers are.
    let layers = crate::names(&project.engine.root().join("layers"));
    assert_eq!(layers.len(), 1, "only the base's: {layers:?}");
}
