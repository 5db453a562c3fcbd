//! Where the columns of the control groups' tree are, for drawing and for the mouse.

use crate::format::columns::groups::{GROUPS, GroupColumn};

/// Columns between columns.
pub const GROUP_GAP: u16 = 2;
/// Columns before the tree.
pub const GROUP_GUTTER: u16 = 2;

/// How a column takes part in the room there is.
#[derive(Clone, Copy)]
pub struct GroupSlot {
    /// Which.
    pub column: &'static GroupColumn,
    /// Columns of its text.
    pub text: u16,
    /// Columns of its gauge.
    pub gauge: u16,
}

impl GroupSlot {
    /// All of its columns.
    pub fn columns(&self) -> u16 {
        self.text + self.gauge
    }
}

/// Shares the room out: the least that each column needs, the lightest going first, then
/// room for limits, then for names, then for gauges.
pub fn group_slots(room: u16) -> Vec<GroupSlot> {
    let room = room.saturating_sub(GROUP_GUTTER + 1);
    let mut columns: Vec<&'static GroupColumn> = GROUPS.iter().collect();
    let least = |columns: &[&GroupColumn]| {
        let each = columns
            .iter()
            .map(|column| column.width.0 + column.gauge.min(6) + GROUP_GAP);
        each.sum::<u16>().saturating_sub(GROUP_GAP)
    };
    while least(&columns) > room && columns.len() > 1 {
        let lightest = (0..columns.len()).min_by_key(|&n| columns[n].weight);
        columns.remove(lightest.unwrap_or(0));
    }
    let mut free = room.saturating_sub(least(&columns));
    let mut slots: Vec<GroupSlot> = columns
        .iter()
        .map(|column| GroupSlot {
            column,
            text: column.width.0,
            gauge: column.gauge.min(6),
        })
        .collect();
    for is_name in [false, true] {
        for slot in slots
            .iter_mut()
            .filter(|s| (s.column.id == "name") == is_name)
        {
            let more = (slot.column.width.1 - slot.column.width.0).min(free);
            // Half of a limit is worth nothing.
            if is_name || more == slot.column.width.1 - slot.column.width.0 {
                slot.text += more;
                free -= more;
            }
        }
    }
    let gauges = slots.iter().filter(|slot| slot.gauge > 0).count().max(1) as u16;
    let each = (free / gauges).min(12);
    for slot in slots.iter_mut().filter(|slot| slot.gauge > 0) {
        slot.gauge += each;
        free -= each;
    }
    // What is left over belongs between the tree and its figures.
    if let Some(name) = slots.first_mut() {
        name.text += free;
    }
    slots
}

/// The column whose head is so many columns from the left.
pub fn group_head(room: u16, at: u16) -> Option<&'static str> {
    let mut from = GROUP_GUTTER;
    for slot in group_slots(room) {
        let to = from + slot.columns();
        if (from..to).contains(&at) {
            return Some(slot.column.id);
        }
        from = to + GROUP_GAP;
    }
    None
}
