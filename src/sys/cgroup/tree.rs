//! All groups of the host, of every hierarchy, merged by their relative path.
//!
//! The first look lists every directory. Later looks only ask for each known directory
//! whether its count of links is the same: a directory of the kernel's has one for each
//! group below it, so a new one changes the count, and one that vanished can't be asked
//! any more. Of a group that was replaced by another of the same name the inode tells.
//! That is one `stat` a directory, no open. inotify would spare these, but a watch for
//! each directory of nine hierarchies costs the kernel more memory than the tree is
//! worth, and on many hosts the user has too few.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{fs::stat, io::Errno};

use super::{
    Cgroups, Result,
    group::{children, failed},
    hierarchy::Version,
};

/// How many directories are asked in one look, at least one whole hierarchy.
const ASKED_AT_ONCE: usize = 4_000;
/// How many groups of a hierarchy are known at most: beyond, nobody reads the list.
const MOST: usize = 20_000;

/// The groups of the host as they were last seen.
#[derive(Debug)]
pub struct Tree {
    branches: Vec<Branch>,
    /// The next hierarchy to be asked.
    next: usize,
    merged: Vec<Found>,
    is_cut: bool,
}

/// A group that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path below the mounts; empty for the root.
    pub path: Arc<str>,
    /// The hierarchies that have it, such as `v2 memory`, or `all`.
    pub hierarchies: Arc<str>,
}

/// One hierarchy's directories by their path.
#[derive(Debug)]
struct Branch {
    /// What it is called in [`Found::hierarchies`].
    name: String,
    mount: PathBuf,
    known: HashMap<Arc<str>, Directory>,
}

#[derive(Debug)]
struct Directory {
    inode: u64,
    links: u64,
    children: Vec<Arc<str>>,
}

impl Tree {
    /// Nothing is known yet.
    pub fn new(cgroups: &Cgroups) -> Self {
        let name = |version, controllers: &[String]| match version {
            Version::V2 => "v2".to_owned(),
            Version::V1 => controllers.join(","),
        };
        let mut branches: Vec<Branch> = cgroups
            .hierarchies
            .iter()
            .map(|hierarchy| Branch {
                name: name(hierarchy.version, &hierarchy.controllers),
                mount: hierarchy.mount.clone(),
                known: HashMap::new(),
            })
            .collect();
        branches.sort_by_key(|branch| branch.name != "v2");
        Self {
            branches,
            next: 0,
            merged: Vec::new(),
            is_cut: false,
        }
    }

    /// Looks again; whether any group came or went. On a host with very many groups a
    /// look asks some hierarchies and the next look the others.
    pub fn refresh(&mut self) -> Result<bool> {
        let mut is_changed = self.merged.is_empty();
        let mut asked = 0;
        let mut failure = None;
        for _ in 0..self.branches.len() {
            let branch = &mut self.branches[self.next];
            asked += branch.known.len();
            match branch.look() {
                Ok(changed) => is_changed |= changed,
                Err(e) => failure = failure.or(Some(e)),
            }
            self.next = (self.next + 1) % self.branches.len();
            if asked > ASKED_AT_ONCE {
                break;
            }
        }
        if is_changed {
            self.merge();
        }
        failure.map_or(Ok(is_changed), Err)
    }

    /// The groups, in no order but parents before their children.
    pub fn groups(&self) -> &[Found] {
        &self.merged
    }

    /// Whether there are more than can be listed.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    fn merge(&mut self) {
        let mut masks: HashMap<Arc<str>, u64> = HashMap::new();
        for (n, branch) in self.branches.iter().enumerate() {
            for path in branch.known.keys() {
                *masks.entry(path.clone()).or_default() |= 1 << n.min(63);
            }
        }
        let mut names: HashMap<u64, Arc<str>> = HashMap::new();
        self.merged = masks
            .into_iter()
            .map(|(path, mask)| Found {
                path,
                hierarchies: names
                    .entry(mask)
                    .or_insert_with(|| words(&self.branches, mask))
                    .clone(),
            })
            .collect();
        self.merged.sort_by(|a, b| a.path.cmp(&b.path));
        self.is_cut = self
            .branches
            .iter()
            .any(|branch| branch.known.len() >= MOST);
    }
}

fn words(branches: &[Branch], mask: u64) -> Arc<str> {
    let has = |n: usize| mask & 1 << n.min(63) != 0;
    if (0..branches.len()).all(has) {
        return "all".into();
    }
    let names = branches.iter().enumerate().filter(|(n, _)| has(*n));
    let names: Vec<&str> = names.map(|(_, branch)| branch.name.as_str()).collect();
    names.join(" ").into()
}

impl Branch {
    /// Asks every known directory; lists those that changed.
    fn look(&mut self) -> Result<bool> {
        if self.known.is_empty() {
            self.list("".into())?;
            return Ok(!self.known.is_empty());
        }
        let mut stale: Vec<Arc<str>> = Vec::new();
        for (path, directory) in &self.known {
            match look_at(&self.mount.join(&**path)) {
                // File systems that don't count links say 1, and must be listed.
                Ok((inode, links))
                    if inode == directory.inode && links == directory.links && links >= 2 => {}
                Ok(_) => stale.push(path.clone()),
                Err(_) => {
                    // What came in its place left the count as it was.
                    if let Some((above, _)) = path.rsplit_once('/') {
                        stale.push(above.into());
                    } else if !path.is_empty() {
                        stale.push("".into());
                    }
                    stale.push(path.clone());
                }
            }
        }
        let mut is_changed = false;
        let mut failure = None;
        for path in stale {
            match self.list(path) {
                Ok(changed) => is_changed |= changed,
                Err(e) => failure = failure.or(Some(e)),
            }
        }
        failure.map_or(Ok(is_changed), Err)
    }

    /// Lists a directory, and what is new below it; whether anything is another than it
    /// was. One that vanished is forgotten with all below it.
    fn list(&mut self, path: Arc<str>) -> Result<bool> {
        let mut is_changed = false;
        let mut todo = vec![path];
        while let Some(path) = todo.pop() {
            let whole = self.mount.join(&*path);
            let (inode, links) = match look_at(&whole) {
                Ok(found) => found,
                Err(e) if super::group::is_vanished(&e) => {
                    is_changed |= self.forget(&path);
                    continue;
                }
                Err(source) => return Err(failed("look at", whole, source)),
            };
            if self.known.get(&path).is_some_and(|old| old.inode != inode) {
                is_changed |= self.forget(&path);
            }
            let mut children: Vec<Arc<str>> = children(&whole)?
                .iter()
                .filter_map(|child| below(&path, child))
                .collect();
            children.sort_unstable();
            let old = self.known.get(&path);
            let before = old.map_or(&[][..], |old| &old.children);
            let gone: Vec<_> = before
                .iter()
                .filter(|child| children.binary_search(child).is_err())
                .cloned()
                .collect();
            is_changed |= old.is_none();
            for child in gone {
                is_changed |= self.forget(&child);
            }
            let room = MOST.saturating_sub(self.known.len());
            let new = children
                .iter()
                .filter(|child| !self.known.contains_key(*child));
            todo.extend(new.take(room).cloned());
            self.known.insert(
                path,
                Directory {
                    inode,
                    links,
                    children,
                },
            );
        }
        Ok(is_changed)
    }

    fn forget(&mut self, path: &str) -> bool {
        let mut todo: Vec<Arc<str>> = vec![path.into()];
        let mut is_changed = false;
        while let Some(path) = todo.pop() {
            if let Some(directory) = self.known.remove(&path) {
                is_changed = true;
                todo.extend(directory.children);
            }
        }
        is_changed
    }
}

/// The path of a child below `parent`. A name that is not UTF-8 is passed over: nothing
/// that manages groups gives such.
fn below(parent: &str, child: &Path) -> Option<Arc<str>> {
    let name = child.file_name()?.to_str()?;
    Some(match parent {
        "" => name.into(),
        parent => format!("{parent}/{name}").into(),
    })
}

fn look_at(path: &Path) -> io::Result<(u64, u64)> {
    match stat(path) {
        Ok(found) => Ok((found.st_ino, found.st_nlink)),
        Err(Errno::NODEV) => Err(io::ErrorKind::NotFound.into()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const MOUNTS: &str = "\
31 23 0:27 / /u rw - cgroup2 cgroup2 rw
34 23 0:30 / /memory rw - cgroup cgroup rw,memory
";

    fn host() -> (tempfile::TempDir, Tree) {
        let dir = tempfile::tempdir().unwrap();
        for mount in ["u", "memory"] {
            fs::create_dir_all(dir.path().join(mount).join("a/b")).unwrap();
        }
        fs::write(dir.path().join("u/cgroup.controllers"), "").unwrap();
        fs::create_dir(dir.path().join("memory/only")).unwrap();
        let cgroups = Cgroups::from_mounts(MOUNTS, dir.path(), false).unwrap();
        (dir, Tree::new(&cgroups))
    }

    fn listed(tree: &Tree) -> Vec<(&str, &str)> {
        let groups = tree.groups().iter();
        groups
            .map(|found| (&*found.path, &*found.hierarchies))
            .collect()
    }

    #[test]
    fn groups_of_all_hierarchies_are_merged_by_path() {
        let (_dir, mut tree) = host();
        assert!(tree.refresh().unwrap());
        assert_eq!(
            listed(&tree),
            [
                ("", "all"),
                ("a", "all"),
                ("a/b", "all"),
                ("only", "memory")
            ]
        );
        assert!(!tree.refresh().unwrap());
    }

    #[test]
    fn what_came_and_went_is_found_again() {
        let (dir, mut tree) = host();
        tree.refresh().unwrap();
        fs::create_dir_all(dir.path().join("u/a/c/d")).unwrap();
        assert!(tree.refresh().unwrap());
        assert!(listed(&tree).contains(&("a/c/d", "v2")));
        fs::remove_dir_all(dir.path().join("u/a")).unwrap();
        assert!(tree.refresh().unwrap());
        assert_eq!(
            listed(&tree),
            [
                ("", "all"),
                ("a", "memory"),
                ("a/b", "memory"),
                ("only", "memory")
            ]
        );
        // One goes and another comes: the count of links stays.
        fs::remove_dir(dir.path().join("memory/only")).unwrap();
        fs::create_dir(dir.path().join("memory/other")).unwrap();
        assert!(tree.refresh().unwrap());
        assert!(listed(&tree).contains(&("other", "memory")));
        assert!(!listed(&tree).contains(&("only", "memory")));
    }

    #[test]
    fn tree_that_vanished_whole_is_empty() {
        let (dir, mut tree) = host();
        tree.refresh().unwrap();
        fs::remove_dir_all(dir.path().join("u")).unwrap();
        fs::remove_dir_all(dir.path().join("memory")).unwrap();
        assert!(tree.refresh().unwrap());
        assert_eq!(tree.groups(), []);
    }
}
