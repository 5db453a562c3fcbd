//! Starter images made of this host's own executables, so that a first image needs no
//! network: each command with its ELF interpreter, its libraries and, for a script, what
//! runs it.
//!
//! The same host gives the same image: entries are sorted, times are those of the files,
//! and the image is as old as the newest of them. Its lowest layer (directories, users,
//! the C library) doesn't depend on the commands, so all such images share it.

mod cache;
mod elf;
mod plan;
mod tree;

use std::{io, path::PathBuf, thread};

use jiff::Timestamp;
use oci_spec::image::ConfigBuilder;

use super::{
    build::PackedLayer,
    error::{Error, Result},
    lease::{Lease, Unfinished},
    store::{ImageStore, new_name},
};
use crate::{layer::Position, model::Digest};
use plan::Plan;
use tree::Tree;

/// Why a command of this host can't be taken along.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// None was given.
    #[error("an image needs at least one command")]
    NoCommands,
    /// It isn't there.
    #[error("no command {0:?} in PATH")]
    NotFound(String),
    /// A script's interpreter, or what `env` shall find, isn't there.
    #[error("{} needs {name:?}, which is not on this host", path.display())]
    NoInterpreter {
        /// The script.
        path: PathBuf,
        /// What runs it.
        name: String,
    },
    /// A library isn't there.
    #[error("{} needs library {name:?}, which is not on this host", path.display())]
    NoLibrary {
        /// The program or library that needs it.
        path: PathBuf,
        /// Its name.
        name: String,
    },
    /// It is neither a program nor a script.
    #[error("{} is neither an ELF program nor a script", .0.display())]
    NotAProgram(PathBuf),
    /// An ELF file that contradicts itself.
    #[error("{} is not a well-formed ELF file", .0.display())]
    Malformed(PathBuf),
    /// Reading the host failed.
    #[error("read {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl HostError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

impl ImageStore {
    /// Makes an image of executables of this host, named or by path. Its id.
    pub fn from_host(&self, reference: &str, commands: &[String]) -> Result<Digest> {
        new_name(reference)?;
        let plan = Plan::new(commands)?;
        self.sweep()?;
        let lease = self.lease(Unfinished::Discard)?;
        let mut made = Vec::new();
        for (tree, what) in plan.layers {
            let position = match made.is_empty() {
                true => Position::Lowest,
                false => Position::Above,
            };
            let layer = self.keep_tree(&lease, &tree, position)?;
            made.push((layer, format!("wharf image from-host: {what}")));
        }
        let process = ConfigBuilder::default()
            .env(vec![
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            ])
            .cmd(vec![plan.default_command])
            .build()
            .expect("all fields are optional");
        let created = Timestamp::from_second(plan.newest).unwrap_or_default();
        self.assemble_made(lease, &made, process, created, reference)
    }

    /// Keeps a layer whose tar is made while it is read.
    fn keep_tree(&self, lease: &Lease, tree: &Tree, position: Position) -> Result<PackedLayer> {
        let path = self.layout.directory();
        let (reader, writer) = io::pipe().map_err(Error::io("make a pipe for", path))?;
        thread::scope(|scope| {
            let writing = scope.spawn(move || tree.write(writer));
            let kept = self.bring_layer(lease, reader, position, &mut |_| {});
            match writing.join() {
                Ok(Err(HostError::Io { source, .. }))
                    if source.kind() == io::ErrorKind::BrokenPipe => {}
                // The reader then only saw an archive that ends in the middle.
                Ok(result) => result?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
            kept
        })
    }
}
