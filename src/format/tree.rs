//! The host's groups as lines of a tree: filtered, some folded, siblings sorted. The groups
//! screen and `wharf cgroups` show the same lines.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::columns::{
    Key,
    groups::{self, GroupItem},
};
use crate::model::{GroupRow, World};

/// How the lines are to be arranged.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The column that siblings are sorted by.
    pub column: &'a str,
    /// Whether the largest come first.
    pub is_descending: bool,
    /// What a path, a name or a kind must contain; empty for all. What matches is shown
    /// with all above it, whatever is folded.
    pub filter: &'a str,
    /// The places that lines are to keep, by path, whatever the column says now.
    pub places: Option<&'a HashMap<Arc<str>, usize>>,
}

/// How a line hangs in the tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TreeLine {
    /// For each level between the top and it, whether that level goes on below.
    pub guides: Vec<bool>,
    /// Whether no sibling follows.
    pub is_last: bool,
    /// Groups below it, of any depth.
    pub below: usize,
    /// Whether those are hidden.
    pub is_folded: bool,
    /// Tightest CPU limit of those above it, in cores.
    pub cpu_above: Option<f64>,
    /// Tightest memory limit of those above it, bytes.
    pub memory_above: Option<u64>,
}

/// The lines in their order: each a place in [`World::groups`] and how it hangs.
pub fn arrange(
    world: &World,
    order: &Order<'_>,
    is_folded: impl Fn(&GroupRow) -> bool,
) -> Vec<(usize, TreeLine)> {
    let rows = &world.groups;
    let forest = Forest::new(rows);
    let wanted = order.filter.to_lowercase();
    let matching = (!wanted.is_empty()).then(|| forest.matching(world, &wanted));
    let mut lines = Vec::new();
    let mut todo: Vec<(usize, TreeLine)> = Vec::new();
    let tops = sorted(world, order, forest.tops.clone(), matching.as_ref());
    push(&mut todo, tops, &TreeLine::default(), true);
    while let Some((row, mut line)) = todo.pop() {
        line.below = forest.below[row];
        line.is_folded = matching.is_none() && line.below > 0 && is_folded(&rows[row]);
        if !line.is_folded {
            let children = forest.children[row].clone();
            let below = sorted(world, order, children, matching.as_ref());
            let mut inner = line.clone();
            if let Some(limits) = &rows[row].limits {
                let cores = limits.cpu_millis.and_then(|b| b.at());
                inner.cpu_above = least(line.cpu_above, cores.map(|m| m as f64 / 1e3));
                let bytes = limits.memory_max.and_then(|b| b.at());
                inner.memory_above = least(line.memory_above, bytes);
            }
            push(&mut todo, below, &inner, rows[row].group.depth == 0);
        }
        lines.push((row, line));
    }
    lines
}

fn sorted(
    world: &World,
    order: &Order<'_>,
    mut rows: Vec<usize>,
    matching: Option<&HashSet<usize>>,
) -> Vec<usize> {
    if let Some(matching) = matching {
        rows.retain(|row| matching.contains(row));
    }
    if let Some(places) = order.places {
        let place = |row: &usize| places.get(&world.groups[*row].group.path).copied();
        rows.sort_by_key(|row| place(row).unwrap_or(usize::MAX));
        return rows;
    }
    let Some(column) = groups::find(order.column) else {
        return rows;
    };
    let mut keyed: Vec<(Key, String, usize)> = rows
        .into_iter()
        .map(|row| {
            let item = GroupItem::new(&world.groups[row], world);
            ((column.key)(&item), item.name().into_owned(), row)
        })
        .collect();
    keyed.sort_by(|a, b| {
        let compared = a.0.compare(&b.0, order.is_descending);
        match compared {
            Ordering::Equal => Key::Text(a.1.clone()).compare(&Key::Text(b.1.clone()), false),
            other => other,
        }
    });
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

fn least<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b < a { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Puts siblings on the stack, the first on top. Below the host no guide is drawn.
fn push(todo: &mut Vec<(usize, TreeLine)>, rows: Vec<usize>, above: &TreeLine, is_top: bool) {
    let count = rows.len();
    for (n, row) in rows.into_iter().enumerate().rev() {
        let mut guides = above.guides.clone();
        if !is_top {
            guides.push(!above.is_last);
        }
        let line = TreeLine {
            guides,
            is_last: n + 1 == count,
            below: 0,
            is_folded: false,
            cpu_above: above.cpu_above,
            memory_above: above.memory_above,
        };
        todo.push((row, line));
    }
}

/// Who is below whom.
struct Forest {
    tops: Vec<usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
    below: Vec<usize>,
}

impl Forest {
    fn new(rows: &[GroupRow]) -> Self {
        let places: HashMap<&str, usize> = rows
            .iter()
            .enumerate()
            .map(|(n, row)| (&*row.group.path, n))
            .collect();
        let mut forest = Self {
            tops: Vec::new(),
            parents: vec![None; rows.len()],
            children: vec![Vec::new(); rows.len()],
            below: vec![0; rows.len()],
        };
        for (n, row) in rows.iter().enumerate() {
            // One whose parent went between two looks hangs at the top for a moment.
            match row.group.parent().and_then(|path| places.get(path)) {
                Some(&parent) if parent != n => {
                    forest.parents[n] = Some(parent);
                    forest.children[parent].push(n);
                }
                _ => forest.tops.push(n),
            }
        }
        for n in 0..rows.len() {
            for above in forest.above(n).collect::<Vec<_>>() {
                forest.below[above] += 1;
            }
        }
        forest
    }

    /// Those above a row, the nearest first.
    fn above(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.parents[row], |&n| self.parents[n])
    }

    /// Rows that match, with all above them and all below them.
    fn matching(&self, world: &World, wanted: &str) -> HashSet<usize> {
        let mut found = HashSet::new();
        for (n, row) in world.groups.iter().enumerate() {
            let item = GroupItem::new(row, world);
            let hit = row.group.path.to_lowercase().contains(wanted)
                || item.name().to_lowercase().contains(wanted)
                || row.group.kind.word() == wanted;
            if hit {
                found.insert(n);
                found.extend(self.above(n));
            }
        }
        found
    }
}
