//! The few files of `/etc` that a container gets from us, made anew at each start.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::Error;
use crate::{
    model::NetworkMode,
    runtime::{paths::ContainerPaths, record::ContainerRecord},
};

/// Where they are put in the container.
pub const TARGETS: [&str; 3] = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];

const HOSTS: &str = "127.0.0.1\tlocalhost\n\
    ::1\tlocalhost ip6-localhost ip6-loopback\n\
    fe00::0\tip6-localnet\n\
    ff00::0\tip6-mcastprefix\n\
    ff02::1\tip6-allnodes\n\
    ff02::2\tip6-allrouters\n";

/// Writes them into the live directory; which file belongs where in the container.
pub fn write(
    record: &ContainerRecord,
    paths: &ContainerPaths,
    hostname: &str,
) -> Result<Vec<(PathBuf, &'static str)>, Error> {
    let dir = paths.etc();
    fs::create_dir_all(&dir).map_err(failed("make", &dir))?;
    let hosts = match record.config.network {
        NetworkMode::Host => host_file("/etc/hosts")?.unwrap_or_else(|| HOSTS.into()),
        NetworkMode::None => HOSTS.into(),
    };
    let resolv_conf = host_file("/etc/resolv.conf")?.unwrap_or_default();
    let texts = [resolv_conf, format!("{hostname}\n").into(), hosts];
    TARGETS
        .into_iter()
        .zip(texts)
        .map(|(target, text)| {
            let path = dir.join(target.trim_start_matches("/etc/"));
            replace(&path, &text).map_err(failed("write", &path))?;
            Ok((path, target))
        })
        .collect()
}

/// A new file each time: one that is truncated and written again makes ext4 wait for
/// the disk at close, and the old one may still be mounted in a container that ends.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)?
        .write_all(text)
}

fn host_file(path: &'static str) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", Path::new(path))(error)),
    }
}

fn failed<'a>(operation: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + 'a {
    move |source| Error::Io {
        operation,
        path: path.to_owned(),
        source,
    }
}
