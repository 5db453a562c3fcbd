//! The host's groups: their part of each picture while somebody looks at them, and what
//! is done to those that users made.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use async_trait::async_trait;

use super::{Embedded, error, in_thread, is_root, processes};
use crate::{
    engine::{
        EngineError, ErrorKind, Groups, Result,
        usage::{Gauge, monotonic_ns},
    },
    model::{
        ContainerId, Group, GroupChange, GroupDetails, GroupKind, GroupLimits, GroupOf, GroupRow,
        Host, Process, Usage,
    },
    runtime::{groups, lifecycle, paths::ContainerPaths},
    sys::cgroup::{self, Cgroups, Found, Tree},
};

/// How many groups are counted at most, each with up to eleven descriptors.
const MOST_COUNTED: usize = 500;
/// Groups so deep are counted before anybody says what is on screen.
const SHOWN_AT_FIRST: u16 = 2;
/// Limits of a row, and names of other engines' containers, change seldom: they are read
/// again every so many pictures.
const LIMITS_EVERY: u64 = 4;

/// What is known of the host's groups since the last picture.
#[derive(Debug, Default)]
pub struct Forest {
    tree: Option<Tree>,
    rows: Vec<Row>,
    /// The groups that are counted, by path.
    counters: HashMap<Arc<str>, Counter>,
    /// The groups that somebody looks at; before it was said which, those near the top.
    shown: Option<HashSet<Arc<str>>>,
    /// What other engines call their containers.
    names: groups::Names,
    /// Pictures so far.
    turn: u64,
}

#[derive(Debug)]
struct Row {
    group: Arc<Group>,
    /// The turn in which its name was looked for.
    called_in: Option<u64>,
}

impl Row {
    /// Gives a foreign container the name that its engine has for it.
    fn call(&mut self, names: &mut groups::Names, turn: u64) {
        let GroupKind::Foreign { engine, id } = &self.group.kind else {
            return;
        };
        if self
            .called_in
            .is_some_and(|then| turn < then + LIMITS_EVERY)
        {
            return;
        }
        self.called_in = Some(turn);
        let name = names.name(engine, &self.group.path);
        let name = name.unwrap_or_else(|| id.clone());
        if *self.group.name != *name {
            self.group = Arc::new(Group {
                name: name.into(),
                ..(*self.group).clone()
            });
        }
    }
}

/// A group's counters and limits.
#[derive(Debug, Default)]
struct Counter {
    gauge: Gauge,
    limits: Option<Arc<GroupLimits>>,
    /// The turn in which the limits were read.
    read_in: u64,
}

impl Forest {
    /// Counts these groups from the next picture on, and no others.
    pub fn count(&mut self, shown: Vec<Arc<str>>) {
        let shown: HashSet<_> = shown.into_iter().take(MOST_COUNTED).collect();
        self.counters.retain(|path, _| shown.contains(path));
        self.shown = Some(shown);
    }

    /// Nobody looks any more: descriptors are closed, and the tree is found anew next
    /// time.
    pub fn forget(&mut self) {
        if self.tree.is_some() {
            let shown = self.shown.take();
            *self = Self {
                shown,
                ..Self::default()
            };
        }
    }

    /// All groups, with figures for those that are shown. A container's are those of its
    /// own row, which `usage_of` has. What failed comes with what could be read.
    pub fn refresh(
        &mut self,
        cgroups: &Cgroups,
        host: &Host,
        mut usage_of: impl FnMut(&ContainerId) -> Option<Option<Usage>>,
    ) -> (Vec<GroupRow>, cgroup::Result<()>) {
        self.turn += 1;
        let tree = self.tree.get_or_insert_with(|| Tree::new(cgroups));
        let mut outcome = match tree.refresh() {
            Ok(false) => Ok(()),
            changed => {
                // What a failed look still found is worth showing.
                self.rows = tree.groups().iter().map(row).collect();
                let paths = self.rows.iter().map(|row| &*row.group.path);
                let ids: HashSet<_> = paths.filter_map(groups::container_id).collect();
                self.names.keep(|id| ids.contains(id));
                changed.map(drop)
            }
        };
        self.names.turn();
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in &mut self.rows {
            row.call(&mut self.names, self.turn);
            let group = &row.group;
            let mut out = GroupRow {
                group: group.clone(),
                usage: None,
                limits: None,
            };
            let known = match &group.kind {
                GroupKind::Container(id) => usage_of(id),
                _ => None,
            };
            if let (GroupKind::Container(id), None) = (&group.kind, known) {
                out.group = Arc::new(elsewhere(group, id));
            }
            let is_shown = match &self.shown {
                Some(shown) => shown.contains(&group.path),
                None => group.depth <= SHOWN_AT_FIRST && rows.len() < MOST_COUNTED,
            };
            if is_shown {
                let counter = self.counters.entry(group.path.clone()).or_default();
                out.usage = match known {
                    Some(usage) => usage,
                    None => counter
                        .gauge
                        .usage(cgroups, &group.path, None)
                        .unwrap_or_else(|failure| {
                            outcome = Err(failure);
                            None
                        }),
                };
                if group.path.is_empty() {
                    out.usage = Some(of_host(out.usage.unwrap_or_default(), host));
                }
                match counter.limits(cgroups, &group.path, self.turn) {
                    Ok(limits) => out.limits = Some(limits),
                    Err(failure) => outcome = Err(failure),
                }
            }
            rows.push(out);
        }
        (rows, outcome)
    }

    /// Whether there are more groups than can be listed.
    pub fn is_cut(&self) -> bool {
        self.tree.as_ref().is_some_and(Tree::is_cut)
    }

    /// Reads the limits of all rows again in the next picture.
    fn limits_changed(&mut self) {
        for counter in self.counters.values_mut() {
            counter.limits = None;
        }
    }
}

fn row(found: &Found) -> Row {
    let (name, kind) = groups::classify(&found.path);
    let depth = match &*found.path {
        "" => 0,
        path => 1 + path.bytes().filter(|b| *b == b'/').count(),
    };
    Row {
        group: Arc::new(Group {
            path: found.path.clone(),
            depth: u16::try_from(depth).unwrap_or(u16::MAX),
            name: name.into(),
            kind,
            hierarchies: found.hierarchies.clone(),
        }),
        called_in: None,
    }
}

/// A container of a wharf with another root.
fn elsewhere(group: &Group, id: &ContainerId) -> Group {
    Group {
        kind: GroupKind::Foreign {
            engine: "wharf",
            id: id.short().to_owned(),
        },
        ..group.clone()
    }
}

/// The root group counts little of itself, or other things than one expects: the machine
/// is what it stands for.
fn of_host(usage: Usage, host: &Host) -> Usage {
    Usage {
        cpu_cores: host.cpu_cores,
        memory_bytes: host.memory_used_bytes,
        ..usage
    }
}

impl Counter {
    fn limits(
        &mut self,
        cgroups: &Cgroups,
        path: &str,
        turn: u64,
    ) -> cgroup::Result<Arc<GroupLimits>> {
        match &self.limits {
            Some(limits) if turn < self.read_in + LIMITS_EVERY => Ok(limits.clone()),
            old => {
                let limits = cgroups.main_limits(path)?;
                // Spread over the pictures by where the turn began for each.
                self.read_in = turn - (path.len() as u64 % LIMITS_EVERY).min(turn);
                let limits = match old {
                    Some(old) if **old == limits => old.clone(),
                    _ => Arc::new(limits),
                };
                self.limits = Some(limits.clone());
                Ok(limits)
            }
        }
    }
}

#[async_trait]
impl Groups for Embedded {
    fn count_groups(&self, shown: Vec<Arc<str>>) {
        let forest = self.forest.clone();
        forest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count(shown);
    }

    async fn group_details(&self, of: &GroupOf) -> Result<GroupDetails> {
        let path = path_of(of);
        let subject = name_of(of);
        self.blocking("read the limits of", &subject, move |lifecycle| {
            Ok(lifecycle.cgroups()?.details(&path, monotonic_ns())?)
        })
        .await
    }

    async fn group_processes(&self, path: &str) -> Result<Vec<Process>> {
        let owned = path.to_owned();
        self.blocking("list the processes of", path, move |lifecycle| {
            let mut pids = BTreeSet::new();
            if owned.is_empty() {
                let all = procfs::process::all_processes().into_iter().flatten();
                pids.extend(all.flatten().map(|process| process.pid()));
            } else {
                let group = lifecycle.cgroups()?.open(&owned)?;
                let group = group.ok_or(cgroup::Error::Gone)?;
                pids.extend(group.own_pids()?);
                pids.extend(group.pids()?);
            }
            let pids: Vec<i32> = pids.into_iter().collect();
            Ok(processes::list(&pids))
        })
        .await
    }

    async fn change_group(&self, change: GroupChange) -> Result<GroupChange> {
        let operation = match &change {
            GroupChange::Create { .. } => "make the group",
            GroupChange::Remove { .. } => "remove the group",
            GroupChange::Limit { .. } | GroupChange::Restore { .. } => "limit the group",
            GroupChange::Move { .. } => "move a process into",
            GroupChange::Return { .. } => "move a process out of",
        };
        let path = change.path();
        let subject = path.rsplit('/').next().unwrap_or(path).to_owned();
        let fail = |kind| EngineError::new(kind, operation, subject.clone());
        if !is_root() {
            return Err(fail(ErrorKind::NeedsRoot).because("needs root"));
        }
        let lifecycle = self.lifecycle.clone();
        let done = in_thread(move || -> std::result::Result<_, Failed> {
            let cgroups = lifecycle.cgroups().map_err(Failed::Cgroups)?;
            groups::change(cgroups, &change).map_err(Failed::Group)
        })
        .await;
        self.forest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .limits_changed();
        match done {
            Some(Ok(undo)) => Ok(undo),
            Some(Err(Failed::Cgroups(failure))) => Err(error::facade(operation, &subject, failure)),
            Some(Err(Failed::Group(failure))) => {
                Err(fail(error::group_kind(&failure)).because(failure))
            }
            None => Err(fail(ErrorKind::Internal).because("its thread ended without an answer")),
        }
    }
}

enum Failed {
    Cgroups(lifecycle::Error),
    Group(groups::Error),
}

fn path_of(of: &GroupOf) -> String {
    match of {
        GroupOf::Container(id) => ContainerPaths::cgroup(id),
        GroupOf::Path(path) => path.to_string(),
    }
}

fn name_of(of: &GroupOf) -> String {
    match of {
        GroupOf::Container(id) => id.short().to_owned(),
        GroupOf::Path(path) => path.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_the_count_of_groups_above() {
        let depth = |path: &str| {
            let found = Found {
                path: path.into(),
                hierarchies: "all".into(),
            };
            row(&found).group.depth
        };
        assert_eq!(["", "a", "a/b", "a/b/c"].map(depth), [0, 1, 2, 3]);
    }

    #[test]
    fn host_stands_for_the_root_group_with_the_machines_own_figures() {
        let host = Host {
            cpu_cores: Some(1.5),
            memory_used_bytes: Some(7),
            ..Host::default()
        };
        let usage = Usage {
            pids: Some(3),
            memory_bytes: Some(1),
            ..Usage::default()
        };
        let of = of_host(usage, &host);
        assert_eq!(
            (of.cpu_cores, of.memory_bytes, of.pids),
            (Some(1.5), Some(7), Some(3))
        );
    }
}
