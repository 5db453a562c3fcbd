//! The rows of the time line, and of what is recorded.

use super::{
    Action, ActionSpec, Key,
    needs::a_container,
    row::{command, container, global},
};

/// Them.
pub const ROWS: &[ActionSpec] = &[
    container(
        Action::Advice,
        "container.advise",
        "advice",
        &[Key::char('v')],
    )
    .says("Weigh limits against what was used, and suggest better ones")
    .cli("advise")
    .needs(a_container),
    global(Action::Freeze, "time.freeze", "freeze", &[Key::char('.')])
        .says("Freeze the screen, or return to now; in a replay pause"),
    global(
        Action::StepBack,
        "time.back",
        "step back",
        &[Key::char(',')],
    )
    .says("Show the moment before"),
    global(
        Action::StepForward,
        "time.forward",
        "step forward",
        &[Key::char(';')],
    )
    .says("Show the next moment"),
    global(
        Action::MinuteBack,
        "time.minute-back",
        "minute back",
        &[Key::char('<')],
    )
    .says("Go back in time by a minute"),
    global(
        Action::MinuteForward,
        "time.minute-forward",
        "minute forward",
        &[Key::char('>')],
    )
    .says("Go forward in time by a minute"),
    global(
        Action::ScrubBack,
        "time.scrub-back",
        "scrub back",
        &[Key::char('{')],
    )
    .says("Go back by a tenth of the time line"),
    global(
        Action::ScrubForward,
        "time.scrub-forward",
        "scrub forward",
        &[Key::char('}')],
    )
    .says("Go forward by a tenth of the time line"),
    global(Action::Faster, "time.faster", "faster", &[Key::char('+')])
        .says("Play a recording twice as fast"),
    global(Action::Slower, "time.slower", "slower", &[Key::char('-')])
        .says("Play a recording half as fast"),
    command(
        "history.record",
        "record",
        "Record what containers use, for replay, dump and advice",
    ),
    command(
        "history.replay",
        "replay",
        "Show a recording in the dashboard",
    ),
    command(
        "history.dump",
        "dump",
        "Export a recording, or the figures of now",
    ),
];
