//! Operations on what is marked, or else on what is under the cursor: asking first
//! where something could be lost, and telling how it went.

use super::{
    super::{
        Effect, Failure, Modal, Results, Screen, State, Target, activity::command, operation::Ended,
    },
    TOAST, TOAST_ERROR,
};
use crate::{
    action::{Action, ActionSpec, Keymap},
    format::text::sanitize,
    model::{ContainerId, Image},
};

impl State {
    pub(super) fn ask_or_operate(&mut self, spec: &'static ActionSpec) {
        let targets = self.targets(spec);
        if targets.is_empty() {
            return;
        }
        if self.config.asks_before(spec) {
            self.modal = Some(Modal::Confirm {
                action: spec.action,
                targets,
            });
        } else {
            self.operate(spec.action, targets);
        }
    }

    /// Begins an operation. The marks have served then.
    pub(super) fn operate(&mut self, action: Action, targets: Vec<Target>) {
        let operation = self.operations.begin(action, &targets, self.clock);
        self.clear_marks();
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
    pub(super) fn targets(&self, spec: &ActionSpec) -> Vec<Target> {
        if self.screen == Screen::Images {
            let named = |image: &Image| Target::Image(image.id.clone(), image.title().to_owned());
            let marked: Vec<_> = self.marked_images().map(named).collect();
            return match marked.is_empty() {
                true => self.selected_image().map(named).into_iter().collect(),
                false => marked,
            };
        }
        if self.screen == Screen::Networks {
            let named = self.selected_network().map(|row| {
                let network = &row.network;
                Target::Network(network.id.clone(), network.name.clone())
            });
            return named.into_iter().collect();
        }
        if self.screen == Screen::Volumes {
            let named = self.selected_volume();
            let named = named.map(|volume| Target::Volume(volume.name.clone()));
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
            let is_done = |id: &ContainerId| ended.done.contains(&Target::Container(id.clone()));
            let told = self.undo.end(operation, is_done);
            self.tell_end(&ended, told);
        }
        self.effects.push(Effect::Refresh);
    }

    fn tell_end(&mut self, ended: &Ended, told: Vec<String>) {
        let word = past(ended.action);
        if ended.failed.is_empty() {
            let what = match ended.done.as_slice() {
                [one] => self.name_of(one),
                many @ [Target::Image(..), ..] => format!("{} images", many.len()),
                many => format!("{} containers", many.len()),
            };
            let mut lines = vec![format!("{word} {what}")];
            lines.extend(told);
            let hint = (ended.action == Action::Limits).then(|| undo_hint(&self.config.keymap));
            let lifetime = TOAST * if hint.is_some() { 2 } else { 1 };
            return self.tell(false, lines, hint, lifetime);
        }
        if let ([], [(_, failure)]) = (ended.done.as_slice(), ended.failed.as_slice()) {
            return self.tell_failure(failure.clone());
        }
        let all = ended.done.len() + ended.failed.len();
        let title = format!("{word} {} of {all}", ended.done.len());
        let failed = ended.failed.iter();
        let failed = failed.map(|(target, failure)| (self.name_of(target), Err(failure.clone())));
        let done = ended
            .done
            .iter()
            .map(|target| (self.name_of(target), Ok(())));
        let results = Results {
            title: title.clone(),
            items: failed.chain(done).collect(),
            scroll: 0,
        };
        // Whoever is typing goes on typing.
        if self.modal.is_none() {
            self.modal = Some(Modal::Results(results));
            return;
        }
        let first = ended.failed.first();
        let mut lines = vec![title];
        lines.extend(
            first.map(|(target, failure)| format!("{}: {}", self.name_of(target), failure.message)),
        );
        let hint = first.and_then(|(_, failure)| failure.hint.clone());
        self.tell(true, lines, hint, TOAST_ERROR);
    }

    /// The name of a thing, safe to draw.
    pub fn name_of(&self, target: &Target) -> String {
        sanitize(&self.raw_name_of(target)).into_owned()
    }

    fn raw_name_of(&self, target: &Target) -> String {
        let name = match target {
            Target::Image(_, name) | Target::Network(_, name) | Target::Volume(name) => {
                name.as_str()
            }
            Target::Container(id) => self
                .world
                .as_ref()
                .and_then(|world| world.container(id))
                .map_or(id.short(), |row| &row.container.name),
        };
        name.to_owned()
    }

    /// The marks have served.
    pub(super) fn clear_marks(&mut self) {
        if self.screen == Screen::Images {
            return self.images.marks.clear();
        }
        self.table.range = None;
        self.containers.marks.clear();
    }

    pub(super) fn mark(&mut self) {
        self.table.range = None;
        let Some(row) = self.selected_container() else {
            return self.mark_group();
        };
        let id = row.container.id.clone();
        if !self.containers.marks.remove(&id) {
            self.containers.marks.insert(id);
        }
        self.step(1);
    }

    pub(super) fn mark_all(&mut self) {
        self.table.range = None;
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

fn undo_hint(keymap: &Keymap) -> String {
    let key = keymap.shown(Action::UndoLimits.spec());
    key.map_or(String::new(), |key| format!("{key} undoes"))
}

fn past(action: Action) -> &'static str {
    match action {
        Action::Start => "started",
        Action::Stop => "stopped",
        Action::Restart => "restarted",
        Action::Pause => "paused",
        Action::Unpause => "unpaused",
        Action::Kill => "killed",
        Action::CheckHealth => "checking the health of",
        Action::Remove | Action::RemoveImage | Action::RemoveNetwork | Action::RemoveVolume => {
            "removed"
        }
        Action::Limits => "changed limits of",
        Action::UndoLimits => "restored limits of",
        other => other.spec().title,
    }
}

/// The word for an action in "can't …".
pub(super) fn verb(spec: &ActionSpec) -> &'static str {
    match spec.action {
        Action::Shell => "open a shell in",
        Action::Attach => "attach to",
        Action::Processes => "list processes of",
        Action::Changes => "list files of",
        Action::Network => "look at the network of",
        Action::CreateGroup => "make a group",
        Action::CreateNetwork => "make a network",
        Action::CreateVolume => "make a volume",
        Action::Connect => "connect anybody",
        Action::Disconnect => "disconnect anybody",
        Action::BrowseVolume => "look into it",
        Action::ScreenGroups => "show cgroups",
        Action::ScreenNetworks => "show networks",
        Action::ScreenVolumes => "show volumes",
        Action::MoveIntoGroup => "move a process in",
        Action::UndoGroup => "undo",
        Action::Limits => "change limits of",
        _ => spec.title,
    }
}
