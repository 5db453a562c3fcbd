//! Changing limits: the editor's keys, what is asked of the engine, and taking it back.

use super::{
    super::{
        Effect, Failure, Modal, State, Target,
        limits::{Editor, SETTINGS},
        modal::edit,
    },
    TOAST,
};
use crate::{
    action::{Action, ActionSpec, Code, Key},
    format::{Glyphs, limits, text::sanitize},
    model::{ContainerId, UpdateRequest},
};

impl State {
    pub(super) fn open_limits(&mut self, spec: &'static ActionSpec) {
        let targets = self
            .targets(spec)
            .into_iter()
            .filter_map(|target| match target {
                Target::Container(id) => Some(id),
                Target::Image(..) | Target::Network(..) | Target::Volume(_) => None,
            });
        let targets: Vec<_> = targets.collect();
        if !targets.is_empty() {
            let editor = Editor::new(targets, self.capabilities.clone());
            self.modal = Some(Modal::Limits(Box::new(editor)));
        }
    }

    pub(super) fn on_limits_key(&mut self, key: Key, mut editor: Box<Editor>) -> Option<Modal> {
        let last = SETTINGS.len() - 1;
        match key.code {
            Code::Esc => return None,
            Code::Enter => return self.apply_limits(editor),
            Code::Up | Code::BackTab => editor.cursor = editor.cursor.saturating_sub(1),
            Code::Down | Code::Tab => editor.cursor = (editor.cursor + 1).min(last),
            Code::PageUp | Code::Home => editor.cursor = 0,
            Code::PageDown | Code::End => editor.cursor = last,
            _ => {
                if edit(&mut editor.texts[editor.cursor], key) {
                    editor.is_refused = false;
                }
            }
        }
        Some(Modal::Limits(editor))
    }

    /// Asks for what was typed, of each container that would not refuse it. The editor
    /// stays open where nothing can be asked.
    fn apply_limits(&mut self, mut editor: Box<Editor>) -> Option<Modal> {
        let world = self.world.clone()?;
        let change = match editor.change() {
            Ok(change) if change.is_empty() => return None,
            Ok(change) => change,
            Err(line) => {
                editor.cursor = line;
                editor.is_refused = true;
                return Some(Modal::Limits(editor));
            }
        };
        let outcomes = editor.rows(&world).map(|row| change.forecast(row, &world));
        let (refused, possible): (Vec<_>, Vec<_>) =
            outcomes.partition(|outcome| outcome.refusal().is_some());
        if possible.is_empty() {
            editor.is_refused = true;
            return Some(Modal::Limits(editor));
        }
        let undo = possible.iter().map(|outcome| change.inverse(outcome.row));
        let undo: Vec<_> = undo.collect();
        let ids = possible
            .iter()
            .map(|outcome| outcome.row.container.id.clone());
        let requests: Vec<_> = ids.map(|id| change.request(id)).collect();
        let told = match possible.as_slice() {
            [one] => change.words(one.row, arrow(self.look.glyphs)),
            _ => Vec::new(),
        };
        let told = told.iter().map(|line| sanitize(line).into_owned());
        let told = told.collect();
        let refused = refused.into_iter().filter_map(|outcome| {
            let note = outcome.refusal()?;
            let failure = Failure {
                message: format!("{} {}", note.limit.as_str(), note.text),
                hint: None,
            };
            Some((Target::Container(outcome.row.container.id.clone()), failure))
        });
        let refused: Vec<_> = refused.collect();
        let operation = self.ask_for_limits(Action::Limits, requests);
        self.undo.begin(operation, undo, told);
        self.operations.refuse(operation, refused);
        None
    }

    fn ask_for_limits(&mut self, action: Action, requests: Vec<UpdateRequest>) -> u64 {
        let targets: Vec<_> = requests
            .iter()
            .map(|request| Target::Container(request.id.clone()))
            .collect();
        let operation = self.operations.begin(action, &targets, self.clock);
        self.clear_marks();
        for (request, target) in requests.iter().zip(targets) {
            let name = self.name_of(&target);
            let what = format!("{} {name}", action.spec().title);
            let command = limits::command(request, &[&name]);
            let now = (self.now(), self.clock);
            self.activity
                .begin_item(now, operation, target, what, Some(command));
        }
        self.effects.push(Effect::Update {
            operation,
            requests,
        });
        operation
    }

    /// Takes the last change back.
    pub(super) fn undo_limits(&mut self) {
        let exists = |id: &ContainerId| {
            let world = self.world.as_ref();
            world.is_some_and(|world| world.container(id).is_some())
        };
        // What was removed since has no limits any more.
        while let Some(mut requests) = self.undo.pop() {
            requests.retain(|request| exists(&request.id));
            if !requests.is_empty() {
                let operation = self.ask_for_limits(Action::UndoLimits, requests.clone());
                self.undo.begin_undo(operation, requests);
                return;
            }
        }
        self.tell(false, vec!["nothing to undo".into()], None, TOAST);
    }
}

fn arrow(glyphs: Glyphs) -> &'static str {
    match glyphs {
        Glyphs::Unicode => "→",
        Glyphs::Ascii => "->",
    }
}
