//! The streams of a process: named pipes for a container, pipes for an exec, or a
//! terminal for either.
//!
//! A container must outlive its shim. So its stdout and stderr are FIFOs that it holds
//! open for reading and writing: while nobody reads, a write waits for room and never
//! meets a broken pipe, and the next shim opens them by name. Stdin is the other way
//! round: the container's end only reads, so that it sees the end of the input when the
//! shim, the one writer, closes its end.

use std::{
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, mknodat, open},
    io::Errno,
};

use super::relay::Streams;
use crate::{
    model::AttachStreams,
    runtime::{create::Stdio, paths::ContainerPaths},
};

/// The process's ends.
#[derive(Debug)]
pub(super) struct Ends {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

impl From<Ends> for Stdio {
    fn from(ends: Ends) -> Self {
        Self::Pipes {
            stdin: ends.stdin,
            stdout: ends.stdout,
            stderr: ends.stderr,
        }
    }
}

/// FIFOs in the run directory of a container, made if missing.
pub(super) fn fifos(paths: &ContainerPaths, open_stdin: bool) -> io::Result<(Ends, Streams)> {
    let (stdin, writer) = if open_stdin {
        let path = fifo(paths.stdin())?;
        // A reader first, without waiting for a writer, then the writer, which finds it.
        let reader = open(&path, OFlags::RDONLY | FLAGS, Mode::empty())?;
        let writer = open(&path, OFlags::WRONLY | FLAGS, Mode::empty())?;
        set_blocking(&reader)?;
        (reader, Some(writer))
    } else {
        (null()?, None)
    };
    let output = |path: PathBuf| -> io::Result<(OwnedFd, OwnedFd)> {
        let path = fifo(path)?;
        let theirs = open(&path, OFlags::RDWR | FLAGS, Mode::empty())?;
        let ours = open(&path, OFlags::RDONLY | FLAGS, Mode::empty())?;
        set_blocking(&theirs)?;
        Ok((theirs, ours))
    };
    let (stdout, stdout_reader) = output(paths.stdout())?;
    let (stderr, stderr_reader) = output(paths.stderr())?;
    Ok((
        Ends {
            stdin,
            stdout,
            stderr,
        },
        Streams {
            stdin: writer,
            stdout: Some(stdout_reader),
            stderr: Some(stderr_reader),
            is_terminal: false,
        },
    ))
}

/// Our ends of the FIFOs of a container that runs.
pub(super) fn reopen(paths: &ContainerPaths) -> io::Result<Streams> {
    let reader = |path: PathBuf| match open(path, OFlags::RDONLY | FLAGS, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    };
    let stdin = match open(paths.stdin(), OFlags::WRONLY | FLAGS, Mode::empty()) {
        Ok(fd) => Some(fd),
        // It had none, or has closed it.
        Err(Errno::NOENT | Errno::NXIO) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Streams {
        stdin,
        stdout: reader(paths.stdout())?,
        stderr: reader(paths.stderr())?,
        is_terminal: false,
    })
}

/// One pipe for all that a process writes, and no input. Our end never waits.
pub(super) fn one_pipe() -> io::Result<(Ends, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let reader = OwnedFd::from(reader);
    set_nonblocking(&reader)?;
    let ends = Ends {
        stdin: null()?,
        stdout: writer.try_clone()?.into(),
        stderr: writer.into(),
    };
    Ok((ends, reader))
}

/// Pipes for the streams of an exec that are attached; the others lead nowhere. They
/// need no name: who is attached goes when the exec's shim does.
pub(super) fn pipes(attach: AttachStreams) -> io::Result<(Ends, Streams)> {
    let output = |wanted: bool| -> io::Result<(OwnedFd, Option<OwnedFd>)> {
        if !wanted {
            return Ok((null()?, None));
        }
        let (reader, writer) = io::pipe()?;
        let reader = OwnedFd::from(reader);
        set_nonblocking(&reader)?;
        Ok((writer.into(), Some(reader)))
    };
    let (stdin, writer) = if attach.stdin {
        let (reader, writer) = io::pipe()?;
        let writer = OwnedFd::from(writer);
        set_nonblocking(&writer)?;
        (reader.into(), Some(writer))
    } else {
        (null()?, None)
    };
    let (stdout, stdout_reader) = output(attach.stdout)?;
    let (stderr, stderr_reader) = output(attach.stderr)?;
    Ok((
        Ends {
            stdin,
            stdout,
            stderr,
        },
        Streams {
            stdin: writer,
            stdout: stdout_reader,
            stderr: stderr_reader,
            is_terminal: false,
        },
    ))
}

/// The streams of a terminal, by its master.
pub(super) fn terminal(master: OwnedFd) -> io::Result<Streams> {
    set_nonblocking(&master)?;
    Ok(Streams {
        stdin: Some(master.try_clone()?),
        stdout: Some(master),
        stderr: None,
        is_terminal: true,
    })
}

/// Removes the FIFOs of a container that ended.
pub(super) fn remove_fifos(paths: &ContainerPaths) {
    for path in [paths.stdin(), paths.stdout(), paths.stderr()] {
        // They hold nothing and go with the run directory at the latest.
        let _ = std::fs::remove_file(path);
    }
}

const FLAGS: OFlags = OFlags::NONBLOCK.union(OFlags::CLOEXEC);

fn fifo(path: PathBuf) -> io::Result<PathBuf> {
    match mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
        Ok(()) | Err(Errno::EXIST) => Ok(path),
        Err(error) => Err(error.into()),
    }
}

fn null() -> io::Result<OwnedFd> {
    let file = File::options()
        .read(true)
        .write(true)
        .open(Path::new("/dev/null"))?;
    Ok(file.into())
}

fn set_blocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? - OFlags::NONBLOCK)?)
}

fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn paths(dir: &Path) -> ContainerPaths {
        ContainerPaths {
            data: dir.into(),
            run: dir.into(),
        }
    }

    #[test]
    fn output_outlives_its_reader_and_is_read_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let paths = paths(dir.path());
        let (ends, ours) = fifos(&paths, false).unwrap();
        let mut stdout = File::from(ends.stdout);
        stdout.write_all(b"before ").unwrap();
        drop(ours);
        stdout.write_all(b"after").unwrap();
        let ours = reopen(&paths).unwrap();
        let mut bytes = [0; 64];
        let len = File::from(ours.stdout.unwrap()).read(&mut bytes).unwrap();
        assert_eq!(&bytes[..len], b"before after");
    }

    #[test]
    fn stdin_ends_when_our_end_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let (ends, ours) = fifos(&paths(dir.path()), true).unwrap();
        let mut writer = File::from(ours.stdin.unwrap());
        writer.write_all(b"all").unwrap();
        drop(writer);
        let mut text = String::new();
        File::from(ends.stdin).read_to_string(&mut text).unwrap();
        assert_eq!(text, "all");
    }
}
