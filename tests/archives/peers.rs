//! What other tools write and read.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::support::{
    Sandbox,
    docker::{self, Docker},
    host::Host,
    sandbox::BUSYBOX,
    tree::assert_same_tree,
};

/// Runs a peer; its output.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// A podman with a store of its own.
struct Podman(tempfile::TempDir);

impl Podman {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> String {
        let at = |name: &str| self.0.path().join(name);
        run(Command::new("podman")
            .arg("--root")
            .arg(at("root"))
            .arg("--runroot")
            .arg(at("run"))
            .args(["--storage-driver", "vfs"])
            .args(arguments))
    }
}

/// An image of two layers, of which the upper removes and adds.
fn app(s: &Sandbox) -> String {
    s.ok(&[
        "run",
        "--name",
        "made",
        BUSYBOX,
        "sh",
        "-c",
        "rm /bin/cat; echo new >/new; mkdir /d; ln /new /d/hard",
    ]);
    s.ok(&[
        "commit",
        "-c",
        "CMD [\"ls\", \"/d\"]",
        "made",
        "team/app:v1",
    ])
}

fn layers(s: &Sandbox, image: &str) -> String {
    s.ok(&[
        "image",
        "inspect",
        "--format",
        "{{json .RootFS.Layers}}",
        image,
    ])
}

fn path(directory: &tempfile::TempDir, name: &str) -> PathBuf {
    directory.path().join(name)
}

#[test]
fn what_we_save_is_loaded_by_podman_and_here_again() {
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    let id = app(&s);
    for format in ["docker", "oci"] {
        let file = path(&dir, format);
        let file = file.to_str().unwrap();
        // Of an OCI archive podman wants exactly one image.
        let mut save = vec!["save", "--format", format, "-o", file, "team/app:v1"];
        save.extend((format == "docker").then_some(BUSYBOX));
        s.ok(&save);

        let podman = Podman::new();
        podman.run(&["load", "-i", file]);
        let ids = podman.run(&[
            "images",
            "--no-trunc",
            "--format",
            "{{.ID}} {{.Repository}}",
        ]);
        assert!(ids.contains(&id), "{format}: {ids}");
        let name = match format {
            "docker" => "localhost/team/app:v1",
            _ => "docker.io/team/app:v1",
        };
        let config = podman.run(&["inspect", "--format", "{{.Config.Cmd}}", name]);
        assert_eq!(config.trim(), "[ls /d]");

        let other = Sandbox::empty();
        let said = other.ok(&["load", "-i", file]);
        assert!(said.contains("Loaded image: team/app:v1"), "{said}");
        assert_eq!(layers(&other, "team/app:v1"), layers(&s, "team/app:v1"));
        assert_eq!(other.ok(&["run", "--rm", "team/app:v1"]), "hard");
        // The same archive again changes nothing, packed as a whole or not.
        let before = other.ok(&["images", "--no-trunc", "--digests", "--format", "json"]);
        for packer in ["cat", "gzip -1", "zstd -q -1"] {
            let script = format!("{packer} <{format} >packed");
            run(Command::new("sh")
                .args(["-c", &script])
                .current_dir(dir.path()));
            other.ok(&["load", "-q", "-i", path(&dir, "packed").to_str().unwrap()]);
        }
        let after = other.ok(&["images", "--no-trunc", "--digests", "--format", "json"]);
        let without_age = |text: &str| -> String {
            let (mut out, mut rest) = (String::new(), text);
            while let Some((before, after)) = rest.split_once("\"CreatedSince\"") {
                out.push_str(before);
                rest = after.split_once(',').map_or("", |(_, rest)| rest);
            }
            out + rest
        };
        assert_eq!(without_age(&after), without_age(&before));
    }
}

#[test]
fn what_we_save_is_loaded_by_docker_and_comes_back() {
    let _host = Host::enter();
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    let (id, docker) = (app(&s), Docker::below(dir.path(), docker::NO_NETWORKS));
    let file = path(&dir, "archive");
    let file = file.to_str().unwrap();
    s.ok(&["save", "-o", file, "team/app:v1", BUSYBOX]);
    let said = docker.ok(&["load", "-i", file]);
    for name in ["team/app:v1", BUSYBOX] {
        assert!(said.contains(&format!("Loaded image: {name}")), "{said}");
        let theirs = ["inspect", "--format", "{{json .RootFS.Layers}}", name];
        assert_eq!(docker.ok(&theirs), layers(&s, name), "{name}");
    }
    let about = "{{.Id}} {{.Config.Cmd}}";
    let theirs = docker.ok(&["inspect", "--format", about, "team/app:v1"]);
    assert_eq!(theirs, format!("{id} [ls /d]"));

    docker.ok(&["save", "-o", file, "team/app:v1"]);
    let other = Sandbox::empty();
    other.ok(&["load", "-i", file]);
    assert_eq!(layers(&other, "team/app:v1"), layers(&s, "team/app:v1"));
    assert_eq!(other.ok(&["run", "--rm", "team/app:v1"]), "hard");
}

#[test]
fn umoci_unpacks_what_we_save_as_we_do() {
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    app(&s);
    let file = path(&dir, "app.tar");
    s.ok(&[
        "save",
        "--format",
        "oci",
        "-o",
        file.to_str().unwrap(),
        "team/app:v1",
    ]);
    let layout = path(&dir, "layout");
    std::fs::create_dir(&layout).unwrap();
    run(Command::new("tar")
        .arg("-C")
        .arg(&layout)
        .arg("-xf")
        .arg(&file));
    let bundle = path(&dir, "bundle");
    run(Command::new("umoci")
        .args(["unpack", "--image"])
        .arg(format!("{}:team/app:v1", layout.display()))
        .arg(&bundle));
    let ours = path(&dir, "ours");
    exported(&s, "team/app:v1", &ours);
    assert_same_tree(&ours, &bundle.join("rootfs"));
}

/// The files of an image, by way of a container of it.
pub fn exported(s: &Sandbox, image: &str, to: &Path) {
    let id = s.ok(&["create", image, "true"]);
    let tar = to.with_extension("tar");
    s.ok(&["export", "-o", tar.to_str().unwrap(), &id]);
    s.ok(&["rm", &id]);
    std::fs::create_dir(to).unwrap();
    run(Command::new("tar")
        .arg("-C")
        .arg(to)
        .args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf"])
        .arg(&tar));
}

#[test]
fn what_skopeo_and_podman_write_is_loaded_with_the_same_layers() {
    let (s, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
    let id = app(&s);
    let store = format!("oci:{}/images:team/app:v1", s.root().display());
    let docker = path(&dir, "skopeo-docker");
    let oci = path(&dir, "skopeo-oci");
    for (kind, file, name) in [
        ("docker-archive", &docker, "copied/app:v2"),
        ("oci-archive", &oci, "copied/app:v2"),
    ] {
        let target = format!("{kind}:{}:{name}", file.display());
        run(Command::new("skopeo").args(["copy", "-q", &store, &target]));
        let other = Sandbox::empty();
        let said = other.ok(&["load", "-i", file.to_str().unwrap()]);
        assert!(said.ends_with("copied/app:v2"), "{kind}: {said}");
        assert_eq!(layers(&other, name), layers(&s, "team/app:v1"), "{kind}");
        let theirs = other.ok(&["image", "inspect", "--format", "{{.Id}}", name]);
        assert_eq!(theirs, id, "{kind}");
        assert_eq!(other.ok(&["run", "--rm", name]), "hard", "{kind}");
    }
    let podman = Podman::new();
    podman.run(&["load", "-q", "-i", docker.to_str().unwrap()]);
    for format in ["docker-archive", "oci-archive"] {
        let file = path(&dir, format);
        let file = file.to_str().unwrap();
        podman.run(&[
            "save",
            "-q",
            "--format",
            format,
            "-o",
            file,
            "copied/app:v2",
        ]);
        let other = Sandbox::empty();
        let said = other.ok(&["load", "-i", file]);
        let name = said.strip_prefix("Loaded image: ").unwrap();
        assert!(name.ends_with("copied/app:v2"), "{said}");
        assert_eq!(layers(&other, name), layers(&s, "team/app:v1"), "{format}");
        assert_eq!(other.ok(&["run", "--rm", name]), "hard", "{format}");
    }
}
