//! Images in and out, and input that must not get in.

use std::{fs, io::Write, path::Path, process::Command};

use crate::support::{
    Sandbox,
    sandbox::{BUSYBOX, rootfs},
};

/// A tar with the given entries, made by the system's tar from a directory.
fn tar_of(directory: &Path, to: &Path, options: &[&str]) {
    let status = Command::new("tar")
        .arg("-C")
        .arg(directory)
        .args(options)
        .arg("-cf")
        .arg(to)
        .arg(".")
        .status()
        .unwrap();
    assert!(status.success());
}

/// A tar with names that no tar would write by itself.
fn archive_of(entries: &[(&str, tar::EntryType, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind, link) in entries {
        let mut header = tar::Header::new_ustar();
        let content: &[u8] = if *kind == tar::EntryType::Regular {
            b"x"
        } else {
            b""
        };
        let fields = header.as_old_mut();
        fields.name[..path.len()].copy_from_slice(path.as_bytes());
        fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn imported_image_is_listed_tagged_inspected_and_removed() {
    let s = Sandbox::new();
    let id = s.ok(&["images", "-q", "--no-trunc"]);
    assert!(id.starts_with("sha256:"), "{id}");
    s.ok(&["tag", BUSYBOX, "other:2"]);
    let list = s.ok(&["images"]);
    assert!(list.contains("busybox") && list.contains("other"), "{list}");
    s.ok(&["image", "inspect", "other:2"]);
    s.ok(&["rmi", BUSYBOX]);
    assert_eq!(s.ok(&["run", "--rm", "other:2", "echo", "still"]), "still");
    s.ok(&["rmi", "other:2"]);
    s.refused(&["run", "--rm", "other:2", "true"], 125);
}

#[test]
fn import_reads_stdin_and_compressed_archives() {
    let s = Sandbox::empty();
    let plain = fs::read(rootfs("busybox.tar")).unwrap();
    assert_eq!(s.run_with_input(&["import", "-", "a:1"], &plain).code, 0);
    let packed = Command::new("gzip")
        .arg("-c")
        .arg(rootfs("busybox.tar"))
        .output()
        .unwrap()
        .stdout;
    assert_eq!(s.run_with_input(&["import", "-", "a:2"], &packed).code, 0);
    assert_eq!(s.ok(&["run", "--rm", "a:2", "echo", "x"]), "x");
}

#[test]
fn image_in_use_is_not_removed() {
    let s = Sandbox::new();
    s.ok(&["create", "--name", "xx", BUSYBOX, "true"]);
    let line = s.refused(&["rmi", BUSYBOX], 1);
    assert!(line.contains("use") || line.contains("xx"), "{line}");
    s.ok(&["start", "-a", "xx"]);
}

#[test]
fn modes_owners_links_and_times_are_kept() {
    let s = Sandbox::empty();
    let tree = s.root().join("tree");
    fs::create_dir_all(tree.join("d")).unwrap();
    fs::create_dir_all(tree.join("bin")).unwrap();
    fs::copy("/bin/busybox", tree.join("bin/busybox")).unwrap();
    fs::write(tree.join("d/f"), "text").unwrap();
    fs::hard_link(tree.join("d/f"), tree.join("d/g")).unwrap();
    std::os::unix::fs::symlink("/nowhere/../x", tree.join("d/dangling")).unwrap();
    let sh = |script: &str| {
        assert!(
            Command::new("sh")
                .arg("-c")
                .arg(script)
                .current_dir(&tree)
                .status()
                .unwrap()
                .success()
        )
    };
    sh(
        "chown 12:34 d/f; chmod 4751 d/f; touch -d @1000000000 d/f; mkfifo d/p; mknod d/null c 1 3; chmod 1777 d",
    );
    let tar = s.root().join("t.tar");
    tar_of(&tree, &tar, &["--numeric-owner"]);
    s.ok(&["import", tar.to_str().unwrap(), "t:1"]);
    let out = s.ok(&["run", "--rm", "t:1", "/bin/busybox", "sh", "-c",
        "cd /d; busybox() { /bin/busybox \"$@\"; }; busybox stat -c '%u:%g %a %Y %h %i' f g; busybox readlink dangling; busybox stat -c '%F %a' p .; echo x >null && busybox stat -c %F null"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("12:34 4751 1000000000 2 "), "{out}");
    assert_eq!(lines[0], lines[1], "one inode with two names");
    assert_eq!(
        lines[2..],
        [
            "/nowhere/../x",
            "fifo 644",
            "directory 1777",
            "character special file"
        ]
    );
    fs::remove_dir_all(tree).unwrap();
    fs::remove_file(tar).unwrap();
}

#[test]
fn tar_cut_in_the_middle_leaves_nothing() {
    let s = Sandbox::empty();
    let whole = fs::read(rootfs("busybox.tar")).unwrap();
    let done = s.run_with_input(&["import", "-", "half:1"], &whole[..whole.len() / 2]);
    assert_eq!(done.code, 1, "{done:?}");
    let packed = Command::new("gzip")
        .arg("-c")
        .arg(rootfs("busybox.tar"))
        .output()
        .unwrap()
        .stdout;
    let done = s.run_with_input(&["import", "-", "half:2"], &packed[..packed.len() / 2]);
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(s.ok(&["images", "-q"]), "");
}

#[test]
fn archives_that_reach_outside_are_refused() {
    let s = Sandbox::empty();
    let outside = s.root().join("outside");
    fs::create_dir(&outside).unwrap();
    let outside_path = outside.to_str().unwrap().to_owned();
    use tar::EntryType::{Link, Regular, Symlink};
    let archives: [&[(&str, tar::EntryType, &str)]; 4] = [
        &[("../outside/a", Regular, "")],
        &[("x/../../outside/a", Regular, "")],
        &[("l", Symlink, &outside_path), ("l/a", Regular, "")],
        &[("h", Link, "../../../../../etc/passwd")],
    ];
    for entries in archives {
        let archive = archive_of(entries);
        let done = s.run_with_input(&["import", "-", "evil:1"], &archive);
        assert_eq!(done.code, 1, "{entries:?}: {done:?}");
    }
    assert!(fs::read_dir(&outside).unwrap().next().is_none());
    assert_eq!(s.ok(&["images", "-q"]), "");
    fs::remove_dir(outside).unwrap();
}

#[test]
fn image_from_this_hosts_programs_runs() {
    let s = Sandbox::empty();
    let echo = if Path::new("/usr/bin/env").exists() {
        "env"
    } else {
        "busybox"
    };
    s.ok(&["image", "from-host", "tools:1", "sh", echo]);
    assert_eq!(
        s.ok(&["run", "--rm", "tools:1", "sh", "-c", "echo works"]),
        "works"
    );
}

#[test]
fn whole_sequence_of_bytes_is_no_archive() {
    let s = Sandbox::empty();
    let mut junk = tempfile::NamedTempFile::new().unwrap();
    junk.write_all(&[0x5a; 5000]).unwrap();
    s.refused(&["import", junk.path().to_str().unwrap(), "junk:1"], 1);
    s.refused(&["import", "/does/not/exist", "junk:1"], 1);
    assert_eq!(s.ok(&["images", "-q"]), "");
}
