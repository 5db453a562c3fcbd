//! The list of engines.

use std::time::Duration;

use super::*;
use crate::{
    app::Failure,
    config::{KnownEngine, Target},
    model::Greeting,
};

fn known(name: &str, origin: &str, address: Option<&str>) -> KnownEngine {
    let target = address.map(|address| Target {
        address: address.parse().unwrap(),
        chosen_by: origin.into(),
    });
    KnownEngine {
        name: name.into(),
        origin: origin.into(),
        target: Ok(target),
    }
}

/// Four engines: ours, which is driven; one that answers, one that doesn't, and a context
/// that can't be used.
async fn engines(look: Look, width: u16, height: u16, keys: &str) -> State {
    let engine = Fake::full();
    let mut state = dashboard(&engine, look, width, height, 3).await;
    let mut broken = known("old", "a context, kept by docker", None);
    broken.target = Err("context old: its address can't be read".into());
    let all = vec![
        known("default", "wharf's own", None),
        known(
            "build",
            "a context, kept by wharf",
            Some("ssh://ci@build-1"),
        ),
        known(
            "docker",
            "a socket that was found",
            Some("unix:///run/docker.sock"),
        ),
        broken,
    ];
    state.update(Message::Engines(all));
    let greeting = Greeting {
        engine: "docker 20.10.24".into(),
        api: Some("1.41".into()),
        host: "quay-7".into(),
        system: "Debian GNU/Linux 12".into(),
        kernel: "6.1.0-18-amd64".into(),
        cpus: 8,
        memory_bytes: Some(32 << 30),
        containers: 12,
        running: 9,
        images: 41,
    };
    let took = Duration::from_millis(14);
    state.update(Message::Greeted((1, 2), Ok((greeting, took))));
    let failure = Failure {
        message: "no engine at ssh://ci@build-1: Connection refused".into(),
        hint: Some("look whether an ssh server runs there".into()),
    };
    state.update(Message::Greeted((1, 1), Err(failure)));
    press(&mut state, &engine, keys).await;
    state
}

macro_rules! engines {
    ($($name:ident: $look:expr, $width:literal x $height:literal, $keys:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let state = engines($look, $width, $height, $keys).await;
            insta::assert_snapshot!(text(&state));
        })*
    };
}

engines! {
    engine_that_answers: COLOR, 120 x 36, "j j";
    engine_that_does_not_answer: COLOR, 80 x 24, "j";
    engine_that_cannot_be_used_in_ascii_at_the_least_size: ASCII, 60 x 12, "G";
}
