//! The groups screen: the host's groups as a tree of lines, some of them folded, and
//! what is loaded of the selected one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{Failure, History, List, Pending, table::CALM};
use crate::{
    format::tree::{self, Order, TreeLine},
    model::{GroupChange, GroupDetails, GroupKind, GroupRow, Process, World},
};

/// Groups so deep are shown unfolded before the user folds anything.
const OPEN_AT_FIRST: u16 = 2;
/// How many lines are counted by the engine at most.
const MOST_COUNTED: usize = 400;
/// How many changes can be taken back.
const MOST_UNDONE: usize = 50;

/// The groups screen's part of the state.
#[derive(Debug)]
pub struct GroupsView {
    /// The lines; rows are places in [`World::groups`].
    pub list: List<Arc<str>>,
    /// How each line hangs in the tree, in the order of the list's rows.
    pub lines: Vec<TreeLine>,
    /// What the user folded (true) or unfolded.
    pub folds: HashMap<Arc<str>, bool>,
    /// The group that is looked at, and the one of which something is loaded.
    pub watched: Option<Arc<str>>,
    /// Its limits, and those before, for rates.
    pub details: Pending<GroupDetails>,
    /// The answer before the last one.
    pub before: Option<GroupDetails>,
    /// Its processes.
    pub processes: Pending<Vec<Process>>,
    /// What the counted groups used before.
    pub histories: HashMap<Arc<str>, History>,
    /// Lines of the processes that are scrolled.
    pub scroll: usize,
    /// What takes the last changes back, the newest at the end.
    pub undo: Vec<GroupChange>,
    /// What the engine was told to count.
    pub counted: Vec<Arc<str>>,
    /// The places of the lines when they were last sorted, and when that was.
    places: HashMap<Arc<str>, usize>,
    sorted_at: Option<Duration>,
    /// The change under way, by its number in the log of what was done.
    pub deed: Option<u64>,
    /// The change under way that takes another back.
    pub undoing: Option<GroupChange>,
    /// The group to go to once it is listed: one that was just made.
    pub wanted: Option<Arc<str>>,
}

impl Default for GroupsView {
    fn default() -> Self {
        let mut list = List::new("cpu");
        list.sort.is_descending = true;
        Self {
            list,
            lines: Vec::new(),
            folds: HashMap::new(),
            watched: None,
            details: Pending::Loading,
            before: None,
            processes: Pending::Loading,
            histories: HashMap::new(),
            scroll: 0,
            undo: Vec::new(),
            counted: Vec::new(),
            places: HashMap::new(),
            sorted_at: None,
            deed: None,
            undoing: None,
            wanted: None,
        }
    }
}

impl GroupsView {
    /// Whether a group's children are hidden.
    pub fn is_folded(&self, row: &GroupRow) -> bool {
        let folded = self.folds.get(&row.group.path).copied();
        // What a user made is not hidden from him.
        let is_deep = row.group.depth >= OPEN_AT_FIRST && row.group.kind != GroupKind::Top;
        folded.unwrap_or(is_deep)
    }

    /// Notes what takes a change back.
    pub fn remember(&mut self, undo: GroupChange) {
        if self.undo.len() == MOST_UNDONE {
            self.undo.remove(0);
        }
        self.undo.push(undo);
    }

    /// Takes an answer about the selected group.
    pub fn take_details(&mut self, answer: Result<GroupDetails, Failure>) {
        let answer = answer.map_or_else(Pending::Failed, Pending::Ready);
        if let Pending::Ready(old) = std::mem::replace(&mut self.details, answer) {
            self.before = Some(old);
        }
    }

    /// Notes what the counted groups use now. Those that are no longer counted lose their
    /// past: a gap in it would look like rest.
    pub fn note(&mut self, world: &World) {
        let mut noted = 0;
        for row in &world.groups {
            let Some(usage) = &row.usage else { continue };
            noted += 1;
            match self.histories.get_mut(&row.group.path) {
                Some(history) => history.push(usage),
                None => {
                    let mut history = History::default();
                    history.push(usage);
                    self.histories.insert(row.group.path.clone(), history);
                }
            }
        }
        if self.histories.len() > noted {
            let counted = world.groups.iter().filter(|row| row.usage.is_some());
            let counted: HashSet<&str> = counted.map(|row| &*row.group.path).collect();
            self.histories.retain(|path, _| counted.contains(&**path));
        }
    }

    /// Sorts anew at the next occasion.
    pub fn forget_order(&mut self) {
        self.sorted_at = None;
    }

    /// Arranges the lines anew: filtered, folded, siblings sorted, unless that was done a
    /// moment ago: then they keep their places, and those that came since are last.
    pub fn arrange(&mut self, world: &World, clock: Duration) {
        let is_calm = self
            .sorted_at
            .is_some_and(|at| clock.saturating_sub(at) < CALM);
        let order = Order {
            column: self.list.sort.column,
            is_descending: self.list.sort.is_descending,
            filter: &self.list.filter,
            places: is_calm.then_some(&self.places),
        };
        let (rows, lines): (Vec<usize>, Vec<TreeLine>) =
            tree::arrange(world, &order, |row| self.is_folded(row))
                .into_iter()
                .unzip();
        let groups = &world.groups;
        if let Some(wanted) = &self.wanted
            && rows.iter().any(|&row| groups[row].group.path == *wanted)
        {
            self.list.selected = self.wanted.take();
        }
        // Before rates are known there is no order to keep.
        let has_rates = |row: &&GroupRow| row.usage.is_some_and(|u| u.cpu_cores.is_some());
        if !is_calm && groups.iter().skip(1).find(has_rates).is_some() {
            self.sorted_at = Some(clock);
            let places = rows.iter().enumerate();
            self.places = places
                .map(|(place, &row)| (groups[row].group.path.clone(), place))
                .collect();
        }
        self.lines = lines;
        self.list
            .arrange(rows, |row| groups[row].group.path.clone());
    }

    /// The lines that the engine is to count: those that are shown, of very many those
    /// round the screen. In the order of their paths, so that sorting changes nothing.
    pub fn counts(&self, world: &World, height: usize) -> Vec<Arc<str>> {
        let all = &self.list.rows;
        let first = (self.list.top + height / 2).saturating_sub(MOST_COUNTED / 2);
        let first = first.min(all.len().saturating_sub(MOST_COUNTED));
        let shown = all.iter().skip(first).take(MOST_COUNTED);
        let mut paths: Vec<Arc<str>> = shown
            .filter_map(|&row| Some(world.groups.get(row)?.group.path.clone()))
            .collect();
        paths.sort_unstable();
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::Fake;

    fn lines(view: &GroupsView, world: &World) -> Vec<String> {
        let rows = view.list.rows.iter().zip(&view.lines);
        rows.map(|(&row, line)| {
            let group = &world.groups[row].group;
            let sign = if line.is_folded { "+" } else { "" };
            format!("{}{}{sign}", "  ".repeat(group.depth.into()), group.name)
        })
        .collect()
    }

    #[test]
    fn deep_groups_are_folded_until_they_are_unfolded() {
        let world = Fake::full().now();
        let mut view = GroupsView::default();
        view.arrange(&world, Duration::ZERO);
        let before = lines(&view, &world);
        let folded = before.iter().position(|line| line.ends_with('+')).unwrap();
        let path = world.groups[view.list.rows[folded]].group.path.clone();
        view.folds.insert(path, false);
        view.arrange(&world, Duration::ZERO);
        assert!(lines(&view, &world).len() > before.len());
    }

    #[test]
    fn filter_shows_what_matches_with_all_above_it_whatever_is_folded() {
        let world = Fake::full().now();
        let mut view = GroupsView::default();
        view.list.filter = "ssh".into();
        view.arrange(&world, Duration::ZERO);
        assert_eq!(
            lines(&view, &world),
            ["", "  system.slice", "    ssh.service"]
        );
    }

    #[test]
    fn siblings_are_sorted_and_stay_below_their_parent() {
        let world = Fake::full().now();
        let mut view = GroupsView::default();
        view.list.sort.column = "name";
        view.list.sort.is_descending = true;
        view.arrange(&world, Duration::ZERO);
        let names = lines(&view, &world);
        let place = |name: &str| names.iter().position(|line| line.trim() == name).unwrap();
        assert!(place("user.slice") < place("system.slice"));
        assert!(place("system.slice") < place("ssh.service"));
    }

    #[test]
    fn lines_keep_their_places_for_a_while() {
        let mut world = Fake::full().now();
        let mut view = GroupsView::default();
        let at = Duration::from_secs;
        view.arrange(&world, at(10));
        let before = lines(&view, &world);
        let idle = world
            .groups
            .iter_mut()
            .find(|row| &*row.group.name == "init.scope");
        if let Some(usage) = &mut idle.unwrap().usage {
            usage.cpu_cores = Some(9.0);
        }
        view.arrange(&world, at(14));
        assert_eq!(lines(&view, &world), before);
        view.arrange(&world, at(15));
        assert_eq!(lines(&view, &world)[1], "  init.scope");
    }

    #[test]
    fn counted_groups_are_bounded_and_do_not_depend_on_the_order() {
        let world = Fake::full().now();
        let mut view = GroupsView::default();
        view.arrange(&world, Duration::ZERO);
        let counts = view.counts(&world, 20);
        assert!(counts.len() <= MOST_COUNTED && counts.len() == view.list.rows.len());
        view.list.sort.column = "memory";
        view.forget_order();
        view.arrange(&world, Duration::ZERO);
        assert_eq!(view.counts(&world, 20), counts);
    }
}
