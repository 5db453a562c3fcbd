//! The rows of building, and of the builds screen.

use super::{
    Action, ActionSpec, Key, Scope,
    needs::{a_build, can_build, can_cancel_build, can_open_step, can_retry_build},
    row::{global, row, view},
};

pub(super) const ROWS: &[ActionSpec] = &[
    global(Action::Build, "image.build", "build", &[Key::char('I')])
        .says("Build an image from a Dockerfile")
        .cli("build")
        .needs(can_build),
    build(
        Action::CancelBuild,
        "build.cancel",
        "cancel",
        &[Key::char('c')],
    )
    .says("Stop the build; what its steps made stays in the cache")
    .needs(can_cancel_build),
    build(
        Action::RetryBuild,
        "build.retry",
        "build again",
        &[Key::char('r')],
    )
    .says("Build the same again")
    .needs(can_retry_build),
    build(Action::StepShell, "build.shell", "shell", &[Key::char('e')])
        .says("Open a shell where the step failed, with all that it had")
        .needs(can_open_step),
    view(
        Action::FoldBuild,
        "view.fold-build",
        "fold",
        Scope::Builds,
        &[Key::char(' '), Key::char('x')],
    )
    .says("Hide the steps of the build, or show them")
    .needs(a_build),
    view(
        Action::ForgetBuilds,
        "view.forget-builds",
        "forget ended",
        Scope::Builds,
        &[Key::char('d')],
    )
    .says("Take builds that ended off the list, and what failed steps left"),
];

const fn build(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Builds, keys)
}
