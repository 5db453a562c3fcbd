//! `COPY` and `ADD`.

use std::{
    cell::OnceCell,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    Error, Result, archive,
    builder::{Builder, owner},
    context::{Found, Source},
    error::failed,
    graph,
    made::Made,
    mode::ModeChange,
    remote::Remote,
    scope::Scope,
    tree::{self, Change, Copier},
};
use crate::dockerfile::{
    Copy, StagedFile,
    expand::ExpandError,
    ignore::{Ignore, clean},
};
use crate::image::PackedLayer;
use crate::layer::{Overlay, ScratchDirectory, unpack_into};

/// As many links as the kernel follows before it says ELOOP.
const MOST_LINKS: usize = 40;

/// One `COPY` or `ADD`, its words replaced.
pub(super) struct CopyStep<'a> {
    builder: &'a Builder<'a>,
    origin: Files,
    wanted: Vec<Wanted>,
    located: OnceCell<Located>,
    files: Vec<StagedFile>,
    /// As it is written, variables replaced.
    written: String,
    destination: PathBuf,
    is_directory: bool,
    chown: Option<String>,
    mode: Option<ModeChange>,
    parents: bool,
    /// Whether archives are unpacked; none leaves it to where they come from.
    unpacks: Option<bool>,
    is_add: bool,
    exclude: Ignore,
    latest: Option<i64>,
}

/// What paths are found in.
enum Files {
    Context,
    /// The files of a stage or an image.
    Layers(Vec<PackedLayer>),
}

/// A source as it is written.
enum Wanted {
    /// A path or a pattern.
    Path(String),
    Remote(Remote),
}

/// All sources, found.
struct Located {
    sources: Vec<Sourced>,
    /// A stage or image, mounted.
    mounted: Option<Source>,
    /// Where that is mounted, and where lies what came from elsewhere: as long as the step.
    _scratch: Vec<ScratchDirectory>,
}

struct Sourced {
    written: String,
    found: Found,
    /// What the cache knows something by that came from elsewhere.
    known: Option<String>,
}

impl<'a> CopyStep<'a> {
    pub(super) fn new(
        builder: &'a Builder<'a>,
        at: usize,
        made: &Made,
        scope: &Scope,
        copy: &Copy,
        is_add: bool,
    ) -> Result<Self> {
        let unreadable = |error: ExpandError| Error::new(error.to_string());
        let word = |word: &String| scope.expand(word).map(|word| word.text).map_err(unreadable);
        let paths = copy
            .sources
            .paths
            .iter()
            .map(word)
            .collect::<Result<Vec<_>>>()?;
        let written = word(&copy.destination)?;
        let files = copy.sources.files.iter().map(|file| {
            let content = match file.expands {
                true => scope.expand_document(&file.content).map_err(unreadable)?,
                false => file.content.clone(),
            };
            Ok(StagedFile {
                content,
                ..file.clone()
            })
        });
        let files = files.collect::<Result<Vec<_>>>()?;
        let is_directory = written.ends_with('/') || written.ends_with("/.") || written == ".";
        if paths.len() + files.len() > 1 && !is_directory {
            return Err(Error::new(format!(
                "{written} must be a directory to hold several sources"
            ))
            .hint(format!("write {written}/")));
        }
        let checksum = copy.checksum.as_ref().map(word).transpose()?;
        let wanted = paths.iter().map(|path| {
            let remote = match is_add {
                true => Remote::parse(path, checksum.as_deref(), copy.keep_git_dir)?,
                false => None,
            };
            Ok(match remote {
                Some(remote) => Wanted::Remote(remote),
                None => Wanted::Path(path.clone()),
            })
        });
        let wanted = wanted.collect::<Result<Vec<_>>>()?;
        let is_local = |wanted: &Wanted| matches!(wanted, Wanted::Path(_));
        if checksum.is_some() && (wanted.len() != 1 || wanted.iter().any(is_local)) {
            return Err(Error::new("--checksum is for one address")
                .hint("add what has a checksum in an ADD of its own"));
        }
        let origin = match &copy.from {
            Some(from) => {
                let origin = graph::origin(builder.stages(), at, from)?;
                Files::Layers(builder.layers_of(&origin)?)
            }
            None if wanted.iter().any(is_local) && builder.context().is_none() => {
                return Err(Error::new("there is no build context to copy from"));
            }
            None => Files::Context,
        };
        let chown = copy.chown.as_ref().map(word).transpose()?;
        let mode = copy.chmod.as_ref().map(word).transpose()?;
        let mode = mode.map(|mode| ModeChange::parse(&mode).map_err(Error::new));
        let exclude = copy.exclude.iter().map(word).collect::<Result<Vec<_>>>()?;
        let exclude = Ignore::parse(&exclude.join("\n")).map_err(|error| {
            Error::new(format!(
                "--exclude: the pattern {:?} {}",
                error.pattern, error.why
            ))
        })?;
        let destination = match written.starts_with('/') {
            true => clean(&written),
            false => clean(&format!("/{}/{written}", made.document.config.working_dir)),
        };
        Ok(Self {
            builder,
            origin,
            wanted,
            located: OnceCell::new(),
            files,
            written: [paths, vec![written]].concat().join(" "),
            destination: destination.into(),
            is_directory,
            chown,
            mode: mode.transpose()?,
            parents: copy.parents,
            unpacks: copy.unpack,
            is_add,
            exclude,
            latest: builder.request.epoch,
        })
    }

    /// Finds all sources: mounts what they are from, gets what is elsewhere.
    fn located(&self) -> Result<&Located> {
        if let Some(located) = self.located.get() {
            return Ok(located);
        }
        let mut scratch = Vec::new();
        let mounted = match &self.origin {
            Files::Layers(layers) => {
                let (root, directory) = self.builder.mount_files(layers)?;
                scratch.push(directory);
                Some(Source::root(root))
            }
            Files::Context => None,
        };
        let mut sources = Vec::new();
        for wanted in &self.wanted {
            match wanted {
                Wanted::Path(path) => {
                    let source = mounted.as_ref().or(self.builder.context());
                    let source = source.expect("a path without any source was refused");
                    sources.extend(source.find(path)?.into_iter().map(|found| Sourced {
                        written: path.clone(),
                        found,
                        known: None,
                    }));
                }
                Wanted::Remote(remote) => {
                    let directory = self.builder.scratch()?;
                    let fetched = remote.fetch(&self.builder.calls, directory.path())?;
                    scratch.push(directory);
                    sources.push(Sourced {
                        written: String::new(),
                        found: fetched.found,
                        known: Some(fetched.known),
                    });
                }
            }
        }
        Ok(self.located.get_or_init(|| Located {
            sources,
            mounted,
            _scratch: scratch,
        }))
    }

    /// The words, for the image's history.
    pub(super) fn said(&self) -> String {
        let files = self.files.iter().map(|file| format!("<<{} ", file.name));
        format!("{}{}", files.collect::<String>(), self.written)
    }

    /// All that it depends on but the layers beneath. Another stage's files are known by
    /// its layers here, which needs no look at them.
    ///
    /// # Errors
    /// Sources that can't be found or read.
    pub(super) fn key(&self) -> Result<Sha256> {
        let mut key = self.words();
        match &self.origin {
            Files::Layers(layers) => {
                for layer in layers {
                    key.update(format!("layer {}", layer.diff_id));
                }
                for wanted in &self.wanted {
                    if let Wanted::Path(path) = wanted {
                        key.update(format!("{path:?}"));
                    }
                }
            }
            Files::Context => {
                let known = self.wanted.iter().map(|wanted| match wanted {
                    Wanted::Path(_) => None,
                    Wanted::Remote(remote) => remote.known(),
                });
                // What is sure without a look isn't fetched to be known.
                match known.collect::<Option<Vec<_>>>() {
                    Some(known) => known.iter().for_each(|known| key.update(known)),
                    None => self.contents(&mut key)?,
                }
            }
        }
        Ok(key)
    }

    /// The same by what is in the files of a stage, however they came to be; none where
    /// [`CopyStep::key`] says that already.
    ///
    /// # Errors
    /// As there.
    pub(super) fn key_by_contents(&self) -> Result<Option<Sha256>> {
        match &self.origin {
            Files::Context => Ok(None),
            Files::Layers(_) => {
                let mut key = self.words();
                self.contents(&mut key)?;
                Ok(Some(key))
            }
        }
    }

    fn words(&self) -> Sha256 {
        let mut key = Sha256::new();
        key.update(format!(
            "copy {:?} {} {} {:?} {:?} {} {:?} {} {:?}",
            self.destination,
            self.is_directory,
            self.keeps_owner(),
            self.chown,
            self.mode,
            self.parents,
            self.unpacks,
            self.is_add,
            self.latest,
        ));
        for pattern in self.exclude.patterns() {
            key.update(format!("{:?} {}", pattern.text, pattern.includes));
        }
        for file in &self.files {
            key.update(format!("{:?} {:?}", file.name, file.content));
        }
        key
    }

    fn contents(&self, key: &mut Sha256) -> Result<()> {
        let change = Change {
            owner: self.owner_of_all(),
            ..Change::default()
        };
        let located = self.located()?;
        for source in &located.sources {
            let found = &source.found;
            if let Some(known) = &source.known {
                key.update(known);
                continue;
            }
            key.update(format!("{:?} {:?}", source.written, found.path));
            let leave = self.leave(located, found);
            tree::hash(
                found.node.as_fd(),
                &found.name,
                &found.path,
                &leave,
                &change,
                key,
            )
            .map_err(failed(format!("read {}", found.path.display())))?;
        }
        Ok(())
    }

    /// Owners inside a context are its user's, and never copied.
    fn owner_of_all(&self) -> Option<(u32, u32)> {
        (!self.keeps_owner()).then_some((0, 0))
    }

    fn keeps_owner(&self) -> bool {
        matches!(self.origin, Files::Layers(_))
    }

    fn leave<'b>(&'b self, located: &'b Located, found: &'b Found) -> impl Fn(&Path) -> bool + 'b {
        // An ignore file is the context's: neither a stage nor a repository has one.
        let context = match located.mounted {
            Some(_) => None,
            None => self.builder.context(),
        };
        move |path| {
            let below = path.strip_prefix(&found.path).unwrap_or(path);
            let below = match below.as_os_str().is_empty() {
                true => Path::new(&found.name),
                false => below,
            };
            self.exclude.leaves_out(&below.to_string_lossy())
                || context.is_some_and(|source| source.leaves_out(path, &Ignore::default()))
        }
    }

    /// Copies into the mounted files of the stage.
    pub(super) fn run(&self, root: &OwnedFd, overlay: &Overlay) -> Result<()> {
        let root = root.as_fd();
        let given = self
            .chown
            .as_deref()
            .map(|user| chown(overlay, user))
            .transpose()?;
        let change = Change {
            owner: given.or(self.owner_of_all()),
            mode: self.mode.clone(),
            latest: self.latest,
        };
        let new_owner = given.unwrap_or((0, 0));
        let located = self.located()?;
        let many = self.is_directory || located.sources.len() > 1;
        for source in &located.sources {
            let found = &source.found;
            let leave = self.leave(located, found);
            let is_remote = source.known.is_some();
            let leave: &dyn Fn(&Path) -> bool = match is_remote {
                true => &|path| self.exclude.leaves_out(&path.to_string_lossy()),
                false => &leave,
            };
            let mut copier = Copier::new(change.clone(), leave);
            let mut destination = self.destination.clone();
            if self.parents {
                destination.push(parent_of(&source.written, &found.path));
            }
            let unpacks = self.unpacks.unwrap_or(self.is_add && !is_remote);
            let copied = if found.is_directory {
                let into = match self.parents {
                    true => destination.join(&found.name),
                    false => destination,
                };
                copy_directory(&mut copier, found, root, &into, new_owner)
            } else if let Some(tar) = tar(found, unpacks)? {
                let aside = self.builder.scratch()?;
                unpack(
                    tar,
                    aside.path(),
                    root,
                    &destination,
                    new_owner,
                    self.latest,
                )
            } else {
                let into = target(root, &destination, many || self.parents, new_owner);
                into.and_then(|(directory, name)| {
                    let name = name.unwrap_or_else(|| found.name.clone());
                    copier.node(found.node.as_fd(), &found.path, directory.as_fd(), &name)
                })
            };
            copied.map_err(failed(format!("copy {}", found.path.display())))?;
        }
        for file in &self.files {
            self.write(file, root, &change, new_owner)
                .map_err(failed(format!("write {}", file.name)))?;
        }
        Ok(())
    }

    fn write(
        &self,
        file: &StagedFile,
        root: BorrowedFd<'_>,
        change: &Change,
        new_owner: (u32, u32),
    ) -> io::Result<()> {
        let (directory, name) = target(root, &self.destination, self.is_directory, new_owner)?;
        let name = name.unwrap_or_else(|| file.name.clone().into());
        tree::write(directory.as_fd(), &name, file.content.as_bytes(), change)
    }
}

/// The archive that something is, where archives are to be unpacked.
fn tar(found: &Found, unpacks: bool) -> Result<Option<Box<dyn Read>>> {
    match unpacks {
        true => archive::tar_of(found.node.as_fd())
            .map_err(failed(format!("read {}", found.path.display()))),
        false => Ok(None),
    }
}

/// `user[:group]` of the files beneath; a number alone is both.
fn chown(overlay: &Overlay, user: &str) -> Result<(u32, u32)> {
    match user.parse::<u32>() {
        Ok(number) => Ok((number, number)),
        Err(_) => owner(overlay, user),
    }
}

/// The directory that something goes into and the name that it gets there; no name where
/// it keeps its own.
fn target(
    root: BorrowedFd<'_>,
    destination: &Path,
    is_directory: bool,
    owner: (u32, u32),
) -> io::Result<(OwnedFd, Option<std::ffi::OsString>)> {
    let exists = || {
        let found = tree::open_in_root(root, destination);
        found.is_ok_and(|found| tree::is_directory(found.as_fd()).unwrap_or(false))
    };
    if is_directory || exists() {
        return Ok((tree::make_directories(root, destination, owner)?, None));
    }
    let destination = followed(root, destination)?;
    let parent = destination.parent().unwrap_or(Path::new("/"));
    let name = destination.file_name().map(ToOwned::to_owned);
    Ok((tree::make_directories(root, parent, owner)?, name))
}

/// Where a path leads whose last part may be a link: what is copied there takes the place
/// of what the link is for, not of the link.
fn followed(root: BorrowedFd<'_>, path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Some(target) = tree::link(root, &path)? else {
            return Ok(path);
        };
        let parent = path.parent().unwrap_or(Path::new("/"));
        path = clean(&parent.join(target).to_string_lossy()).into();
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

fn copy_directory(
    copier: &mut Copier<'_>,
    found: &Found,
    root: BorrowedFd<'_>,
    into: &Path,
    owner: (u32, u32),
) -> io::Result<()> {
    // Unlike those below it, the directory itself is no copy: BuildKit makes it anew.
    let directory = tree::make_directories(root, into, owner)?;
    copier.contents(found.node.as_fd(), &found.path, directory.as_fd())
}

/// The directories that `--parents` keeps: those after a `/./`, or all.
fn parent_of(written: &str, path: &Path) -> PathBuf {
    let parent = path.parent().unwrap_or(Path::new(""));
    let pivot = written.split_once("/./").map(|(before, _)| clean(before));
    let pivot = pivot.as_deref().map(|pivot| pivot.trim_start_matches('/'));
    let kept = pivot.and_then(|pivot| parent.strip_prefix(pivot).ok());
    kept.unwrap_or(parent).to_owned()
}

/// Unpacks an archive into a directory of the image. First aside, then copied like any
/// tree, so that its entries meet the image's links as a copy's do.
fn unpack(
    tar: Box<dyn Read>,
    aside: &Path,
    root: BorrowedFd<'_>,
    destination: &Path,
    new_owner: (u32, u32),
    latest: Option<i64>,
) -> io::Result<()> {
    let directory = tree::make_directories(root, destination, new_owner)?;
    let aside = File::open(aside)?;
    unpack_into(aside.try_clone()?.into(), tar, None).map_err(io::Error::other)?;
    let leave = |_: &Path| false;
    // Owners and modes are the archive's, whatever the Dockerfile says of others.
    let change = Change {
        latest,
        ..Change::default()
    };
    Copier::new(change, &leave).contents(aside.as_fd(), Path::new(""), directory.as_fd())
}
