//! Debian's docker, asked anew: a daemon of our own, on a host of its own.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{Case, image::Image, place};
use crate::support::{
    docker::{Docker, NO_NETWORKS},
    host::Host,
    sandbox::{BUSYBOX, rootfs},
};

/// The last line that it said, with the names of its own files cut to their last part.
fn says(docker: &Docker, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    let words = line.unwrap_or_default().split(' ').map(|word| {
        let own = Path::new(word).strip_prefix(docker.directory());
        let last = own.ok().and_then(|own| own.file_name()?.to_str());
        last.unwrap_or(word)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn image(docker: &Docker, name: &str) -> Image {
    let archive = docker.directory().join("archive");
    docker.ok(&["save", "-o", archive.to_str().unwrap(), name]);
    Image::read(&archive)
}

/// Writes what docker makes of each case.
pub fn renew(cases: &[Case], context: &Path) {
    let _host = Host::enter();
    let files = tempfile::tempdir().unwrap();
    let flags = [NO_NETWORKS, &["--storage-driver=vfs"]].concat();
    let docker = Docker::below(files.path(), &flags);
    docker.ok(&["import", rootfs("busybox.tar").to_str().unwrap(), BUSYBOX]);
    let base = image(&docker, BUSYBOX);
    fs::create_dir_all(place("expected")).unwrap();
    for case in cases {
        let mut words = vec!["build", "-q", "--network=none", "-t", "it", "-f"];
        words.push(case.dockerfile.to_str().unwrap());
        words.extend(case.flags.iter().map(String::as_str));
        words.push(context.to_str().unwrap());
        let built = docker
            .command(&words)
            .env("DOCKER_BUILDKIT", "1")
            .output()
            .unwrap();
        let expected: Value = match built.status.success() {
            true => image(&docker, "it").beyond(&base),
            false => json!({ "refused": true, "says": says(&docker, &built.stderr) }),
        };
        let text = serde_json::to_string_pretty(&expected).unwrap() + "\n";
        fs::write(place("expected").join(format!("{}.json", case.name)), text).unwrap();
    }
}
