//! The rows of moving in a list or a text, which everybody knows.

use super::global;
use crate::action::{Action, ActionSpec, Code, Key};

/// Them.
pub const ROWS: &[ActionSpec] = &[
    global(
        Action::Up,
        "view.up",
        "up",
        &[Key::of(Code::Up), Key::char('k')],
    )
    .says("Move or scroll up by one line"),
    global(
        Action::Down,
        "view.down",
        "down",
        &[Key::of(Code::Down), Key::char('j')],
    )
    .says("Move or scroll down by one line"),
    global(
        Action::PageUp,
        "view.page-up",
        "page up",
        &[Key::of(Code::PageUp), Key::ctrl('b')],
    )
    .says("Move or scroll up by one page"),
    global(
        Action::PageDown,
        "view.page-down",
        "page down",
        &[Key::of(Code::PageDown), Key::ctrl('f')],
    )
    .says("Move or scroll down by one page"),
    global(
        Action::First,
        "view.first",
        "first",
        &[Key::char('g'), Key::of(Code::Home)],
    )
    .says("Move or scroll to the beginning"),
    global(
        Action::Last,
        "view.last",
        "last",
        &[Key::char('G'), Key::of(Code::End)],
    )
    .says("Move or scroll to the end"),
];
