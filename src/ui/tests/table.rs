//! The containers' table in its further states.

use super::*;

screens! {
    grouped_by_state: COLOR, 160 x 45, "b j enter";
    grouped_and_folded: COLOR, 80 x 24, "b j enter g j j x";
    grouped_by_image_in_ascii: ASCII, 100 x 30, "b j j enter g x";
    group_menu: COLOR, 80 x 24, "b j";
    column_chooser: COLOR, 160 x 60, "O j j space + +";
    column_chooser_narrow: COLOR, 80 x 24, "O G space";
    columns_of_the_user: COLOR, 160 x 45, "O j space j j j j j j j j j j space enter";
    cpu_in_cores: COLOR, 160 x 45, "c";
    cpu_of_the_host: COLOR, 80 x 24, "c c";
    cpu_of_the_quota: COLOR, 160 x 45, "c c c";
    filter_begun: COLOR, 120 x 30, "/";
    filter_by_terms: COLOR, 160 x 45, "/ t r o u b l e space c p u > 1 enter";
    filter_that_cannot_be_read: COLOR, 80 x 24, "/ m e m > x";
    range_of_marks: COLOR, 160 x 45, "V j j";
    trouble_of_a_throttled_one: COLOR, 160 x 45, "!";
    trouble_of_a_killed_one: COLOR, 80 x 24, "G !";
    trouble_in_ascii: ASCII, 80 x 24, "j j j !";
}

#[tokio::test]
async fn results_of_an_operation_tell_each_item() {
    use crate::app::{Effect, Failure};
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 100, 30, 3).await;
    press(&mut state, &engine, "g space space space").await;
    let effects = state.update(Message::Key(Key::char('r')));
    let Some(Effect::Operate {
        operation, targets, ..
    }) = effects.first()
    else {
        panic!("{effects:?}");
    };
    for (n, target) in targets.iter().enumerate() {
        let result = match n {
            1 => Err(Failure {
                message: "restart orders-api: no space left on device".into(),
                hint: Some("free some space, then try again".into()),
            }),
            _ => Ok(()),
        };
        state.update(Message::Operated(*operation, target.clone(), result));
    }
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn table_without_trouble_has_no_column_for_it() {
    let engine = Fake::many(3);
    let state = dashboard(&engine, COLOR, 100, 30, 3).await;
    assert!(!text(&state).contains("TROUBLE"));
    let state = dashboard(&engine, COLOR, 195, 30, 3).await;
    assert!(text(&state).contains("TROUBLE"), "there is room");
}

#[tokio::test]
async fn new_dialogs_fit_every_size() {
    for (width, height) in [(60, 12), (61, 13), (80, 24), (200, 30), (300, 100)] {
        for keys in ["u", "O", "b", "!", "b j enter", "c c c"] {
            let state = full(COLOR, width, height, keys).await;
            drawn(&state);
        }
    }
}

#[tokio::test]
async fn badges_are_coloured_by_severity() {
    let state = full(COLOR, 160, 45, "").await;
    let buffer = drawn(&state);
    let color = |needle: &str| {
        let (columns, lines) = (buffer.area.width, buffer.area.height);
        for y in 0..lines {
            let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
            if let Some(at) = line.find(needle) {
                let x = line[..at].chars().count() as u16;
                return buffer[(x, y)].fg;
            }
        }
        panic!("{needle} is not there");
    };
    assert_eq!(color("exit:2"), ratatui::style::Color::Red);
    assert_eq!(color("oom:3"), ratatui::style::Color::Yellow, "it is old");
}
