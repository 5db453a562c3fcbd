//! A full disk: said in one line, nothing changed, and all is well once there is space.

use std::{fs, path::PathBuf, process::Command};

use crate::support::{Sandbox, sandbox::BUSYBOX};

/// A small file system of its own, unmounted when it goes out of scope.
struct Small {
    path: PathBuf,
}

impl Small {
    fn new(bytes: u64) -> Self {
        let path = std::env::temp_dir().join(format!("wharf-small-{}-{bytes}", std::process::id()));
        fs::create_dir(&path).unwrap();
        let options = format!("size={bytes}");
        nix::mount::mount(
            Some("small"),
            &path,
            Some("tmpfs"),
            nix::mount::MsFlags::empty(),
            Some(options.as_str()),
        )
        .unwrap();
        Self { path }
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        nix::mount::umount2(&self.path, nix::mount::MntFlags::MNT_DETACH).unwrap();
        fs::remove_dir(&self.path).unwrap();
    }
}

fn fill(small: &Small) -> PathBuf {
    let path = small.path.join("filler");
    // dd fills to the last byte and then fails, which is what is wanted.
    let _ = Command::new("dd")
        .arg("if=/dev/zero")
        .arg(format!("of={}", path.display()))
        .arg("bs=4k")
        .output()
        .unwrap();
    path
}

#[test]
fn import_on_a_full_disk_is_said_and_leaves_nothing() {
    let small = Small::new(2 << 20);
    let root = small.path.join("root");
    fs::create_dir(&root).unwrap();
    {
        let s = Sandbox::at(root);
        let tar = crate::support::sandbox::rootfs("busybox.tar");
        let line = s.refused(&["import", tar.to_str().unwrap(), BUSYBOX], 1);
        assert!(line.to_lowercase().contains("space"), "{line}");
        assert_eq!(s.ok(&["images", "-q"]), "");
    }
}

#[test]
fn create_and_start_on_a_full_disk_are_refused_and_work_again_later() {
    let small = Small::new(24 << 20);
    let root = small.path.join("root");
    fs::create_dir(&root).unwrap();
    {
        let s = Sandbox::at(root);
        s.import("busybox.tar", BUSYBOX);
        s.start(&[
            "--name",
            "runs",
            BUSYBOX,
            "sh",
            "-c",
            "while :; do echo line; sleep 0.01; done",
        ]);
        s.ok(&["create", "--name", "waits", BUSYBOX, "sleep", "1000"]);
        let filler = fill(&small);
        let done = s.run(&["run", "-d", "--name", "more", BUSYBOX, "sleep", "1000"]);
        if done.code != 0 {
            assert!(done.stderr.to_lowercase().contains("space"), "{done:?}");
        }
        // The log drops lines; the container never notices.
        assert_eq!(s.state("runs"), "running");
        let done = s.run(&["exec", "runs", "true"]);
        assert!(
            done.code == 0 || done.stderr.to_lowercase().contains("space"),
            "{done:?}"
        );
        // What takes space away must work without any.
        s.ok(&["rm", "-f", "runs"]);
        fs::remove_file(filler).unwrap();
        s.ok(&["start", "waits"]);
        assert_eq!(s.state("waits"), "running");
        s.ok(&["run", "--rm", BUSYBOX, "true"]);
    }
}
