//! `wharf import` of a Debian root file system beside `tar -x` of the same archive, plain
//! and packed. Import also hashes, keeps the blob, and has everything on the disk before
//! it ends; so there is a row of tar with a sync of the file system, too.
//!
//! `tests/rootfs` makes the archive.

mod support;

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use support::{Contestant, WHARF, race, run, time};

const ROUNDS: usize = 15;

fn main() {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rootfs/debian.tar");
    assert!(archive.exists(), "tests/rootfs makes {}", archive.display());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = directory.path();
    for (packer, name) in [("cat", "plain"), ("gzip -6", "gzip"), ("zstd -q", "zstd")] {
        let packed = directory.join(name);
        run(Command::new("sh")
            .arg("-c")
            .arg(format!("{packer} <\"$0\" >\"$1\""))
            .arg(&archive)
            .arg(&packed));
        let mut contestants: Vec<Contestant> = vec![
            ("wharf import", Box::new(|| import(directory, &packed))),
            (
                "tar -x, then sync",
                Box::new(|| extract(directory, &packed, true)),
            ),
            ("tar -x", Box::new(|| extract(directory, &packed, false))),
        ];
        race(
            &format!("{name} archive of Debian"),
            ROUNDS,
            &mut contestants,
        );
    }
}

fn import(directory: &Path, archive: &Path) -> Duration {
    let wharf = |args: &[&str]| {
        let mut command = Command::new(WHARF);
        command
            .arg("--root")
            .arg(directory.join("engine"))
            .args(args);
        command
    };
    let elapsed = time(wharf(&["import"]).arg(archive).arg("bench:1"));
    run(&mut wharf(&["rmi", "bench:1"]));
    elapsed
}

fn extract(directory: &Path, archive: &Path, sync: bool) -> Duration {
    let to = directory.join("extracted");
    fs::create_dir(&to).expect("directories can be made");
    let start = Instant::now();
    time(
        Command::new("tar")
            .args(["--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf"])
            .arg(archive)
            .arg("-C")
            .arg(&to),
    );
    if sync {
        run(Command::new("sync").arg("-f").arg(&to));
    }
    let elapsed = start.elapsed();
    fs::remove_dir_all(&to).expect("what was extracted can be removed");
    elapsed
}
