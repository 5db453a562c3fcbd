//! Editing a file of a container on a copy of it: fetched as `wharf cp -a` fetches it,
//! given to the user's editor, and put back as `wharf cp -a` does, so that it keeps its
//! owner, its mode and its attributes. What became of the file meanwhile is never
//! overwritten.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Seek, Write},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::PathBuf,
};

use nix::sys::{signal, stat::SFlag};
use tokio::{process::Command, signal::unix::Signal};

use super::Failure;
use crate::{
    engine::{CopyFrom, CopyTo, Engine},
    format::text::{sanitize, sanitize_bytes},
    model::{ContainerId, CopyRequest, PathDetails},
};

/// Bytes of the largest file that is opened: editors read all of it.
const MOST_BYTES: u64 = 64 << 20;

/// A copy that can be edited. Dropping it removes it, unless it is kept.
#[derive(Debug)]
pub struct Copy {
    request: CopyRequest,
    /// What was there when it was fetched.
    details: PathDetails,
    directory: PathBuf,
    is_kept: bool,
}

impl Copy {
    /// Fetches a file.
    pub async fn fetch(
        engine: &dyn Engine,
        id: ContainerId,
        path: PathBuf,
    ) -> Result<Self, Failure> {
        let request = CopyRequest {
            id,
            path,
            follow_link: false,
            keep_owner: true,
            unchanged: None,
        };
        let details = engine.path_details(request.clone()).await?;
        let name = sanitize(&details.name).into_owned();
        let is_file = SFlag::from_bits_truncate(details.mode) & SFlag::S_IFMT == SFlag::S_IFREG;
        if !is_file || details.size > MOST_BYTES {
            let why = match is_file {
                true => "it is too large for an editor",
                false => "only files can be edited",
            };
            return Err(failure("edit", &name, why));
        }
        // Its name is new, and nobody else may enter.
        let template = std::env::temp_dir().join("wharf-edit-XXXXXX");
        let directory = nix::unistd::mkdtemp(&template)
            .map_err(|errno| failure("make a directory to edit", &name, errno))?;
        let copy = Self {
            request,
            details,
            directory,
            is_kept: false,
        };
        let to = CopyTo::Host(copy.original());
        engine.copy_out(copy.request.clone(), to).await?;
        copy.prepare()
            .map_err(|error| failure("copy", &name, error))?;
        Ok(copy)
    }

    /// As it was fetched, with all that belongs to it.
    fn original(&self) -> PathBuf {
        self.directory.join("original")
    }

    /// What is edited: called as the file is, because editors tell by that what it holds.
    fn edited(&self) -> PathBuf {
        let name = self.request.path.file_name().map(OsStrExt::as_bytes);
        let is_plain = |name: &&[u8]| sanitize_bytes(name).as_bytes() == *name;
        let name = name.filter(is_plain).unwrap_or(b"file");
        let name = OsString::from(std::ffi::OsStr::from_bytes(name));
        self.directory.join("edited").join(name)
    }

    fn prepare(&self) -> io::Result<()> {
        let edited = self.edited();
        fs::create_dir(self.directory.join("edited"))?;
        let mut to = File::create_new(edited)?;
        io::copy(&mut File::open(self.original())?, &mut to).map(drop)
    }

    /// Lets the user's editor have the terminal and the copy, until it ends. Where it stops
    /// itself, as for ctrl-z, so do we: the shell then has the terminal.
    pub async fn edit(&self, stops: &mut Signal) -> Result<(), Failure> {
        let editor = ["VISUAL", "EDITOR"]
            .iter()
            .filter_map(std::env::var_os)
            .find(|editor| !editor.is_empty())
            .unwrap_or_else(|| "vi".into());
        let mut words = editor.clone();
        words.push(" \"$1\"");
        let shown = sanitize(&editor.to_string_lossy()).into_owned();
        // By a shell, as git does it: the variable may hold arguments.
        let mut child = Command::new("/bin/sh")
            .arg("-c")
            .arg(words)
            .arg("sh")
            .arg(self.edited())
            .spawn()
            .map_err(|error| failure("run", &shown, error))?;
        loop {
            tokio::select! {
                status = child.wait() => {
                    let status = status.map_err(|error| failure("wait for", &shown, error))?;
                    return match status.success() {
                        true => Ok(()),
                        false => Err(failure("edit by", &shown, format!("it ended with {status}"))),
                    };
                }
                _ = stops.recv() => drop(signal::raise(signal::Signal::SIGSTOP)),
            }
        }
    }

    /// Leaves it where it is; where that is.
    pub fn keep(mut self) -> String {
        self.is_kept = true;
        let edited = self.edited();
        format!(
            "wharf: what was edited is in {}",
            sanitize(&edited.to_string_lossy())
        )
    }

    /// Puts it back, if it was changed; what there is to say of it. What can't be put back
    /// is kept here.
    pub async fn put_back(mut self, engine: &dyn Engine) -> Result<String, Failure> {
        let name = sanitize(&self.details.name).into_owned();
        let result = match self.renew() {
            Ok(false) => return Ok(format!("{name} was not changed")),
            Ok(true) => {
                let request = CopyRequest {
                    unchanged: Some(self.details.clone()),
                    ..self.request.clone()
                };
                let from = CopyFrom::Host(self.original());
                let put = engine.copy_in(request, from).await;
                put.map_err(Failure::from)
            }
            Err(error) => Err(failure("read what was made of", &name, error)),
        };
        match result {
            Ok(()) => Ok(format!("put {name} back")),
            Err(why) => {
                self.is_kept = true;
                let edited = self.edited();
                let edited = sanitize(&edited.to_string_lossy()).into_owned();
                Err(Failure {
                    hint: Some(format!("what you wrote is in {edited}")),
                    ..why
                })
            }
        }
    }

    /// Gives the original the content of what was edited; whether that is another. It
    /// stays the file that it is, with all that belongs to it but its time.
    fn renew(&self) -> io::Result<bool> {
        let (old, new) = (fs::read(self.original())?, fs::read(self.edited())?);
        if old == new {
            return Ok(false);
        }
        let mut file = File::options().write(true).open(self.original())?;
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(&new)?;
        // Whoever writes to a file of root's loses its set-user-id bits.
        let mode = fs::Permissions::from_mode(self.details.mode & 0o7777);
        file.set_permissions(mode)?;
        Ok(true)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if !self.is_kept {
            // What is left there is the user's, who alone can enter.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

fn failure(operation: &str, what: &str, why: impl std::fmt::Display) -> Failure {
    Failure {
        message: format!("{operation} {what}: {why}"),
        hint: None,
    }
}
