//! Keys while something lies over the screen.

use super::super::{
    Modal, Screen, State, Tab, Value, columns::starts_descending, list::Sort, modal::edit,
};
use crate::{
    action::{Action, Code, Key},
    format::{filter::Filter, text::sanitize},
};

impl State {
    pub(super) fn on_modal_key(&mut self, key: Key) {
        let Some(modal) = self.modal.take() else {
            return;
        };
        self.modal = match modal {
            Modal::Filter(before) => self.on_filter_key(key, before),
            Modal::GroupPrompt(prompt) => self.on_group_prompt_key(key, prompt),
            Modal::Sort(cursor) => self.on_sort_key(key, cursor),
            Modal::Palette(choice) => self.on_palette_key(key, choice),
            Modal::Form(form) => self.on_form_key(key, form),
            Modal::Prune(prune) => self.on_prune_key(key, prune),
            Modal::Prompt(prompt) => self.on_prompt_key(key, prompt),
            Modal::Menu(menu) => self.on_menu_key(key, menu),
            Modal::Ask(question) => self.on_question_key(key, question),
            Modal::Groups(cursor) => self.on_groups_key(key, cursor),
            Modal::Columns(chooser) => self.on_columns_key(key, chooser),
            Modal::Trouble(mut explanation) => scrolled(key, explanation.scroll).map(|scroll| {
                explanation.scroll = scroll;
                Modal::Trouble(explanation)
            }),
            Modal::Results(mut results) => scrolled(key, results.scroll).map(|scroll| {
                results.scroll = scroll;
                Modal::Results(results)
            }),
            Modal::Limits(editor) => self.on_limits_key(key, editor),
            Modal::PruneImages(pruning) => self.on_image_prune_key(key, pruning),
            Modal::Transfers(cursor) => self.on_transfers_key(key, cursor),
            Modal::Engines(list) => self.on_engines_key(key, list),
            Modal::Help(scroll) => scrolled(key, scroll).map(Modal::Help),
            Modal::Confirm { action, targets } => match key.code {
                Code::Char('y') | Code::Enter => {
                    match action {
                        Action::Quit => self.is_done = true,
                        _ => self.operate(action, targets),
                    }
                    None
                }
                Code::Char('n' | 'q') | Code::Esc => None,
                _ => Some(Modal::Confirm { action, targets }),
            },
        };
    }

    pub(super) fn on_paste(&mut self, text: &str) {
        // Only where text is typed: a paste must never run actions.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if let Some(Modal::Palette(mut choice)) =
            self.modal.take_if(|m| matches!(m, Modal::Palette(_)))
        {
            choice.query.push_str(&text);
            self.search_palette(&mut choice);
            self.modal = Some(Modal::Palette(choice));
            return;
        }
        if let Some(Modal::Form(mut form)) = self.modal.take_if(|m| matches!(m, Modal::Form(_))) {
            if let Value::Text(typed) = &mut form.field().value {
                typed.push_str(&text);
                form.is_touched = true;
            }
            self.revise(&mut form);
            self.modal = Some(Modal::Form(form));
            return;
        }
        if let Some(Modal::Prompt(mut prompt)) =
            self.modal.take_if(|m| matches!(m, Modal::Prompt(_)))
        {
            prompt.text.push_str(&text);
            self.on_typed(&mut prompt, false);
            self.modal = Some(Modal::Prompt(prompt));
            return;
        }
        if let Some(Modal::GroupPrompt(prompt)) = &mut self.modal
            && let Some(line) = prompt.text()
        {
            line.push_str(&text);
        }
        if let Some(Modal::Limits(editor)) = &mut self.modal {
            editor.texts[editor.cursor].push_str(&text);
        }
        if let Some(Modal::Filter(_)) = self.modal {
            let filter = format!("{}{text}", self.filter());
            self.set_filter(filter);
        }
    }

    pub(super) fn set_filter(&mut self, filter: String) {
        if self.screen == Screen::Containers {
            // A term that can't be read yet is left out, and the others hold.
            let (terms, fault) = Filter::read(&filter);
            self.table.terms = terms;
            self.table.fault = fault.map(|fault| sanitize(&fault).into_owned());
        }
        if let Some(list) = self.list_mut() {
            list.set_filter(filter);
        } else if let Some(explorer) = &mut self.explorer {
            explorer.shows_waste = false;
            explorer.change(|explorer| explorer.filter = filter);
        }
        match self.screen {
            Screen::Alerts => self.arrange_alerts(),
            Screen::Events => self.events.arrange(),
            Screen::Activity => self.arrange_activity(),
            Screen::Builds => self.builds.arrange(),
            Screen::Comparison => {
                if let Some(comparison) = &mut self.comparison {
                    comparison.arrange();
                }
            }
            Screen::Explorer => {}
            Screen::Containers
            | Screen::Images
            | Screen::Networks
            | Screen::Volumes
            | Screen::Groups => self.arrange(),
        }
    }

    fn on_filter_key(&mut self, key: Key, before: String) -> Option<Modal> {
        match key.code {
            Code::Enter => return None,
            Code::Esc => {
                self.set_filter(before);
                return None;
            }
            Code::Up => self.step(-1),
            Code::Down => self.step(1),
            _ => {
                let mut filter = self.filter().to_owned();
                if edit(&mut filter, key) {
                    self.set_filter(filter);
                }
            }
        }
        Some(Modal::Filter(before))
    }

    pub(super) fn open_sort(&mut self) {
        if self.sort_columns().is_empty() {
            let line = "this screen has one order".to_owned();
            return self.tell(false, vec![line], None, super::TOAST);
        }
        let current = self.sort().column;
        let cursor = self.sort_columns().iter().position(|id| *id == current);
        self.modal = Some(Modal::Sort(cursor.unwrap_or(0)));
    }

    fn on_sort_key(&mut self, key: Key, cursor: usize) -> Option<Modal> {
        let columns = self.sort_columns();
        if let Some(cursor) = line_of(key, cursor, columns.len()) {
            return Some(Modal::Sort(cursor));
        }
        match key.code {
            Code::Enter | Code::Char(' ' | 'o') => {
                self.sort_by(columns[cursor]);
                None
            }
            Code::Esc | Code::Char('q') => None,
            _ => Some(Modal::Sort(cursor)),
        }
    }

    pub(super) fn sort_by(&mut self, column: &'static str) {
        let current = self.sort();
        let sort = Sort {
            column,
            is_descending: if current.column == column {
                !current.is_descending
            } else {
                // The others' columns say themselves which of theirs come first.
                matches!(self.screen, Screen::Containers | Screen::Groups)
                    && starts_descending(column)
            },
        };
        if let Some(list) = self.list_mut() {
            list.set_sort(sort);
        }
        self.arrange();
    }
}

/// The line that a key goes to in a list of so many, from another; nothing if it means
/// something else.
pub(super) fn line_of(key: Key, from: usize, count: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    match key.code {
        Code::Up | Code::Char('k') => Some(from.saturating_sub(1)),
        Code::Down | Code::Char('j') => Some((from + 1).min(last)),
        Code::Home | Code::Char('g') => Some(0),
        Code::End | Code::Char('G') => Some(last),
        _ => None,
    }
}

/// Keys of what can only be read: lines scrolled, or nothing when it is left.
fn scrolled(key: Key, scroll: usize) -> Option<usize> {
    match key.code {
        Code::Down | Code::Char('j') => Some(scroll + 1),
        Code::Up | Code::Char('k') => Some(scroll.saturating_sub(1)),
        Code::PageDown | Code::Char(' ') => Some(scroll + 10),
        Code::PageUp => Some(scroll.saturating_sub(10)),
        Code::Home | Code::Char('g') => Some(0),
        Code::Esc | Code::Enter | Code::Char('q' | '?' | '!') => None,
        _ => Some(scroll),
    }
}

impl Tab {
    /// Whether its content is loaded for it alone, rather than part of each picture.
    pub fn is_loaded(self) -> bool {
        matches!(
            self,
            Self::Logs | Self::Stats | Self::Processes | Self::Changes | Self::Network
        )
    }
}
