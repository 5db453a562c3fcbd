//! Keys while something lies over the screen.

use super::super::{
    Modal, Screen, Show, State, Tab,
    columns::{SORT, SORT_GROUPS, SORT_IMAGES, starts_descending},
    list::Sort,
    modal::edit,
};
use crate::{
    action::{Code, Key},
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
            Modal::Help(scroll) => scrolled(key, scroll).map(Modal::Help),
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
            Some(Modal::GroupPrompt(prompt)) => {
                if let Some(line) = prompt.text() {
                    line.push_str(&text);
                }
            }
            Some(Modal::Palette(choice)) => {
                choice.query.push_str(&text);
                choice.search(&scopes);
            }
            Some(Modal::Limits(editor)) => editor.texts[editor.cursor].push_str(&text),
            _ => {}
        }
    }

    pub(super) fn set_filter(&mut self, filter: String) {
        match self.screen {
            Screen::Containers => {
                // A term that can't be read yet is left out, and the others hold.
                let (terms, fault) = Filter::read(&filter);
                self.table.terms = terms;
                self.table.fault = fault.map(|fault| sanitize(&fault).into_owned());
                self.containers.filter = filter;
            }
            Screen::Images => self.images.filter = filter,
            Screen::Groups => self.groups.list.filter = filter,
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
            Screen::Groups => self.groups.list.sort,
        }
    }

    /// What it can be sorted by.
    pub fn sort_columns(&self) -> Vec<&'static str> {
        match self.screen {
            Screen::Images => return SORT_IMAGES.to_vec(),
            Screen::Groups => return SORT_GROUPS.to_vec(),
            Screen::Containers => {}
        }
        // Any column that can be seen, and those that make sense unseen.
        let mut columns = SORT.to_vec();
        let shown = self.table.layout.columns.iter();
        let shown = shown.filter(|shown| shown.show != Show::No);
        for id in shown.map(|shown| shown.column.id) {
            if !columns.contains(&id) {
                columns.push(id);
            }
        }
        columns
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
                self.screen != Screen::Images && starts_descending(column)
            },
        };
        match self.screen {
            Screen::Containers => self.containers.sort = sort,
            Screen::Images => self.images.sort = sort,
            Screen::Groups => self.groups.list.sort = sort,
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
            Self::Logs | Self::Stats | Self::Processes | Self::Changes
        )
    }
}
