//! What can lie over the screen and takes all keys: a filter being typed, the sort
//! menu, the palette, help, a question.

use super::{Menu, Prompt, Question, Target};
use crate::action::{ACTIONS, Action, ActionSpec, Code, Key, Scope};

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Modal {
    /// The list's filter is being typed; what it was before, for esc.
    Filter(String),
    /// Columns to sort by; the cursor.
    Sort(usize),
    /// Actions by name.
    Palette(Choice),
    /// All keys; lines scrolled.
    Help(usize),
    /// A line that is typed for something.
    Prompt(Prompt),
    /// One of several.
    Menu(Menu),
    /// A question before a single thing that is dangerous.
    Ask(Question),
    /// A question before something dangerous.
    Confirm {
        /// What will be done.
        action: Action,
        /// To which.
        targets: Vec<Target>,
    },
}

/// What the palette found for the words typed.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The words.
    pub query: String,
    /// The place of the cursor.
    pub cursor: usize,
    /// Actions that match, best first.
    pub found: Vec<&'static ActionSpec>,
}

impl Choice {
    /// The palette of a screen before anything is typed.
    pub fn new(scopes: &[Scope]) -> Self {
        let mut choice = Self::default();
        choice.search(scopes);
        choice
    }

    /// Finds again what matches.
    pub fn search(&mut self, scopes: &[Scope]) {
        let mut found: Vec<_> = ACTIONS
            .iter()
            .filter(|spec| scopes.contains(&spec.scope))
            .filter(|spec| !matches!(spec.action, Action::Palette | Action::Up | Action::Down))
            .filter_map(|spec| {
                // A hit in the title weighs more than one in the sentence.
                let in_title = score(&self.query, spec.title).map(|n| n + 100);
                let best = in_title.max(score(&self.query, spec.summary))?;
                Some((best, spec))
            })
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.found = found.into_iter().map(|(_, spec)| spec).collect();
        self.cursor = 0;
    }
}

/// How well the letters of `query` are found in `text`, in order; `None` if they aren't.
/// Letters at the start of a word and letters in a row count more.
fn score(query: &str, text: &str) -> Option<i32> {
    let mut total = 0;
    let mut before = ' ';
    let mut in_a_row = false;
    let mut wanted = query.chars().flat_map(char::to_lowercase).peekable();
    for c in text.chars().flat_map(char::to_lowercase) {
        if wanted.peek() == Some(&c) {
            wanted.next();
            total += 1 + 4 * i32::from(in_a_row) + 8 * i32::from(!before.is_alphanumeric());
            in_a_row = true;
        } else {
            in_a_row = false;
        }
        before = c;
    }
    wanted.peek().is_none().then_some(total)
}

/// Edits a line of text by a key; whether the key was one of editing.
pub fn edit(text: &mut String, key: Key) -> bool {
    match (key.code, key.ctrl) {
        (Code::Char(c), false) => text.push(c),
        (Code::Backspace, _) | (Code::Char('h'), true) => drop(text.pop()),
        (Code::Char('u'), true) => text.clear(),
        (Code::Char('w'), true) => {
            let end = text.trim_end().rfind(' ').map_or(0, |space| space + 1);
            text.truncate(end);
        }
        _ => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_letters_find_an_action() {
        let first = |query: &str| {
            let mut choice = Choice {
                query: query.into(),
                ..Choice::default()
            };
            choice.search(&[Scope::Containers, Scope::Global]);
            choice.found.first().map(|spec| spec.id)
        };
        assert_eq!(first("rest"), Some("container.restart"));
        assert_eq!(first("unp"), Some("container.unpause"));
        assert_eq!(first("stp"), Some("container.stop"));
        assert_eq!(first("zzz"), None);
    }

    #[test]
    fn control_w_takes_a_word() {
        let mut text = "two words ".to_owned();
        assert!(edit(&mut text, Key::ctrl('w')));
        assert_eq!(text, "two ");
        assert!(!edit(&mut text, Key::of(Code::Enter)));
    }
}
