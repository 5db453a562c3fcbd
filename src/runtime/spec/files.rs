//! The few files of `/etc` that a container gets from us, made anew at each start.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Error, names};
use crate::{
    model::{Connectivity, Naming, NetworkMode},
    runtime::{paths::ContainerPaths, record::ContainerRecord},
};

/// Where they are put in the container.
pub const TARGETS: [&str; 3] = ["/etc/resolv.conf", "/etc/hostname", "/etc/hosts"];

/// Writes them into the live directory; which file belongs where in the container.
pub fn write(
    record: &ContainerRecord,
    paths: &ContainerPaths,
    hostname: &str,
) -> Result<Vec<(PathBuf, &'static str)>, Error> {
    let dir = paths.etc();
    fs::create_dir_all(&dir).map_err(failed("make", &dir))?;
    TARGETS
        .into_iter()
        .zip(texts(record, paths, hostname)?)
        .map(|(target, text)| {
            let path = dir.join(target.trim_start_matches("/etc/"));
            replace(&path, &text).map_err(failed("write", &path))?;
            Ok((path, target))
        })
        .collect()
}

/// What belongs in them, in the order of [`TARGETS`].
fn texts(
    record: &ContainerRecord,
    paths: &ContainerPaths,
    hostname: &str,
) -> Result<[Vec<u8>; 3], Error> {
    let config = &record.config;
    if let NetworkMode::Container(other) = &config.network {
        // As docker has it: who shares the network shares its names.
        let directory = paths.run.with_file_name(other.as_str()).join("etc");
        let read = |target: &str| {
            let path = directory.join(target.trim_start_matches("/etc/"));
            fs::read(&path).map_err(failed("read", &path))
        };
        let [resolv_conf, own_name, hosts] = TARGETS;
        return Ok([read(resolv_conf)?, read(own_name)?, read(hosts)?]);
    }
    let connectivity = connectivity(paths)?;
    let naming = &config.naming;
    let hosts = match (
        config.network == NetworkMode::Host,
        host_file("/etc/hosts")?,
    ) {
        (true, Some(text)) => {
            let mut text = String::from_utf8_lossy(&text).into_owned();
            names::further_hosts(&mut text, naming, &connectivity);
            text
        }
        _ => names::hosts(hostname, naming, &connectivity),
    };
    let host = host_file("/etc/resolv.conf")?.unwrap_or_default();
    let resolv_conf = match config.network {
        // The host's as it is, where nothing is to be changed.
        NetworkMode::None | NetworkMode::Host if *naming == Naming::default() => host,
        _ => {
            let host = String::from_utf8_lossy(&host);
            names::resolution(config, &connectivity, &host).text.into()
        }
    };
    Ok([resolv_conf, format!("{hostname}\n").into(), hosts.into()])
}

/// What the container's run has of networks.
fn connectivity(paths: &ContainerPaths) -> Result<Connectivity, Error> {
    let path = paths.network();
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Connectivity::default()),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    serde_json::from_slice(&text).map_err(|error| failed("read", &path)(error.into()))
}

/// Whom our resolver in a container asks for what it doesn't know; `None` where it is
/// not needed.
pub fn resolver(
    record: &ContainerRecord,
    paths: &ContainerPaths,
) -> Result<Option<Vec<IpAddr>>, Error> {
    let host = host_file("/etc/resolv.conf")?.unwrap_or_default();
    let host = String::from_utf8_lossy(&host);
    Ok(names::resolution(&record.config, &connectivity(paths)?, &host).resolver)
}

/// Writes hosts and resolv.conf of a running container anew, in place: they are mounted
/// in it.
pub fn rewrite(record: &ContainerRecord, paths: &ContainerPaths) -> Result<(), Error> {
    let hostname = super::hostname(record, paths)?;
    for (target, text) in TARGETS.into_iter().zip(texts(record, paths, &hostname)?) {
        let path = paths.etc().join(target.trim_start_matches("/etc/"));
        fs::write(&path, text).map_err(failed("write", &path))?;
    }
    Ok(())
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
