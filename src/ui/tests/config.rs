//! Themes, keys and alerts as they are drawn.

use super::*;

/// A configuration of this text, which has no mistakes.
pub fn configuration(text: &str) -> std::sync::Arc<crate::config::Config> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let overrides = crate::config::Overrides {
        file: Some(file),
        ..Default::default()
    };
    let columns = crate::format::columns::CONTAINERS.iter().map(|c| c.id);
    let known = crate::config::Known::new(columns);
    let loaded = crate::config::Loader::new(overrides, known, |_| None).load();
    assert_eq!(loaded.problems, []);
    std::sync::Arc::new(loaded.config)
}

/// A configured dashboard after so many seconds.
async fn configured(
    engine: &Fake,
    text: &str,
    look: Look,
    size: (u16, u16),
    seconds: u64,
) -> State {
    use crate::app::Depth;
    let mut state = dashboard(engine, look, size.0, size.1, 0).await;
    state.configure(configuration(text), Depth::True);
    state.zone = jiff::tz::TimeZone::UTC;
    for _ in 0..seconds {
        let visible = Visible {
            stats: true,
            images: true,
            ..Visible::default()
        };
        let world = engine.world(visible).await.unwrap();
        state.clock += std::time::Duration::from_secs(1);
        state.update(Message::World(Ok(world)));
    }
    state
}

pub const ALERTS: &str = "[[alerts]]\nname = \"busy\"\nwhen = \"cpu > 0.2\"\nfor = \"5s\"\n\
                      notify = [\"bell\"]\n[[alerts]]\nname = \"memory\"\nwhen = \"memory_share > 60%\"\n";

#[tokio::test]
async fn alerts_are_listed_marked_and_counted() {
    let engine = Fake::full();
    let mut state = configured(&engine, ALERTS, COLOR, (160, 45), 90).await;
    insta::assert_snapshot!("alerts_mark_rows", text(&state));
    press(&mut state, &engine, "5").await;
    insta::assert_snapshot!("alerts", text(&state));
    press(&mut state, &engine, "a j s").await;
    insta::assert_snapshot!("alerts_acknowledged", text(&state));
    // All of them end.
    engine.change(|world| world.containers.clear());
    for _ in 0..2 {
        let visible = state_visible();
        let world = engine.world(visible).await.unwrap();
        state.clock += std::time::Duration::from_secs(9);
        state.update(Message::World(Ok(world)));
    }
    insta::assert_snapshot!("alerts_ended", text(&state));
    press(&mut state, &engine, "d").await;
    insta::assert_snapshot!("alerts_none", text(&state));
    for look in [COLOR, ASCII] {
        let name = format!("alerts_narrow_{:?}", look.glyphs);
        let mut state = configured(&engine, ALERTS, look, (80, 24), 90).await;
        press(&mut state, &engine, "5").await;
        drawn(&state);
        let full = Fake::full();
        let mut state = configured(&full, ALERTS, look, (80, 24), 90).await;
        press(&mut state, &full, "5 / g enter").await;
        insta::assert_snapshot!(name, text(&state));
    }
}

fn state_visible() -> Visible {
    Visible {
        stats: true,
        images: true,
        ..Visible::default()
    }
}

/// The colours of a screen: each style once, in the order in which it is met.
pub fn styles(state: &State) -> String {
    let buffer = drawn(state);
    let mut seen: Vec<(String, String)> = Vec::new();
    for cell in &buffer.content {
        let style = format!("{} on {} {:?}", cell.fg, cell.bg, cell.modifier);
        match seen.iter_mut().find(|(known, _)| *known == style) {
            Some((_, sample)) if sample.chars().count() < 24 => sample.push_str(cell.symbol()),
            Some(_) => {}
            None => seen.push((style, cell.symbol().to_owned())),
        }
    }
    let lines = seen
        .iter()
        .map(|(style, sample)| format!("{style}: {}", sample.trim()));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn themes_change_colours_and_not_a_letter() {
    let engine = Fake::full();
    let plain = Look {
        has_color: false,
        ..COLOR
    };
    for keys in ["t", "i", "?", ":", "d", "2", "5"] {
        let mut texts = Vec::new();
        for (name, _) in crate::config::SHIPPED {
            let config = format!("ui.theme = \"{name}\"\n{ALERTS}");
            let mut state = configured(&engine, &config, COLOR, (160, 45), 30).await;
            press(&mut state, &engine, "g j").await;
            press(&mut state, &engine, keys).await;
            if keys == "t" {
                insta::assert_snapshot!(format!("theme_{name}"), styles(&state));
            }
            // All cells are the theme's own.
            if name != "terminal" {
                let buffer = drawn(&state);
                let mut cells = buffer.content.iter().enumerate();
                let bare = cells.find(|(n, cell)| {
                    let before = n.checked_sub(1).map(|n| buffer.content[n].symbol());
                    // A wide character covers the cell after it.
                    let is_covered = before.is_some_and(|s| crate::format::text::width(s) > 1);
                    cell.bg == ratatui::style::Color::Reset && !is_covered
                });
                assert_eq!(bare, None, "{name} {keys}");
            }
            texts.push(text(&state));
        }
        let mut state = configured(&engine, ALERTS, plain, (160, 45), 30).await;
        press(&mut state, &engine, "g j").await;
        press(&mut state, &engine, keys).await;
        texts.push(text(&state));
        // The fake's seconds go on: only signs of figures may differ, never what is told
        // of states; and nothing is told by colour alone, for without any it is the same.
        let signs = |text: &String| -> String {
            text.chars()
                .filter(|c| "●○◐↻◌■✗▲△✓!".contains(*c))
                .collect()
        };
        let first = signs(&texts[0]);
        assert!(texts.iter().all(|text| signs(text) == first), "{keys}");
    }
}

#[tokio::test]
async fn configured_keys_are_shown_wherever_keys_are() {
    let engine = Fake::full();
    let keys = "[keys]\n\"container.stop\" = [\"X\"]\n\"screen.images\" = []\n\
                \"screen.alerts\" = [\"ctrl-x\"]\n[ui]\nread_only = false\n";
    let mut state = configured(&engine, keys, COLOR, (160, 45), 3).await;
    press(&mut state, &engine, "g").await;
    let screen = text(&state);
    assert!(
        screen.contains("X stop") && !screen.contains("s stop"),
        "{screen}"
    );
    assert!(
        screen.contains("ctrl-x alerts") && !screen.contains("2 images"),
        "{screen}"
    );
    press(&mut state, &engine, "?").await;
    let help = text(&state);
    assert!(help.contains("X              stop"), "{help}");
    press(&mut state, &engine, "esc : s t o p").await;
    let palette = text(&state);
    assert!(palette.contains("stop            X"), "{palette}");
}

#[tokio::test]
async fn read_only_dashboard_offers_no_change_and_says_why() {
    let engine = Fake::full();
    let mut state = configured(&engine, "ui.read_only = true", COLOR, (120, 30), 3).await;
    press(&mut state, &engine, "g").await;
    let screen = text(&state);
    for word in ["stop", "remove", "kill", "shell"] {
        assert!(!screen.lines().last().unwrap().contains(word), "{screen}");
    }
    press(&mut state, &engine, "s").await;
    insta::assert_snapshot!("read_only", text(&state));
}

#[tokio::test]
async fn times_are_told_as_configured_wherever_they_are() {
    for (text_of, sign) in [
        ("ui.clock = \"12h\"", " AM"),
        ("ui.times = \"ago\"", " ago"),
        ("ui.clock = \"%Hh%M\"", "h"),
    ] {
        let engine = Fake::full();
        let mut state = configured(&engine, text_of, COLOR, (80, 24), 3).await;
        if sign == " AM" {
            state.zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(-11));
        }
        press(&mut state, &engine, "g j").await;
        for keys in ["l", "!", "esc 4"] {
            press(&mut state, &engine, keys).await;
            let screen = text(&state);
            assert!(screen.contains(sign), "{text_of} {keys}: {screen}");
            assert!(!screen.contains("11:59:14 "), "{text_of} {keys}: {screen}");
        }
    }
}
