//! The time line and the advice tab, wide, narrow and in ASCII.

use std::{sync::Arc, time::Duration};

use ratatui::layout::Rect;

use super::super::tests::{ASCII, COLOR, answer, dashboard, press, text};
use crate::{
    app::{Message, State},
    engine::{Observe, fake::Fake, recorded::Recorded},
    model::Visible,
    record::{Bounds, Recording, Target, Writer},
};

/// The last lines of a screen, where the time line is.
fn foot(state: &State) -> String {
    let all = text(state);
    let lines: Vec<_> = all.lines().collect();
    lines[lines.len() - 3..].join("\n")
}

#[tokio::test]
async fn frozen_screen_says_so_and_keeps_its_figures() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 160, 45, 90).await;
    press(&mut state, &engine, "g j t . , , ,").await;
    let shown = state.world.as_ref().unwrap().at;
    // The present goes on behind it.
    for _ in 0..5 {
        let visible = Visible {
            stats: true,
            images: true,
            ..Visible::default()
        };
        let world = engine.world(visible).await.unwrap();
        state.clock += Duration::from_secs(1);
        let effects = state.update(Message::World(Ok(world)));
        answer(&mut state, &engine, effects).await;
    }
    assert_eq!(state.world.as_ref().unwrap().at, shown);
    insta::assert_snapshot!("frozen", text(&state));
    press(&mut state, &engine, "s").await;
    assert!(text(&state).contains("the screen shows the past"));
    press(&mut state, &engine, "esc .").await;
    assert!(state.world.as_ref().unwrap().at > shown);
    assert!(!text(&state).contains("FROZEN"));
}

#[tokio::test]
async fn log_goes_back_with_the_screen() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 160, 45, 90).await;
    press(&mut state, &engine, "g j").await;
    let times: Vec<_> = state.details.log.rows().map(|row| row.at).collect();
    let middle = times[times.len() / 2];
    assert!(state.details.log.follows());
    press(&mut state, &engine, "< ,").await;
    assert!(!state.details.log.follows() && state.now() > middle);
    let fold = state.log_frame().fold;
    state.details.log.show_until(middle, fold);
    let bottom = state.details.log.bottom.unwrap();
    assert_eq!(state.details.log.row(bottom.seq).unwrap().at, middle);
    press(&mut state, &engine, ".").await;
    assert!(state.details.log.follows());
}

#[tokio::test]
async fn time_line_narrow_and_in_ascii() {
    let engine = Fake::full();
    let mut narrow = dashboard(&engine, COLOR, 80, 24, 90).await;
    press(&mut narrow, &engine, "j <").await;
    insta::assert_snapshot!("time_line_narrow", text(&narrow));
    let mut least = dashboard(&engine, COLOR, 60, 12, 90).await;
    press(&mut least, &engine, "<").await;
    insta::assert_snapshot!("time_line_least", foot(&least));
    let mut ascii = dashboard(&engine, ASCII, 120, 30, 90).await;
    press(&mut ascii, &engine, "{ { {").await;
    insta::assert_snapshot!("time_line_ascii", foot(&ascii));
}

/// A recording of a fake: two minutes, an hour's pause, one minute.
async fn recording(dir: &std::path::Path) -> Arc<Recording> {
    let engine = Fake::full();
    let bounds = Bounds {
        max_bytes: 1 << 30,
        max_age: Duration::from_secs(86_400),
    };
    let path = dir.join("day.wharf");
    let every = Duration::from_secs(1);
    let mut writer = Writer::create(Target::File(path.clone()), bounds, every).unwrap();
    for n in 0..180_u64 {
        let visible = Visible {
            stats: true,
            images: true,
            ..Visible::default()
        };
        let world = engine.world(visible).await.unwrap();
        let mut world = (*world).clone();
        let pause = if n < 120 { 0 } else { 3600 };
        world.at += Duration::from_secs(pause);
        writer
            .append(&world, Duration::from_secs(n + pause))
            .unwrap();
    }
    Recording::open(&path).unwrap().into()
}

#[tokio::test]
async fn replay_plays_pauses_and_refuses_what_changes() {
    let dir = tempfile::tempdir().unwrap();
    let recording = recording(dir.path()).await;
    let engine = Fake::empty();
    let area = Rect::new(0, 0, 160, 45);
    let mut state = State::new(COLOR, Recorded.capabilities(), area);
    state.zone = jiff::tz::TimeZone::UTC;
    state.replay(&recording, 0, 2);
    // Fifteen seconds at four times the speed.
    for n in 0..15 {
        state.clock = Duration::from_secs(n);
        let effects = state.update(Message::Tick);
        answer(&mut state, &engine, effects).await;
    }
    let past = state.timeline.past.as_ref().unwrap();
    assert_eq!((past.wanted, past.is_playing()), (56, true));
    press(&mut state, &engine, "g j .").await;
    insta::assert_snapshot!("replay", text(&state));
    // The other screens say what a recording has of theirs.
    press(&mut state, &engine, "3").await;
    insta::assert_snapshot!("replay_cgroups", text(&state));
    press(&mut state, &engine, "4").await;
    insta::assert_snapshot!("replay_events", text(&state));
    press(&mut state, &engine, "1 s").await;
    assert!(text(&state).contains("can't stop orders-api: this is a recording"));
    // Its end is an end, and plays again from the beginning.
    press(&mut state, &engine, "esc > > > .").await;
    assert_eq!(state.timeline.past.as_ref().unwrap().wanted, 179);
    state.clock += Duration::from_secs(1);
    state.update(Message::Tick);
    assert_eq!(state.timeline.past.as_ref().unwrap().wanted, 4);
    // Alerts are judged by the recording's time, and nobody is told of them.
    for _ in 0..20 {
        state.clock += Duration::from_secs(1);
        let effects = state.update(Message::Tick);
        let is_told = |e: &crate::app::Effect| {
            use crate::app::Effect::{Notify, Signal};
            matches!(e, Notify { .. } | Signal { .. })
        };
        assert!(!effects.iter().any(is_told));
        answer(&mut state, &engine, effects).await;
    }
    press(&mut state, &engine, "5").await;
    insta::assert_snapshot!("replay_alerts", text(&state));
}

#[tokio::test]
async fn unreadable_moment_is_told_on_the_line() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 80, 24, 5).await;
    press(&mut state, &engine, ".").await;
    state.update(Message::Moment(Err(crate::app::Failure {
        message: "read 00000001.wharf: input/output error".into(),
        hint: None,
    })));
    insta::assert_snapshot!("time_line_failed", foot(&state));
}

#[tokio::test]
async fn advice_wide_narrow_ascii_and_too_early() {
    for (name, look, width, height, seconds) in [
        ("advice", COLOR, 160, 45, 300),
        ("advice_narrow", COLOR, 80, 24, 300),
        ("advice_ascii", ASCII, 100, 40, 300),
        ("advice_too_early", COLOR, 100, 30, 20),
    ] {
        let engine = Fake::full();
        let mut state = dashboard(&engine, look, width, height, seconds).await;
        press(&mut state, &engine, "g j v").await;
        insta::assert_snapshot!(name, text(&state));
    }
}

#[tokio::test]
async fn line_is_scrubbed_by_the_mouse() {
    use crate::app::{Gesture, geometry, time_bar};
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 160, 45, 90).await;
    press(&mut state, &engine, ".").await;
    let line = time_bar(&state, geometry(&state).timeline).unwrap().line;
    let (first, last) = (
        state.timeline.track().first(),
        state.timeline.track().last(),
    );
    let wanted = |state: &State| state.timeline.past.as_ref().unwrap().wanted;
    for (gesture, x, number) in [
        (Gesture::Press, line.x, first),
        (Gesture::Drag, line.right() - 1, last),
        (Gesture::Drag, line.x + line.width / 2, first + 44),
    ] {
        let effects = state.update(Message::Mouse(gesture, x, line.y));
        answer(&mut state, &engine, effects).await;
        let line = time_bar(&state, geometry(&state).timeline).unwrap().line;
        assert!(line.width > 12);
        assert!(wanted(&state).abs_diff(number) <= 3, "{gesture:?}");
    }
}
