//! Screens as text, one for each state that a panel can be in.

use ratatui::{buffer::Buffer, layout::Rect};

use super::draw;
use crate::{
    action::Key,
    app::{Look, Message, State},
    engine::{Files, Groups, Observe, Volumes, fake::Fake},
    format::Glyphs,
    model::Visible,
};

pub const COLOR: Look = Look {
    glyphs: Glyphs::Unicode,
    has_color: true,
};

/// A dashboard over `engine` after so many seconds.
pub async fn dashboard(engine: &Fake, look: Look, width: u16, height: u16, seconds: u64) -> State {
    let area = Rect::new(0, 0, width, height);
    let mut state = State::new(look, engine.capabilities(), area);
    state.zone = jiff::tz::TimeZone::UTC;
    state.plan = crate::cli::plan;
    for _ in 0..seconds {
        let visible = Visible {
            stats: true,
            images: true,
            groups: true,
            networks: true,
            volumes: true,
        };
        let world = engine.world(visible).await.unwrap();
        state.clock += std::time::Duration::from_secs(1);
        state.update(Message::World(Ok(world)));
    }
    state
}

/// Presses keys, answering at once what the details ask for.
pub async fn press(state: &mut State, engine: &Fake, keys: &str) {
    for key in keys.split(' ') {
        let effects = state.update(Message::Key(Key::parse(key).unwrap()));
        answer(state, engine, effects).await;
    }
}

pub async fn answer(state: &mut State, engine: &Fake, effects: Vec<crate::app::Effect>) {
    use crate::app::{Effect, Tab, log::LogRow};
    for effect in effects {
        let looked = match &effect {
            Effect::Layers { number, image } => {
                let layers = engine.image_layers(image.as_str()).await;
                Some(Message::Layers(
                    *number,
                    layers.map(Box::new).map_err(Into::into),
                ))
            }
            Effect::Tree { number, request } => {
                let page = engine.tree((**request).clone()).await;
                Some(Message::Tree(
                    *number,
                    page.map(Box::new).map_err(Into::into),
                ))
            }
            Effect::Measure { number, names } => {
                let measured = engine.measure_volumes(names).await;
                Some(Message::Measured(*number, measured.map_err(Into::into)))
            }
            Effect::Compare { number, old, new } => {
                let found = crate::app::compare(engine, old, new).await;
                Some(Message::Compared(
                    *number,
                    found.map(Box::new).map_err(Into::into),
                ))
            }
            Effect::PreviewImagePrune { number, is_all } => {
                let found = crate::app::preview_image_prune(engine, *is_all).await;
                Some(Message::ImagePrune(
                    *number,
                    *is_all,
                    found.map_err(Into::into),
                ))
            }
            Effect::ReadFile { number, request } => {
                let page = engine.read_file(request.clone()).await;
                Some(Message::File(*number, page.map_err(Into::into)))
            }
            _ => None,
        };
        if let Some(message) = looked {
            let effects = state.update(message);
            Box::pin(answer(state, engine, effects)).await;
            continue;
        }
        if let Effect::WatchGroup { watch, path } = effect {
            let of = crate::model::GroupOf::Path(path.clone());
            let details = engine.group_details(&of).await.unwrap();
            state.update(Message::Group(watch, Ok(Box::new(details))));
            let found = engine.group_processes(&path).await.unwrap();
            state.update(Message::GroupProcesses(watch, Ok(found)));
            continue;
        }
        if let Effect::Seek(seek) = effect {
            state.update(Message::Moment(crate::app::moment(&seek)));
            continue;
        }
        if let Effect::Advise(inquiry) = effect {
            let advice = crate::app::Advisor::default().weigh(&inquiry).unwrap();
            state.update(Message::Advice(inquiry.id, Ok(advice)));
            continue;
        }
        if let Effect::Tail(id) = effect {
            state.update(Message::Tail(id, Ok(log(engine).await)));
            continue;
        }
        if let Effect::WatchEvents { watch, since } = effect {
            let request = crate::model::EventsRequest { since, until: None };
            let mut events = engine.events(request).await.unwrap();
            let mut all = Vec::new();
            while let Ok(event) = events.try_recv() {
                all.push(event.unwrap());
            }
            state.update(Message::Events(watch, all));
            continue;
        }
        if let Effect::Follow { watch, logs } = effect {
            let mut rows = Vec::new();
            for (source, (id, _)) in (0..).zip(logs.sources) {
                let request = crate::model::LogsRequest {
                    id,
                    follow: false,
                    tail: None,
                    since: None,
                    until: None,
                    stdout: true,
                    stderr: true,
                };
                let mut lines = engine.logs(request).await.unwrap();
                while let Some(line) = lines.recv().await {
                    let row = LogRow::from(&line.unwrap());
                    rows.push(LogRow { source, ..row });
                }
            }
            rows.sort_by_key(|row| row.at);
            state.update(Message::Log(watch, rows));
            continue;
        }
        let Effect::Watch { watch, id, tab } = effect else {
            continue;
        };
        let message = match tab {
            Tab::Processes => Message::Processes(watch, Ok(engine.processes(&id).await.unwrap())),
            Tab::Changes => Message::Changes(watch, Ok(engine.changes(&id).await.unwrap())),
            Tab::Network => Message::Sockets(watch, Ok(engine.sockets(&id).await.unwrap())),
            Tab::Stats => {
                let of = crate::model::GroupOf::Container(id);
                let details = engine.group_details(&of).await;
                Message::Group(watch, details.map(Box::new).map_err(Into::into))
            }
            Tab::Inspect | Tab::Logs | Tab::Advice => continue,
        };
        state.update(message);
    }
}

/// The log that every container of the fake has.
async fn log(engine: &Fake) -> Vec<crate::app::log::LogRow> {
    let request = crate::model::LogsRequest {
        id: engine.now().containers[0].container.id.clone(),
        follow: false,
        tail: None,
        since: None,
        until: None,
        stdout: true,
        stderr: true,
    };
    let mut lines = engine.logs(request).await.unwrap();
    let mut rows = Vec::new();
    while let Some(line) = lines.recv().await {
        rows.push(crate::app::log::LogRow::from(&line.unwrap()));
    }
    rows
}

fn drawn(state: &State) -> Buffer {
    let mut buffer = Buffer::empty(state.area);
    draw(&mut buffer, state);
    buffer
}

/// The screen as lines of text, each without its trailing blanks.
pub fn text(state: &State) -> String {
    let buffer = drawn(state);
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        let mut line = String::new();
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character covers the cell after it.
            x += crate::format::text::width(symbol).max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The screen of a full fake after keys.
async fn full(look: Look, width: u16, height: u16, keys: &str) -> State {
    let engine = Fake::full();
    let mut state = dashboard(&engine, look, width, height, 90).await;
    press(&mut state, &engine, "g j").await;
    if !keys.is_empty() {
        press(&mut state, &engine, keys).await;
    }
    state
}

macro_rules! screens {
    ($($name:ident: $look:expr, $width:literal x $height:literal, $keys:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let state = full($look, $width, $height, $keys).await;
            insta::assert_snapshot!(text(&state));
        })*
    };
}

mod builds;
mod engines;
mod explorer;
mod groups;
mod images;
mod transfers;

pub const ASCII: Look = Look {
    glyphs: Glyphs::Ascii,
    has_color: true,
};

screens! {
    containers_with_logs: COLOR, 160 x 45, "";
    containers_with_logs_narrow: COLOR, 80 x 24, "";
    containers_with_logs_beside: COLOR, 240 x 40, "";
    containers_at_the_least_size: COLOR, 60 x 12, "";
    containers_on_a_huge_screen: COLOR, 300 x 100, "t";
    stats: COLOR, 160 x 45, "j t";
    stats_narrow: COLOR, 80 x 24, "t";
    stats_in_ascii: ASCII, 160 x 45, "j t";
    stats_of_a_stopped_one: COLOR, 80 x 24, "G t";
    processes_with_focus: COLOR, 160 x 45, "P tab";
    inspect: COLOR, 160 x 45, "j i";
    inspect_folded_and_searched: COLOR, 80 x 24, "j i tab C / m e m o";
    inspect_in_ascii: ASCII, 80 x 24, "i enter";
    log_searched: COLOR, 160 x 45, "tab / o r d e r s enter N";
    log_filter_being_typed: COLOR, 80 x 24, "& ! g e t";
    log_filter_that_matches_nothing: COLOR, 80 x 24, "& z z z enter";
    log_with_full_times_and_a_rule: COLOR, 100 x 30, "m T enter";
    log_cut_and_pushed: COLOR, 80 x 24, "enter w right right";
    log_errors_only: COLOR, 80 x 24, "E";
    log_cleared: COLOR, 80 x 24, "C";
    log_since_menu: COLOR, 80 x 24, "H j";
    log_save_prompt: COLOR, 80 x 24, "ctrl-s";
    logs_merged: COLOR, 160 x 45, "space space ctrl-g";
    logs_merged_in_ascii: ASCII, 80 x 24, "space space ctrl-g";
    copy_menu: COLOR, 160 x 45, "y";
    processes_narrow: COLOR, 80 x 24, "P";
    processes_as_a_list_by_memory: COLOR, 160 x 45, "P T ctrl-o j j j enter";
    signal_menu: COLOR, 80 x 24, "P tab ctrl-s";
    question_before_a_process_is_killed: COLOR, 160 x 45, "P tab j ctrl-s x";
    changed_files: COLOR, 80 x 24, "f";
    logs_zoomed_and_cut: COLOR, 100 x 30, "enter w";
    ascii: ASCII, 80 x 24, "";
    marked: COLOR, 160 x 45, "space space";
    running_only: COLOR, 80 x 24, "A";
    filter_being_typed: COLOR, 80 x 24, "/ s h o p";
    filter_that_matches_nothing: COLOR, 80 x 24, "/ z z enter";
    sort_menu: COLOR, 80 x 24, "o j j j";
    sorted_by_memory: COLOR, 160 x 45, "o j j j j j enter";
    palette: COLOR, 80 x 24, ": s t o";
    palette_with_names: COLOR, 80 x 24, ": s t o p tab g a";
    run_form: COLOR, 160 x 45, "R d e b right down s l e e p space 9";
    run_form_narrow: COLOR, 80 x 24, "R d e b";
    run_form_in_ascii: ASCII, 80 x 24, "R a down down down down x enter";
    run_form_at_the_least_size: COLOR, 60 x 12, "R";
    help: COLOR, 160 x 45, "?";
    help_narrow: COLOR, 80 x 24, "?";
    question_before_a_removal: COLOR, 160 x 45, "space space d";
    question_before_a_kill: COLOR, 80 x 24, "ctrl-k";
    refusal: COLOR, 80 x 24, "S";
    images: COLOR, 160 x 45, "2 j";
    images_narrow: COLOR, 80 x 24, "2";
    question_before_an_image_goes: COLOR, 80 x 24, "2 d";
    events: COLOR, 160 x 45, "4 j";
    events_narrow: COLOR, 80 x 24, "4";
    events_filtered: COLOR, 80 x 24, "4 / o o m";
    events_filtered_away: COLOR, 80 x 24, "4 / z z z";
    events_in_ascii: ASCII, 100 x 30, "4";
    activity_empty: COLOR, 80 x 24, "6";
    too_small: COLOR, 50 x 10, "";
}

#[tokio::test]
async fn empty_screens_say_what_to_do() {
    let engine = Fake::empty();
    let mut state = dashboard(&engine, COLOR, 80, 24, 2).await;
    insta::assert_snapshot!("no_containers", text(&state));
    press(&mut state, &engine, "2").await;
    insta::assert_snapshot!("no_images", text(&state));
}

#[tokio::test]
async fn before_the_first_picture_the_frame_stands() {
    let engine = Fake::full();
    let state = dashboard(&engine, COLOR, 80, 24, 0).await;
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn stale_picture_and_problems_are_told_above_the_table() {
    use crate::model::{Problem, Source};
    let engine = Fake::full();
    engine.change(|world| {
        world.problems.push(Problem {
            source: Source::Stats,
            message: "read memory.stat: input/output error".into(),
            hint: Some("is the memory controller mounted?".into()),
        });
        world.problems.push(Problem {
            source: Source::Images,
            message: "this is told on the images screen only".into(),
            hint: None,
        });
    });
    let mut state = dashboard(&engine, COLOR, 100, 30, 3).await;
    let failure = crate::app::Failure {
        message: "read /var/lib/wharf: permission denied".into(),
        hint: Some("run it as root".into()),
    };
    state.update(Message::World(Err(failure)));
    state.clock += std::time::Duration::from_secs(7);
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn failed_log_and_failed_operations_are_told_where_they_belong() {
    use crate::app::{Failure, Target};
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 100, 30, 3).await;
    let failure = |message: &str| Failure {
        message: message.into(),
        hint: Some("free some space, then try again".into()),
    };
    let watch = state.details.watch;
    state.update(Message::LogEnded(
        watch,
        Some(failure("read the log: no space left")),
    ));
    let effects = state.update(Message::Key(Key::char('r')));
    let running = text(&state);
    assert!(running.contains("restarting…"), "{running}");
    let Some(crate::app::Effect::Operate {
        operation, targets, ..
    }) = effects.first()
    else {
        panic!("{effects:?}");
    };
    let target: Target = targets[0].clone();
    let result = Err(failure("restart gateway: no space left on device"));
    state.update(Message::Operated(*operation, target, result));
    insta::assert_snapshot!(text(&state));
}

#[tokio::test]
async fn nothing_from_a_container_reaches_the_screen_as_a_control_character() {
    let engine = Fake::full();
    engine.change(|world| {
        let mut container = (*world.containers[0].container).clone();
        container.name = "evil\u{1b}[2J\r\n\u{202e}".into();
        container.config.image = "im\u{7}age".into();
        container.error = Some("bad\u{9b}31m".into());
        world.containers[0].container = std::sync::Arc::new(container);
    });
    let mut state = dashboard(&engine, COLOR, 160, 45, 3).await;
    for keys in [
        "g i",
        "t",
        "P",
        "f",
        "l",
        "y",
        "esc space ctrl-g",
        "esc d",
        "esc ?",
        "esc 2",
    ] {
        press(&mut state, &engine, keys).await;
        let buffer = drawn(&state);
        let mut symbols = buffer.content.iter().map(|cell| cell.symbol());
        assert!(!symbols.any(|s| s.chars().any(|c| c.is_control() || c == '\u{202e}')));
    }
}

#[tokio::test]
async fn ascii_and_colourless_screens_are_just_that() {
    let plain = Look {
        glyphs: Glyphs::Ascii,
        has_color: false,
    };
    for keys in [
        "t",
        "i",
        "?",
        ":",
        "o",
        "d",
        "2",
        "tab",
        "H",
        "y",
        "space space ctrl-g",
        "&",
        "P tab ctrl-s",
    ] {
        let state = full(plain, 160, 45, keys).await;
        let buffer = drawn(&state);
        for cell in &buffer.content {
            assert_eq!(cell.fg, ratatui::style::Color::Reset, "{keys}: {cell:?}");
            let is_foreign = !cell.symbol().is_ascii();
            let is_name = cell.symbol().chars().any(|c| c >= '\u{3000}');
            assert!(!is_foreign || is_name, "{keys}: {cell:?}");
        }
    }
}

#[tokio::test]
async fn activity_tells_what_runs_what_was_done_and_why_something_was_not() {
    use crate::app::{Effect, Failure};
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 100, 30, 3).await;
    press(&mut state, &engine, "g").await;
    let mut asked = Vec::new();
    for key in ["r", "j", "p", "j", "s"] {
        asked.extend(state.update(Message::Key(Key::parse(key).unwrap())));
    }
    let mut results = [
        Ok(()),
        Err(Failure {
            message: "pause orders-api: write freezer.state: no space left on device".into(),
            hint: Some("free some space, then try again; nothing was changed".into()),
        }),
    ]
    .into_iter();
    state.clock += std::time::Duration::from_millis(1_240);
    for effect in asked {
        let Effect::Operate {
            operation, targets, ..
        } = effect
        else {
            continue;
        };
        if let Some(result) = results.next() {
            state.update(Message::Operated(operation, targets[0].clone(), result));
        }
    }
    press(&mut state, &engine, "esc 6 j").await;
    insta::assert_snapshot!(text(&state));
    assert_eq!(state.activity.entries().count(), 3);
}

#[tokio::test]
async fn events_that_cannot_be_read_say_why() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 80, 24, 3).await;
    state.update(Message::Key(Key::char('4')));
    let watch = state.events.watch;
    state.update(Message::EventsEnded(
        watch,
        Some(crate::app::Failure {
            message: "follow events: permission denied".into(),
            hint: Some("run it as root".into()),
        }),
    ));
    insta::assert_snapshot!(text(&state));
}

/// Names that are hard to measure keep every column where it belongs.
#[tokio::test]
async fn names_of_every_script_keep_columns_in_line() {
    let names = [
        "漢字コンテナ",
        "e\u{301}toile\u{308}",
        "👩\u{200d}💻-dev",
        "🇩🇪-flag",
        "❤\u{fe0f}-heart",
        "한국어",
        "ไทย-ที่",
    ];
    let engine = Fake::full();
    engine.change(|world| {
        for (row, name) in world.containers.iter_mut().zip(names) {
            let mut container = (*row.container).clone();
            container.name = name.into();
            row.container = std::sync::Arc::new(container);
        }
    });
    let line = |n: usize| crate::model::LogLine {
        at: crate::engine::fake::EPOCH.parse().unwrap(),
        stream: crate::model::Stream::Stdout,
        text: format!("{} end", names[n]).into(),
        partial: false,
    };
    engine.set_log((0..names.len()).map(line).collect());
    let mut state = dashboard(&engine, COLOR, 120, 30, 3).await;
    press(&mut state, &engine, "g j").await;
    insta::assert_snapshot!(text(&state));
    // What is drawn is as wide as the screen, and no cell was halved.
    let buffer = drawn(&state);
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            x += crate::format::text::width(buffer[(x, y)].symbol()).max(1) as u16;
        }
        assert_eq!(x, buffer.area.width, "line {y}");
    }
}

#[tokio::test]
async fn colours_of_a_log_are_shown_until_they_are_not_wanted() {
    use ratatui::style::Color;
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 80, 24, 3).await;
    press(&mut state, &engine, "g j").await;
    let red = |state: &State| {
        let buffer = drawn(state);
        let cells = buffer.content.iter().filter(|cell| cell.fg == Color::Red);
        cells.map(|cell| cell.symbol()).collect::<String>()
    };
    assert!(red(&state).contains("POST/orders5002041ms") || red(&state).contains("POST /orders"));
    press(&mut state, &engine, "D").await;
    assert!(!red(&state).contains("POST"));
    press(&mut state, &engine, "D tab / p o s t enter").await;
    let buffer = drawn(&state);
    let found = buffer.content.iter().filter(|cell| {
        let style = cell.style();
        style
            .add_modifier
            .contains(ratatui::style::Modifier::REVERSED)
    });
    let found: String = found.map(|cell| cell.symbol()).collect();
    assert!(found.contains("POST"), "{found}");
}

#[tokio::test]
async fn processes_that_are_none_or_cannot_be_read_are_told() {
    let engine = Fake::full();
    let mut state = dashboard(&engine, COLOR, 80, 24, 3).await;
    press(&mut state, &engine, "g P").await;
    let watch = state.details.watch;
    state.update(Message::Processes(watch, Ok(Vec::new())));
    insta::assert_snapshot!("processes_none", text(&state));
    state.update(Message::Processes(
        watch,
        Err(crate::app::Failure {
            message: "list the processes of gateway: read cgroup.procs: no such device".into(),
            hint: None,
        }),
    ));
    insta::assert_snapshot!("processes_failed", text(&state));
    press(&mut state, &engine, "tab ctrl-s").await;
    assert!(text(&state).contains("no process is selected"));
}

#[tokio::test]
async fn every_size_is_drawn_without_a_panic() {
    let engine = Fake::full();
    for (width, height) in [
        (1, 1),
        (59, 11),
        (60, 12),
        (61, 13),
        (79, 23),
        (199, 29),
        (200, 30),
        (300, 100),
    ] {
        let mut state = dashboard(&engine, COLOR, width, height, 3).await;
        for keys in [
            "t",
            "i",
            "P",
            "f",
            "l enter",
            "enter ?",
            "esc :",
            "esc o",
            "esc space d",
            "esc 2",
            "4 j y",
            "esc 6",
            "1 R",
            "esc H",
            "esc ctrl-s",
            "esc P tab ctrl-s",
        ] {
            press(&mut state, &engine, keys).await;
            drawn(&state);
        }
    }
}

mod config;
mod limits;
mod states;
mod table;
