//! What an image has where a volume is mounted becomes the volume's, once.

use std::{fs, io::Write, os::unix::fs::MetadataExt};

use crate::support::{Sandbox, sandbox::BUSYBOX};

/// An image with a directory of odd files, and one that its config calls a volume.
fn image(s: &Sandbox) {
    let dockerfile = format!(
        "FROM {BUSYBOX}\n\
         RUN mkdir -p /srv/data/in && cd /srv/data && echo text > f && ln f in/hard && \
             ln -s f link && mkfifo pipe && mknod dev c 1 3 && chown 7:8 f && chmod 4711 f && \
             chmod 1750 /srv/data && chown 70:80 /srv/data && touch -t 200102030405 /srv/data\n\
         VOLUME /srv/data\n"
    );
    let context = tempfile::tempdir().unwrap();
    let mut file = fs::File::create(context.path().join("Dockerfile")).unwrap();
    file.write_all(dockerfile.as_bytes()).unwrap();
    s.ok(&["build", "-q", "-t", "odd", context.path().to_str().unwrap()]);
}

#[test]
fn files_come_with_owners_modes_and_hard_links() {
    let s = Sandbox::new();
    image(&s);
    s.ok(&["volume", "create", "made"]);
    for name in ["made", "new"] {
        s.ok(&[
            "create",
            "--name",
            name,
            "-v",
            &format!("{name}:/srv/data"),
            "odd",
            "true",
        ]);
        let data = s.root().join("volumes").join(name).join("_data");
        let root = fs::metadata(&data).unwrap();
        assert_eq!(
            (root.uid(), root.gid(), root.mode() & 0o7777),
            (70, 80, 0o1750)
        );
        let modified = root.modified().unwrap().elapsed().unwrap();
        assert!(modified.as_secs() > 20 * 365 * 86400, "{modified:?}");
        let file = fs::metadata(data.join("f")).unwrap();
        assert_eq!(
            (file.uid(), file.gid(), file.mode() & 0o7777),
            (7, 8, 0o4711)
        );
        let hard = fs::metadata(data.join("in/hard")).unwrap();
        assert_eq!((hard.ino(), hard.nlink()), (file.ino(), 2));
        assert_eq!(
            fs::read_link(data.join("link")).unwrap().to_str(),
            Some("f")
        );
        assert_eq!(
            fs::metadata(data.join("dev")).unwrap().rdev(),
            libc::makedev(1, 3)
        );
        assert_eq!(fs::read_dir(&data).unwrap().count(), 5);
    }
}

#[test]
fn volume_of_an_image_is_made_for_each_container() {
    let s = Sandbox::new();
    image(&s);
    assert_eq!(s.ok(&["run", "--rm", "odd", "cat", "/srv/data/f"]), "text");
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "");
    s.ok(&["create", "--name", "one", "odd", "true"]);
    s.ok(&["create", "--name", "two", "odd", "true"]);
    assert_eq!(s.ok(&["volume", "ls", "-q"]).lines().count(), 2);
    let kind = s.inspect("one", "{{range .Mounts}}{{.Type}} {{.Destination}}{{end}}");
    assert_eq!(kind, "volume /srv/data");
}

#[test]
fn what_is_in_a_volume_stays_and_nocopy_leaves_it_empty() {
    let s = Sandbox::new();
    image(&s);
    s.ok(&["run", "--rm", "-v", "used:/x", BUSYBOX, "touch", "/x/own"]);
    let list = |volume: &str| s.ok(&["run", "--rm", "-v", volume, "odd", "ls", "/srv/data"]);
    assert_eq!(list("used:/srv/data"), "own");
    assert_eq!(list("empty:/srv/data:nocopy"), "");
    assert_eq!(list("empty:/srv/data"), "dev\nf\nin\nlink\npipe");
}
