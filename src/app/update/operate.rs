//! Operations on what is marked, or else on what is under the cursor: asking first
//! where something could be lost, and telling how it went.

use std::time::Duration;

use super::{
    super::{Effect, Failure, Modal, Screen, State, Target, activity::command, operation::Ended},
    TOAST, TOAST_ERROR,
};
use crate::{
    action::{Action, ActionSpec, Danger},
    format::text::sanitize,
};

/// How many failures of one operation are told in words.
const FAILURES_TOLD: usize = 4;

impl State {
    pub(super) fn ask_or_operate(&mut self, spec: &'static ActionSpec) {
        let targets = self.targets(spec);
        if targets.is_empty() {
            return;
        }
        if spec.danger == Danger::None {
            self.operate(spec.action, targets);
        } else {
            self.modal = Some(Modal::Confirm {
                action: spec.action,
                targets,
            });
        }
    }

    /// Begins an operation. The marks have served then.
    pub(super) fn operate(&mut self, action: Action, targets: Vec<Target>) {
        let operation = self.operations.begin(action, &targets, self.clock);
        self.containers.marks.clear();
        for target in &targets {
            let name = self.raw_name_of(target);
            let what = format!("{} {}", action.spec().title, sanitize(&name));
            let command = command(action, &name);
            let now = (self.now(), self.clock);
            let item = target.clone();
            self.activity
                .begin_item(now, operation, item, what, command);
        }
        self.effects.push(Effect::Operate {
            operation,
            action,
            targets,
        });
    }

    /// What an action would be done to: of several only those that allow it.
    fn targets(&self, spec: &ActionSpec) -> Vec<Target> {
        if self.screen == Screen::Images {
            let named = self.selected_image().map(|image| {
                let name = image.references.first().map_or(image.id.short(), |r| r);
                Target::Image(image.id.clone(), name.to_owned())
            });
            return named.into_iter().collect();
        }
        let allowed =
            |row: &&crate::model::ContainerRow| (spec.needs)(&self.subject_of(row)).is_ok();
        let marked: Vec<_> = self.marked().collect();
        let rows = if marked.is_empty() {
            self.selected_container().into_iter().collect()
        } else {
            marked
        };
        rows.into_iter()
            .filter(allowed)
            .map(|row| Target::Container(row.container.id.clone()))
            .collect()
    }

    pub(super) fn on_operated(
        &mut self,
        operation: u64,
        target: Target,
        result: Result<(), Failure>,
    ) {
        self.activity
            .end_item(self.clock, operation, &target, &result);
        // The name has to be asked for now: a removed container soon has none.
        if let Some(ended) = self.operations.end(operation, target, result) {
            self.tell_end(&ended);
        }
        self.effects.push(Effect::Refresh);
    }

    fn tell_end(&mut self, ended: &Ended) {
        let word = past(ended.action);
        if ended.failed.is_empty() {
            let what = match ended.done.as_slice() {
                [one] => self.name_of(one),
                many => format!("{} containers", many.len()),
            };
            return self.tell(false, vec![format!("{word} {what}")], None, TOAST);
        }
        if let ([], [(_, failure)]) = (ended.done.as_slice(), ended.failed.as_slice()) {
            return self.tell_failure(failure.clone());
        }
        let all = ended.done.len() + ended.failed.len();
        let mut lines = vec![format!("{word} {} of {all}", ended.done.len())];
        for (target, failure) in ended.failed.iter().take(FAILURES_TOLD) {
            lines.push(format!("{}: {}", self.name_of(target), failure.message));
        }
        let untold = ended.failed.len().saturating_sub(FAILURES_TOLD);
        if untold > 0 {
            lines.push(format!("and {untold} more"));
        }
        let hint = ended
            .failed
            .iter()
            .find_map(|(_, failure)| failure.hint.clone());
        let each = Duration::from_secs(2);
        self.tell(true, lines, hint, TOAST_ERROR + each * untold as u32);
    }

    /// The name of a thing, safe to draw.
    pub fn name_of(&self, target: &Target) -> String {
        sanitize(&self.raw_name_of(target)).into_owned()
    }

    fn raw_name_of(&self, target: &Target) -> String {
        let name = match target {
            Target::Image(_, name) => name.as_str(),
            Target::Container(id) => self
                .world
                .as_ref()
                .and_then(|world| world.container(id))
                .map_or(id.short(), |row| &row.container.name),
        };
        name.to_owned()
    }

    pub(super) fn mark(&mut self) {
        let Some(row) = self.selected_container() else {
            return;
        };
        let id = row.container.id.clone();
        if !self.containers.marks.remove(&id) {
            self.containers.marks.insert(id);
        }
        self.step(1);
    }

    pub(super) fn mark_all(&mut self) {
        let Some(world) = self.world.clone() else {
            return;
        };
        let shown = self
            .containers
            .rows
            .iter()
            .map(|&row| world.containers[row].container.id.clone());
        if self.containers.marks.is_empty() {
            self.containers.marks = shown.collect();
        } else {
            self.containers.marks.clear();
        }
    }
}

fn past(action: Action) -> &'static str {
    match action {
        Action::Start => "started",
        Action::Stop => "stopped",
        Action::Restart => "restarted",
        Action::Pause => "paused",
        Action::Unpause => "unpaused",
        Action::Kill => "killed",
        Action::Remove | Action::RemoveImage => "removed",
        other => other.spec().title,
    }
}
