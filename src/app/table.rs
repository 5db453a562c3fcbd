//! How the containers' table is arranged beyond filter, sort and marks: its columns, its
//! groups, its sums, and the memory that keeps its rows calm.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::layout::Layout;
use crate::{
    format::{
        columns::Item,
        cpu::CpuDisplay,
        filter::Filter,
        group::{GroupBy, GroupKey},
        totals::Totals,
        trouble::Seen,
    },
    model::{ContainerId, ContainerRow, World},
};

/// Rows sorted by a figure that changes all the time are sorted anew this often, not with
/// each picture: what one reads must not jump away.
pub const CALM: Duration = Duration::from_secs(5);
/// A column that appears by itself stays this long after what it told of ended.
const LINGER: Duration = Duration::from_secs(30);

/// The arrangement of the table.
#[derive(Debug, Default)]
pub struct Table {
    /// Its columns.
    pub layout: Layout,
    /// How CPU is told.
    pub cpu: CpuDisplay,
    /// The terms of the filter that can be read.
    pub terms: Filter,
    /// What is wrong with the filter as it is now.
    pub fault: Option<String>,
    /// What it is grouped by.
    pub groups: Groups,
    /// Sums over all containers that pass the filter.
    pub totals: Totals,
    /// The marks before a range was begun, and where it was.
    pub range: Option<Range>,
    /// When counters of containers were seen to rise.
    pub seen: HashMap<ContainerId, Seen>,
    /// Until when the column of troubles is shown.
    pub(super) trouble_until: Option<Duration>,
    /// The places of rows that are sorted by a live figure.
    pub(super) order: Order,
    /// Columns of the longest name and of the longest image's name there are, shown or
    /// not: told once for each picture.
    pub(super) widest: (u16, u16),
}

/// A range of marks that grows with the cursor.
#[derive(Clone, Debug)]
pub struct Range {
    /// Where it was begun.
    pub anchor: ContainerId,
    /// What was marked before.
    pub(super) before: BTreeSet<ContainerId>,
}

/// The places that rows had when they were last sorted.
#[derive(Debug, Default)]
pub(super) struct Order {
    places: HashMap<ContainerId, usize>,
    sorted_at: Option<Duration>,
}

impl Order {
    /// Whether rows keep their places at this time.
    pub fn is_calm(&self, clock: Duration) -> bool {
        self.sorted_at
            .is_some_and(|at| clock.saturating_sub(at) < CALM)
    }

    /// The place of a row; those that came since are last.
    pub fn place(&self, id: &ContainerId) -> usize {
        self.places.get(id).copied().unwrap_or(usize::MAX)
    }

    /// Notes a new order.
    pub fn set<'a>(&mut self, ids: impl Iterator<Item = &'a ContainerId>, clock: Duration) {
        self.places.clear();
        self.places
            .extend(ids.enumerate().map(|(place, id)| (id.clone(), place)));
        self.sorted_at = Some(clock);
    }

    /// Sorts anew at the next occasion.
    pub fn forget(&mut self) {
        self.sorted_at = None;
    }
}

/// Groups of rows, each below a heading.
#[derive(Debug, Default)]
pub struct Groups {
    /// What rows are grouped by; nothing for none.
    pub by: Option<GroupBy>,
    /// The groups, in the order shown.
    pub list: Vec<Group>,
    /// The group on whose heading the cursor is.
    pub heading: Option<GroupKey>,
    pub(super) folded: BTreeSet<GroupKey>,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// What tells it from others; its name is safe to draw.
    pub key: GroupKey,
    /// The place of its first row among the rows shown.
    pub first: usize,
    /// How many of its rows are shown.
    pub shown: usize,
    /// Whether only the heading is shown.
    pub is_folded: bool,
    /// Sums over it.
    pub totals: Totals,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The heading of a group, by its place in the list of groups.
    Heading(usize),
    /// A container, by its place among the rows shown.
    Row(usize),
}

impl Groups {
    /// Puts rows, which are in order, below their headings; the rows that are shown.
    pub fn divide(&mut self, rows: Vec<usize>, world: &World) -> Vec<usize> {
        self.list.clear();
        let Some(by) = &self.by else {
            return rows;
        };
        let mut groups: BTreeMap<GroupKey, (Vec<usize>, Totals)> = BTreeMap::new();
        for row in rows {
            let item = Item::new(&world.containers[row], &world.host, world.at);
            let (members, totals) = groups.entry(by.key(&item)).or_default();
            members.push(row);
            totals.add(&item);
        }
        let mut shown = Vec::new();
        for (key, (members, totals)) in groups {
            let is_folded = self.folded.contains(&key);
            let first = shown.len();
            if !is_folded {
                shown.extend(members);
            }
            self.list.push(Group {
                key,
                first,
                shown: shown.len() - first,
                is_folded,
                totals,
            });
        }
        shown
    }

    /// Shows the rows of all groups.
    pub fn unfold_all(&mut self) {
        self.folded.clear();
    }

    /// How many lines there are for so many rows.
    pub fn lines(&self, rows: usize) -> usize {
        rows + self.list.len()
    }

    /// What is on a line.
    pub fn line(&self, line: usize) -> Line {
        // Group n has n headings before its own.
        let after = self.list.iter().enumerate().rev();
        for (n, group) in after {
            let heading = group.first + n;
            if line == heading {
                return Line::Heading(n);
            }
            if line > heading {
                return Line::Row(line - n - 1);
            }
        }
        Line::Row(line)
    }

    /// The line of a row.
    pub fn line_of(&self, row: usize) -> usize {
        let group = self.list.iter().position(|group| group.has(row));
        group.map_or(row, |n| row + n + 1)
    }

    /// The place of the heading under the cursor.
    pub fn heading(&self) -> Option<usize> {
        let key = self.heading.as_ref()?;
        self.list.iter().position(|group| group.key == *key)
    }

    /// The group that a row is in.
    pub fn of_row(&self, row: usize) -> Option<&Group> {
        self.list.iter().find(|group| group.has(row))
    }
}

impl Group {
    fn has(&self, row: usize) -> bool {
        (self.first..self.first + self.shown).contains(&row)
    }
}

impl Table {
    /// A container as columns, filters and troubles see it.
    pub fn item<'a>(&self, row: &'a ContainerRow, world: &'a World) -> Item<'a> {
        let mut item = Item::new(row, &world.host, world.at);
        if !self.seen.is_empty() {
            item.seen = self
                .seen
                .get(&row.container.id)
                .copied()
                .unwrap_or_default();
        }
        item
    }

    /// Whether the column of troubles has something to say, or had a moment ago.
    pub fn shows_trouble(&self, clock: Duration) -> bool {
        self.trouble_until.is_some_and(|until| clock < until)
    }

    pub(super) fn note_trouble(&mut self, clock: Duration) {
        self.trouble_until = Some(clock + LINGER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of so many rows; 0 is folded.
    fn groups(sizes: &[usize]) -> Groups {
        let mut first = 0;
        let list = sizes.iter().map(|&shown| {
            let group = Group {
                key: GroupKey::default(),
                first,
                shown,
                is_folded: shown == 0,
                totals: Totals::default(),
            };
            first += shown;
            group
        });
        Groups {
            list: list.collect(),
            ..Groups::default()
        }
    }

    #[test]
    fn every_line_is_a_heading_or_a_row_and_rows_know_theirs() {
        for sizes in [&[][..], &[3], &[2, 0, 1], &[0, 0, 2, 0], &[0], &[1, 1, 1]] {
            let groups = groups(sizes);
            let rows: usize = if sizes.is_empty() {
                4
            } else {
                sizes.iter().sum()
            };
            let lines = groups.lines(rows);
            let (mut row, mut heading) = (0, 0);
            for line in 0..lines {
                match groups.line(line) {
                    Line::Heading(n) => {
                        assert_eq!(n, heading, "{sizes:?} line {line}");
                        heading += 1;
                    }
                    Line::Row(n) => {
                        assert_eq!(n, row, "{sizes:?} line {line}");
                        assert_eq!(groups.line_of(n), line, "{sizes:?} row {n}");
                        row += 1;
                    }
                }
            }
            assert_eq!((row, heading), (rows, sizes.len()));
        }
    }

    #[test]
    fn rows_are_calm_for_a_while_and_newcomers_come_last() {
        let id = |n: u8| ContainerId::from_bytes(&[n; 32]);
        let mut order = Order::default();
        let at = Duration::from_secs;
        assert!(!order.is_calm(at(0)));
        order.set([id(2), id(1)].iter(), at(10));
        assert!(order.is_calm(at(14)) && !order.is_calm(at(15)));
        assert!(order.place(&id(2)) < order.place(&id(1)));
        assert_eq!(order.place(&id(3)), usize::MAX);
        order.forget();
        assert!(!order.is_calm(at(10)));
    }
}
