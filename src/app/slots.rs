//! How the columns of the table share the room out: first the least that each needs, by
//! weight, then more.

use super::{
    Screen, State,
    layout::{Choosable, Show, Shown},
};
use crate::format::columns::{Align, Column};

/// Columns before the first: the mark, the state, a gap.
pub const GUTTER: u16 = 4;
/// Columns between columns.
pub const GAP: u16 = 2;

/// From this width on, a column that appears by itself may always stand.
const ROOMY: u16 = 180;

/// How a column of the table takes part in the room there is.
pub struct Slot {
    /// Which column.
    pub column: &'static Column,
    /// Columns of its text.
    pub text: u16,
    /// Columns of its gauge, with the gap after it.
    pub gauge: u16,
    /// Whether only what is used is told, without the limit.
    pub is_brief: bool,
}

impl Slot {
    /// Columns of all of it.
    pub fn columns(&self) -> u16 {
        self.text + self.gauge
    }

    /// Whether it is about what a container uses, so that there is nothing in it while it
    /// doesn't run.
    pub fn is_figure(&self) -> bool {
        self.column.align == Align::Right
            && !matches!(
                self.column.id,
                "restarts" | "exit_code" | "volumes" | "size" | "cpu_limit" | "memory_limit"
            )
    }
}

/// What a column wants: least text, wanted text, gauge, and its weight; the lightest
/// column goes first.
#[derive(Clone, Copy)]
struct Plan {
    least: u16,
    wanted: u16,
    gauge: u16,
    weight: u8,
    is_fixed: bool,
}

fn plan(shown: &Shown, (name, image): (u16, u16)) -> Plan {
    let (least, wanted, gauge, weight) = match shown.column.id {
        "name" => {
            let wanted = name.max(8);
            (wanted.min(20), wanted.min(40), 0, 9)
        }
        "image" => {
            let wanted = image.clamp(6, 32);
            (wanted.min(12), wanted, 0, 5)
        }
        "trouble" => (9, 20, 0, 7),
        "cpu" => (7, 7, 10, 8),
        "memory" => (9, 18, 10, 7),
        "read" | "write" | "net_in" | "net_out" => (9, 9, 0, 3),
        "pids" => (7, 9, 0, 4),
        "uptime" => (6, 6, 0, 6),
        "restarts" => (8, 8, 0, 2),
        _ => {
            let natural = shown.column.natural();
            (natural, natural, 0, 4)
        }
    };
    match shown.width {
        None => Plan {
            least,
            wanted,
            gauge,
            weight,
            is_fixed: false,
        },
        // As the user made it: what is over the text's own width is the gauge's.
        Some(all) => {
            let text = if gauge > 0 { all.min(wanted) } else { all };
            Plan {
                least: text,
                wanted: text,
                gauge: all - text,
                weight,
                is_fixed: true,
            }
        }
    }
}

/// The columns that are shown, and how wide each is.
pub fn slots(state: &State, room: u16) -> Vec<Slot> {
    let table = &state.table;
    let has_trouble = table.shows_trouble(state.clock) || room >= ROOMY;
    let is_shown = |shown: &&Shown| match shown.show {
        Show::Yes => true,
        Show::No => false,
        Show::Auto => has_trouble,
    };
    let shown = table.layout.columns.iter().filter(is_shown);
    let mut plans: Vec<_> = shown.map(|s| (s.column, plan(s, table.widest))).collect();
    let room = room.saturating_sub(GUTTER + 1);
    let small = |plan: &Plan| {
        if plan.is_fixed {
            plan.gauge
        } else {
            plan.gauge.min(6)
        }
    };
    let least = |plans: &[(_, Plan)]| {
        let each = plans.iter().map(|(_, plan)| plan.least + GAP + small(plan));
        each.sum::<u16>().saturating_sub(GAP)
    };
    while least(&plans) > room && plans.len() > 1 {
        let lightest = plans
            .iter()
            .enumerate()
            .min_by_key(|(_, (_, plan))| plan.weight)
            .map_or(0, |(n, _)| n);
        plans.remove(lightest);
    }
    let mut free = room.saturating_sub(least(&plans));
    let mut slots: Vec<_> = plans
        .iter()
        .map(|(column, plan)| Slot {
            column,
            text: plan.least,
            gauge: small(plan),
            is_brief: column.id == "memory",
        })
        .collect();
    // What is left goes to limits, then names, then gauges, then images.
    let grow = |slot: &mut u16, to: u16, free: &mut u16| {
        let more = to.saturating_sub(*slot).min(*free);
        *slot += more;
        *free -= more;
    };
    for id in ["pids", "memory", "name", "image", "trouble"] {
        for (slot, (_, plan)) in slots.iter_mut().zip(&plans) {
            if slot.column.id == id && (id != "memory" || free >= plan.wanted - plan.least) {
                grow(&mut slot.text, plan.wanted, &mut free);
                slot.is_brief = false;
            }
        }
    }
    for (slot, (_, plan)) in slots.iter_mut().zip(&plans) {
        grow(&mut slot.gauge, plan.gauge, &mut free);
    }
    // On wide screens gauges may say it more exactly.
    let can_grow = |(slot, (_, plan)): &(&mut Slot, &(_, Plan))| slot.gauge > 0 && !plan.is_fixed;
    let gauges = slots.iter_mut().zip(&plans).filter(can_grow).count().max(1) as u16;
    let each = (free / gauges).min(8);
    for (slot, _) in slots.iter_mut().zip(&plans).filter(can_grow) {
        slot.gauge += each;
    }
    slots
}

/// The column whose head is at a place of the line of titles.
pub fn head_at(state: &State, columns: u16, at: u16) -> Option<&'static str> {
    if state.screen != Screen::Containers || state.table_lines() == 0 {
        return None;
    }
    let mut from = GUTTER;
    for slot in slots(state, columns) {
        let to = from + slot.columns();
        if (from..to).contains(&at) {
            return Some(slot.column.id);
        }
        from = to + GAP;
    }
    None
}
