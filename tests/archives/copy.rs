//! `cp` both ways, by docker's rules, into and out of what runs and what doesn't.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::Path,
};

use super::support::{Sandbox, sandbox::BUSYBOX};

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rules of docker's manual, each way, with a container in one state.
fn by_the_rules(s: &Sandbox, name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let host = |path: &str| at(path).to_str().unwrap().to_owned();
    let inside = |path: &str| format!("{name}:{path}");
    fs::create_dir_all(at("tree/sub")).unwrap();
    fs::write(at("tree/sub/file"), "deep").unwrap();
    fs::write(at("file"), "text").unwrap();
    symlink("file", at("link")).unwrap();
    nix::unistd::chown(&at("file"), Some(1234.into()), Some(5678.into())).unwrap();

    // A file: to a new name, over a file, into a directory, never to a missing directory.
    s.ok(&["cp", &host("file"), &inside("/tmp/new")]);
    s.ok(&["cp", &inside("/tmp/new"), &host("back")]);
    assert_eq!(read(at("back")), "text");
    assert_eq!(fs::metadata(at("back")).unwrap().uid(), 0, "root's");
    fs::write(at("back"), "other").unwrap();
    s.ok(&["cp", &host("back"), &inside("/tmp/new")]);
    s.ok(&["cp", "-a", &host("file"), &inside("tmp")]);
    fs::create_dir(at("out")).unwrap();
    s.ok(&["cp", "-a", &inside("/tmp/file"), &host("out/")]);
    assert_eq!(read(at("out/file")), "text");
    assert_eq!(
        fs::metadata(at("out/file")).unwrap().uid(),
        1234,
        "-a keeps it"
    );
    s.refused(&["cp", &host("file"), &inside("/tmp/nowhere/")], 1);
    s.refused(&["cp", &host("file"), &inside("/nowhere/x")], 1);
    s.refused(&["cp", &inside("/nowhere"), &host("x")], 1);
    s.refused(&["cp", &inside("/tmp/new/"), &host("x")], 1);

    // A directory: to a new name, into a directory, its content, never over a file.
    s.ok(&["cp", &host("tree"), &inside("/tmp/copy")]);
    s.ok(&["cp", &host("tree"), &inside("/tmp/copy")]);
    s.ok(&["cp", &inside("/tmp/copy"), &host("copy")]);
    assert_eq!(read(at("copy/sub/file")), "deep");
    assert_eq!(read(at("copy/tree/sub/file")), "deep");
    s.ok(&["cp", &host("tree/."), &inside("/tmp/content/")]);
    s.ok(&["cp", &inside("/tmp/content/."), &host("out")]);
    assert_eq!(read(at("out/sub/file")), "deep");
    assert_eq!(read(at("out/file")), "text", "what was there stays");
    let line = s.refused(&["cp", &host("tree"), &inside("/tmp/new")], 1);
    assert!(line.contains("place of a file"), "{line}");
    fs::create_dir(at("clash")).unwrap();
    fs::write(at("clash/sub"), "a file").unwrap();
    s.refused(&["cp", &host("clash/."), &inside("/tmp/content")], 1);

    // A link: itself, or what it leads to; at the target it is followed.
    s.ok(&["cp", &host("link"), &inside("/tmp/link")]);
    s.ok(&["cp", &inside("/tmp/link"), &host("link2")]);
    assert_eq!(fs::read_link(at("link2")).unwrap(), Path::new("file"));
    s.ok(&["cp", "-L", &host("link"), &inside("/tmp/real")]);
    s.ok(&["cp", &inside("/tmp/real"), &host("real")]);
    assert_eq!(read(at("real")), "text");

    // Streams.
    let tar = s.run(&["cp", &inside("/tmp/copy"), "-"]);
    assert_eq!(tar.code, 0);
    assert!(tar.stdout.contains("copy/sub/file"));
    s.run_with_input(&["cp", "-", &inside("/tmp/content")], tar.stdout.as_bytes());
    s.ok(&[
        "cp",
        &inside("/tmp/content/copy/sub/file"),
        &host("streamed"),
    ]);
    assert_eq!(read(at("streamed")), "deep");

    s.refused(&["cp", &host("file"), &host("x")], 125);
    s.refused(&["cp", &inside("/a"), &inside("/b")], 125);
}

#[test]
fn files_go_in_and_out_of_a_running_container() {
    let s = Sandbox::new();
    s.start(&["--name", "runs", BUSYBOX, "sleep", "1000"]);
    by_the_rules(&s, "runs");
    assert_eq!(
        s.ok(&["exec", "runs", "cat", "/tmp/content/sub/file"]),
        "deep"
    );
}

#[test]
fn files_go_in_and_out_of_a_stopped_container() {
    let s = Sandbox::new();
    s.ok(&[
        "create",
        "--name",
        "idle",
        BUSYBOX,
        "cat",
        "/tmp/content/sub/file",
    ]);
    by_the_rules(&s, "idle");
    assert_eq!(s.ok(&["start", "-a", "idle"]), "deep");
    by_the_rules(&s, "idle");
    assert!(s.ok(&["diff", "idle"]).contains("A /tmp/content/sub/file"));
}

#[test]
fn links_of_a_container_never_lead_out_of_it() {
    let s = Sandbox::new();
    let dir = tempfile::tempdir().unwrap();
    let host = dir.path().to_str().unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    fs::write(dir.path().join("file"), "evil").unwrap();
    let script = format!(
        "ln -s {host} /abs; ln -s ../../../../../..{host} /rel; ln -s {host}/secret /secret; \
         ln -s /proc/1/root/../..{host} /magic; mkdir -p /in; ln -s {host} /in/abs; sleep 1000"
    );
    s.start(&["--name", "evil", BUSYBOX, "sh", "-c", &script]);
    s.until("evil", "running");
    super::support::eventually("the links are there", || {
        s.run(&["exec", "evil", "ls", "/in/abs"]).code != 0
            && s.run(&["exec", "evil", "readlink", "/in/abs"]).code == 0
    });
    for running in [true, false] {
        if !running {
            s.ok(&["stop", "-t", "0", "evil"]);
        }
        let out = dir.path().join("out");
        let out = out.to_str().unwrap();
        for path in [
            "/abs/secret",
            "/rel/secret",
            "/magic/secret",
            "/in/abs/secret",
        ] {
            s.refused(&["cp", &format!("evil:{path}"), out], 1);
        }
        s.refused(&["cp", "-L", "evil:/secret", out], 1);
        assert!(fs::symlink_metadata(out).is_err());
        for path in [
            "/abs/planted",
            "/rel/planted",
            "/magic/planted",
            "/in/abs/planted",
        ] {
            s.refused(&["cp", &format!("{host}/file"), &format!("evil:{path}")], 1);
        }
        // The link's target doesn't exist in the container: it is made there, if at all.
        s.run(&["cp", &format!("{host}/file"), "evil:/secret"]);
        assert_eq!(read(dir.path().join("secret")), "secret");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            2,
            "nothing was planted"
        );
        // A whole directory comes out with its links as they are.
        s.ok(&["cp", "evil:/in", out]);
        assert_eq!(
            fs::read_link(Path::new(out).join("abs")).unwrap(),
            dir.path()
        );
        fs::remove_dir_all(out).unwrap();
    }
}
