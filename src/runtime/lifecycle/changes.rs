//! What a container changed in its image, and how much room that takes.

use std::{
    collections::HashSet,
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{Lifecycle, Result, failed};
use crate::{
    layer::{self, usage},
    model::{Change, ChangeKind, ContainerId, State},
    runtime::{record::ContainerRecord, spec},
};

impl Lifecycle {
    /// What differs from its image, but for the empty files and directories that its
    /// mounts needed to be attached to.
    pub fn changes(&self, id: &ContainerId) -> Result<Vec<Change>> {
        let record = self.store.load(id)?;
        let overlay = self.overlay(&record)?;
        let mut changes = layer::changes(&overlay)?;
        let left_out = left_out(&record, &overlay, &changes);
        changes.retain(|change| !left_out.contains(&change.path));
        Ok(changes)
    }

    /// Paths of its writable layer that are only there for mounts.
    pub(super) fn mount_points(&self, record: &ContainerRecord) -> Result<HashSet<PathBuf>> {
        let overlay = self.overlay(record)?;
        let changes = layer::changes(&overlay)?;
        Ok(left_out(record, &overlay, &changes))
    }

    /// The file systems that its root is made of.
    pub(super) fn overlay(&self, record: &ContainerRecord) -> Result<layer::Overlay> {
        let paths = self.paths(&record.id);
        let images = self.images()?;
        let layers = images.layers();
        Ok(layers.overlay(&record.layers, paths.upper(), paths.work()))
    }

    /// Bytes on disk that its writable layer takes. That of a container which did not run
    /// since it was measured last is known; else it is walked, because nothing in the kernel
    /// counts what a directory of an overlay takes.
    pub fn writable_bytes(&self, id: &ContainerId) -> Result<u64> {
        let container = self.inspect(id)?;
        let paths = self.paths(id);
        let quiet_since = match container.state {
            State::Created => Some(container.created),
            State::Exited => container.exit.map(|exit| exit.at),
            _ => None,
        };
        let known = usage::known(&paths.size(), &paths.changed());
        if let (Some(since), Some(size)) = (quiet_since, known)
            && size.is_current
            && size.at > since
        {
            return Ok(size.bytes);
        }
        let upper = paths.upper();
        let look = || usage::walk(&File::open(&upper)?.into());
        let size = usage::measure(&paths.size(), &paths.changed(), look)
            .map_err(failed("measure", &upper))?;
        Ok(size.bytes)
    }
}

fn left_out(
    record: &ContainerRecord,
    overlay: &layer::Overlay,
    changes: &[Change],
) -> HashSet<PathBuf> {
    let targets = spec::mount_targets(&record.config);
    mount_points(changes, &targets, &|path| {
        let upper = overlay.upper.join(path.strip_prefix("/").unwrap_or(path));
        fs::symlink_metadata(upper)
            .is_ok_and(|found| found.is_dir() || (found.is_file() && found.len() == 0))
    })
}

/// What was only made as a place for a mount: the place itself while it is empty, and the
/// directories that lead to nothing else.
fn mount_points(
    changes: &[Change],
    targets: &[PathBuf],
    is_empty: &dyn Fn(&Path) -> bool,
) -> HashSet<PathBuf> {
    let mut deepest_first: Vec<&Change> = changes.iter().collect();
    deepest_first.sort_by_key(|change| std::cmp::Reverse(change.path.components().count()));
    let (mut left_out, mut kept_parents, mut bare_parents) =
        (HashSet::new(), HashSet::new(), HashSet::new());
    for change in deepest_first {
        let path = change.path.as_path();
        let parent = path.parent().unwrap_or(path);
        let is_place = change.kind == ChangeKind::Added
            && targets.iter().any(|target| target == path)
            && is_empty(path);
        let leads_to_place = change.kind != ChangeKind::Deleted && bare_parents.contains(path);
        if (is_place || leads_to_place) && !kept_parents.contains(path) {
            left_out.insert(path.to_owned());
            bare_parents.insert(parent.to_owned());
        } else {
            kept_parents.insert(parent.to_owned());
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(changes: &[&str], targets: &[&str], full: &[&str]) -> Vec<String> {
        let changes = changes
            .iter()
            .map(|line| Change {
                path: line[2..].into(),
                kind: match &line[..1] {
                    "A" => ChangeKind::Added,
                    "C" => ChangeKind::Modified,
                    _ => ChangeKind::Deleted,
                },
            })
            .collect();
        let targets: Vec<PathBuf> = targets.iter().map(PathBuf::from).collect();
        let changes: Vec<Change> = changes;
        let is_empty = |path: &Path| full.iter().all(|full| Path::new(full) != path);
        let left_out = mount_points(&changes, &targets, &is_empty);
        changes
            .iter()
            .filter(|change| !left_out.contains(&change.path))
            .map(|change| format!("{} {}", change.kind.letter(), change.path.display()))
            .collect()
    }

    #[test]
    fn places_of_mounts_and_the_way_to_them_are_left_out() {
        let changes = ["C /etc", "A /etc/hosts", "A /mnt", "A /mnt/deep", "A /new"];
        assert_eq!(
            left(&changes, &["/etc/hosts", "/mnt/deep"], &[]),
            ["A /new"]
        );
    }

    #[test]
    fn what_the_container_changed_beside_or_in_a_place_stays() {
        let changes = ["C /etc", "A /etc/hosts", "D /etc/motd"];
        assert_eq!(
            left(&changes, &["/etc/hosts"], &[]),
            ["C /etc", "D /etc/motd"]
        );
        let changes = ["A /data", "A /data/kept"];
        assert_eq!(left(&changes, &["/data"], &[]), changes);
        let changes = ["C /etc", "A /etc/hosts"];
        assert_eq!(left(&changes, &["/etc/hosts"], &["/etc/hosts"]), changes);
        assert_eq!(left(&["C /etc"], &["/etc/hosts"], &[]), ["C /etc"]);
    }
}
