//! What can lie over the screen and takes all keys: a filter being typed, the sort
//! menu, the palette, help, a question.

use super::{
    Choice, EngineList, Failure, Form, GroupPrompt, ImagePrune, Makes, Menu, Pending, Prompt,
    Prune, Question, Target, layout::Layout, limits::Editor, log::LogRow,
};
use crate::{
    action::{Action, Code, Key},
    format::columns::images::ImageColumn,
    model::ContainerId,
};

/// What lies over the screen.
#[derive(Clone, Debug)]
pub enum Modal {
    /// The list's filter is being typed; what it was before, for esc.
    Filter(String),
    /// Columns to sort by; the cursor.
    Sort(usize),
    /// What to group by; the cursor.
    Groups(usize),
    /// The table's columns.
    Columns(Chooser),
    /// What is wrong with a container.
    Trouble(Explanation),
    /// How an operation on several things went.
    Results(Results),
    /// Actions by name.
    Palette(Choice),
    /// All keys; lines scrolled.
    Help(usize),
    /// A line of text that a control group's change needs.
    GroupPrompt(GroupPrompt),
    /// The form that makes something.
    Form(Box<Form>),
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
    /// What a prune would remove.
    Prune(Prune),
    /// What a prune of images would remove.
    PruneImages(ImagePrune),
    /// Pulls and pushes; the cursor.
    Transfers(usize),
    /// Limits are being changed.
    Limits(Box<Editor>),
    /// The engines that there are.
    Engines(EngineList),
}

/// What is wrong with a container, and what it said last.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Which.
    pub id: ContainerId,
    /// The last lines of its log.
    pub log: Pending<Vec<LogRow>>,
    /// Lines scrolled.
    pub scroll: usize,
}

/// How an operation went, item by item.
#[derive(Clone, Debug)]
pub struct Results {
    /// What was done to how many.
    pub title: String,
    /// Each item by its name, those that failed first.
    pub items: Vec<(String, Result<(), Failure>)>,
    /// Lines scrolled.
    pub scroll: usize,
}

/// The column chooser.
#[derive(Clone, Debug)]
pub struct Chooser {
    /// The place of the cursor.
    pub cursor: usize,
    /// The columns as they were, for esc.
    pub before: Columns,
}

/// The columns of a table.
#[derive(Clone, Debug)]
pub enum Columns {
    /// Of the containers'.
    Containers(Layout),
    /// Of the images'.
    Images(Layout<ImageColumn>),
}

impl Modal {
    /// Its keys, where it doesn't tell them itself.
    pub fn keys(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Filter(_) | Self::Prompt(_) => &[],
            Self::Sort(_) => &[
                ("up down", "choose"),
                ("enter", "sorts, again turns it round"),
                ("esc", "closes"),
            ],
            Self::Palette(_) => &[
                ("up down", "choose"),
                ("tab", "completes"),
                ("enter", "does it"),
                ("esc", "closes"),
            ],
            // What its command is for: all of it fits 80 columns.
            Self::Form(form) => match form.makes {
                Makes::Container => &[
                    ("up down", "go"),
                    ("space", "changes"),
                    ("enter", "runs"),
                    ("ctrl-y", "copies"),
                    ("ctrl-p", "prints"),
                    ("esc", "closes"),
                ],
                Makes::Connection => &[
                    ("up down", "go"),
                    ("right", "takes an offer"),
                    ("enter", "connects"),
                    ("ctrl-y", "copies"),
                    ("esc", "closes"),
                ],
                Makes::Image => &[
                    ("up down", "go"),
                    ("space", "changes"),
                    ("enter", "builds"),
                    ("ctrl-y", "copies"),
                    ("ctrl-p", "prints"),
                    ("esc", "closes"),
                ],
                Makes::Network | Makes::Volume => &[
                    ("up down", "go"),
                    ("space", "changes"),
                    ("enter", "makes it"),
                    ("ctrl-y", "copies"),
                    ("ctrl-p", "prints"),
                    ("esc", "closes"),
                ],
            },
            Self::Menu(_) => &[
                ("up down", "choose"),
                ("enter", "takes it"),
                ("a letter before a line", "takes that"),
                ("esc", "closes"),
            ],
            Self::Groups(_) => &[
                ("up down", "choose"),
                ("enter", "groups by it"),
                ("esc", "closes"),
            ],
            // Their own foot tells their keys.
            Self::GroupPrompt(_)
            | Self::Prune(_)
            | Self::Limits(_)
            | Self::Transfers(_)
            | Self::Engines(_)
            | Self::PruneImages(_)
            | Self::Columns(_)
            | Self::Trouble(_)
            | Self::Results(_) => &[],
            Self::Help(_) => &[("up down pgup pgdn", "scroll"), ("esc", "closes")],
            Self::Ask(_) | Self::Confirm { .. } => &[("y enter", "yes"), ("n esc", "no")],
        }
    }
}

/// Edits a line of text by a key; whether the key was one of editing.
pub fn edit(text: &mut String, key: Key) -> bool {
    match (key.code, key.ctrl) {
        (Code::Char(c), false) if !c.is_control() => text.push(c),
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
    fn control_w_takes_a_word() {
        let mut text = "two words ".to_owned();
        assert!(edit(&mut text, Key::ctrl('w')));
        assert_eq!(text, "two ");
        assert!(!edit(&mut text, Key::of(Code::Enter)));
    }
}
