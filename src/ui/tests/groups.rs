//! The groups screen in its states.

use super::*;
use crate::{
    app::{Effect, Failure},
    model::{GroupChange, Problem, Source},
};

screens! {
    groups: COLOR, 160 x 45, "3";
    groups_narrow: COLOR, 80 x 24, "3";
    groups_in_ascii: ASCII, 160 x 45, "3 j j";
    groups_at_the_least_size: COLOR, 60 x 12, "3";
    groups_beside: COLOR, 240 x 50, "3 j";
    groups_filtered: COLOR, 80 x 24, "3 / d o c k e r enter";
    groups_where_nothing_matches: COLOR, 80 x 24, "3 / z z z enter";
    groups_sorted_by_name: COLOR, 80 x 24, "3 o g enter";
    groups_unfolded: COLOR, 120 x 40, "3 X";
    group_with_limits: COLOR, 160 x 45, "3 / b a t c h enter G";
    group_with_limits_narrow: COLOR, 80 x 24, "3 / b a t c h enter G";
    group_of_a_cjk_container: COLOR, 100 x 30, "3 / w h a r f enter G";
    processes_of_a_group_narrow: COLOR, 80 x 24, "3 j tab";
    group_prompt: COLOR, 80 x 24, "3 n n i g h t";
    group_prompt_with_a_fault: COLOR, 80 x 24, "3 n enter";
    group_limits: COLOR, 100 x 30, "3 / b a t c h enter G u 1 . 5 down down down 2 g";
    group_limits_narrow: COLOR, 80 x 24, "3 / b a t c h enter G u x enter";
    groups_help: COLOR, 160 x 45, "3 ?";
    refusal_to_change_a_foreign_group: COLOR, 80 x 24, "3 d";
}

#[tokio::test]
async fn no_groups_and_no_root_are_said_in_words() {
    let engine = Fake::full();
    engine.change(|world| {
        world.groups = Vec::new();
        world.problems.push(Problem {
            source: Source::Groups,
            message: "list control groups: no cgroup hierarchy is mounted".into(),
            hint: Some("mount cgroup2 on /sys/fs/cgroup".into()),
        });
    });
    engine.set_capabilities(|can| can.read_only_because = Some("needs root".into()));
    let mut state = dashboard(&engine, COLOR, 80, 24, 2).await;
    press(&mut state, &engine, "3 n").await;
    insta::assert_snapshot!("groups_without_any", text(&state));
}

#[tokio::test]
async fn heads_of_the_tree_are_clicked_to_sort_by_them() {
    use crate::app::Gesture;
    for width in [80, 160] {
        let engine = Fake::full();
        let mut state = dashboard(&engine, COLOR, width, 30, 3).await;
        press(&mut state, &engine, "3").await;
        for (head, column) in [("GROUP", "name"), ("MEMORY", "memory"), ("PIDS", "pids")] {
            let screen = text(&state);
            let titles = screen
                .lines()
                .position(|line| line.contains("PIDS"))
                .unwrap();
            let line = screen.lines().nth(titles).unwrap();
            let before = &line[..line.find(head).unwrap()];
            let x = before.chars().count() as u16;
            state.update(Message::Mouse(Gesture::Press, x, titles as u16));
            assert_eq!(state.groups.list.sort.column, column, "{width}");
            let was = state.groups.list.sort.is_descending;
            state.clock += std::time::Duration::from_secs(1);
            state.update(Message::Mouse(Gesture::Press, x, titles as u16));
            assert_ne!(state.groups.list.sort.is_descending, was);
            state.clock += std::time::Duration::from_secs(1);
        }
    }
}

#[tokio::test]
async fn stale_groups_are_dimmed_and_say_since_when() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 100, 30, 3).await;
    press(&mut state, &engine, "3").await;
    let failure = Failure {
        message: "look at everything: its thread ended without an answer".into(),
        hint: None,
    };
    state.update(Message::World(Err(failure)));
    state.clock += std::time::Duration::from_secs(9);
    insta::assert_snapshot!("groups_stale", text(&state));
}

#[tokio::test]
async fn group_is_made_found_limited_by_nothing_and_taken_back() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 100, 30, 3).await;
    press(&mut state, &engine, "3 n n i g h t").await;
    let effects = state.update(Message::Key(Key::parse("enter").unwrap()));
    let change = changed(&effects);
    assert_eq!(change.path(), "wharf/groups/night");
    finish(&mut state, &engine, change).await;
    let selected = state.selected_group().unwrap();
    assert_eq!(&*selected.group.path, "wharf/groups/night");
    let effects = state.update(Message::Key(Key::parse("U").unwrap()));
    let undo = changed(&effects);
    assert!(matches!(undo, GroupChange::Remove { .. }));
    finish(&mut state, &engine, undo).await;
    assert!(state.groups.undo.is_empty());
    assert_eq!(engine.calls(), ["made night", "removed night"]);
    let screen = text(&state);
    assert!(screen.contains("removed night"), "{screen}");
}

fn changed(effects: &[Effect]) -> GroupChange {
    let change = effects.iter().find_map(|effect| match effect {
        Effect::ChangeGroup(change) => Some(change.clone()),
        _ => None,
    });
    change.unwrap_or_else(|| panic!("{effects:?}"))
}

/// Does a change as its effect would, and shows the world after it.
async fn finish(state: &mut State, engine: &Fake, change: GroupChange) {
    let result = engine.change_group(change.clone()).await;
    let result = result.map(|undo| (change, undo)).map_err(Failure::from);
    state.update(Message::GroupChanged(result));
    let visible = Visible {
        stats: true,
        groups: true,
        ..Visible::default()
    };
    let world = engine.world(visible).await.unwrap();
    let effects = state.update(Message::World(Ok(world)));
    answer(state, engine, effects).await;
}

#[tokio::test]
async fn nothing_from_a_group_reaches_the_screen_as_a_control_character() {
    let engine = Fake::full();
    engine.change(|world| {
        for row in &mut world.groups {
            let mut group = (*row.group).clone();
            group.name = format!("{}\u{1b}[2J\u{202e}", group.name).into();
            if group.depth > 1 {
                group.path = format!("{}\u{7}\n", group.path).into();
            }
            row.group = std::sync::Arc::new(group);
        }
    });
    let mut state = dashboard(&engine, COLOR, 160, 45, 3).await;
    press(&mut state, &engine, "3").await;
    for keys in ["G", "tab", "tab x", "n \u{1b}", "esc ?"] {
        for key in keys.split(' ') {
            if let Some(key) = Key::parse(key) {
                let effects = state.update(Message::Key(key));
                // What it asks of the engine is of no path that the fake knows.
                drop(effects);
            }
        }
        let buffer = drawn(&state);
        let mut symbols = buffer.content.iter().map(|cell| cell.symbol());
        assert!(!symbols.any(|s| s.chars().any(|c| c.is_control() || c == '\u{202e}')));
    }
}

#[tokio::test]
async fn colourless_and_tiny_screens_of_groups_are_drawn() {
    let plain = Look {
        glyphs: Glyphs::Ascii,
        has_color: false,
    };
    for (width, height) in [(1, 1), (60, 12), (61, 13), (119, 30), (200, 30), (300, 100)] {
        let engine = Fake::full();
        let mut state = dashboard(&engine, plain, width, height, 3).await;
        for keys in [
            "3",
            "G",
            "tab",
            "tab enter",
            "enter / b a t c h enter G u",
            "esc X",
        ] {
            press(&mut state, &engine, keys).await;
            for cell in &drawn(&state).content {
                assert_eq!(cell.fg, ratatui::style::Color::Reset, "{keys}: {cell:?}");
                let is_name = cell.symbol().chars().any(|c| c >= '\u{3000}');
                assert!(cell.symbol().is_ascii() || is_name, "{keys}: {cell:?}");
            }
        }
    }
}
