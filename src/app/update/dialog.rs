//! Keys of menus, of lines being typed and of single questions, and what comes of them.

use std::path::PathBuf;

use super::{
    super::{
        Asked, Effect, Failure, Job, Made, Menu, Modal, Pick, Picked, Prompt, Question, Said,
        Screen, State, Tab, activity::quoted, log::Needle, modal::edit,
    },
    TOAST,
    modals::line_of,
};
use crate::{
    action::{Action, Code, Key},
    format::text::{sanitize, truncate},
};

/// Terminals take no more than this in one sequence, most of them.
const COPY_BYTES: usize = 72 << 10;
/// Columns of a copied text that the message about it shows.
const SAMPLE: usize = 40;

impl State {
    pub(super) fn on_menu_key(&mut self, key: Key, mut menu: Menu) -> Option<Modal> {
        let by_key = match (key.code, key.ctrl) {
            (Code::Char(c), false) => menu.picks.iter().position(|pick| pick.key == Some(c)),
            _ => None,
        };
        if let Some(n) = by_key {
            self.pick(menu.picks.swap_remove(n).picked);
            return self.modal.take();
        }
        if let Some(cursor) = line_of(key, menu.cursor, menu.picks.len()) {
            menu.cursor = cursor;
            return Some(Modal::Menu(menu));
        }
        match key.code {
            Code::Enter if menu.cursor < menu.picks.len() => {
                self.pick(menu.picks.swap_remove(menu.cursor).picked);
                // What was chosen may ask something of its own.
                return self.modal.take();
            }
            Code::Esc | Code::Char('q') => return None,
            _ => {}
        }
        Some(Modal::Menu(menu))
    }

    pub(super) fn pick(&mut self, picked: Picked) {
        match picked {
            Picked::Copy { what, text } => self.copy(what, text),
            Picked::Since(since) => self.pick_since(since),
            Picked::Signal(name) => self.signal_process(name),
            Picked::SortProcesses(column) => self.sort_processes(column),
            Picked::Disconnect(id) => self.ask_to_disconnect(&id),
        }
    }

    /// Copies at once if there is one thing to copy, else asks which.
    pub(super) fn copy_one_of(&mut self, mut picks: Vec<Pick>) {
        match picks.len() {
            0 => self.say("there is nothing to copy"),
            1 => self.pick(picks.swap_remove(0).picked),
            _ => {
                self.modal = Some(Modal::Menu(Menu {
                    title: "Copy".into(),
                    picks,
                    cursor: 0,
                }));
            }
        }
    }

    /// Hands a text to the terminal's clipboard.
    pub(super) fn copy(&mut self, what: &str, text: String) {
        if text.len() > COPY_BYTES {
            return self.tell_failure(Failure {
                message: format!("{} bytes are more than terminals take to copy", text.len()),
                hint: Some("ctrl-s in the log's tab writes a file".into()),
            });
        }
        let glyphs = self.look.glyphs;
        let shown = sanitize(&text).into_owned();
        let shown = truncate(&shown, SAMPLE, glyphs).into_owned();
        let lines = match text.lines().count() {
            0 | 1 => format!("copied the {what} {shown}"),
            n => format!("copied {n} {what}"),
        };
        let hint = "by OSC 52; a terminal that allows it has it now".to_owned();
        self.tell(false, vec![lines], Some(hint), TOAST);
        self.effects.push(Effect::Copy(text));
    }

    pub(super) fn on_prompt_key(&mut self, key: Key, mut prompt: Prompt) -> Option<Modal> {
        match key.code {
            Code::Esc => {
                let before = std::mem::take(&mut prompt.before);
                if matches!(prompt.asked, Asked::Search | Asked::LogFilter) {
                    prompt.text = before;
                    self.on_typed(&mut prompt, false);
                    self.details.log.bottom = prompt.place;
                }
                return None;
            }
            Code::Enter => {
                self.on_typed(&mut prompt, true);
                if prompt.error.is_none() {
                    return self.modal.take();
                }
            }
            Code::Up if prompt.asked == Asked::Search => self.next_match(-1),
            Code::Down if prompt.asked == Asked::Search => self.next_match(1),
            _ => {
                if edit(&mut prompt.text, key) {
                    self.on_typed(&mut prompt, false);
                }
            }
        }
        Some(Modal::Prompt(prompt))
    }

    /// What was typed so far, or at the end.
    pub(super) fn on_typed(&mut self, prompt: &mut Prompt, is_end: bool) {
        prompt.error = None;
        if prompt.asked == Asked::LogSave {
            if is_end {
                self.save_log(prompt);
            }
            return;
        }
        if matches!(prompt.asked, Asked::Pull | Asked::Push | Asked::Tag) {
            if is_end {
                self.on_name_typed(prompt);
            }
            return;
        }
        if prompt.asked == Asked::Extract {
            if is_end {
                self.extract(prompt);
            }
            return;
        }
        if prompt.asked == Asked::Compare {
            if is_end {
                self.on_other_typed(prompt);
            }
            return;
        }
        let needle = match Needle::new(&prompt.text) {
            Ok(needle) => needle,
            Err(error) => {
                prompt.error = Some(sanitize(&error).into_owned());
                return;
            }
        };
        match (prompt.asked, self.tab()) {
            (Asked::LogFilter, _) => self.filter_log(needle),
            // What was typed and shown already is where the reader wants to be.
            (_, Tab::Logs) if is_end => {}
            (_, Tab::Logs) => self.search_log(needle, prompt),
            _ => self.details.tree.find(needle),
        }
    }

    fn save_log(&mut self, prompt: &mut Prompt) {
        let typed = prompt.text.trim();
        if typed.is_empty() {
            prompt.error = Some("a name is needed".into());
            return;
        }
        let text = self.details.log.text(&self.zone);
        if text.is_empty() {
            prompt.error = Some("there is nothing to write".into());
            return;
        }
        let command = match (self.log_sources().as_slice(), &self.details.log.filter) {
            ([one], None) if self.screen == Screen::Containers => Some(format!(
                "wharf logs --timestamps {} > {}",
                quoted(&one.container.name),
                quoted(typed)
            )),
            // A command reads one log, and all of it.
            _ => None,
        };
        let what = format!("save the log to {}", sanitize(typed));
        let path = PathBuf::from(typed);
        self.begin(what, command, Job::Save { path, text });
    }

    /// Asks first where the configuration says so.
    pub(super) fn ask_or_begin(&mut self, action: Action, question: Question) -> Option<Modal> {
        if self.config.asks_before(action.spec()) {
            return Some(Modal::Ask(question));
        }
        self.begin(question.what, question.command, question.job);
        None
    }

    pub(super) fn on_question_key(&mut self, key: Key, question: Question) -> Option<Modal> {
        match key.code {
            Code::Char('y') | Code::Enter => {
                self.begin(question.what, question.command, question.job);
                None
            }
            Code::Char('n' | 'q') | Code::Esc => None,
            _ => Some(Modal::Ask(question)),
        }
    }

    /// Begins a single thing and notes it.
    pub(super) fn begin(&mut self, what: String, command: Option<String>, job: Job) {
        let now = (self.now(), self.clock);
        let deed = self.activity.begin_deed(now, what, command);
        self.effects.push(Effect::Do { deed, job });
    }

    pub(super) fn on_done(&mut self, deed: u64, result: Result<Said, Failure>) {
        let noted = result.clone().map(|said| said.line);
        self.activity.end_deed(self.clock, deed, noted);
        match result {
            Ok(said) => {
                self.say(&said.line);
                // It will be in the next picture; the cursor goes there then.
                match said.made {
                    Some(Made::Container(id)) => self.select(&id),
                    Some(Made::Network(id)) => self.networks.list.selected = Some(id),
                    Some(Made::Volume(name)) => self.volumes.list.selected = Some(name),
                    None => {}
                }
            }
            Err(failure) => self.tell_failure(failure),
        }
        self.effects.push(Effect::Refresh);
    }
}
