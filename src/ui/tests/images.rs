//! What is done on the images screen: marks, columns, a prune, a comparison.

use super::*;
use crate::app::{Effect, Job, Modal, Screen};

async fn images(look: Look, width: u16, height: u16, keys: &str) -> State {
    let engine = Fake::full();
    let mut state = dashboard(&engine, look, width, height, 3).await;
    press(&mut state, &engine, keys).await;
    state
}

macro_rules! images {
    ($($name:ident: $look:expr, $width:literal x $height:literal, $keys:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let state = images($look, $width, $height, $keys).await;
            insta::assert_snapshot!(text(&state));
        })*
    };
}

images! {
    column_chooser_of_images: COLOR, 120 x 36, "2 O j j space";
    columns_of_images_as_chosen: COLOR, 120 x 36, "2 O j space G k space enter";
    images_marked: COLOR, 120 x 36, "2 space space";
    marked_images_are_removed: ASCII, 80 x 24, "2 space space d";
    prune_of_nameless_images: COLOR, 120 x 36, "2 X";
    prune_of_all_unused_images: COLOR, 80 x 24, "2 X tab";
    prune_in_ascii_at_the_least_size: ASCII, 60 x 12, "2 X tab";
    prune_asks_once_more: COLOR, 80 x 24, "2 X tab enter";
    comparison: COLOR, 160 x 45, "2 j space j D j j";
    comparison_narrow: COLOR, 80 x 24, "2 j space j D G";
    comparison_in_ascii_at_the_least_size: ASCII, 60 x 12, "2 j space j D";
    comparison_by_size_and_filtered: COLOR, 120 x 36, "2 j space j D o / n g i n enter";
    comparison_filtered_to_nothing: COLOR, 80 x 24, "2 j space j D / z z z enter";
    other_image_is_asked_for: COLOR, 80 x 24, "2 j D n g";
}

#[tokio::test]
async fn prune_that_cannot_be_told_says_why_and_asks_nothing() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 80, 24, 3).await;
    for effect in press_only(&mut state, "2 X") {
        if let Effect::PreviewImagePrune { number, is_all } = effect {
            let failure = crate::app::Failure {
                message: "prune images: read index.json: input/output error".into(),
                hint: Some("look at the disk with dmesg".into()),
            };
            state.update(Message::ImagePrune(number, is_all, Err(failure)));
        }
    }
    insta::assert_snapshot!(text(&state));
    press(&mut state, &engine, "enter").await;
    assert!(matches!(state.modal, Some(Modal::PruneImages(_))));
}

#[tokio::test]
async fn prune_is_done_as_it_was_shown() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 80, 24, 3).await;
    press(&mut state, &engine, "2 X tab enter").await;
    let effects = press_only(&mut state, "y");
    let is_all = effects.into_iter().find_map(|effect| match effect {
        Effect::Do {
            job: Job::PruneImages { all },
            ..
        } => Some(all),
        _ => None,
    });
    assert_eq!(is_all, Some(true));
    let entry = state.activity.entries().next().unwrap();
    assert_eq!(entry.command.as_deref(), Some("wharf image prune -a -f"));
}

#[tokio::test]
async fn difference_is_opened_in_the_image_that_has_it() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    press(&mut state, &engine, "2 j space j D / m o t d enter").await;
    let comparison = state.comparison.as_ref().unwrap();
    let (old, new) = (comparison.old.clone(), comparison.new.clone());
    assert_ne!(old, new);
    press(&mut state, &engine, "enter").await;
    assert_eq!(state.explorer.as_ref().unwrap().name, old.name);
    press(&mut state, &engine, "esc").await;
    assert_eq!((state.screen, state.filter()), (Screen::Comparison, "motd"));
    press(&mut state, &engine, "esc / m i m e enter enter").await;
    let explorer = state.explorer.as_ref().unwrap();
    assert_eq!(explorer.name, new.name);
    assert_eq!(explorer.selected().unwrap().path, b"etc/nginx/mime.types");
    press(&mut state, &engine, "esc esc esc").await;
    assert_eq!(state.screen, Screen::Images);
    assert!(state.comparison.is_none());
}

#[tokio::test]
async fn two_images_are_chosen_by_marks_or_by_name() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 120, 36, 3).await;
    let names = |state: &State| {
        let comparison = state.comparison.as_ref().unwrap();
        [comparison.old.name.clone(), comparison.new.name.clone()]
    };
    // The newest stands first: of two marks the older is compared with the newer.
    press(&mut state, &engine, "2 g space space").await;
    let marked: Vec<_> = (state.marked_images())
        .map(|image| image.references[0].clone())
        .collect();
    press(&mut state, &engine, "D").await;
    assert_eq!(names(&state), [marked[1].clone(), marked[0].clone()]);
    press(&mut state, &engine, "esc").await;
    assert_eq!(state.marked_images().count(), 0);
    press(&mut state, &engine, "g D enter").await;
    let error = match &state.modal {
        Some(Modal::Prompt(prompt)) => prompt.error.clone(),
        _ => None,
    };
    assert_eq!(error.as_deref(), Some("a name is needed"));
    press(&mut state, &engine, "x enter").await;
    assert_eq!(names(&state), [marked[0].clone(), "x".to_owned()]);
    let failed = text(&state);
    assert!(failed.contains("find image x"), "{failed}");
    press(&mut state, &engine, "esc space space space D").await;
    assert_eq!(state.screen, Screen::Images);
    press(&mut state, &engine, "esc esc").await;
    assert_eq!(state.marked_images().count(), 0);
}

fn press_only(state: &mut State, keys: &str) -> Vec<Effect> {
    let keys = keys.split(' ').map(|key| Key::parse(key).unwrap());
    keys.flat_map(|key| state.update(Message::Key(key)))
        .collect()
}
