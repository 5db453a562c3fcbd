//! A container's files as an image and back, byte for byte.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    peers::exported,
    support::{
        Sandbox,
        sandbox::BUSYBOX,
        tree::{File, assert_same_tree, tree},
    },
};

/// What a container does to its files, everything that a layer can say.
const CHANGES: &str = r#"
set -e
mkdir -p /d/e /gone /opaque/sub; echo text >/d/e/file; ln /d/e/file /d/hard; ln -s ../x /d/e/link
ln /d/e/link /d/e/link2; mkfifo /d/fifo; mknod /d/null c 1 3; mknod /d/disk b 8 1
chown 12:34 /d/e/file; chmod 6751 /d/e/file; chmod 1777 /d; chown 70000:3000000 /d/e
rm /bin/cat; rm -r /base/removed; rm -r /base/replaced; mkdir /base/replaced; echo new >/base/replaced/new
rm /base/file; mkdir /base/file; echo x >/base/file/x
rm -r /base/directory; echo y >/base/directory
echo appended >>/base/changed; chmod 700 /base/mode
touch "/d/new
line" "/d/ " /d/-rf; printf z >"$(printf '/d/bytes\377\376')"
long=$(printf 'n%.0s' $(seq 200)); mkdir -p /d/$long/$long; echo long >/d/$long/$long/$long
dd if=/dev/zero of=/d/hole bs=1 count=1 seek=20000000 2>/dev/null
touch -d '1969-12-31 12:00:00' /d/old; touch -h -d @5 /d/e/link; touch -d @1000 /d/e /d
"#;

/// Base image with something of every kind to change.
fn base(s: &Sandbox) {
    s.ok(&[
        "run",
        "--name",
        "base",
        BUSYBOX,
        "sh",
        "-c",
        "mkdir -p /base/removed/deep /base/replaced/old /base/directory /base/mode; \
         echo a >/base/file; echo b >/base/changed; echo c >/base/removed/deep/f; \
         echo d >/base/replaced/old/f; echo e >/base/directory/f; mkdir /base/opaque2",
    ]);
    s.ok(&["commit", "base", "base:1"]);
    s.ok(&["rm", "base"]);
}

fn upper(s: &Sandbox, name: &str) -> PathBuf {
    s.root().join("containers").join(s.id(name)).join("upper")
}

fn layer(s: &Sandbox, image: &str) -> PathBuf {
    let layers = s.ok(&[
        "image",
        "inspect",
        "--format",
        "{{json .RootFS.Layers}}",
        image,
    ]);
    let last = layers
        .trim_matches(['[', ']', '"'])
        .rsplit("\"")
        .next()
        .unwrap();
    s.root()
        .join("layers")
        .join(last.trim_start_matches("sha256:"))
        .join("fs")
}

/// A tree of a layer without what overlayfs notes for itself, and without the places that
/// mounts needed.
fn meaning(path: &Path) -> BTreeMap<PathBuf, File> {
    let mut files = tree(path);
    for file in files.values_mut() {
        // A mark of what is gone has no time in a layer.
        if file.mode & 0o170_000 == 0o020_000 && file.device == 0 {
            file.modified = (0, 0);
            // Overlayfs makes one and links it.
            file.first_name = PathBuf::new();
        }
        file.attributes.retain(|name, _| {
            let name = name.to_string_lossy();
            !name.starts_with("trusted.overlay.") || name == "trusted.overlay.opaque"
        });
    }
    files.retain(|name, _| {
        !["etc", "dev", "proc", "sys"]
            .iter()
            .any(|top| name.starts_with(top))
    });
    // Whoever made those places touched the root's times.
    files.get_mut(Path::new("")).unwrap().modified = (0, 0);
    files
}

#[track_caller]
fn assert_same(ours: &BTreeMap<PathBuf, File>, theirs: &BTreeMap<PathBuf, File>) {
    let names = |files: &BTreeMap<PathBuf, File>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours), names(theirs));
    for (name, file) in ours {
        assert_eq!(
            format!("{file:.300?}"),
            format!("{:.300?}", theirs[name]),
            "{}",
            name.display()
        );
    }
}

#[test]
fn commit_of_every_kind_of_change_comes_back_as_it_was() {
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    base(&s);
    s.ok(&["run", "--name", "changed", "base:1", "sh", "-c", CHANGES]);
    let upper = upper(&s, "changed");
    for (name, attribute, value) in [
        ("d/e/file", "user.note", &b"hello\nworld="[..]),
        ("d/hole", "trusted.mark", b""),
        ("d/e", "user.note", b"directory"),
    ] {
        xattr::set(upper.join(name), attribute, value).unwrap();
    }
    // cap_net_raw+ep as struct vfs_cap_data, revision 2, has it.
    let capability = [
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    xattr::set(upper.join("d/old"), "security.capability", &capability).unwrap();
    assert!(
        xattr::get(upper.join("base/replaced"), "trusted.overlay.opaque")
            .unwrap()
            .is_some()
    );

    s.ok(&["commit", "changed", "app:1"]);
    assert_same(&meaning(&layer(&s, "app:1")), &meaning(&upper));

    // The same tree once more, by way of a container, an archive and another store.
    let file = dir.path().join("saved.tar");
    s.ok(&["save", "-o", file.to_str().unwrap(), "app:1"]);
    let other = Sandbox::empty();
    other.ok(&["load", "-i", file.to_str().unwrap()]);
    let (ours, theirs) = (dir.path().join("ours"), dir.path().join("theirs"));
    exported(&s, "app:1", &ours);
    exported(&other, "app:1", &theirs);
    assert_same_tree(&ours, &theirs);
    for gone in [
        "bin/cat",
        "base/removed",
        "base/replaced/old",
        "base/directory/f",
    ] {
        assert!(fs::symlink_metadata(ours.join(gone)).is_err(), "{gone}");
    }
    assert_eq!(
        fs::read_to_string(ours.join("base/changed")).unwrap(),
        "b\nappended\n"
    );

    // And flat: what export writes, import unpacks.
    let id = s.ok(&["create", "app:1", "true"]);
    let flat = dir.path().join("flat.tar");
    s.ok(&["export", "-o", flat.to_str().unwrap(), &id]);
    s.ok(&["import", flat.to_str().unwrap(), "flat:1"]);
    assert_same_tree(&layer(&s, "flat:1"), &ours);
}

#[test]
fn committed_config_is_the_containers_with_the_changes() {
    let s = Sandbox::new();
    s.ok(&[
        "run",
        "--name",
        "made",
        "-e",
        "A=1",
        "-l",
        "who=me",
        "-w",
        "/tmp",
        "--entrypoint",
        "echo",
        BUSYBOX,
        "hello",
    ]);
    let commit = [
        "commit",
        "-a",
        "Jane <jane@example.org>",
        "-m",
        "a note",
        "-c",
        "ENV B='two words'",
        "--change",
        "EXPOSE 80",
        "--change",
        "LABEL x=y",
        "made",
        "made:1",
    ];
    s.ok(&commit);
    let get = |template: &str| s.ok(&["image", "inspect", "--format", template, "made:1"]);
    assert_eq!(
        get("{{json .Config.Entrypoint}} {{json .Config.Cmd}}"),
        "[\"echo\"] [\"hello\"]"
    );
    assert_eq!(get("{{json .Config.Env}}"), "[\"A=1\",\"B=two words\"]");
    assert_eq!(
        get("{{json .Config.Labels}}"),
        "{\"who\":\"me\",\"x\":\"y\"}"
    );
    assert_eq!(get("{{.Config.WorkingDir}}"), "/tmp");
    assert_eq!(get("{{json .Config.ExposedPorts}}"), "{\"80/tcp\":{}}");
    assert_eq!(s.ok(&["run", "--rm", "made:1"]), "hello");
    let line = s.refused(&["commit", "-c", "RUN make", "made", "made:2"], 1);
    assert!(line.contains("RUN") && line.contains("--change"), "{line}");
    s.refused(&["commit", "made", "A B"], 1);
    s.refused(&["commit", "nobody"], 1);
}

#[test]
fn running_container_is_frozen_while_it_is_committed_and_runs_on() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "runs",
        BUSYBOX,
        "sh",
        "-c",
        "while :; do date >/now; sleep 0.01; done",
    ]);
    s.ok(&["commit", "runs", "a:1"]);
    assert_eq!(s.state("runs"), "running");
    s.ok(&["commit", "--pause=false", "runs", "b:1"]);
    s.ok(&["pause", "runs"]);
    s.ok(&["commit", "runs", "c:1"]);
    assert_eq!(s.state("runs"), "paused", "it was before");
    s.ok(&["unpause", "runs"]);
    let exported = s.run(&["export", "runs"]);
    assert_eq!(exported.code, 0);
    assert!(exported.stdout.contains("bin/busybox"));
}
