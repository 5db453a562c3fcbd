//! Keys of the containers' table: groups, how CPU is told, and ranges of marks; and the
//! columns of any table.

use super::{
    super::{
        Effect, Modal, Screen, State,
        layout::{Choosing, Saved},
        modal::{Chooser, Columns},
        table::{Line, Range},
    },
    TOAST,
    modals::line_of,
};
use crate::{
    action::{Code, Key},
    format::group::{GroupBy, PROJECT},
    model::ContainerId,
};

impl State {
    pub(super) fn next_cpu_display(&mut self) {
        self.table.cpu = self.table.cpu.next();
        let told = self.table.cpu.meaning().to_owned();
        self.tell(false, vec![told], None, TOAST);
        self.save_table();
    }

    fn save_table(&mut self) {
        let saved = Saved::new(&self.table.layout, &self.image_columns, self.table.cpu);
        self.effects.push(Effect::Save(saved));
    }

    /// Takes up what the last run kept.
    pub(in super::super) fn restore(&mut self, saved: &Saved) {
        self.table.layout = saved.containers();
        self.image_columns = saved.images();
        self.table.cpu = saved.cpu();
    }

    // Groups.

    pub(super) fn open_groups(&mut self) {
        let choices = self.group_choices();
        let current = choices.iter().position(|by| *by == self.table.groups.by);
        self.modal = Some(Modal::Groups(current.unwrap_or(0)));
    }

    /// What containers can be grouped by: nothing, what all have, and their labels, those
    /// of most containers first.
    pub fn group_choices(&self) -> Vec<Option<GroupBy>> {
        let mut counts = std::collections::BTreeMap::new();
        let rows = self.world.iter().flat_map(|world| &world.containers);
        for key in rows.flat_map(|row| row.container.config.labels.keys()) {
            *counts.entry(key.as_str()).or_insert(0usize) += 1;
        }
        let has_projects = counts.remove(PROJECT).is_some();
        let mut labels: Vec<_> = counts.into_iter().collect();
        labels.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let labels = labels.into_iter().take(MOST_LABELS);
        let mut choices = vec![None, Some(GroupBy::State), Some(GroupBy::Image)];
        if has_projects {
            choices.push(Some(GroupBy::Project));
        }
        choices.extend(labels.map(|(key, _)| Some(GroupBy::Label(key.to_owned()))));
        choices
    }

    pub(super) fn on_groups_key(&mut self, key: Key, cursor: usize) -> Option<Modal> {
        let choices = self.group_choices();
        if let Some(cursor) = line_of(key, cursor, choices.len()) {
            return Some(Modal::Groups(cursor));
        }
        match key.code {
            Code::Enter | Code::Char(' ' | 'b') => {
                let groups = &mut self.table.groups;
                groups.by = choices.into_iter().nth(cursor).flatten();
                groups.folded.clear();
                groups.heading = None;
                self.arrange();
                None
            }
            Code::Esc | Code::Char('q') => None,
            _ => Some(Modal::Groups(cursor)),
        }
    }

    /// Folds the group under the cursor, or unfolds it.
    pub(super) fn fold(&mut self) {
        let groups = &mut self.table.groups;
        let group = match groups.heading() {
            Some(n) => groups.list.get(n),
            None => groups.of_row(self.containers.cursor),
        };
        let Some(key) = group.map(|group| group.key.clone()) else {
            let told = "nothing is grouped: b chooses by what".to_owned();
            return self.tell(false, vec![told], None, TOAST);
        };
        if !groups.folded.remove(&key) {
            groups.folded.insert(key.clone());
        }
        groups.heading = Some(key);
        self.rearrange();
    }

    /// Puts the cursor on a container; it is there once the list is arranged with it.
    pub(super) fn select(&mut self, id: &ContainerId) {
        self.table.groups.heading = None;
        self.containers.selected = Some(id.clone());
    }

    /// Brings the cursor and the heading that it may be on together again.
    pub(in super::super) fn settle_heading(&mut self) {
        let (groups, list) = (&mut self.table.groups, &mut self.containers);
        if groups.heading.is_some() && groups.heading().is_none() {
            groups.heading = None;
        }
        if groups.heading.is_none() && list.rows.is_empty() {
            // Only headings are left.
            groups.heading = groups.list.first().map(|group| group.key.clone());
        }
        if let Some(n) = groups.heading() {
            list.cursor = groups.list[n].first.min(list.rows.len().saturating_sub(1));
            list.selected = None;
        }
    }

    /// The line of the cursor.
    pub fn cursor_line(&self) -> usize {
        let groups = &self.table.groups;
        match groups.heading() {
            Some(n) => groups.list[n].first + n,
            None => groups.line_of(self.containers.cursor),
        }
    }

    /// Lines of the table.
    pub fn table_lines(&self) -> usize {
        self.table.groups.lines(self.containers.rows.len())
    }

    /// Moves the cursor by so many lines, over headings and rows alike.
    pub(super) fn step_lines(&mut self, by: isize) {
        let Some(world) = self.world.clone() else {
            return;
        };
        let id_of = |row: usize| world.containers[row].container.id.clone();
        if self.table.groups.list.is_empty() {
            self.containers.step(by, id_of);
        } else {
            let last = self.table_lines().saturating_sub(1);
            let line = self.cursor_line().saturating_add_signed(by).min(last);
            match self.table.groups.line(line) {
                Line::Heading(n) => {
                    let group = self.table.groups.list.get(n);
                    self.table.groups.heading = group.map(|group| group.key.clone());
                    self.settle_heading();
                }
                Line::Row(row) => {
                    self.table.groups.heading = None;
                    let here = self.containers.cursor as isize;
                    self.containers.step(row as isize - here, id_of);
                }
            }
        }
        self.extend_range();
    }

    // Marks.

    /// Marks all of the group under the cursor, or none of it. Its rows are shown then:
    /// what is hidden is never done anything to.
    pub(super) fn mark_group(&mut self) {
        let Some(key) = self.table.groups.heading.clone() else {
            return;
        };
        if self.table.groups.folded.remove(&key) {
            self.rearrange();
        }
        let groups = &self.table.groups;
        let (Some(n), Some(world)) = (groups.heading(), self.world.clone()) else {
            return;
        };
        let group = &groups.list[n];
        let list = &mut self.containers;
        let rows = &list.rows[group.first..group.first + group.shown];
        let ids = rows.iter().map(|&row| &world.containers[row].container.id);
        if ids.clone().all(|id| list.marks.contains(id)) {
            for id in ids {
                list.marks.remove(id);
            }
        } else {
            list.marks.extend(ids.cloned());
        }
    }

    /// Begins a range of marks at the cursor, or ends it.
    pub(super) fn mark_range(&mut self) {
        if self.table.range.take().is_some() {
            return;
        }
        if let Some(id) = self.containers.selected.clone() {
            self.table.range = Some(Range {
                anchor: id,
                before: self.containers.marks.clone(),
            });
            self.extend_range();
        }
    }

    /// Marks what lies between a range's beginning and the cursor.
    pub(super) fn extend_range(&mut self) {
        let (Some(range), Some(world)) = (&self.table.range, self.world.clone()) else {
            return;
        };
        let list = &mut self.containers;
        let id = |row: &usize| &world.containers[*row].container.id;
        let Some(anchor) = list.rows.iter().position(|row| *id(row) == range.anchor) else {
            self.table.range = None;
            return;
        };
        let (from, to) = (anchor.min(list.cursor), anchor.max(list.cursor));
        let between = list.rows[from..=to].iter().map(|row| id(row).clone());
        list.marks = range.before.iter().cloned().chain(between).collect();
    }

    /// Takes back a range that is under way; whether there was one.
    pub(super) fn drop_range(&mut self) -> bool {
        let Some(range) = self.table.range.take() else {
            return false;
        };
        self.containers.marks = range.before;
        true
    }

    /// Marks what isn't, and the other way round.
    pub(super) fn invert_marks(&mut self) {
        self.table.range = None;
        let Some(world) = self.world.clone() else {
            return;
        };
        let list = &mut self.containers;
        for &row in &list.rows {
            let id = &world.containers[row].container.id;
            if !list.marks.remove(id) {
                list.marks.insert(id.clone());
            }
        }
    }

    // Columns.

    pub(super) fn open_columns(&mut self) {
        let before = match self.screen {
            Screen::Images => Columns::Images(self.image_columns.clone()),
            _ => Columns::Containers(self.table.layout.clone()),
        };
        self.modal = Some(Modal::Columns(Chooser { cursor: 0, before }));
    }

    pub(super) fn on_columns_key(&mut self, key: Key, mut chooser: Chooser) -> Option<Modal> {
        let cursor = &mut chooser.cursor;
        let choosing = match &chooser.before {
            Columns::Containers(_) => self.table.layout.on_key(key, cursor),
            Columns::Images(_) => self.image_columns.on_key(key, cursor),
        };
        match choosing {
            Choosing::Open => return Some(Modal::Columns(chooser)),
            Choosing::Kept => self.save_table(),
            Choosing::Dropped => match chooser.before {
                Columns::Containers(before) => self.table.layout = before,
                Columns::Images(before) => self.image_columns = before,
            },
        }
        None
    }
}

/// How many labels are offered to group by: the rest is on few containers.
const MOST_LABELS: usize = 12;
