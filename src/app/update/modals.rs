//! Keys while something lies over the screen.

use super::super::{
    Modal, Screen, State, Tab,
    columns::{SORT, SORT_IMAGES, starts_descending},
    list::Sort,
    modal::edit,
};
use crate::action::{Code, Key};

impl State {
    pub(super) fn on_modal_key(&mut self, key: Key) {
        let Some(modal) = self.modal.take() else {
            return;
        };
        self.modal = match modal {
            Modal::Filter(before) => self.on_filter_key(key, before),
            Modal::Sort(cursor) => self.on_sort_key(key, cursor),
            Modal::Palette(choice) => self.on_palette_key(key, choice),
            Modal::Prompt(prompt) => self.on_prompt_key(key, prompt),
            Modal::Menu(menu) => self.on_menu_key(key, menu),
            Modal::Ask(question) => self.on_question_key(key, question),
            Modal::Help(scroll) => on_help_key(key, scroll).map(Modal::Help),
            Modal::Confirm { action, targets } => match key.code {
                Code::Char('y') | Code::Enter => {
                    self.operate(action, targets);
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
        let scopes = self.scopes();
        if let Some(Modal::Prompt(mut prompt)) =
            self.modal.take_if(|m| matches!(m, Modal::Prompt(_)))
        {
            prompt.text.push_str(&text);
            self.on_typed(&mut prompt, false);
            self.modal = Some(Modal::Prompt(prompt));
            return;
        }
        match &mut self.modal {
            Some(Modal::Filter(_)) => {
                let filter = format!("{}{text}", self.filter());
                self.set_filter(filter);
            }
            Some(Modal::Palette(choice)) => {
                choice.query.push_str(&text);
                choice.search(&scopes);
            }
            _ => {}
        }
    }

    pub(super) fn set_filter(&mut self, filter: String) {
        match self.screen {
            Screen::Containers => self.containers.filter = filter,
            Screen::Images => self.images.filter = filter,
        }
        self.arrange();
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
        let current = self.sort().column;
        let cursor = self.sort_columns().iter().position(|id| *id == current);
        self.modal = Some(Modal::Sort(cursor.unwrap_or(0)));
    }

    /// What this screen's list is sorted by.
    pub fn sort(&self) -> Sort {
        match self.screen {
            Screen::Containers => self.containers.sort,
            Screen::Images => self.images.sort,
        }
    }

    /// What it can be sorted by.
    pub fn sort_columns(&self) -> &'static [&'static str] {
        match self.screen {
            Screen::Containers => SORT,
            Screen::Images => SORT_IMAGES,
        }
    }

    fn on_sort_key(&mut self, key: Key, cursor: usize) -> Option<Modal> {
        let columns = self.sort_columns();
        let last = columns.len() - 1;
        match key.code {
            Code::Up | Code::Char('k') => Some(Modal::Sort(cursor.saturating_sub(1))),
            Code::Down | Code::Char('j') => Some(Modal::Sort((cursor + 1).min(last))),
            Code::Home | Code::Char('g') => Some(Modal::Sort(0)),
            Code::End | Code::Char('G') => Some(Modal::Sort(last)),
            Code::Enter | Code::Char(' ' | 'o') => {
                self.sort_by(columns[cursor]);
                None
            }
            Code::Esc | Code::Char('q') => None,
            _ => Some(Modal::Sort(cursor)),
        }
    }

    fn sort_by(&mut self, column: &'static str) {
        let current = self.sort();
        let sort = Sort {
            column,
            is_descending: if current.column == column {
                !current.is_descending
            } else {
                self.screen == Screen::Containers && starts_descending(column)
            },
        };
        match self.screen {
            Screen::Containers => self.containers.sort = sort,
            Screen::Images => self.images.sort = sort,
        }
        self.arrange();
    }

    fn on_palette_key(&mut self, key: Key, mut choice: super::super::Choice) -> Option<Modal> {
        match (key.code, key.ctrl) {
            (Code::Esc, _) => return None,
            (Code::Enter, _) => {
                let spec = choice.found.get(choice.cursor).copied()?;
                match self.verdict(spec) {
                    Ok(()) => self.perform(spec),
                    Err(reason) => self.tell_refusal(spec, &reason),
                }
                // What was chosen may have opened something of its own.
                return self.modal.take();
            }
            (Code::Up, _) | (Code::Char('p'), true) => {
                choice.cursor = choice.cursor.saturating_sub(1);
            }
            (Code::Down, _) | (Code::Char('n'), true) => {
                let last = choice.found.len().saturating_sub(1);
                choice.cursor = (choice.cursor + 1).min(last);
            }
            _ => {
                if edit(&mut choice.query, key) {
                    choice.search(&self.scopes());
                }
            }
        }
        Some(Modal::Palette(choice))
    }
}

fn on_help_key(key: Key, scroll: usize) -> Option<usize> {
    match key.code {
        Code::Down | Code::Char('j') => Some(scroll + 1),
        Code::Up | Code::Char('k') => Some(scroll.saturating_sub(1)),
        Code::PageDown | Code::Char(' ') => Some(scroll + 10),
        Code::PageUp => Some(scroll.saturating_sub(10)),
        Code::Home | Code::Char('g') => Some(0),
        Code::Esc | Code::Enter | Code::Char('q' | '?') => None,
        _ => Some(scroll),
    }
}

impl Tab {
    /// Whether its content is loaded for it alone, rather than part of each picture.
    pub fn is_loaded(self) -> bool {
        matches!(self, Self::Logs | Self::Processes | Self::Changes)
    }
}
