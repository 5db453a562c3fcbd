//! Builds under way, as other processes find them: each listens on a socket of its own in
//! the run directory (`builds/NAME`). One that refuses a connection is of a dead process.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    process,
};

use super::paths::Root;

/// The socket of a build of this process. It goes when this is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens for whoever wants to watch a build.
    pub fn listen(root: &Root) -> io::Result<(UnixListener, Self)> {
        let directory = root.builds();
        super::store::make_directory(&directory, 0o700).map_err(io::Error::other)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!("{}-{:016x}", process::id(), u64::from_ne_bytes(random));
        // It has its name once it is listened to: whoever is told of that can connect.
        let hidden = format!(".{name}");
        let listener = at(&directory, &hidden, |path| UnixListener::bind(path))?;
        let socket = Self {
            path: directory.join(&name),
        };
        fs::rename(directory.join(hidden), &socket.path)?;
        Ok((listener, socket))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What can't be removed now goes once it refuses a connection.
        let _ = fs::remove_file(&self.path);
    }
}

/// The builds that are under way in other processes, by name.
pub fn others(root: &Root) -> Vec<String> {
    let own = format!("{}-", process::id());
    let mut names = names(root);
    names.retain(|name| !name.starts_with('.') && !name.starts_with(&own));
    names
}

/// Connects to one of them.
pub fn connect(root: &Root, name: &str) -> io::Result<UnixStream> {
    at(&root.builds(), name, |path| UnixStream::connect(path))
}

/// Removes the sockets of dead processes. Those of the living are left in peace: whoever
/// connects is told all that a build did so far.
pub fn sweep(root: &Root) -> io::Result<()> {
    let is_dead = |name: &String| {
        let pid = name.trim_start_matches('.').split('-').next();
        pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
    };
    for name in names(root).into_iter().filter(is_dead) {
        // Its process may only be out of our sight, in another pid namespace.
        let refused = connect(root, &name).is_err_and(|error| {
            // Its process may remove it meanwhile, which is as good.
            error.kind() == io::ErrorKind::ConnectionRefused
        });
        if !refused {
            continue;
        }
        match fs::remove_file(root.builds().join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn names(root: &Root) -> Vec<String> {
    // Without the directory there never was one.
    let Ok(entries) = fs::read_dir(root.builds()) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect()
}

/// Does something at a path that is short however long that of the directory is: a
/// socket's may have 107 bytes.
fn at<T>(directory: &Path, name: &str, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let directory = File::open(directory)?;
    let path = format!("/proc/self/fd/{}/{name}", directory.as_raw_fd());
    work(Path::new(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_go_with_their_build_or_once_their_process_is_dead() {
        let dir = tempfile::tempdir().unwrap();
        // Longer than a socket's path may be.
        let root = Root::at(dir.path().join("x".repeat(120)));
        assert!(names(&root).is_empty());
        let (listener, socket) = Socket::listen(&root).unwrap();
        let name = names(&root).pop().unwrap();
        connect(&root, &name).unwrap();
        assert!(others(&root).is_empty(), "it is our own");
        sweep(&root).unwrap();
        assert_eq!(names(&root), [name]);
        drop(socket);
        assert!(names(&root).is_empty());
        drop(listener);
        // As a killed process leaves it.
        let (listener, socket) = Socket::listen(&root).unwrap();
        let mut dead = process::Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let left = root.builds().join(format!("{}-0123", dead.id()));
        fs::rename(&socket.path, &left).unwrap();
        std::mem::forget(socket);
        // Alive, as far as its socket says.
        sweep(&root).unwrap();
        assert_eq!(names(&root).len(), 1);
        drop(listener);
        sweep(&root).unwrap();
        assert!(names(&root).is_empty());
    }
}
