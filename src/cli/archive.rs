//! What the commands that read and write archives share: where they come from, where they
//! go, and how far they are.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

use tokio::sync::mpsc;

use super::failure::Failure;
use crate::{format::bytes, model::ImportProgress};

/// Opens an archive to read; `-` is stdin.
pub fn source(command: &str, path: &str) -> Result<Box<dyn Read + Send>, Failure> {
    match path {
        "-" if io::stdin().is_terminal() => {
            Err(Failure::new(format!("{command} -: stdin is a terminal"))
                .with_hint("pipe an archive into it, or name a file"))
        }
        "-" => Ok(Box::new(io::stdin())),
        path => match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(Failure::new(format!("{command} {path}: {error}"))),
        },
    }
}

/// Where an archive goes. A file appears whole or not at all.
pub struct Target {
    file: File,
    /// Written beside its place, and that place.
    replaces: Option<(PathBuf, PathBuf)>,
}

impl Target {
    /// A file, or stdout if none is named.
    pub fn open(command: &str, path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            if io::stdout().is_terminal() {
                return Err(Failure::new(format!("{command}: stdout is a terminal"))
                    .with_hint("name a file by -o, or pipe it on"));
            }
            let file = io::stdout().as_fd().try_clone_to_owned()?.into();
            return Ok(Self {
                file,
                replaces: None,
            });
        };
        let failed =
            |error: io::Error| Failure::new(format!("{command} -o {}: {error}", path.display()));
        // A pipe or a device is written to as it is; so is what a link leads to.
        let is_plain = match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            Ok(found) => found.is_file(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(failed(error)),
        };
        if !is_plain {
            let file = File::options().write(true).truncate(true).open(path);
            return Ok(Self {
                file: file.map_err(failed)?,
                replaces: None,
            });
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.part", std::process::id()));
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .map_err(failed)?;
        Ok(Self {
            file,
            replaces: Some((beside.into(), path.to_owned())),
        })
    }

    /// Where to write.
    pub fn writer(&self) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(self.file.try_clone()?))
    }

    /// Gives it its name: it is whole.
    pub fn finish(mut self) -> io::Result<()> {
        match self.replaces.take() {
            Some((beside, path)) => fs::rename(beside, path),
            None => Ok(()),
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.replaces {
            // The failure that led here is what is told.
            let _ = fs::remove_file(beside);
        }
    }
}

/// Does something that tells how it goes, and shows that on a terminal.
pub async fn shown<T>(
    quiet: bool,
    verb: &str,
    work: impl AsyncFnOnce(Option<mpsc::Sender<ImportProgress>>) -> T,
) -> T {
    if quiet || !io::stderr().is_terminal() {
        return work(None).await;
    }
    let (sender, mut progress) = mpsc::channel::<ImportProgress>(4);
    let show = async {
        while let Some(ImportProgress {
            read_bytes,
            entries,
        }) = progress.recv().await
        {
            let read = bytes::decimal(read_bytes);
            eprint!("\r{read} {verb}, {entries} entries\x1b[K");
            // Progress that can't be shown is no reason to stop.
            let _ = io::stderr().flush();
        }
        eprint!("\r\x1b[K");
    };
    let (done, ()) = futures_util::future::join(work(Some(sender)), show).await;
    done
}
