//! The groups screen: folding, what is loaded and counted for it, and changes of groups
//! with their undo.

use super::super::{
    Effect, Failure, Geometry, GroupPrompt, Modal, Pending, Screen, State, modal::edit,
};
use super::TOAST;
use crate::{
    action::{Action, Code, Key},
    format::text::sanitize,
    model::{GroupChange, GroupDetails, GroupKind, GroupLimits, OWN_GROUPS},
};

impl State {
    pub(super) fn perform_on_group(&mut self, action: Action) {
        let selected = self.selected_group().map(|row| row.group.clone());
        match action {
            Action::FoldTree => self.fold_tree(None),
            Action::FoldTrees => self.fold_all(),
            Action::CreateGroup => {
                let above = selected.filter(|group| group.is_own());
                let above = above.map_or(OWN_GROUPS.to_owned(), |group| group.path.to_string());
                self.modal = Some(Modal::GroupPrompt(GroupPrompt::new(action, &above)));
            }
            Action::UndoGroup => {
                if let Some(undo) = self.groups.undo.pop() {
                    self.groups.undoing = Some(undo.clone());
                    self.change_group(undo);
                }
            }
            Action::MoveIntoGroup => {
                let Some(group) = selected else { return };
                let prompt = GroupPrompt::new(action, &group.path);
                self.modal = Some(Modal::GroupPrompt(prompt));
            }
            Action::LimitGroup => {
                let Some(group) = selected else { return };
                let now = match &self.groups.details {
                    Pending::Ready(details) => details.limits.clone(),
                    _ => GroupLimits::default(),
                };
                let prompt = GroupPrompt::limits(&group.path, &now);
                self.modal = Some(Modal::GroupPrompt(prompt));
            }
            Action::RemoveGroup => {
                let Some(group) = selected else { return };
                self.change_group(GroupChange::Remove {
                    path: group.path.to_string(),
                });
            }
            _ => {}
        }
    }

    pub(super) fn on_group_prompt_key(
        &mut self,
        key: Key,
        mut prompt: GroupPrompt,
    ) -> Option<Modal> {
        match key.code {
            Code::Esc => return None,
            Code::Up | Code::BackTab => prompt.step(-1),
            Code::Down | Code::Tab => prompt.step(1),
            Code::Enter => match prompt.change() {
                Ok(change) => {
                    self.change_group(change);
                    return None;
                }
                Err(fault) => prompt.fault = Some(fault),
            },
            _ => {
                if prompt.text().is_some_and(|text| edit(text, key)) {
                    prompt.fault = None;
                }
            }
        }
        Some(Modal::GroupPrompt(prompt))
    }

    fn change_group(&mut self, change: GroupChange) {
        let now = (self.now(), self.clock);
        let what = sanitize(&change.asked()).into_owned();
        self.groups.deed = Some(self.activity.begin_deed(now, what, None));
        self.effects.push(Effect::ChangeGroup(change));
    }

    pub(super) fn on_group_changed(&mut self, result: Result<(GroupChange, GroupChange), Failure>) {
        if let Some(deed) = self.groups.deed.take() {
            let told = match &result {
                Ok(_) => Ok(String::new()),
                Err(failure) => Err(failure.clone()),
            };
            self.activity.end_deed(self.clock, deed, told);
        }
        let undoing = self.groups.undoing.take();
        match result {
            Ok((done, undo)) => {
                // What took something back is not itself what is taken back next.
                let was_undo = undoing.is_some();
                if !was_undo {
                    self.groups.remember(undo);
                }
                if let GroupChange::Create { path, .. } = &done {
                    self.reveal(path);
                }
                let line = sanitize(&done.to_string()).into_owned();
                let hint = (!was_undo).then(|| "U takes it back".into());
                self.tell(false, vec![line], hint, TOAST);
            }
            Err(failure) => self.tell_failure(failure),
        }
        self.effects.push(Effect::Refresh);
    }

    /// Unfolds what hides a group, and goes to it once it is listed.
    fn reveal(&mut self, path: &str) {
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('/') {
            self.groups.folds.insert(parent.into(), false);
            above = parent;
        }
        self.groups.wanted = Some(path.into());
    }

    /// Folds the selected group or unfolds it; one that can't be folded any more goes to
    /// the group above it, as in every tree.
    pub(super) fn fold_tree(&mut self, wanted: Option<bool>) {
        let Some(world) = self.world.clone() else {
            return;
        };
        let cursor = self.groups.list.cursor;
        let (Some(row), Some(line)) = (self.selected_group(), self.groups.lines.get(cursor)) else {
            return;
        };
        let (group, is_folded, has_children) = (row.group.clone(), line.is_folded, line.below > 0);
        let fold = wanted.unwrap_or(!is_folded);
        if has_children && fold != is_folded {
            self.groups.folds.insert(group.path.clone(), fold);
        } else if fold && let Some(parent) = group.parent() {
            self.groups.list.selected = Some(parent.into());
        } else if !fold && has_children {
            self.step(1);
            return;
        }
        self.groups.arrange(&world, self.clock);
    }

    /// Unfolds everything, or, if all is unfolded, goes back to the first levels.
    fn fold_all(&mut self) {
        let Some(world) = self.world.clone() else {
            return;
        };
        if self.groups.lines.iter().any(|line| line.is_folded) {
            let all = world
                .groups
                .iter()
                .map(|row| (row.group.path.clone(), false));
            self.groups.folds = all.collect();
        } else {
            self.groups.folds.clear();
        }
        self.groups.arrange(&world, self.clock);
    }

    /// An answer about the selected group, or about the selected container's.
    pub(super) fn on_group(&mut self, result: Result<Box<GroupDetails>, Failure>) {
        self.groups.take_details(result.map(|details| *details));
    }

    /// Keeps what is loaded in step with the selected group.
    pub(super) fn watch_group(&mut self) {
        let selected = self.selected_group().map(|row| row.group.path.clone());
        if self.details.watched.is_some() {
            self.forget_details();
        }
        if self.groups.watched == selected {
            return;
        }
        self.forget_group();
        self.details.watch += 1;
        self.groups.watched = selected;
        self.effects.push(match &self.groups.watched {
            Some(path) => Effect::WatchGroup {
                watch: self.details.watch,
                path: path.clone(),
            },
            None => Effect::Unwatch,
        });
    }

    /// What was loaded is of another group, or another container's.
    pub(super) fn forget_group(&mut self) {
        self.groups.details = Pending::Loading;
        self.groups.before = None;
        self.groups.processes = Pending::Loading;
        self.groups.scroll = 0;
    }

    /// Tells the engine what is on screen.
    pub(in super::super) fn settle_groups(&mut self, regions: &Geometry) {
        let Some(world) = self.world.clone() else {
            return;
        };
        if self.screen != Screen::Groups || self.groups.list.rows.is_empty() {
            return;
        }
        let counts = self.groups.counts(&world, regions.rows.height.into());
        if counts != self.groups.counted {
            let is_more = counts
                .iter()
                .any(|path| self.groups.counted.binary_search(path).is_err());
            self.groups.counted.clone_from(&counts);
            self.effects.push(Effect::CountGroups(counts));
            if is_more {
                self.effects.push(Effect::Refresh);
            }
        }
    }

    /// The processes and one line of titles above them.
    pub(super) fn group_lines(&self) -> usize {
        1 + self.groups.processes.len()
    }

    /// The name of the selected group for messages.
    pub(super) fn group_name(&self) -> Option<String> {
        let group = &self.selected_group()?.group;
        Some(match &group.kind {
            GroupKind::Host => "the host".into(),
            GroupKind::Container(id) => {
                let row = self.world.as_ref()?.container(id);
                row.map_or_else(|| group.name.to_string(), |row| row.container.name.clone())
            }
            _ => group.name.to_string(),
        })
    }
}
