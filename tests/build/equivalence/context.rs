//! The context of all cases: made anew each time, because neither git nor a package keeps
//! modes, links and attributes.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

/// Makes it.
pub fn make() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (path, content, mode) in [
        ("a.txt", "a\n", 0o644),
        ("b.txt", "b\n", 0o600),
        ("dir/x.md", "x\n", 0o644),
        ("dir/y", "y\n", 0o755),
        ("dir/sub/deep/f", "f\n", 0o644),
        ("links/file", "linked\n", 0o644),
        ("links/real/in", "in\n", 0o644),
        ("modes/setuid", "s\n", 0o4755),
        ("modes/none", "n\n", 0o000),
        ("attrs/f", "with attributes\n", 0o644),
        ("fake.tar.gz", "no archive at all\n", 0o644),
        ("odd name", "odd\n", 0o644),
        ("deep-dir/one/two", "2\n", 0o644),
    ] {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::create_dir(root.join("dir/empty")).unwrap();
    for (target, link) in [
        ("file", "links/to-file"),
        ("real", "links/to-dir"),
        ("nowhere", "links/dangling"),
        ("/etc/passwd", "links/absolute"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    fs::hard_link(root.join("links/file"), root.join("links/hard")).unwrap();
    rustix_attribute(&root.join("attrs/f"));
    let script = "mkdir t && cd t && mkdir -p d/deep && echo in > d/in && chmod 640 d/in && \
        ln -s in d/link && ln d/in d/hard && echo top > top && chmod 2750 d/deep && \
        chmod 755 . d && \
        tar --numeric-owner --owner=21 --group=22 --sort=name -cf ../plain.tar . && cd .. && rm -r t && \
        gzip -nk plain.tar && xz -k plain.tar && bzip2 -k plain.tar";
    let packed = Command::new("sh")
        .args(["-ec", script])
        .current_dir(root)
        .status();
    assert!(packed.unwrap().success());
    for path in walk(root) {
        if path.is_dir() && !path.is_symlink() {
            let mode = match path.ends_with("dir/sub") {
                true => 0o750,
                false => 0o755,
            };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    directory
}

fn rustix_attribute(path: &Path) {
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(path, "user.kept", b"value", flags).unwrap();
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found
}
