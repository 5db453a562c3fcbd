//! What a build begins with: the Dockerfile's text and the files of the context, from a
//! directory, from a stream, or from an address.
//!
//! What comes as a stream is unpacked into a directory of its own, by the same rules as a
//! layer, and goes with the build.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use super::{
    Calls, Error, Result, Stop,
    archive::{self, Sniffed},
    context::Source,
    error::failed,
    git::{self, Repository},
    tree,
};
use crate::{
    dockerfile::{LONGEST, ignore::Ignore},
    image::ImageStore,
    layer::{ScratchDirectory, unpack_into},
    model::{BuildContext, BuildFile, InputStream},
};

/// Names that a Dockerfile has where none is said.
const NAMES: [&str; 2] = ["Dockerfile", "Containerfile"];

/// What a build begins with.
pub(super) struct Input {
    /// What messages call the Dockerfile.
    pub(super) name: String,
    /// What stands in it.
    pub(super) text: Vec<u8>,
    /// The context, if there is one.
    pub(super) context: Option<Source>,
    /// Where a context lies that didn't come as a directory.
    _unpacked: Option<ScratchDirectory>,
}

/// A context that was opened.
struct Opened {
    directory: Option<File>,
    unpacked: Option<ScratchDirectory>,
    /// What came in place of a context.
    dockerfile: Option<Vec<u8>>,
}

impl Input {
    /// Reads the Dockerfile and opens the context.
    ///
    /// # Errors
    /// A context that can't be opened or unpacked, a Dockerfile that isn't there or is too
    /// long, a `.dockerignore` that can't be read.
    pub(super) fn open(
        images: &ImageStore,
        context: BuildContext,
        file: BuildFile,
        calls: &Calls<'_>,
    ) -> Result<Self> {
        let is_alone = matches!(file, BuildFile::InContext(None));
        let mut opened = match context {
            BuildContext::None => Opened::nothing(),
            BuildContext::Directory(path) => Opened::directory(&path)?,
            BuildContext::Stream(stream) => Opened::stream(images, stream, calls.stop)?,
            BuildContext::Remote(address) => Opened::remote(images, &address, calls)?,
        };
        if opened.dockerfile.is_some() && !is_alone {
            return Err(Error::new("what came as the context is no archive")
                .hint("give a tar, plain or packed, or a Dockerfile and no -f"));
        }
        let directory = opened.directory.as_ref().map(AsFd::as_fd);
        let (name, text, own_ignore) = match (file, opened.dockerfile.take()) {
            (BuildFile::Text { name, text, ignore }, _) => (name, text, ignore),
            (BuildFile::InContext(_), Some(text)) => ("-".to_owned(), text, None),
            (BuildFile::InContext(path), None) => {
                let Some(directory) = directory else {
                    return Err(Error::new("there is neither a Dockerfile nor a context"));
                };
                let (name, text) = dockerfile(directory, path.as_deref())?;
                let own = read(directory, Path::new(&format!("{name}.dockerignore")))?;
                (name, text, own.map(text_of).transpose()?)
            }
        };
        let shared = match (own_ignore, directory) {
            (Some(own), _) => own,
            (None, Some(directory)) => match read(directory, Path::new(".dockerignore"))? {
                Some(text) => text_of(text)?,
                None => String::new(),
            },
            (None, None) => String::new(),
        };
        let ignore = Ignore::parse(&shared)
            .map_err(|error| Error::new(format!("the .dockerignore's {error}")))?;
        Ok(Self {
            name,
            text,
            context: opened
                .directory
                .map(|directory| Source::context(directory.into(), ignore)),
            _unpacked: opened.unpacked,
        })
    }
}

impl Opened {
    fn nothing() -> Self {
        Self {
            directory: None,
            unpacked: None,
            dockerfile: None,
        }
    }

    fn directory(path: &Path) -> Result<Self> {
        let opened =
            File::open(path).map_err(failed(format!("open the context {}", path.display())))?;
        Ok(Self {
            directory: Some(opened),
            ..Self::nothing()
        })
    }

    fn remote(images: &ImageStore, address: &str, calls: &Calls<'_>) -> Result<Self> {
        let scratch = scratch(images)?;
        if let Some(repository) = Repository::parse(address) {
            let files = scratch.path().join("context");
            fs::create_dir(&files).map_err(failed("make a directory for the context"))?;
            repository.check_out(&files, false, calls.stop)?;
            let directory = git::open(&files, repository.directory.as_deref())?;
            return Ok(Self {
                directory: Some(directory),
                unpacked: Some(scratch),
                ..Self::nothing()
            });
        }
        let path = scratch.path().join("download");
        let mut file = File::create(&path).map_err(failed("keep the context"))?;
        (calls.fetch)(address, &mut file)
            .map_err(|why| Error::new(format!("get the context {address}: {why}")))?;
        let file = File::open(&path).map_err(failed("read the context"))?;
        Self::stream(images, InputStream::new(file), calls.stop)
    }

    fn stream(images: &ImageStore, stream: InputStream, stop: &Stop) -> Result<Self> {
        let stream = Stoppable {
            source: stream.into_inner(),
            stop: stop.clone(),
        };
        let told = |error| match stop.is_set() {
            true => Error::cancelled(),
            false => failed("read the context")(error),
        };
        let tar = match archive::sniff(stream).map_err(told)? {
            Sniffed::Tar(tar) => tar,
            Sniffed::Other(text) => {
                let mut dockerfile = Vec::new();
                text.take(LONGEST as u64 + 1)
                    .read_to_end(&mut dockerfile)
                    .map_err(told)?;
                return Ok(Self {
                    dockerfile: Some(bounded(dockerfile, "the Dockerfile")?),
                    ..Self::nothing()
                });
            }
        };
        let unpacked = scratch(images)?;
        let files = unpacked.path().join("context");
        fs::create_dir(&files).map_err(failed("make a directory for the context"))?;
        let directory = File::open(&files).map_err(failed("open the context"))?;
        let into = directory.try_clone().map_err(failed("open the context"))?;
        unpack_into(into.into(), tar, None).map_err(|error| match stop.is_set() {
            true => Error::cancelled(),
            false => failed("unpack the context")(error),
        })?;
        Ok(Self {
            directory: Some(directory),
            unpacked: Some(unpacked),
            ..Self::nothing()
        })
    }
}

fn scratch(images: &ImageStore) -> Result<ScratchDirectory> {
    ScratchDirectory::new(images.layers().directory())
        .map_err(failed("make a directory for the context"))
}

/// A source that ends with an error once the build is stopped.
struct Stoppable {
    source: Box<dyn Read + Send>,
    stop: Stop,
}

impl Read for Stoppable {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stop.is_set() {
            true => Err(io::Error::other("the build was stopped")),
            false => self.source.read(buffer),
        }
    }
}

/// The Dockerfile of a context, and its path.
fn dockerfile(directory: BorrowedFd<'_>, path: Option<&str>) -> Result<(String, Vec<u8>)> {
    let names = match &path {
        Some(path) => std::slice::from_ref(path),
        None => &NAMES[..],
    };
    for name in names {
        if let Some(text) = read(directory, Path::new(name))? {
            return Ok(((*name).to_owned(), text));
        }
    }
    Err(match path {
        Some(path) => Error::new(format!("the context has no {path}")),
        None => Error::new("the context has no Dockerfile").hint("name one by -f FILE"),
    })
}

/// A file of the context, if it is there.
fn read(directory: BorrowedFd<'_>, path: &Path) -> Result<Option<Vec<u8>>> {
    let name = path.display().to_string();
    let node = match tree::open_beneath(directory, path) {
        Ok(node) => node,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::EXDEV) => {
            return Err(Error::new(format!("{name} leads out of the build context")));
        }
        Err(error) => return Err(failed(format!("open {name}"))(error)),
    };
    let mut text = Vec::new();
    tree::open_file(node.as_fd())
        .and_then(|file| file.take(LONGEST as u64 + 1).read_to_end(&mut text))
        .map_err(failed(format!("read {name}")))?;
    bounded(text, &name).map(Some)
}

fn bounded(text: Vec<u8>, name: &str) -> Result<Vec<u8>> {
    match text.len() > LONGEST {
        true => Err(Error::new(format!("{name} has more than {LONGEST} bytes"))),
        false => Ok(text),
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::new("the .dockerignore is not UTF-8"))
}
