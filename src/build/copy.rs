//! `COPY` and `ADD`.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::{
    Error, Result, archive,
    builder::{Builder, Made, owner},
    context::{Found, Source},
    error::failed,
    graph::{self, Origin},
    scope::Scope,
    tree::{self, Change, Copier},
};
use crate::dockerfile::{
    Copy, Stage, StagedFile,
    expand::ExpandError,
    ignore::{Ignore, clean},
};
use crate::layer::{Overlay, ScratchDirectory, unpack_into};

/// One `COPY` or `ADD`, its words replaced and its sources found.
pub(super) struct CopyStep<'a> {
    builder: &'a Builder<'a>,
    source: Files<'a>,
    /// What the cache knows an origin's files by.
    origin: String,
    found: Vec<(String, Found)>,
    files: Vec<StagedFile>,
    /// As it is written, variables replaced.
    written: String,
    destination: PathBuf,
    is_directory: bool,
    chown: Option<String>,
    mode: Option<u32>,
    keeps_owner: bool,
    parents: bool,
    unpacks: bool,
    exclude: Ignore,
    latest: Option<i64>,
}

/// What is copied from.
enum Files<'a> {
    Context(&'a Source),
    /// A stage or image, mounted as long as the step lives.
    Mounted(
        Source,
        #[expect(dead_code, reason = "it goes when the step does")] ScratchDirectory,
    ),
    None,
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
        let stages = builder.stages();
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
        for path in &paths {
            let is_address = ["http://", "https://", "git@", "git://", "ssh://"];
            if is_address.iter().any(|scheme| path.starts_with(scheme)) {
                return Err(
                    Error::new(format!("ADD {path}: addresses can't be added yet"))
                        .hint("fetch it in a RUN, or put it into the context"),
                );
            }
        }
        let (source, origin) = match &copy.from {
            Some(from) => {
                let origin = graph::origin(stages, at, from)?;
                let (root, scratch, layers) = builder.files_of(&origin)?;
                let known: Vec<_> = layers
                    .iter()
                    .map(|layer| layer.diff_id.to_string())
                    .collect();
                (Files::Mounted(Source::root(root), scratch), known.join(" "))
            }
            None if paths.is_empty() => (Files::None, String::new()),
            None => match builder.context() {
                Some(context) => (Files::Context(context), String::new()),
                None => return Err(Error::new("there is no build context to copy from")),
            },
        };
        let mut found = Vec::new();
        for path in &paths {
            let source = source
                .source()
                .expect("only no paths come without a source");
            found.extend(
                source
                    .find(path)?
                    .into_iter()
                    .map(|one| (path.clone(), one)),
            );
        }
        let chown = copy.chown.as_ref().map(word).transpose()?;
        let mode = copy.chmod.as_ref().map(|mode| {
            let mode = word(mode)?;
            let octal = u32::from_str_radix(&mode, 8)
                .ok()
                .filter(|mode| *mode <= 0o7777);
            octal.ok_or_else(|| {
                Error::new(format!("--chmod={mode} is no mode")).hint("write it in octal: 0755")
            })
        });
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
            keeps_owner: matches!(
                origin_kind(copy, at, stages),
                Some(Origin::Stage(_) | Origin::Image(_))
            ),
            source,
            origin,
            found,
            files,
            written: [paths, vec![written]].concat().join(" "),
            destination: destination.into(),
            is_directory,
            chown,
            mode: mode.transpose()?,
            parents: copy.parents,
            unpacks: copy.unpack.unwrap_or(is_add),
            exclude,
            latest: builder.request.epoch,
        })
    }

    /// The words, for the image's history.
    pub(super) fn said(&self) -> String {
        let files = self.files.iter().map(|file| format!("<<{} ", file.name));
        format!("{}{}", files.collect::<String>(), self.written)
    }

    /// All that it depends on but the layers beneath.
    pub(super) fn key(&self) -> Result<Sha256> {
        let mut key = Sha256::new();
        key.update(format!(
            "copy {:?} {:?} {} {} {:?} {:?} {} {} {:?}",
            self.origin,
            self.destination,
            self.is_directory,
            self.keeps_owner,
            self.chown,
            self.mode,
            self.parents,
            self.unpacks,
            self.latest,
        ));
        for pattern in self.exclude.patterns() {
            key.update(format!("{:?} {}", pattern.text, pattern.includes));
        }
        for file in &self.files {
            key.update(format!("{:?} {:?}", file.name, file.content));
        }
        // Owners inside a context are its user's, and never copied.
        let change = Change {
            owner: Some((0, 0)),
            mode: None,
            latest: None,
        };
        for (written, found) in &self.found {
            key.update(format!("{written:?} {:?}", found.path));
            if let Files::Context(_) = self.source {
                let leave = self.leave(found);
                tree::hash(
                    found.node.as_fd(),
                    &found.name,
                    &found.path,
                    &leave,
                    &change,
                    &mut key,
                )
                .map_err(failed(format!("read {}", found.path.display())))?;
            }
        }
        Ok(key)
    }

    fn leave<'b>(&'b self, found: &'b Found) -> impl Fn(&Path) -> bool + 'b {
        move |path| {
            let below = path.strip_prefix(&found.path).unwrap_or(path);
            let below = match below.as_os_str().is_empty() {
                true => Path::new(&found.name),
                false => below,
            };
            let source = self.source.source();
            self.exclude.leaves_out(&below.to_string_lossy())
                || source.is_some_and(|source| source.leaves_out(path, &Ignore::default()))
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
            owner: given.or((!self.keeps_owner).then_some((0, 0))),
            mode: self.mode,
            latest: self.latest,
        };
        let new_owner = given.unwrap_or((0, 0));
        let many = self.is_directory || self.found.len() > 1;
        for (written, found) in &self.found {
            let leave = self.leave(found);
            let mut copier = Copier::new(change.clone(), &leave);
            let mut destination = self.destination.clone();
            if self.parents {
                destination.push(parent_of(written, &found.path));
            }
            let copied = if found.is_directory {
                let into = match self.parents {
                    true => destination.join(&found.name),
                    false => destination,
                };
                copy_directory(&mut copier, found, root, &into, new_owner)
            } else if let Some(tar) = self.tar(found)? {
                let aside = self.builder.scratch()?;
                unpack(tar, aside.path(), root, &destination, &change)
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

    /// The archive that something is, where archives are to be unpacked.
    fn tar(&self, found: &Found) -> Result<Option<Box<dyn Read>>> {
        match self.unpacks {
            true => archive::tar_of(found.node.as_fd())
                .map_err(failed(format!("read {}", found.path.display()))),
            false => Ok(None),
        }
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

impl Files<'_> {
    fn source(&self) -> Option<&Source> {
        match self {
            Self::Context(source) => Some(source),
            Self::Mounted(source, _) => Some(source),
            Self::None => None,
        }
    }
}

fn origin_kind(copy: &Copy, at: usize, stages: &[Stage]) -> Option<Origin> {
    graph::origin(stages, at, copy.from.as_deref()?).ok()
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
    let parent = destination.parent().unwrap_or(Path::new("/"));
    let name = destination.file_name().map(ToOwned::to_owned);
    Ok((tree::make_directories(root, parent, owner)?, name))
}

fn copy_directory(
    copier: &mut Copier<'_>,
    found: &Found,
    root: BorrowedFd<'_>,
    into: &Path,
    owner: (u32, u32),
) -> io::Result<()> {
    let is_new = tree::open_in_root(root, into).is_err();
    let directory = tree::make_directories(root, into, owner)?;
    copier.contents(found.node.as_fd(), &found.path, directory.as_fd())?;
    match is_new {
        // One that the copy made is a copy too.
        true => copier.same_attributes(found.node.as_fd(), directory.as_fd()),
        false => Ok(()),
    }
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
    change: &Change,
) -> io::Result<()> {
    let directory = tree::make_directories(root, destination, (0, 0))?;
    let aside = File::open(aside)?;
    unpack_into(aside.try_clone()?.into(), tar, None).map_err(io::Error::other)?;
    let leave = |_: &Path| false;
    // Owners are the archive's, unless the Dockerfile says another.
    let owner = change.owner.filter(|owner| *owner != (0, 0));
    let change = Change {
        owner,
        mode: None,
        ..change.clone()
    };
    Copier::new(change, &leave).contents(aside.as_fd(), Path::new(""), directory.as_fd())
}
