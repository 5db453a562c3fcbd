//! Copying files into a container and out of one, by docker's rules.
//!
//! A path in a container is resolved by the kernel inside its root (`openat2` with
//! `RESOLVE_IN_ROOT`), so no link of it leads outside. The root of a running container is
//! what its init process sees, its mounts included; that of a stopped one is mounted for
//! as long as the copy takes, in no mount namespace, under the container's lock; a path of
//! it below one of its binds or volumes is looked for there.

use std::{
    ffi::{CString, OsString},
    io::{self, BufWriter, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Component, Path, PathBuf},
    thread,
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, open, readlinkat, statat},
    io::Errno,
};

use super::{Error, Lifecycle, Result, failed};
use crate::{
    layer,
    model::{ContainerId, CopyRequest, Mount, PathDetails},
    runtime::{create::mount_overlay, spec, store::ContainerLock},
    sys::beneath,
};

/// As many links as the kernel follows in one path.
const MOST_LINKS: usize = 40;
const PIECE: usize = 256 << 10;

/// Where what comes out of a container goes.
pub enum CopyTo {
    /// A path of this host.
    Host(PathBuf),
    /// A tar.
    Archive(Box<dyn Write + Send>),
}

/// Where what goes into a container comes from.
pub enum CopyFrom {
    /// A path of this host.
    Host(PathBuf),
    /// A tar, to be unpacked into a directory that is there.
    Archive(Box<dyn Read + Send>),
}

/// A root directory that paths are resolved in.
struct Root {
    directory: OwnedFd,
    /// What the container calls it.
    mounted_on: PathBuf,
    /// Whether nothing may be written to it.
    is_read_only: bool,
    /// For as long as it is mounted for us.
    _held: Option<ContainerLock>,
}

/// A path as far as it exists: an open directory and a name in it.
struct Place {
    /// For messages.
    path: PathBuf,
    parent: OwnedFd,
    /// `.` for the root itself.
    name: OsString,
    /// What the root itself is called, where that is a mount.
    root_name: Option<OsString>,
    /// What is there.
    stat: Option<Stat>,
    /// It was said to be a directory: by a slash or by `/.` at its end.
    wants_directory: bool,
    /// Its content is meant, not the directory itself.
    means_content: bool,
}

impl Lifecycle {
    /// What is at a path in a container.
    pub fn path_details(&self, request: &CopyRequest) -> Result<PathDetails> {
        let root = self.root_of(&request.id, &request.path)?;
        let path = root.inside(&request.path);
        let place = root.place(&path, request.follow_link)?.found()?;
        Ok(place.details().expect("found() has seen it"))
    }

    /// Copies a file or a directory out of a container.
    pub fn copy_out(&self, request: &CopyRequest, to: CopyTo) -> Result<()> {
        let root = self.root_of(&request.id, &request.path)?;
        let path = root.inside(&request.path);
        let source = root.place(&path, request.follow_link)?.found()?;
        self.tell_of_copy("archive-path", &request.id);
        match to {
            // A directory's content has the directory itself as its first entry.
            CopyTo::Archive(out) if source.means_content => source.pack(b".", out),
            CopyTo::Archive(out) => source.pack(source.entry_name(), out),
            CopyTo::Host(path) => {
                let target = Root::of_host()?.place(&path, true)?;
                let owner = (!request.keep_owner).then(|| {
                    let ids = (nix::unistd::geteuid(), nix::unistd::getegid());
                    (ids.0.as_raw(), ids.1.as_raw())
                });
                transfer(&source, &target, owner)
            }
        }
    }

    fn tell_of_copy(&self, action: &str, id: &ContainerId) {
        // It may be gone by now.
        if let Ok(record) = self.store.load(id) {
            self.tell(&record, action, &[]);
        }
    }

    /// Copies a file or a directory into a container.
    pub fn copy_in(&self, request: &CopyRequest, from: CopyFrom) -> Result<()> {
        let root = self.root_of(&request.id, &request.path)?;
        if root.is_read_only {
            return Err(Error::Invalid(match root.mounted_on == Path::new("/") {
                true => "its root file system is read-only".into(),
                false => format!("{} is mounted read-only", root.mounted_on.display()),
            }));
        }
        let target = root.place(&root.inside(&request.path), true)?;
        if request.unchanged.is_some() && target.details() != request.unchanged {
            let path = request.path.display();
            return Err(Error::Invalid(format!("{path} was changed meanwhile")));
        }
        // On both sides: whoever measures meanwhile does not see all of it.
        self.note_change(&request.id, &root)?;
        let copied = match from {
            CopyFrom::Archive(source) => {
                let directory = target.found()?.open_directory()?;
                layer::unpack_into(directory, source, None)?;
                Ok(())
            }
            CopyFrom::Host(path) => {
                let source = Root::of_host()?
                    .place(&path, request.follow_link)?
                    .found()?;
                let owner = (!request.keep_owner).then_some((0, 0));
                transfer(&source, &target, owner)
            }
        };
        self.note_change(&request.id, &root)?;
        if copied.is_ok() {
            self.tell_of_copy("extract-to-dir", &request.id);
        }
        copied
    }

    /// Notes that a container's own files, or those of a volume, were written to beside its
    /// runs.
    fn note_change(&self, id: &ContainerId, root: &Root) -> Result<()> {
        if root.mounted_on == Path::new("/") {
            let changed = self.paths(id).changed();
            return layer::usage::note_change(&changed).map_err(failed("write", &changed));
        }
        let record = self.store.load(id)?;
        let mut mounts = record.config.mounts.iter();
        let mount = mounts.find(|mount| mount.target == root.mounted_on);
        match mount.and_then(Mount::volume_name) {
            Some(name) => Ok(self.volumes().touch(name)?),
            None => Ok(()),
        }
    }

    /// The root of a container as it is now; of a stopped one that of the mount that a
    /// path lies in.
    fn root_of(&self, id: &ContainerId, path: &Path) -> Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        loop {
            let container = self.settled(id)?;
            if let Some(pid) = container.pid.filter(|_| container.state.has_process()) {
                let path = format!("/proc/{pid}/root");
                let directory = open(path.as_str(), flags, Mode::empty());
                // Its process number may have been given away meanwhile.
                if self.inspect(id)?.pid != Some(pid) {
                    continue;
                }
                let directory = directory.map_err(|e| failed("open", path)(e.into()))?;
                return Ok(Root {
                    directory,
                    mounted_on: "/".into(),
                    is_read_only: container.config.read_only,
                    _held: None,
                });
            }
            let held = self.store.lock(id)?;
            if self.inspect(id)?.state.has_process() || self.busy_shim(id)?.is_some() {
                drop(held);
                continue;
            }
            let record = self.store.load(id)?;
            let config = &record.config;
            let wanted = clean(path);
            let mounts = config.mounts.iter().enumerate();
            let innermost = mounts
                .filter(|(_, mount)| wanted.starts_with(&mount.target))
                .max_by_key(|(_, mount)| mount.target.components().count());
            if let Some((n, mount)) = innermost {
                let mut sources = spec::open_sources(config, &self.volumes())?;
                // What memory held went with its run.
                if let Some(source) = sources.swap_remove(n) {
                    let directory = open(&source.path, flags, Mode::empty());
                    let directory = directory.map_err(|e| failed("open", path)(e.into()))?;
                    return Ok(Root {
                        directory,
                        mounted_on: mount.target.clone(),
                        is_read_only: mount.read_only || source.read_only,
                        _held: Some(held),
                    });
                }
            }
            let overlay = self.overlay(&record)?;
            let directory = mount_overlay(&overlay).map_err(|error| {
                failed("mount", &overlay.upper)(io::Error::other(error.to_string()))
            })?;
            return Ok(Root {
                directory,
                mounted_on: "/".into(),
                is_read_only: config.read_only,
                _held: Some(held),
            });
        }
    }
}

impl Root {
    fn of_host() -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open("/", flags, Mode::empty());
        Ok(Self {
            directory: directory.map_err(|e| failed("open", "/")(e.into()))?,
            mounted_on: "/".into(),
            is_read_only: false,
            _held: None,
        })
    }

    /// A path of the container as one of this root. How it ends says what is meant.
    fn inside(&self, path: &Path) -> PathBuf {
        if self.mounted_on == Path::new("/") {
            return path.to_owned();
        }
        let wanted = clean(path);
        let rest = wanted.strip_prefix(&self.mounted_on).unwrap_or(&wanted);
        let mut inside = Path::new("/").join(rest).into_os_string();
        let text = path.as_os_str().as_bytes();
        match (text.ends_with(b"/."), text.ends_with(b"/")) {
            (true, _) => inside.push("/."),
            (_, true) => inside.push("/"),
            _ => {}
        }
        inside.into()
    }

    /// Finds a path's place; at its end a link is only followed if that is asked for, or if
    /// a directory is.
    fn place(&self, path: &Path, follow: bool) -> Result<Place> {
        let text = path.as_os_str().as_bytes();
        let means_content = text.ends_with(b"/.") || text == b".";
        let wants_directory = means_content || text.ends_with(b"/");
        let mut current = clean(path);
        for _ in 0..MOST_LINKS {
            let (parent, name) = match (current.parent(), current.file_name()) {
                (Some(parent), Some(name)) => (parent, name.to_owned()),
                _ => (Path::new("/"), OsString::from(".")),
            };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let parent_fd = beneath::open(&self.directory, &c_path(parent)?, flags);
            let parent_fd = parent_fd.map_err(|error| match error {
                Errno::NOENT | Errno::NOTDIR => {
                    failed("find", path)(io::ErrorKind::NotFound.into())
                }
                error => failed("open", parent)(error.into()),
            })?;
            let stat = match statat(&parent_fd, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => Some(stat),
                Err(Errno::NOENT) => None,
                Err(error) => return Err(failed("look at", path)(error.into())),
            };
            let is_link = stat.is_some_and(|stat| kind(&stat) == FileType::Symlink);
            if is_link && (follow || wants_directory) {
                let target = readlinkat(&parent_fd, name.as_os_str(), Vec::new());
                let target = target.map_err(|e| failed("read", path)(e.into()))?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                // `..` of a link is that of the directory it leads through, which only the
                // kernel knows: what of the target is a directory is resolved by it.
                current = self.resolve(&parent_fd, parent, &target)?;
                continue;
            }
            return Ok(Place {
                path: path.to_owned(),
                parent: parent_fd,
                name,
                root_name: self.mounted_on.file_name().map(OsString::from),
                stat,
                wants_directory,
                means_content,
            });
        }
        Err(failed("follow", path)(Errno::LOOP.into()))
    }

    /// Where a link leads, as a path without links and dots but for its last component.
    fn resolve(&self, parent: &OwnedFd, parent_path: &Path, target: &Path) -> Result<PathBuf> {
        if target.is_absolute() {
            return Ok(clean(target));
        }
        // The kernel says where the link really lies, relative to our root.
        let here = std::fs::read_link(format!("/proc/self/fd/{}", parent.as_raw_fd()))
            .map_err(failed("read", parent_path))?;
        let root = std::fs::read_link(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
            .map_err(failed("read", "/"))?;
        let here = match here.strip_prefix(&root) {
            Ok(inside) => Path::new("/").join(inside),
            Err(_) => parent_path.to_owned(),
        };
        Ok(clean(&here.join(target)))
    }
}

impl Place {
    /// The same if something is there, of the kind that was said.
    fn found(self) -> Result<Self> {
        let Some(stat) = &self.stat else {
            return Err(failed("find", &self.path)(io::ErrorKind::NotFound.into()));
        };
        if self.wants_directory && kind(stat) != FileType::Directory {
            return Err(failed("open", &self.path)(
                io::ErrorKind::NotADirectory.into(),
            ));
        }
        Ok(self)
    }

    /// What is there.
    fn details(&self) -> Option<PathDetails> {
        let stat = self.stat?;
        let name = match self.name == "." {
            true => match &self.root_name {
                Some(name) => name.to_string_lossy().into_owned(),
                None => "/".into(),
            },
            false => self.name.to_string_lossy().into_owned(),
        };
        let link_target = match kind(&stat) {
            FileType::Symlink => readlinkat(&self.parent, self.name.as_os_str(), Vec::new())
                .ok()
                .map(|target| PathBuf::from(OsString::from_vec(target.into_bytes()))),
            _ => None,
        };
        Some(PathDetails {
            name,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mode: stat.st_mode,
            modified: jiff::Timestamp::new(stat.st_mtime, stat.st_mtime_nsec as i32)
                .unwrap_or_default(),
            link_target,
        })
    }

    fn is_directory(&self) -> bool {
        self.stat
            .is_some_and(|stat| kind(&stat) == FileType::Directory)
    }

    fn open_directory(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&self.parent, self.name.as_os_str(), flags, Mode::empty())
            .map_err(|e| failed("open", &self.path)(e.into()))
    }

    /// Its name in an archive; none for a directory's content.
    fn entry_name(&self) -> &[u8] {
        match &self.root_name {
            _ if self.means_content => b"",
            Some(name) if self.name == "." => name.as_bytes(),
            None if self.name == "." => b"",
            _ => self.name.as_bytes(),
        }
    }

    fn pack(&self, name: &[u8], out: impl Write) -> Result<()> {
        let out = BufWriter::with_capacity(PIECE, out);
        Ok(layer::pack_entry(&self.parent, &self.name, name, out)?)
    }
}

/// Docker's rules of what goes where.
fn transfer(source: &Place, target: &Place, owner: Option<(u32, u32)>) -> Result<()> {
    let refused = |reason: &str| {
        Err(Error::Invalid(format!(
            "{}: {reason}",
            target.path.display()
        )))
    };
    let (directory, name) = match (source.is_directory(), &target.stat) {
        (false, None) if target.wants_directory => {
            return refused("there is no such directory to copy the file into");
        }
        (true, Some(_)) if !target.is_directory() => {
            return refused("a directory can't take the place of a file");
        }
        (false, Some(_)) if target.wants_directory && !target.is_directory() => {
            return refused("it is no directory");
        }
        (_, Some(_)) if target.is_directory() => (target.open_directory()?, source.entry_name()),
        _ => (
            target
                .parent
                .try_clone()
                .map_err(failed("open", &target.path))?,
            target.name.as_bytes(),
        ),
    };
    let (reader, writer) = io::pipe().map_err(failed("make a pipe for", &source.path))?;
    thread::scope(|scope| {
        let packing = scope.spawn(move || source.pack(name, writer));
        let unpacked = layer::unpack_into(directory, reader, owner);
        match packing.join() {
            // Whoever unpacks has told why it listens no more.
            Ok(Err(Error::Layer(layer::Error::Sink(_)))) | Ok(Ok(())) => {
                unpacked?;
                Ok(())
            }
            // The unpacking then only saw an archive that ends in the middle.
            Ok(Err(error)) => Err(error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// An absolute path without `.`, `..` and doubled slashes, by its text as docker does it.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::Invalid("a path can't hold a zero byte".into()))
}
