//! Where the host's side of a mount really is, opened so that nobody can exchange it.
//!
//! A container writes to what is mounted into it, and may put a symbolic link there. A
//! bind of the same container whose source leads through such a link would then show it
//! whatever of the host it likes: so no source may. The path is walked here, link by
//! link; what it leads to is opened with no link followed at all, and that descriptor is
//! what is mounted, so that a link put in place between check and use is refused too.

use std::{
    collections::VecDeque,
    ffi::{CString, OsString},
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

use super::{Error, Result};
use crate::{
    model::{ContainerConfig, Mount, MountKind, VolumeMount},
    sys::beneath,
    volume::Volumes,
};

/// As many links as the kernel follows in one path.
const MOST_LINKS: usize = 40;

/// The host's side of a mount, ready to be bound.
#[derive(Debug)]
pub struct Opened {
    /// A path that stands for it as long as this value lives.
    pub path: PathBuf,
    /// Whether what is mounted below comes along.
    pub recursive: bool,
    /// Whether it may not be written, whatever the mount says.
    pub read_only: bool,
    _held: OwnedFd,
}

/// The host's side of each mount of a container, in their order; none for memory. Missing
/// sources of `-v` are made.
pub fn open_all(config: &ContainerConfig, volumes: &Volumes) -> Result<Vec<Option<Opened>>> {
    let own = writable_sources(config, volumes);
    let mounts = config.mounts.iter();
    mounts
        .map(|mount| match &mount.kind {
            MountKind::Bind {
                source,
                recursive,
                create,
                ..
            } => open_bind(source, *create, &own)
                .map(|held| Some(Opened::new(held, *recursive, false))),
            MountKind::Volume(volume) => open_volume(volume, volumes).map(Some),
            MountKind::Tmpfs { .. } => Ok(None),
        })
        .collect()
}

/// Refuses binds whose source is not there or leads through a link of the container's
/// own; nothing is made.
pub fn check_all(config: &ContainerConfig, volumes: &Volumes) -> Result<()> {
    let own = writable_sources(config, volumes);
    for mount in &config.mounts {
        if let MountKind::Bind { source, create, .. } = &mount.kind
            && let Walked::Missing { .. } = walk(source, &own)?
            && !create
        {
            return Err(missing(source));
        }
    }
    Ok(())
}

impl Opened {
    fn new(held: OwnedFd, recursive: bool, read_only: bool) -> Self {
        Self {
            path: format!("/proc/self/fd/{}", held.as_raw_fd()).into(),
            recursive,
            read_only,
            _held: held,
        }
    }
}

/// Directories of the host that the container can write to, as they really lie.
fn writable_sources(config: &ContainerConfig, volumes: &Volumes) -> Vec<PathBuf> {
    let source = |mount: &Mount| match &mount.kind {
        _ if mount.read_only => None,
        MountKind::Bind { source, .. } => fs::canonicalize(source).ok(),
        MountKind::Volume(volume) => {
            let source = volumes.source(volume.name.as_deref()?).ok()?;
            fs::canonicalize(source.path).ok()
        }
        MountKind::Tmpfs { .. } => None,
    };
    // Who has the whole host can write there anyway.
    let sources = config.mounts.iter().filter_map(source);
    sources.filter(|path| path != Path::new("/")).collect()
}

fn open_bind(source: &Path, create: bool, own: &[PathBuf]) -> Result<OwnedFd> {
    let real = match walk(source, own)? {
        Walked::Found(real) => real,
        Walked::Missing { real, rest } if create => {
            let all = real.join(rest);
            fs::create_dir_all(&all).map_err(io_error("make", &all))?;
            all
        }
        Walked::Missing { .. } => return Err(missing(source)),
    };
    let name = c_path(&real)?;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    // What /proc calls a link may be no path at all, such as a namespace: its own
    // resolution is the kernel's, and no container's mount holds it.
    let resolve = match real.starts_with("/proc") || real.starts_with("/dev/fd") {
        true => ResolveFlags::empty(),
        false => ResolveFlags::NO_SYMLINKS,
    };
    openat2(CWD, &name, flags, Mode::empty(), resolve).map_err(|errno| match errno {
        rustix::io::Errno::LOOP => Error::Invalid(format!(
            "mount source {} was exchanged for a symbolic link just now",
            source.display()
        )),
        errno => io_error("open", source)(errno.into()),
    })
}

fn open_volume(mount: &VolumeMount, volumes: &Volumes) -> Result<Opened> {
    let name = mount.name.as_deref().unwrap_or_default();
    let invalid = |error: crate::volume::Error| Error::Invalid(error.to_string());
    let source = volumes.source(name).map_err(invalid)?;
    let root = fs::File::open(&source.path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Invalid(format!(
            "the device {} of the volume {name} does not exist",
            source.path.display()
        )),
        _ => io_error("open", &source.path)(error),
    })?;
    let held = match &mount.subpath {
        None => root.into(),
        Some(subpath) => {
            let path = c_path(subpath)?;
            // Inside the volume, whatever links a container put there.
            beneath::open(&root, &path, OFlags::PATH).map_err(|errno| {
                let shown = subpath.display();
                match errno {
                    rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => {
                        Error::Invalid(format!("there is no {shown} in the volume {name}"))
                    }
                    errno => io_error("open", &source.path.join(subpath))(errno.into()),
                }
            })?
        }
    };
    Ok(Opened::new(held, source.recursive, source.read_only))
}

enum Walked {
    /// Where it really is.
    Found(PathBuf),
    /// How far it exists, and what is missing from there on.
    Missing { real: PathBuf, rest: PathBuf },
}

/// Follows a path of the host as the kernel would, and refuses a link that lies where the
/// container can write.
fn walk(source: &Path, own: &[PathBuf]) -> Result<Walked> {
    let mut real = PathBuf::from("/");
    let mut rest: VecDeque<OsString> = parts(source).collect();
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&name);
        let found = match fs::symlink_metadata(&next) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let rest = std::iter::once(name).chain(rest).collect();
                return Ok(Walked::Missing { real, rest });
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(missing(source));
            }
            Err(error) => return Err(io_error("look at", &next)(error)),
        };
        if !found.is_symlink() || next.starts_with("/proc") {
            real = next;
            continue;
        }
        if let Some(whose) = own.iter().find(|own| real.starts_with(own)) {
            return Err(Error::Invalid(format!(
                "mount source {} passes through the symbolic link {}, which the container can \
                 change: it lies in {}, which is mounted into it too; name the real path",
                source.display(),
                next.display(),
                whose.display()
            )));
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(io_error("follow", source)(rustix::io::Errno::LOOP.into()));
        }
        let target = fs::read_link(&next).map_err(io_error("read", &next))?;
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
            rest.push_front(part);
        }
    }
    Ok(Walked::Found(real))
}

fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

fn missing(source: &Path) -> Error {
    Error::Invalid(format!("mount source {} does not exist", source.display()))
}

fn io_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        operation,
        path,
        source,
    }
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Error::Invalid("a path can't hold a NUL byte".into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn bind(source: &Path, target: &str) -> Mount {
        Mount {
            kind: MountKind::Bind {
                source: source.to_owned(),
                create: false,
                propagation: None,
                recursive: true,
                writable_below: false,
            },
            target: target.into(),
            read_only: false,
        }
    }

    fn volumes(dir: &Path) -> Volumes {
        Volumes::new(dir.join("volumes"), dir.join("run"))
    }

    fn config(mounts: Vec<Mount>) -> ContainerConfig {
        ContainerConfig {
            mounts,
            ..ContainerConfig::default()
        }
    }

    #[test]
    fn link_in_what_the_container_writes_is_refused_and_one_beside_it_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (own, beside) = (dir.path().join("own"), dir.path().join("beside"));
        fs::create_dir(&own).unwrap();
        fs::create_dir(&beside).unwrap();
        symlink("/etc", own.join("link")).unwrap();
        symlink(&beside, dir.path().join("good")).unwrap();
        let volumes = volumes(dir.path());

        let good = config(vec![
            bind(&own, "/own"),
            bind(&dir.path().join("good"), "/x"),
        ]);
        check_all(&good, &volumes).unwrap();
        let opened = open_all(&good, &volumes).unwrap();
        let second = opened[1].as_ref().unwrap();
        assert_eq!(fs::read_link(&second.path).unwrap(), beside);

        for source in ["own/link", "own/link/ssl", "own/../own/link"] {
            let bad = config(vec![
                bind(&own, "/own"),
                bind(&dir.path().join(source), "/x"),
            ]);
            let refused = check_all(&bad, &volumes).unwrap_err().to_string();
            assert!(refused.contains("symbolic link"), "{refused}");
            assert!(open_all(&bad, &volumes).is_err());
        }
        // Where it can only read, the link is the user's own.
        let mut read_only = bind(&own, "/own");
        read_only.read_only = true;
        let good = config(vec![read_only, bind(&own.join("link"), "/x")]);
        check_all(&good, &volumes).unwrap();
    }

    #[test]
    fn missing_source_is_told_or_made() {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("a/b");
        let mut mount = bind(&source, "/x");
        let volumes = volumes(dir.path());
        assert!(check_all(&config(vec![mount.clone()]), &volumes).is_err());
        let MountKind::Bind { create, .. } = &mut mount.kind else {
            unreachable!("it is a bind");
        };
        *create = true;
        check_all(&config(vec![mount.clone()]), &volumes).unwrap();
        assert!(!source.exists());
        open_all(&config(vec![mount]), &volumes).unwrap();
        assert!(source.is_dir());
    }

    #[test]
    fn subpath_of_a_volume_never_leaves_it() {
        let dir = tempfile::tempdir().unwrap();
        let volumes = volumes(dir.path());
        let held = volumes.lock().unwrap();
        let request = crate::model::VolumeCreateRequest {
            name: Some("data".into()),
            ..Default::default()
        };
        let (made, _) = volumes.create(&held, &request, "data").unwrap();
        fs::create_dir(made.mountpoint.join("etc")).unwrap();
        symlink("/etc", made.mountpoint.join("link")).unwrap();
        let with = |subpath: &str| Mount {
            kind: MountKind::Volume(VolumeMount {
                name: Some("data".into()),
                subpath: Some(subpath.into()),
                ..VolumeMount::default()
            }),
            ..Mount::anonymous("/x")
        };
        for subpath in ["etc", "link", "../../etc"] {
            let opened = open_all(&config(vec![with(subpath)]), &volumes).unwrap();
            let path = fs::read_link(&opened[0].as_ref().unwrap().path).unwrap();
            assert_eq!(path, made.mountpoint.join("etc"), "{subpath}");
        }
        assert!(open_all(&config(vec![with("none")]), &volumes).is_err());
    }
}
