//! The rows of what only one tab or screen hears.

use super::{
    Action, ActionSpec, Code, Key, Scope,
    needs::{a_container, can_kill},
    row::view,
};

/// Every action of a tab, and of the screen of what happens.
pub const TABS: &[ActionSpec] = &[
    // A container's log.
    view(
        Action::Follow,
        "log.follow",
        "follow",
        Scope::Logs,
        &[Key::char('F')],
    )
    .says("Follow the end of the log, or stop following"),
    view(
        Action::LogFilter,
        "log.filter",
        "filter lines",
        Scope::Logs,
        &[Key::char('&')],
    )
    .says("Show only the lines that match; ! before it, those that do not"),
    view(
        Action::LogSince,
        "log.since",
        "since",
        Scope::Logs,
        &[Key::char('H')],
    )
    .says("Choose from when on the log is read")
    .needs(a_container),
    view(
        Action::Wrap,
        "log.wrap",
        "wrap",
        Scope::Logs,
        &[Key::char('w')],
    )
    .says("Wrap long lines, or cut them"),
    view(
        Action::LogTimes,
        "log.times",
        "times",
        Scope::Logs,
        &[Key::char('T')],
    )
    .says("Show times: the clock, with the date, or not at all"),
    view(
        Action::LogStreams,
        "log.streams",
        "streams",
        Scope::Logs,
        &[Key::char('E')],
    )
    .says("Show both streams, stderr alone or stdout alone"),
    view(
        Action::LogJson,
        "log.json",
        "json",
        Scope::Logs,
        &[Key::char('J')],
    )
    .says("Lay lines of JSON out, or show them as they are"),
    view(
        Action::LogColors,
        "log.colors",
        "colours",
        Scope::Logs,
        &[Key::char('D')],
    )
    .says("Show the log's own colours, or none"),
    view(
        Action::LogMerge,
        "log.merge",
        "merge",
        Scope::Logs,
        &[Key::ctrl('g')],
    )
    .says("Show the logs of the marked containers as one, by time")
    .needs(a_container),
    view(
        Action::LogMark,
        "log.mark",
        "rule",
        Scope::Logs,
        &[Key::char('m')],
    )
    .says("Draw a rule below the newest line"),
    view(
        Action::LogNextMark,
        "log.next-mark",
        "next rule",
        Scope::Logs,
        &[Key::char('\'')],
    )
    .says("Go to the next rule"),
    view(
        Action::LogClear,
        "log.clear",
        "clear",
        Scope::Logs,
        &[Key::char('C')],
    )
    .says("Clear the view of the log; the log itself stays"),
    view(
        Action::LogSave,
        "log.save",
        "save",
        Scope::Logs,
        &[Key::ctrl('s')],
    )
    .says("Write what is shown of the log to a file"),
    view(
        Action::LogLeft,
        "log.left",
        "left",
        Scope::Logs,
        &[Key::of(Code::Left)],
    )
    .says("Move cut lines back to the right"),
    view(
        Action::LogRight,
        "log.right",
        "right",
        Scope::Logs,
        &[Key::of(Code::Right)],
    )
    .says("Show what cut lines have further on"),
    // Its processes.
    view(
        Action::ProcessSignal,
        "process.signal",
        "signal",
        Scope::Processes,
        &[Key::ctrl('s')],
    )
    .says("Send a signal to the process under the cursor")
    .needs(can_kill),
    view(
        Action::ProcessTree,
        "process.tree",
        "tree",
        Scope::Processes,
        &[Key::char('T')],
    )
    .says("Show who started whom, or a plain list"),
    view(
        Action::ProcessSort,
        "process.sort",
        "sort processes",
        Scope::Processes,
        &[Key::ctrl('o')],
    )
    .says("Choose the column to sort processes by"),
    // All that is known about it.
    view(
        Action::Fold,
        "inspect.fold",
        "fold",
        Scope::Inspect,
        &[Key::char(' '), Key::ctrl('o')],
    )
    .says("Fold what is under the cursor, or unfold it"),
    view(
        Action::FoldAll,
        "inspect.fold-all",
        "fold all",
        Scope::Inspect,
        &[Key::char('C')],
    )
    .says("Fold everything"),
    view(
        Action::UnfoldAll,
        "inspect.unfold-all",
        "unfold all",
        Scope::Inspect,
        &[Key::char('E')],
    )
    .says("Unfold everything"),
    view(
        Action::FoldUp,
        "inspect.up",
        "fold up",
        Scope::Inspect,
        &[Key::of(Code::Left)],
    )
    .says("Fold, or go to what this is part of"),
    view(
        Action::FoldDown,
        "inspect.down",
        "unfold",
        Scope::Inspect,
        &[Key::of(Code::Right)],
    )
    .says("Unfold, or go to the first part of this"),
    // The screen of what happens.
    view(
        Action::EventJump,
        "event.jump",
        "go to it",
        Scope::Events,
        &[Key::of(Code::Enter)],
    )
    .says("Go to the container that the event is about"),
];
