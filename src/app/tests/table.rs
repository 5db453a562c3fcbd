//! The containers' table by its keys: filter, groups, columns, calm rows, ranges of marks.

use super::*;
use crate::{
    app::{Line, Show},
    format::cpu::CpuDisplay,
};

fn names(bench: &Bench) -> Vec<String> {
    let world = bench.state.world.clone().unwrap();
    let rows = bench.state.containers.rows.iter();
    rows.map(|&row| world.containers[row].container.name.clone())
        .collect()
}

fn heading(bench: &Bench) -> Option<&str> {
    let key = bench.state.table.groups.heading.as_ref()?;
    Some(&key.name)
}

fn marked(bench: &Bench) -> usize {
    bench.state.containers.marks.len()
}

#[tokio::test(start_paused = true)]
async fn filter_takes_terms_and_keeps_the_rows_while_they_cannot_be_read() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("/").await;
    bench.type_in("state:running restarts>0").await;
    assert_eq!(names(&bench), ["orders-api", "thumbnailer"]);
    bench.type_in(" cpu>").await;
    assert!(bench.state.table.fault.is_some());
    assert_eq!(names(&bench), ["orders-api", "thumbnailer"]);
    bench.type_in("0 !thumb").await;
    assert!(bench.state.table.fault.is_none());
    assert_eq!(names(&bench), ["orders-api"]);
    bench.press("enter esc").await;
    assert_eq!(names(&bench).len(), 12);
}

#[tokio::test(start_paused = true)]
async fn rows_sorted_by_a_live_figure_move_only_every_few_seconds() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("o j j j enter").await;
    assert_eq!(bench.state.sort().column, "cpu");
    let mut before = names(&bench);
    let mut changes = 0;
    for second in 1..=20 {
        bench.tick().await;
        let now = names(&bench);
        if now != before {
            assert_eq!(second % 5, 0, "second {second}");
            changes += 1;
        }
        before = now;
    }
    assert!(changes > 0, "the figures change the order sooner or later");
    // A new order that the user asks for comes at once.
    bench.press("o enter").await;
    assert_ne!(names(&bench)[0], before[0]);
}

#[tokio::test(start_paused = true)]
async fn newcomer_stands_last_while_rows_are_calm() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("o j j j enter").await;
    let before = names(&bench);
    let request = crate::model::CreateRequest {
        name: Some("aaa".into()),
        ..Default::default()
    };
    bench.engine.create(request).await.unwrap();
    bench.tick().await;
    let now = names(&bench);
    assert_eq!(now[..before.len()], before);
    assert_eq!(now.last().unwrap(), "aaa");
}

#[tokio::test(start_paused = true)]
async fn groups_have_headings_that_fold_and_the_cursor_goes_over_them() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("x").await;
    assert!(
        bench.told().contains("nothing is grouped"),
        "{}",
        bench.told()
    );
    bench.press("b j enter").await;
    let groups = &bench.state.table.groups;
    let all: Vec<_> = groups.list.iter().map(|g| g.key.name.clone()).collect();
    assert_eq!(
        all,
        ["running", "paused", "restarting", "created", "exited"]
    );
    assert_eq!(groups.line(0), Line::Heading(0));
    let shown = bench.state.containers.rows.len();
    bench.press("g").await;
    assert!(bench.state.selected_container().is_none(), "a heading");
    bench.press("s").await;
    assert_eq!(bench.told(), "can't stop: no container is selected");
    assert!(bench.engine.calls().is_empty());
    bench.press("x").await;
    let running = bench.state.table.groups.list[0].totals.count;
    assert_eq!(bench.state.containers.rows.len(), shown - running);
    bench.tick().await;
    assert_eq!(heading(&bench), Some("running"));
    assert_eq!(bench.state.table.totals.count, 12, "sums are over all");
    bench.press("j j").await;
    assert_eq!(bench.selected(), "backup");
    bench.press("k k x").await;
    assert_eq!(bench.state.containers.rows.len(), shown);
    // Folding from within goes to the heading.
    bench.press("j x").await;
    assert_eq!(heading(&bench), Some("running"));
    bench.press("b g enter").await;
    assert!(bench.state.table.groups.list.is_empty());
    assert!(bench.state.selected_container().is_some());
}

#[tokio::test(start_paused = true)]
async fn labels_are_offered_to_group_by_and_all_folded_leaves_headings() {
    let engine = Fake::full();
    engine.change(|world| {
        for (n, row) in world.containers.iter_mut().enumerate() {
            let mut container = (*row.container).clone();
            let labels = &mut container.config.labels;
            if n % 2 == 0 {
                labels.insert("com.docker.compose.project".into(), "shop".into());
            }
            labels.insert("tier".into(), if n < 3 { "front" } else { "back" }.into());
            row.container = Arc::new(container);
        }
    });
    let mut bench = Bench::new(engine).await;
    let titles: Vec<_> = bench.state.group_choices();
    let titles: Vec<_> = titles.iter().flatten().map(|by| by.title()).collect();
    assert_eq!(titles, ["state", "image", "compose project", "label tier"]);
    bench.press("b G enter").await;
    let all: Vec<_> = bench
        .state
        .table
        .groups
        .list
        .iter()
        .map(|g| g.key.name.as_str())
        .collect();
    assert_eq!(all, ["tier=back", "tier=front"]);
    bench.press("g x G x").await;
    assert!(bench.state.containers.rows.is_empty());
    bench.tick().await;
    assert!(bench.state.selected_container().is_none());
    assert!(bench.state.table.groups.heading.is_some());
    bench.press("g x j").await;
    assert!(bench.state.selected_container().is_some());
}

#[tokio::test(start_paused = true)]
async fn range_of_marks_grows_and_shrinks_with_the_cursor() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("g space").await;
    assert_eq!(marked(&bench), 1);
    bench.press("j V j j").await;
    assert_eq!(marked(&bench), 4);
    bench.press("k").await;
    assert_eq!(marked(&bench), 3);
    bench.press("esc").await;
    assert_eq!(marked(&bench), 1, "as before the range");
    bench.press("V j V j j").await;
    assert_eq!(marked(&bench), 3, "an ended range stays");
    bench.press("*").await;
    assert_eq!(marked(&bench), 9);
    bench.press("* esc").await;
    assert_eq!(marked(&bench), 0);
}

#[tokio::test(start_paused = true)]
async fn operation_ends_a_range_and_failures_while_one_types_are_told_beside() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench.press("V j j").await;
    let gate = bench.engine.hold();
    bench.press("r").await;
    assert!(bench.state.table.range.is_none() && marked(&bench) == 0);
    let full = EngineError::new(ErrorKind::NoSpace, "restart", "gateway");
    bench.engine.fail_next(full.because("no space left"));
    bench.press("/").await;
    gate.add_permits(9);
    bench.tick().await;
    assert!(matches!(bench.state.modal, Some(Modal::Filter(_))));
    let told = bench.told();
    assert!(
        told.contains("restarted 2 of 3") && told.contains("no space left"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn columns_are_chosen_moved_kept_or_taken_back() {
    let mut bench = Bench::new(Fake::full()).await;
    let shown = |bench: &Bench| -> Vec<&'static str> {
        let columns = bench.state.table.layout.columns.iter();
        let shown = columns.filter(|c| c.show == Show::Yes);
        shown.map(|c| c.column.id).collect()
    };
    let before = shown(&bench);
    bench.press("O j space J J + + esc").await;
    assert_eq!(shown(&bench), before);
    assert!(!bench.own.iter().any(|e| matches!(e, Effect::Save(_))));
    bench.press("O j space j j J J G space enter").await;
    let after = shown(&bench);
    assert!(
        !after.contains(&"image") && after.contains(&"error"),
        "{after:?}"
    );
    let place = |id| after.iter().position(|shown| *shown == id);
    assert!(place("cpu") > place("read"), "{after:?}");
    assert!(bench.state.sort_columns().contains(&"error"));
    bench.press("O R enter").await;
    assert_eq!(shown(&bench), before);
}

#[tokio::test(start_paused = true)]
async fn columns_of_images_are_chosen_and_kept_beside_those_of_containers() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wharf/dashboard.toml");
    let mut bench = Bench::new(Fake::full()).await;
    bench.effects.state_file = Some(path.clone());
    let shown = |bench: &Bench| -> Vec<_> { bench.state.image_columns.shown().collect() };
    let (before, containers) = (shown(&bench), bench.state.table.layout.clone());
    bench.press("2 O j space J + esc").await;
    assert_eq!(shown(&bench), before);
    bench.press("O j space G k space j space g + + enter").await;
    let after = shown(&bench);
    let has = |id: &str| after.contains(&id);
    assert!(!has("id") && has("repository") && has("tag"), "{after:?}");
    assert!(bench.state.sort_columns().contains(&"tag"));
    let world = bench.state.world.clone().unwrap();
    let heads = image_heads(&bench.state.image_columns, &world, 200);
    assert_eq!((heads[0].column.id, heads[0].columns), ("name", 14));
    bench.effects.operations.close();
    bench.effects.operations.wait().await;
    let saved = super::super::saved::load(&path).unwrap().unwrap();
    let mut next = Bench::new(Fake::full()).await;
    next.state.restore(&saved);
    assert_eq!(shown(&next), after);
    let now = &next.state.table.layout;
    assert_eq!(format!("{now:?}"), format!("{containers:?}"));
    next.press("2 O R enter").await;
    assert_eq!(shown(&next), before);
}

#[tokio::test(start_paused = true)]
async fn layout_is_saved_and_a_place_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wharf/dashboard.toml");
    let mut bench = Bench::new(Fake::full()).await;
    bench.effects.state_file = Some(path.clone());
    bench.press("c c").await;
    assert_eq!(bench.state.table.cpu, CpuDisplay::Host);
    assert_eq!(bench.told(), "CPU as a share of this machine");
    bench.effects.operations.close();
    bench.effects.operations.wait().await;
    let saved = super::super::saved::load(&path).unwrap().unwrap();
    let mut next = Bench::new(Fake::full()).await;
    next.state.restore(&saved);
    assert_eq!(next.state.table.cpu, CpuDisplay::Host);
    bench.effects.state_file = Some(path.join("file-is-no-directory"));
    bench.press("c").await;
    bench.effects.operations.wait().await;
    bench.tick().await;
    let errors = bench.state.toasts.iter().filter(|toast| toast.is_error);
    assert_eq!(errors.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn trouble_is_explained_with_the_last_log_lines() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("queue").await;
    bench.press("!").await;
    assert_eq!(bench.told(), "nothing is wrong with queue");
    bench.select("orders-api").await;
    bench.press("!").await;
    let Some(Modal::Trouble(explanation)) = &bench.state.modal else {
        panic!("{:?}", bench.state.modal);
    };
    assert!(matches!(&explanation.log, Pending::Ready(rows) if rows.len() == 8));
    bench.press("q").await;
    assert!(bench.state.modal.is_none() && !bench.state.is_done);
    // An answer that comes too late is dropped.
    let id = bench.id("queue");
    bench.send(Message::Tail(id, Ok(Vec::new()))).await;
    assert!(bench.state.modal.is_none());
}

#[tokio::test(start_paused = true)]
async fn counters_that_rise_are_remembered_with_their_time() {
    let mut bench = Bench::new(Fake::full()).await;
    let id = bench.id("gateway");
    assert!(bench.state.table.seen.is_empty());
    bench.engine.change(|world| {
        for row in &mut world.containers {
            if row.container.id == id {
                row.usage.as_mut().unwrap().oom_kills = Some(1);
            }
        }
        // Others come and go at the same time.
        world.containers.swap(1, 4);
    });
    bench.tick().await;
    let seen = bench.state.table.seen[&id];
    assert_eq!(seen.oom_kill, Some(bench.state.now()));
    assert_eq!(bench.state.table.seen.len(), 1);
    bench
        .engine
        .change(|world| world.containers.retain(|row| row.container.id != id));
    for _ in 0..3 {
        bench.tick().await;
    }
    assert!(bench.state.table.seen.len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn thousand_rows_are_filtered_grouped_and_sorted_within_a_turn() {
    let mut bench = Bench::new(Fake::many(1_000)).await;
    bench.press("o j j j enter b j enter /").await;
    bench.type_in("worker cpu>=0").await;
    bench.press("enter").await;
    let world = bench.state.world.clone().unwrap();
    let began = std::time::Instant::now();
    for _ in 0..20 {
        bench.state.clock += Duration::from_secs(6);
        bench.state.update(Message::World(Ok(Arc::clone(&world))));
    }
    // A debug build on a busy machine: far above what a release build takes, far below
    // what a quadratic loop would.
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn heads_sort_and_lines_of_groups_are_clicked_where_they_are() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.tick().await;
    let regions = geometry(&bench.state);
    let slots = super::super::slots(&bench.state, regions.titles.width);
    let before = slots.iter().take_while(|slot| slot.column.id != "memory");
    let x = regions.titles.x + GUTTER + before.map(|slot| slot.columns() + GAP).sum::<u16>();
    let press = |x, y| Message::Mouse(Gesture::Press, x, y);
    bench.send(press(x, regions.titles.y)).await;
    assert_eq!(bench.state.sort().column, "memory");
    assert!(bench.state.sort().is_descending);
    bench.press("b j enter").await;
    let top = geometry(&bench.state).rows.y;
    bench.send(press(10, top + 1)).await;
    assert_eq!(bench.selected(), "postgres");
    bench.send(press(10, top)).await;
    assert_eq!(heading(&bench), Some("running"));
}

#[tokio::test(start_paused = true)]
async fn mark_on_a_heading_marks_its_group_which_is_shown_then() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("b j enter g x space").await;
    let group = bench.state.table.groups.list[0].clone();
    assert!(!group.is_folded);
    assert_eq!(marked(&bench), group.totals.count);
    bench.press("r").await;
    assert_eq!(bench.engine.calls().len(), group.totals.count);
    bench.tick().await;
    bench.press("space space").await;
    assert_eq!(marked(&bench), 0);
}

#[tokio::test(start_paused = true)]
async fn groups_of_the_same_name_are_told_apart() {
    let engine = Fake::full();
    engine.change(|world| {
        let mut container = (*world.containers[0].container).clone();
        let project = ("com.docker.compose.project".into(), "no project".into());
        container.config.labels.extend([project]);
        world.containers[0].container = Arc::new(container);
    });
    let mut bench = Bench::new(engine).await;
    bench.press("b j j j enter g").await;
    let groups = &bench.state.table.groups;
    assert_eq!(groups.list.len(), 2);
    assert_eq!(groups.list[0].key.name, groups.list[1].key.name);
    bench.press("x j").await;
    assert_eq!(bench.state.table.groups.heading(), Some(1));
    assert!(!bench.state.table.groups.list[1].is_folded);
}
