//! Pulls and pushes in every state.

use super::*;
use crate::{
    app::{Effect, Failure},
    model::{Digest, Direction, LayerState, LayerTransfer, Phase, Transfer, TransferOutcome},
};

fn layer(n: u8, state: LayerState, moved_bytes: u64, total_bytes: u64) -> LayerTransfer {
    LayerTransfer {
        digest: Digest::from_sha256(&[n; 32]),
        state,
        moved_bytes,
        total_bytes,
    }
}

fn picture(moved: u64, outcome: Option<TransferOutcome>) -> Transfer {
    use LayerState::{Done, Moving, Present, Retrying, Unpacking, Waiting};
    Transfer {
        id: 1,
        direction: Direction::Pull,
        reference: "registry.example:5000/shop/統計:2".into(),
        phase: Phase::Moving,
        layers: vec![
            layer(1, Present, 0, 28_000_000),
            layer(2, Done, 12_000_000, 12_000_000),
            layer(3, Unpacking, 31_000_000, 31_000_000),
            layer(4, Moving, moved, 74_000_000),
            layer(5, Retrying, 1_000_000, 9_000_000),
            layer(6, Waiting, 0, 400),
        ],
        outcome,
    }
}

/// Two pulls begun, one push that failed.
async fn moving(look: Look, width: u16, height: u16) -> State {
    let engine = Fake::full();
    let mut state = dashboard(&engine, look, width, height, 3).await;
    press(&mut state, &engine, "2 G").await;
    for (key, name) in [
        ("p", "registry.example:5000/shop/統計:2"),
        ("p", "debian"),
        ("P", ""),
    ] {
        state.update(Message::Key(Key::parse(key).unwrap()));
        state.update(Message::Paste(if name.is_empty() {
            "shop/lost".into()
        } else {
            name.into()
        }));
        let effects = state.update(Message::Key(Key::parse("enter").unwrap()));
        let begun = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Transfer { .. }));
        assert!(begun, "{effects:?}");
    }
    for (second, moved) in [(1, 5_000_000), (2, 21_000_000), (3, 40_000_000)] {
        state.clock += std::time::Duration::from_secs(second);
        state.update(Message::Transfer(1, Ok(Some(picture(moved, None)))));
    }
    let failure = Failure {
        message: "push shop/lost: the registry says no: denied".into(),
        hint: Some("wharf login docker.io".into()),
    };
    state.update(Message::Transfer(3, Err(failure)));
    state.update(Message::Key(Key::parse("esc").unwrap()));
    state
}

#[tokio::test]
async fn a_line_on_every_screen_tells_of_what_is_moved() {
    let mut state = moving(COLOR, 120, 24).await;
    assert!(text(&state).contains("shop/統計:2 and 1 more") || text(&state).contains("and 1 more"));
    state.update(Message::Key(Key::parse("1").unwrap()));
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn panel_of_transfers() {
    let mut state = moving(COLOR, 120, 36).await;
    state.update(Message::Key(Key::parse("ctrl-t").unwrap()));
    state.update(Message::Key(Key::parse("G").unwrap()));
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn panel_of_transfers_with_a_failed_one_in_ascii() {
    let mut state = moving(ASCII, 80, 24).await;
    state.update(Message::Key(Key::parse("ctrl-t").unwrap()));
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn panel_of_transfers_at_the_least_size() {
    let mut state = moving(COLOR, 60, 12).await;
    state.update(Message::Key(Key::parse("ctrl-t").unwrap()));
    state.update(Message::Key(Key::parse("G").unwrap()));
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn pull_is_asked_for_by_name() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 100, 20, 3).await;
    press(&mut state, &engine, "2 p d e b").await;
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn end_of_a_transfer_is_told_once_and_noted() {
    let mut state = moving(COLOR, 120, 36).await;
    let outcome = TransferOutcome {
        image: Digest::from_sha256(&[7; 32]),
        digest: Digest::from_sha256(&[8; 32]),
        digested_bytes: Some(500),
        is_up_to_date: false,
    };
    state.update(Message::Transfer(
        1,
        Ok(Some(picture(74_000_000, Some(outcome)))),
    ));
    assert!(
        state
            .toasts
            .iter()
            .any(|toast| toast.lines[0].starts_with("pulled "))
    );
    // The end of its stream is no news.
    state.toasts.clear();
    state.update(Message::Transfer(1, Ok(None)));
    assert!(state.toasts.is_empty());
    assert_eq!(state.transfers.going().count(), 1);
    assert_eq!(state.activity.entries().count(), 3);
}

#[tokio::test]
async fn cancelling_ends_the_chosen_one_and_trying_again_begins_another() {
    let mut state = moving(COLOR, 120, 36).await;
    state.update(Message::Key(Key::parse("ctrl-t").unwrap()));
    state.update(Message::Key(Key::parse("j").unwrap()));
    let effects = state.update(Message::Key(Key::parse("c").unwrap()));
    assert!(effects.contains(&Effect::CancelTransfer(2)), "{effects:?}");
    state.update(Message::Transfer(2, Ok(None)));
    assert!(state.toasts[0].lines[0].ends_with("cancelled"));
    let effects = state.update(Message::Key(Key::parse("r").unwrap()));
    let again = effects.iter().any(|effect| {
        matches!(effect, Effect::Transfer { number: 4, reference, .. } if reference == "debian")
    });
    assert!(again, "{effects:?}");
}
