//! The explorer in every state.

use super::*;
use crate::{
    app::{Effect, Gesture},
    model::TreePage,
};

/// An image of the fake by its place in the list, then keys.
async fn explored(look: Look, width: u16, height: u16, keys: &str) -> State {
    let engine = Fake::full();
    let mut state = dashboard(&engine, look, width, height, 3).await;
    press(&mut state, &engine, keys).await;
    state
}

macro_rules! explored {
    ($($name:ident: $look:expr, $width:literal x $height:literal, $keys:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let state = explored($look, $width, $height, $keys).await;
            insta::assert_snapshot!(text(&state));
        })*
    };
}

explored! {
    // nginx is the fourth by age.
    layers_and_files: COLOR, 160 x 45, "2 j j j enter X";
    layers_and_files_narrow: COLOR, 80 x 24, "2 j j j enter X";
    layers_and_files_at_the_least_size: COLOR, 60 x 12, "2 j j j enter";
    layers_and_files_in_ascii: ASCII, 120 x 36, "2 j j j enter p X";
    one_layer_alone: COLOR, 120 x 36, "2 j j j enter p v X";
    layers_with_focus: COLOR, 120 x 36, "2 j j j enter tab j";
    files_by_size: COLOR, 120 x 36, "2 j j j enter o X";
    files_filtered: COLOR, 120 x 36, "2 j j j enter / n g i n enter";
    filter_of_files_that_matches_nothing: COLOR, 80 x 24, "2 j j j enter / z z enter";
    names_in_wide_characters: COLOR, 80 x 24, "2 j j enter / t x t enter";
    wasted: COLOR, 120 x 36, "2 j j j enter w j";
    wasted_in_ascii: ASCII, 80 x 24, "2 j j j enter w";
    nothing_wasted: COLOR, 80 x 24, "2 G enter w";
    jump_from_waste_to_file: COLOR, 120 x 36, "2 j j j enter w j enter";
    file_read: COLOR, 120 x 36, "2 j j j enter / m i m e enter G enter";
    file_read_narrow: COLOR, 80 x 24, "2 j j j enter / m i m e enter G enter pgdn z";
    file_of_bytes: COLOR, 120 x 36, "2 j j j enter / l i b c . enter G enter";
    extract_prompt: COLOR, 80 x 24, "2 j j j enter / m i m e enter G e";
    files_of_a_container: COLOR, 120 x 36, "g B X";
    what_a_container_wrote: COLOR, 80 x 24, "g B v X";
}

#[tokio::test]
async fn before_the_answers_there_is_room_for_them() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 20, 3).await;
    press(&mut state, &engine, "2 j j j").await;
    state.update(Message::Key(Key::parse("enter").unwrap()));
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 20, 3).await;
    press(&mut state, &engine, "2 j j j").await;
    for effect in state.update(Message::Key(Key::parse("enter").unwrap())) {
        let failure = crate::app::Failure {
            message: "list the files of web: no such image".into(),
            hint: Some("`wharf images` lists what there is".into()),
        };
        match effect {
            Effect::Layers { number, .. } => {
                drop(state.update(Message::Layers(number, Err(failure))))
            }
            Effect::Tree { number, .. } => drop(state.update(Message::Tree(number, Err(failure)))),
            _ => {}
        }
    }
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn answers_to_another_look_are_dropped() {
    let mut state = explored(COLOR, 120, 36, "2 j j j enter").await;
    let total = state.explorer.as_ref().unwrap().total();
    assert!(total > 3);
    state.update(Message::Tree(99, Ok(Box::new(TreePage::default()))));
    assert_eq!(state.explorer.as_ref().unwrap().total(), total);
}

#[tokio::test]
async fn esc_takes_back_one_thing_at_a_time_and_returns_to_where_one_was() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    press(&mut state, &engine, "2 j j j enter / m i m e enter G enter").await;
    assert!(state.explorer.as_ref().unwrap().viewer.is_some());
    press(&mut state, &engine, "esc").await;
    assert!(state.explorer.as_ref().unwrap().viewer.is_none());
    press(&mut state, &engine, "esc").await;
    assert_eq!(state.filter(), "");
    press(&mut state, &engine, "esc").await;
    assert_eq!(state.screen, crate::app::Screen::Images);
    assert_eq!(state.images.cursor, 3);
}

#[tokio::test]
async fn cursor_stays_on_its_path_when_layers_change() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    press(&mut state, &engine, "2 j j j enter X / p a s s enter G esc").await;
    let path = |state: &State| {
        state
            .explorer
            .as_ref()
            .unwrap()
            .selected()
            .unwrap()
            .path
            .clone()
    };
    assert_eq!(path(&state), b"etc/passwd");
    press(&mut state, &engine, "p v o").await;
    assert_eq!(path(&state), b"etc/passwd");
}

#[tokio::test]
async fn extraction_is_asked_of_the_engine_and_noted() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    press(&mut state, &engine, "2 j j j enter / m i m e enter G e").await;
    let effects = state.update(Message::Key(Key::parse("enter").unwrap()));
    let job = effects.into_iter().find_map(|effect| match effect {
        Effect::Do {
            job: crate::app::Job::Extract(request),
            ..
        } => Some(request),
        _ => None,
    });
    let request = job.unwrap();
    assert_eq!(request.path, b"etc/nginx/mime.types");
    assert_eq!(request.to, std::path::Path::new("./mime.types"));
    assert_eq!(state.activity.entries().count(), 1);
}

#[tokio::test]
async fn wheel_moves_what_is_under_it_wherever_the_arrows_are() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    press(&mut state, &engine, "2 j j j enter X tab").await;
    let rows = crate::app::geometry(&state).rows;
    let here = |state: &State| {
        let explorer = state.explorer.as_ref().unwrap();
        (explorer.cursor, explorer.layer)
    };
    let (cursor, layer) = here(&state);
    state.update(Message::Mouse(Gesture::WheelDown, rows.x, rows.y));
    assert_eq!(here(&state), (cursor + 3, layer), "files, not layers");
}

#[tokio::test]
async fn bar_of_a_file_that_is_read_scrolls_it_and_a_click_in_it_does_nothing() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    press(
        &mut state,
        &engine,
        "2 j j j enter / l i b c . enter G enter",
    )
    .await;
    let rows = crate::app::geometry(&state).rows;
    let top = |state: &State| {
        let explorer = state.explorer.as_ref().unwrap();
        explorer.viewer.as_ref().unwrap().top
    };
    state.update(Message::Mouse(Gesture::Press, rows.x, rows.y + 5));
    assert_eq!(top(&state), 0);
    let edge = rows.right() - 1;
    for y in [rows.bottom() - 1, rows.y] {
        state.update(Message::Mouse(Gesture::Press, edge, y));
        assert_eq!(top(&state) > 0, y > rows.y, "line {y}");
    }
}
