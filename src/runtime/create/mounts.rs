//! The mounts of a container: prepared by the parent, attached by the child.
//!
//! A bind is cloned and given its attributes before the child exists: its source is
//! then looked up with the host's eyes, and no one can exchange it. A new file system is
//! made by the child, since it belongs to the namespaces of whoever makes it. Where
//! it goes is resolved by the kernel inside the container's root, in the child.

use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use oci_spec::runtime::{Mount, Spec};
use rustix::fs::{CWD, FsWord, OFlags, PROC_SUPER_MAGIC, fstatfs};
use rustix::io::Errno;

use crate::sys::beneath::{self, Kind};
use crate::sys::mount::{self, Attributes, Context, RDONLY, clone_tree, set_attributes};

use super::cgroups::{self, CgroupTrees};
use super::error::{At, Error, Failure, Result, Stage, Trying};
use super::namespaces::Namespaces;
use super::options::Options;

/// One mount, ready to be attached.
#[derive(Debug)]
pub(super) struct Planned {
    /// Where, inside the root.
    pub destination: CString,
    source: Source,
    propagation: Vec<(u64, bool)>,
    /// Made read-only last, when all that lies on it is mounted.
    read_only_last: bool,
    /// The mount, once made and if it is still needed.
    tree: RefCell<Option<OwnedFd>>,
}

#[derive(Debug)]
enum Source {
    /// Of the host, ready; what its mount point must be, and whether it is procfs.
    Bind {
        tree: OwnedFd,
        kind: Kind,
        is_proc: bool,
    },
    /// To be made by the child.
    New(FileSystem),
    /// The host's cgroup hierarchies.
    Cgroups(CgroupTrees),
}

/// A file system to be made.
#[derive(Debug)]
pub(super) struct FileSystem {
    pub kind: CString,
    pub source: Option<CString>,
    pub data: Vec<(CString, Option<CString>)>,
    pub attributes: u64,
}

/// Single files of procfs that a bind may cover: lxcfs shows a container its own limits
/// there. The same list as runc's.
const COVERABLE: [&CStr; 11] = [
    c"/proc/cpuinfo",
    c"/proc/diskstats",
    c"/proc/meminfo",
    c"/proc/stat",
    c"/proc/swaps",
    c"/proc/uptime",
    c"/proc/loadavg",
    c"/proc/slabinfo",
    c"/proc/net/dev",
    c"/proc/sys/kernel/ns_last_pid",
    c"/proc/sys/crypto/fips_enabled",
];

/// Read the mounts of a specification. `trees` are mounts that are there already; `base`
/// is the propagation that the container's copy of the host's mounts gets.
pub(super) fn plan(
    spec: &Spec,
    bundle: &Path,
    trees: &[(PathBuf, OwnedFd)],
    base: u64,
    namespaces: &Namespaces,
    cgroup: Option<&crate::sys::cgroup::Cgroup>,
) -> Result<Vec<Planned>> {
    let mounts = spec.mounts().iter().flatten();
    mounts
        .map(|mount| Planned::new(mount, bundle, trees, base, namespaces, cgroup))
        .collect()
}

impl Planned {
    fn new(
        mount: &Mount,
        bundle: &Path,
        trees: &[(PathBuf, OwnedFd)],
        base: u64,
        namespaces: &Namespaces,
        cgroup: Option<&crate::sys::cgroup::Cgroup>,
    ) -> Result<Self> {
        let name = mount.destination().display().to_string();
        if mount.uid_mappings().is_some() || mount.gid_mappings().is_some() {
            return Err(Error::unsupported(format!("mounts: id mappings of {name}")));
        }
        let destination = destination(mount.destination())?;
        let empty = Vec::new();
        let mut options = Options::parse(&name, mount.options().as_ref().unwrap_or(&empty))?;
        let kind = mount.typ().as_deref().unwrap_or("none");
        let mut read_only_last = false;
        let source = if options.bind || kind == "bind" {
            bind(mount, bundle, trees, base, &options)?
        } else {
            match kind {
                "none" | "" => {
                    return Err(Error::invalid(format!("mounts: {name}"), "it has no type"));
                }
                "cgroup" | "cgroup2" => Source::Cgroups(cgroups::plan(
                    kind,
                    options.attributes.set,
                    namespaces.has_cgroup(),
                    cgroup,
                )?),
                _ => {
                    // What is mounted on a tmpfs may first need a directory in it.
                    if kind == "tmpfs" && options.attributes.set & RDONLY != 0 {
                        options.attributes.set &= !RDONLY;
                        read_only_last = true;
                    }
                    Source::New(file_system(kind, mount, &mut options)?)
                }
            }
        };
        Ok(Self {
            destination,
            source,
            propagation: options.propagation,
            read_only_last,
            tree: RefCell::new(None),
        })
    }

    /// Whether it is a bind on `destination`.
    pub fn is_bind_on(&self, destination: &CStr) -> bool {
        matches!(self.source, Source::Bind { .. }) && self.destination.as_c_str() == destination
    }

    /// Child: make it and put it where it belongs.
    pub fn attach(&self, root: BorrowedFd<'_>, item: usize) -> std::result::Result<(), Failure> {
        match &self.source {
            Source::Bind { tree, .. } => self.put(root, tree.as_fd(), item),
            Source::New(file_system) => {
                let tree = file_system.make().at_item(Stage::MountNew, item)?;
                self.put(root, tree.as_fd(), item)?;
                if self.read_only_last {
                    self.tree.replace(Some(tree));
                }
                Ok(())
            }
            Source::Cgroups(trees) => {
                let tree = trees.make().at_item(Stage::MountNew, item)?;
                self.put(root, tree.as_fd(), item)?;
                trees.fill(tree.as_fd()).at_item(Stage::MountNew, item)
            }
        }
    }

    fn put(
        &self,
        root: BorrowedFd<'_>,
        tree: BorrowedFd<'_>,
        item: usize,
    ) -> std::result::Result<(), Failure> {
        let target = self.target(root).at_item(Stage::MountPoint, item)?;
        self.check_inside_proc(&target)
            .at_item(Stage::InsideProc, item)?;
        mount::attach(tree, &target).at_item(Stage::Attach, item)?;
        for (propagation, recursive) in &self.propagation {
            let attributes = Attributes {
                propagation: *propagation,
                ..Attributes::default()
            };
            set_attributes(tree, *recursive, attributes).at_item(Stage::MountOption, item)?;
        }
        Ok(())
    }

    /// The mount point, made if missing. procfs and sysfs go on a plain directory only:
    /// the checks of the paths below them (masked, read-only) look at what is there,
    /// and an image's `/proc -> /elsewhere` would lead them astray (CVE-2019-16884).
    fn target(&self, root: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
        let kind = match &self.source {
            Source::Bind { kind, .. } => *kind,
            Source::New(FileSystem { kind, .. }) => {
                if matches!(kind.as_bytes(), b"proc" | b"sysfs") {
                    let flags = OFlags::PATH | OFlags::DIRECTORY;
                    match beneath::open_without_links(root, &self.destination, flags) {
                        Err(Errno::NOENT) => {}
                        found => return found,
                    }
                }
                Kind::Directory
            }
            Source::Cgroups(_) => Kind::Directory,
        };
        beneath::make(root, &self.destination, kind)
    }

    /// Nothing covers a part of procfs: a program that reads or writes there (its own
    /// attributes, say) must reach the kernel. What the path really led to decides,
    /// not how it is spelt.
    fn check_inside_proc(&self, target: &OwnedFd) -> rustix::io::Result<()> {
        if fstatfs(target)?.f_type as FsWord != PROC_SUPER_MAGIC {
            return Ok(());
        }
        let replaces_proc = match &self.source {
            Source::Bind { is_proc, .. } => *is_proc,
            Source::New(file_system) => file_system.kind.as_bytes() == b"proc",
            Source::Cgroups(_) => false,
        };
        if replaces_proc || COVERABLE.contains(&self.destination.as_c_str()) {
            return Ok(());
        }
        Err(Errno::PERM)
    }

    /// Child: make it read-only if that was put off.
    pub fn seal(&self) -> rustix::io::Result<()> {
        match self.tree.take() {
            Some(tree) => set_attributes(tree, false, read_only()),
            None => Ok(()),
        }
    }
}

impl FileSystem {
    /// Child: make it, detached.
    pub fn make(&self) -> rustix::io::Result<OwnedFd> {
        let context = Context::open(&self.kind)?;
        if let Some(source) = &self.source {
            context.set(c"source", Some(source))?;
        }
        for (key, value) in &self.data {
            context.set(key, value.as_deref())?;
        }
        context.mount(self.attributes)
    }
}

/// The attribute change that makes a mount read-only.
pub(super) fn read_only() -> Attributes {
    Attributes {
        set: RDONLY,
        ..Attributes::default()
    }
}

fn file_system(kind: &str, mount: &Mount, options: &mut Options) -> Result<FileSystem> {
    let name = || mount.destination().display().to_string();
    if !options.recursive_attributes.is_empty() {
        return Err(Error::unsupported(format!(
            "a recursive mount option of {} ({kind})",
            name()
        )));
    }
    // These are per mount in our hands and per superblock in mount(2)'s; only a file
    // system on a device must itself know that it may not write.
    let virtual_kinds = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "ramfs"];
    if options.attributes.set & RDONLY != 0 && !virtual_kinds.contains(&kind) {
        options.data.push((c"ro".to_owned(), None));
    }
    let source = mount.source().as_ref().map(|source| c_path(source));
    Ok(FileSystem {
        kind: c_text("mounts: type", kind)?,
        source: source.transpose()?,
        data: std::mem::take(&mut options.data),
        attributes: options.attributes.set,
    })
}

fn bind(
    mount: &Mount,
    bundle: &Path,
    trees: &[(PathBuf, OwnedFd)],
    base: u64,
    options: &Options,
) -> Result<Source> {
    let Some(source) = mount.source() else {
        return Err(Error::invalid(
            format!("mounts: {}", mount.destination().display()),
            "a bind needs a source",
        ));
    };
    let source = bundle.join(source);
    let tree = match trees.iter().find(|(name, _)| *name == source) {
        Some((_, tree)) => tree.try_clone(),
        None => clone_tree(CWD, &c_path(&source)?, options.recursive).map_err(std::io::Error::from),
    };
    let tree = tree.trying(|| format!("bind {}", source.display()))?;
    let step = || {
        format!(
            "set the options of the bind of {} on {}",
            source.display(),
            mount.destination().display()
        )
    };
    // The clone is a peer of a shared mount of the host: what is mounted inside would
    // show outside. The base first, then what was asked.
    if base != libc::MS_SHARED {
        let attributes = Attributes {
            propagation: base,
            ..Attributes::default()
        };
        set_attributes(&tree, true, attributes).trying(step)?;
    }
    if !options.recursive_attributes.is_empty() {
        set_attributes(&tree, true, options.recursive_attributes).trying(step)?;
    }
    if !options.attributes.is_empty() {
        set_attributes(&tree, false, options.attributes).trying(step)?;
    }
    let is_directory = beneath::is_directory(&tree).trying(step)?;
    let is_proc = fstatfs(&tree).trying(step)?.f_type as FsWord == PROC_SUPER_MAGIC;
    Ok(Source::Bind {
        kind: if is_directory {
            Kind::Directory
        } else {
            Kind::File
        },
        tree,
        is_proc,
    })
}

/// A destination as runc reads it: an absolute path, a relative one from the root.
fn destination(path: &Path) -> Result<CString> {
    let path = Path::new("/").join(path);
    // Without `//`, `.` and a slash at the end, so that it can be compared.
    let clean: std::path::PathBuf = path.components().collect();
    if clean == Path::new("/") {
        return Err(Error::unsupported("a mount on the root itself"));
    }
    c_path(&clean)
}

pub(super) fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|_| Error::invalid("a path", "it holds a zero byte"))
}

pub(super) fn c_text(field: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid(field, "it holds a zero byte"))
}
