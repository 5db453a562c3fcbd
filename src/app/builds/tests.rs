//! Lines of the builds screen, and what is kept of what builds wrote.

use super::*;
use crate::model::{BuildFailure, BuildStage};

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn stage(name: &str, steps: usize) -> BuildStage {
    BuildStage {
        name: name.into(),
        base: "scratch".into(),
        is_needed: true,
        steps,
    }
}

fn step(step: usize, stage: usize, name: &str) -> BuildEvent {
    BuildEvent::Step {
        step,
        stage,
        name: name.into(),
        lines: 1..=1,
    }
}

fn wrote(step: usize, text: &'static str) -> BuildEvent {
    BuildEvent::Output {
        step,
        stream: Stream::Stdout,
        bytes: text.into(),
    }
}

fn begun(builds: &mut Builds, title: &str) -> u64 {
    builds.begin(title.into(), Box::new(Form::build()), 1, Duration::ZERO)
}

fn told(builds: &mut Builds, number: u64, events: &[BuildEvent]) {
    let build = builds.find_mut(number).unwrap();
    for event in events {
        build.tell(at(), event, Duration::from_secs(1));
    }
    builds.arrange();
}

/// A build with two stages, of which one failed.
fn failed(builds: &mut Builds) -> u64 {
    let number = begun(builds, "shop:1");
    let failure = BuildFailure {
        message: "\"make\" ended with exit code 2".into(),
        lines: Some(2..=2),
        hint: Some("look above".into()),
        exit_code: Some(2),
        container: Some(ContainerId::from_bytes(&[7; 32])),
    };
    let stages = vec![stage("base", 1), stage("web", 2)];
    told(
        builds,
        number,
        &[
            BuildEvent::Dockerfile {
                name: "Dockerfile".into(),
                text: "FROM scratch\nRUN make\n".into(),
            },
            BuildEvent::Planned { stages },
            step(0, 0, "[base 1/1] COPY . ."),
            step(1, 1, "[web 1/2] RUN make"),
            wrote(1, "cc \x1b[31mbad\x1b]0;title\x07.c\nerror"),
            BuildEvent::Failed {
                step: 1,
                stopped: false,
            },
            BuildEvent::Failed {
                step: 0,
                stopped: true,
            },
            BuildEvent::Ended(failure),
        ],
    );
    number
}

fn texts(build: &BuildRun, line: BuildLine) -> Vec<&str> {
    build.rows_of(line, 0).map(|row| &*row.text).collect()
}

#[test]
fn what_a_step_wrote_ends_with_why_it_failed_and_escapes_do_nothing() {
    let mut builds = Builds::default();
    let number = failed(&mut builds);
    let build = builds.find(number).unwrap();
    assert_eq!(
        texts(build, BuildLine::Step(number, 1)),
        [
            "[web 1/2] RUN make",
            "cc bad.c",
            "error",
            "failed after 0.0s",
            "     1 | FROM scratch",
            ">    2 | RUN make",
            "Dockerfile:2: \"make\" ended with exit code 2",
            "hint: look above",
        ]
    );
    let of_stage = texts(build, BuildLine::Stage(number, 0));
    assert_eq!(of_stage, ["[base 1/1] COPY . .", "stopped after 0.0s"]);
    assert_eq!(build.state(), BuildState::Failed);
    assert!(build.subject().has_container && build.subject().has_failed);
    assert_eq!(build.sources().len(), 2);
    assert_eq!(&*build.sources()[1], "web 1/2");
}

#[test]
fn older_builds_are_folded_once_they_end_and_a_filter_finds_their_steps() {
    let mut builds = Builds::default();
    let old = failed(&mut builds);
    assert_eq!(builds.lines.len(), 5, "a build, two stages, two steps");
    let new = begun(&mut builds, "api");
    told(&mut builds, new, &[step(0, 0, "[stage-0 1/1] RUN x")]);
    assert_eq!(
        builds.lines,
        [
            BuildLine::Build(new),
            BuildLine::Step(new, 0),
            BuildLine::Build(old)
        ]
    );
    builds.list.selected = Some(BuildLine::Build(old));
    builds.arrange();
    builds.fold();
    assert_eq!(builds.lines.len(), 7);
    builds.fold();
    builds.list.filter = "MAKE".into();
    builds.arrange();
    assert_eq!(
        builds.lines,
        [
            BuildLine::Build(old),
            BuildLine::Stage(old, 1),
            BuildLine::Step(old, 1)
        ]
    );
}

#[test]
fn output_is_bounded_and_what_is_left_keeps_its_numbers() {
    let mut builds = Builds::default();
    let number = begun(&mut builds, "noisy");
    told(&mut builds, number, &[step(0, 0, "[a 1/1] RUN yes")]);
    for _ in 0..30 {
        let lines: Vec<_> = (0..1000).map(|_| wrote(0, "y\n")).collect();
        told(&mut builds, number, &lines);
    }
    let build = builds.find(number).unwrap();
    assert_eq!(build.end(), 30_001);
    let kept = build.rows_of(BuildLine::Build(number), 0).count();
    assert!(kept <= ROWS, "{kept}");
    let last = build.rows_of(BuildLine::Build(number), build.end() - 2);
    assert_eq!(last.count(), 2);
}

#[test]
fn those_that_ended_make_room_and_those_that_go_on_never() {
    let mut builds = Builds::default();
    let first = begun(&mut builds, "goes on");
    for n in 0..KEPT + 5 {
        let number = begun(&mut builds, &n.to_string());
        builds.find_mut(number).unwrap().until = Some(Duration::ZERO);
    }
    assert_eq!(builds.outlived().len(), 6);
    assert!(builds.find(first).is_some() && builds.all.len() == KEPT);
    assert_eq!((builds.going(), builds.ours()), (1, 1));
    builds.adopt(1 << 40, "another's".into(), Duration::ZERO);
    assert_eq!((builds.going(), builds.ours()), (2, 1));
    assert_eq!(builds.forget_ended().len(), KEPT - 1);
    assert_eq!(builds.all.len(), 2);
}
