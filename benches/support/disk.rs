//! A file system for a benchmark that makes and removes many files.
//!
//! It is an ext4 with a journal as Debian's installer makes it. A root without a journal, as
//! some virtual machines have, passes over every inode that was deleted in the last minutes,
//! one by one, for each file that is made: what the rounds before removed then costs more
//! than all that is measured.

use std::{fs, path::PathBuf, process::Command};

use super::run;

/// An empty ext4 in a file, mounted; gone with its value.
pub struct Disk {
    directory: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts it.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let image = directory.path().join("image");
        let file = fs::File::create(&image).expect("files can be made");
        file.set_len(24 << 30).expect("files can have holes");
        run(Command::new("mkfs.ext4").arg("-q").arg(&image));
        let disk = Self { directory };
        fs::create_dir(disk.path()).expect("directories can be made");
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(disk.path()));
        disk
    }

    /// Where it is mounted.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It goes with the last who has it open; what is left then is only a file.
        let _ = Command::new("umount").arg(self.path()).status();
    }
}
