//! Builds in every state: going, made, failed, begun elsewhere.

use super::*;
use crate::{
    app::Effect,
    model::{BuildEvent, BuildFailure, BuildStage, ContainerId, Digest, Stream},
};

const FILE: &str = "FROM rust AS web\nWORKDIR /src\nCOPY . .\nRUN cargo build --release\n\
                    FROM debian\nCOPY --from=web /src/shop /usr/bin/\nRUN make check\nCMD [\"shop\"]\n";

/// Begins a build of this name by keys; its number.
fn begin(state: &mut State, name: &str) -> u64 {
    // Elsewhere than on its screen the form is empty.
    for key in ["1", "I", "down"] {
        state.update(Message::Key(Key::parse(key).unwrap()));
    }
    state.update(Message::Paste(name.into()));
    let effects = state.update(Message::Key(Key::parse("enter").unwrap()));
    let begun = effects.iter().find_map(|effect| match effect {
        Effect::Build { number, .. } => Some(*number),
        _ => None,
    });
    begun.expect("a build was begun")
}

/// Tells what happens, a second later each.
fn tell(state: &mut State, number: u64, events: impl IntoIterator<Item = BuildEvent>) {
    for event in events {
        state.clock += std::time::Duration::from_secs(1);
        let at = "2026-03-04T12:00:00Z".parse::<jiff::Timestamp>().unwrap() + state.clock;
        state.update(Message::Build(number, vec![(at, event)]));
    }
}

fn planned(web: &str) -> Vec<BuildEvent> {
    let stage = |name: &str, base: &str, steps, is_needed| BuildStage {
        name: name.into(),
        base: base.into(),
        is_needed,
        steps,
    };
    let stages = vec![
        stage(web, "rust:1.80-bookworm", 3, true),
        stage("docs", "debian:12", 2, false),
        stage("stage-2", "debian:12-slim", 2, true),
    ];
    vec![
        BuildEvent::Dockerfile {
            name: "Dockerfile".into(),
            text: FILE.into(),
        },
        BuildEvent::Planned { stages },
        BuildEvent::Warning {
            rule: "StageNameCasing".into(),
            message: "the stage's name has capitals".into(),
            lines: 1..=1,
        },
    ]
}

fn step(step: usize, stage: usize, name: String, line: usize) -> BuildEvent {
    BuildEvent::Step {
        step,
        stage,
        name,
        lines: line..=line,
    }
}

fn done(step: usize, cached: bool) -> BuildEvent {
    BuildEvent::Done {
        step,
        cached,
        took: std::time::Duration::from_millis(3200),
    }
}

fn output(step: usize, stream: Stream, text: &str) -> BuildEvent {
    BuildEvent::Output {
        step,
        stream,
        bytes: text.as_bytes().to_vec().into(),
    }
}

/// The steps up to the one that compiles, in a container of this picture.
fn compiling(state: &State, web: &str) -> Vec<BuildEvent> {
    let world = state.world.as_ref();
    let container = world.and_then(|world| world.containers.first());
    let id = container.map_or(ContainerId::from_bytes(&[9; 32]), |row| {
        row.container.id.clone()
    });
    vec![
        step(0, 0, format!("[{web} 1/3] WORKDIR /src"), 2),
        done(0, true),
        step(1, 0, format!("[{web} 2/3] COPY . ."), 3),
        done(1, false),
        step(2, 0, format!("[{web} 3/3] RUN cargo build --release"), 4),
        BuildEvent::Container { step: 2, id },
        output(2, Stream::Stderr, "   Compiling serde v1.0.219\n"),
        output(
            2,
            Stream::Stderr,
            "\x1b[1m\x1b[32m   Compiling\x1b[0m 注文 v0.1.0\n",
        ),
        output(
            2,
            Stream::Stdout,
            "\x1b]52;c;ZXZpbA==\x07\x1b[2Jall \u{202e}good\rdone\n",
        ),
    ]
}

/// One that made an image, one begun elsewhere, one that goes on.
pub fn several(state: &mut State, [name, web]: [&str; 2]) {
    let made = begin(state, "api:dev");
    tell(state, made, planned(web));
    tell(
        state,
        made,
        [
            step(0, 2, "[stage-2 1/2] RUN true".into(), 6),
            done(0, true),
        ],
    );
    let image = Digest::from_sha256(&[5; 32]);
    tell(state, made, [BuildEvent::Built { image }]);
    state.update(Message::OtherBuild(1 << 40, "mirror/tools".into()));
    tell(state, 1 << 40, planned(web));
    let going = begin(state, name);
    tell(state, going, planned(web));
    let events = compiling(state, web);
    tell(state, going, events);
    tell(
        state,
        going,
        [step(3, 2, "[stage-2 1/2] RUN make check".into(), 7)],
    );
    state.toasts.clear();
}

/// The same where the step that compiles fails, and the other is stopped for that.
pub fn failed(state: &mut State) {
    several(state, ["shop:3", "web"]);
    let number = state.builds.all[0].number;
    tell(
        state,
        number,
        [
            output(2, Stream::Stderr, "error[E0308]: mismatched types"),
            BuildEvent::Failed {
                step: 2,
                stopped: false,
            },
            BuildEvent::Failed {
                step: 3,
                stopped: true,
            },
            BuildEvent::Ended(BuildFailure {
                message: "\"/bin/sh -c cargo build --release\" ended with exit code 101".into(),
                lines: Some(4..=4),
                hint: None,
                exit_code: Some(101),
                container: Some(ContainerId::from_bytes(&[9; 32])),
            }),
        ],
    );
}

/// Only what compiles.
pub fn filtered(state: &mut State) {
    several(state, ["shop:3", "web"]);
    for key in "/ c a r g o enter".split(' ') {
        state.update(Message::Key(Key::parse(key).unwrap()));
    }
}

async fn shown(look: Look, (width, height): (u16, u16), scene: fn(&mut State)) -> State {
    let engine = Fake::full();
    let mut state = dashboard(&engine, look, width, height, 90).await;
    press(&mut state, &engine, "7").await;
    scene(&mut state);
    state
}

#[tokio::test]
async fn builds_on_a_large_screen() {
    let state = shown(COLOR, (160, 45), |state| several(state, ["shop:3", "web"])).await;
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn builds_beside_what_they_write() {
    let state = shown(COLOR, (220, 40), failed).await;
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn step_that_failed_says_why_at_its_end() {
    let mut state = shown(COLOR, (120, 36), failed).await;
    for key in "down down down down enter".split(' ') {
        state.update(Message::Key(Key::parse(key).unwrap()));
    }
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn builds_that_go_on_are_seen_from_other_screens_and_leaving_asks() {
    let mut state = shown(ASCII, (100, 24), |state| several(state, ["shop:3", "web"])).await;
    for key in ["1", "q"] {
        state.update(Message::Key(Key::parse(key).unwrap()));
    }
    assert!(!state.is_done);
    insta::assert_snapshot!(text(&state));
    state.update(Message::Key(Key::parse("y").unwrap()));
    assert!(state.is_done);
}
