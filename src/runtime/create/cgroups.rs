//! `/sys/fs/cgroup` as a container sees it: its own groups, read-only if asked.
//!
//! Read-only is an attribute of the mount. The `ro` option of the file system itself
//! would be the superblock's, which the host shares: v1 ignores it, and a container
//! could then lift its own limits.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, mkdirat, symlinkat};

use crate::sys::beneath::{self, Kind};
use crate::sys::cgroup::{Cgroup, Version};
use crate::sys::mount::{self, Attributes, RDONLY, clone_tree, set_attributes};

use super::error::{Error, Result};
use super::mounts::{FileSystem, c_path, c_text, read_only};

/// What goes to the mount point of type `cgroup`.
#[derive(Debug)]
pub(super) struct CgroupTrees {
    /// The one v2 tree, or a tmpfs for a directory a hierarchy.
    top: Tree,
    hierarchies: Vec<(CString, Tree)>,
    /// `cpu -> cpu,cpuacct`.
    links: Vec<(CString, CString)>,
    /// Seal the tmpfs when it is filled.
    read_only: bool,
}

#[derive(Debug)]
enum Tree {
    New(FileSystem),
    /// Without a cgroup namespace a new mount would show the host's root: the
    /// container's own directory is bound instead.
    Bind {
        source: CString,
        attributes: Attributes,
    },
}

impl Tree {
    fn make(&self) -> rustix::io::Result<OwnedFd> {
        match self {
            Self::New(file_system) => file_system.make(),
            Self::Bind { source, attributes } => {
                let tree = clone_tree(CWD, source, true)?;
                set_attributes(&tree, true, *attributes)?;
                Ok(tree)
            }
        }
    }
}

/// Look at what the host has mounted and decide.
pub(super) fn plan(
    kind: &str,
    attributes: u64,
    own_namespace: bool,
    cgroup: Option<&Cgroup>,
) -> Result<CgroupTrees> {
    let Some(cgroup) = cgroup else {
        return Err(Error::unsupported(format!(
            "mounts: {kind} of a container without control groups"
        )));
    };
    let hierarchies: Vec<_> = cgroup.hierarchies().collect();
    let tree = |version, directory: &Path, controllers: &[String]| {
        if own_namespace {
            new_tree(version, controllers, attributes).map(Tree::New)
        } else {
            Ok(Tree::Bind {
                source: c_path(directory)?,
                attributes: Attributes {
                    set: attributes,
                    propagation: libc::MS_SLAVE,
                    ..Attributes::default()
                },
            })
        }
    };
    if let [(Version::V2, mount, _)] = hierarchies.as_slice() {
        return Ok(CgroupTrees {
            top: tree(Version::V2, &mount.join(cgroup.path()), &[])?,
            hierarchies: Vec::new(),
            links: Vec::new(),
            read_only: false,
        });
    }
    let mut trees = Vec::new();
    let mut links = Vec::new();
    for (version, mount, controllers) in hierarchies {
        let Some(name) = mount.file_name() else {
            continue;
        };
        let name = c_path(Path::new(name))?;
        for controller in controllers {
            let link = c_text("cgroup", controller)?;
            // `cpu` of the directory `cpu,cpuacct`; not the v2 tree's, nor `name=x`.
            if version == Version::V1 && controllers.len() > 1 && link != name {
                links.push((name.clone(), link));
            }
        }
        trees.push((
            name,
            tree(version, &mount.join(cgroup.path()), controllers)?,
        ));
    }
    Ok(CgroupTrees {
        top: Tree::New(FileSystem {
            kind: c"tmpfs".to_owned(),
            source: Some(c"tmpfs".to_owned()),
            data: vec![(c"mode".to_owned(), Some(c"755".to_owned()))],
            attributes: attributes & !RDONLY,
        }),
        hierarchies: trees,
        links,
        read_only: attributes & RDONLY != 0,
    })
}

fn new_tree(version: Version, controllers: &[String], attributes: u64) -> Result<FileSystem> {
    let mut data = Vec::new();
    if version == Version::V1 {
        for controller in controllers {
            data.push(match controller.strip_prefix("name=") {
                Some(name) => (c"name".to_owned(), Some(c_text("cgroup", name)?)),
                None => (c_text("cgroup", controller)?, None),
            });
        }
    }
    let (kind, source) = match version {
        Version::V1 => (c"cgroup", c"cgroup"),
        Version::V2 => (c"cgroup2", c"cgroup"),
    };
    Ok(FileSystem {
        kind: kind.to_owned(),
        source: Some(source.to_owned()),
        data,
        attributes,
    })
}

impl CgroupTrees {
    /// Child: what goes to the mount point itself.
    pub fn make(&self) -> rustix::io::Result<OwnedFd> {
        self.top.make()
    }

    /// Child: what goes below, once that is attached.
    pub fn fill(&self, top: BorrowedFd<'_>) -> rustix::io::Result<()> {
        for (name, tree) in &self.hierarchies {
            mkdirat(top, name.as_c_str(), 0o755.into())?;
            let target = beneath::make(top, name, Kind::Directory)?;
            mount::attach(tree.make()?.as_fd(), &target)?;
        }
        for (name, link) in &self.links {
            symlink(name, top, link)?;
        }
        if self.read_only {
            set_attributes(top, false, read_only())?;
        }
        Ok(())
    }
}

fn symlink(target: &CStr, directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
    symlinkat(target, directory, name)
}
