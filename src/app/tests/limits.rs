//! The limits editor by its keys.

use super::*;
use crate::{
    app::{Editor, SETTINGS},
    model::{Limits, RestartPolicy, Usage},
};

fn editor(bench: &Bench) -> &Editor {
    match &bench.state.modal {
        Some(Modal::Limits(editor)) => editor,
        other => panic!("{other:?}"),
    }
}

fn limits(bench: &Bench, name: &str) -> Limits {
    let world = bench.engine.now();
    let row = world.container(&bench.id(name)).unwrap();
    row.container.config.limits.clone()
}

/// Moves to a line of the editor.
async fn line(bench: &mut Bench, name: &str) {
    let at = SETTINGS.iter().position(|s| s.as_str() == name).unwrap();
    bench.press("home").await;
    for _ in 0..at {
        bench.press("down").await;
    }
}

async fn set(bench: &mut Bench, name: &str, value: &str) {
    line(bench, name).await;
    bench.type_in(value).await;
}

#[tokio::test(start_paused = true)]
async fn limits_are_changed_told_and_undone() {
    let mut bench = Bench::new(Fake::full()).await;
    let before = limits(&bench, "orders-api");
    bench.select("orders-api").await;
    bench.press("u").await;
    set(&mut bench, "cpus", "2").await;
    set(&mut bench, "memory", "1g").await;
    set(&mut bench, "pids-limit", "none").await;
    set(&mut bench, "restart", "always").await;
    bench.press("enter").await;
    assert_eq!(bench.engine.calls(), ["update orders-api"]);
    assert!(bench.state.modal.is_none());
    let after = limits(&bench, "orders-api");
    assert_eq!((after.cpu_millis, after.pids), (Some(2000), None));
    assert_eq!(after.memory_bytes, Some(1 << 30));
    let told = bench.told();
    assert!(told.contains("changed limits of orders-api"), "{told}");
    assert!(told.contains("cpus 0.5 → 2"), "{told}");
    let hint = bench.state.toasts.last().unwrap().hint.clone();
    assert_eq!(hint.as_deref(), Some("U undoes"));
    bench.tick().await;
    bench.press("U").await;
    assert_eq!(limits(&bench, "orders-api"), before);
    let world = bench.engine.now();
    let row = world.container(&bench.id("orders-api")).unwrap();
    assert_eq!(row.container.config.restart, RestartPolicy::No);
    bench.press("U").await;
    assert_eq!(bench.told(), "nothing to undo");
}

#[tokio::test(start_paused = true)]
async fn changes_are_undone_in_reverse_and_failed_ones_are_not_remembered() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("orders-api").await;
    for cpus in ["1", "2"] {
        bench.press("u").await;
        set(&mut bench, "cpus", cpus).await;
        bench.press("enter").await;
        bench.tick().await;
    }
    let busy = EngineError::new(ErrorKind::Conflict, "update", "orders-api");
    bench
        .engine
        .fail_next(busy.because("device or resource busy"));
    bench.press("u").await;
    set(&mut bench, "cpus", "3").await;
    bench.press("enter").await;
    bench.tick().await;
    assert!(bench.told().contains("busy"), "{}", bench.told());
    for cpu_millis in [Some(1000), Some(500)] {
        bench.press("U").await;
        bench.tick().await;
        assert_eq!(limits(&bench, "orders-api").cpu_millis, cpu_millis);
    }
}

#[tokio::test(start_paused = true)]
async fn undo_that_fails_can_be_tried_again() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("orders-api").await;
    bench.press("u").await;
    set(&mut bench, "cpus", "1").await;
    bench.press("enter").await;
    bench.tick().await;
    bench
        .engine
        .fail_next(EngineError::new(ErrorKind::Conflict, "update", "x"));
    bench.press("U").await;
    assert_eq!(limits(&bench, "orders-api").cpu_millis, Some(1000));
    bench.press("U").await;
    assert_eq!(limits(&bench, "orders-api").cpu_millis, Some(500));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_would_be_refused_asks_nothing_of_the_engine() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.engine.change(|world| {
        for row in &mut world.containers {
            row.usage = row.usage.map(|usage| Usage {
                anon_bytes: Some(100 << 20),
                ..usage
            });
        }
    });
    bench.tick().await;
    bench.select("orders-api").await;
    for (name, bad) in [
        ("cpus", "much"),
        ("cpus", "64"),
        ("memory", "32m"),
        ("memory-swap", "32m"),
        ("cpuset-cpus", "0-9"),
        ("restart", "sometimes"),
    ] {
        bench.press("u").await;
        set(&mut bench, name, bad).await;
        bench.press("enter").await;
        assert!(editor(&bench).is_refused, "{name} {bad}");
        bench.press("esc").await;
        assert!(bench.state.modal.is_none());
    }
    assert!(bench.engine.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn marked_containers_are_changed_together_and_those_that_would_refuse_are_told() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("orders-api").await;
    bench.press("space").await;
    bench.select("thumbnailer").await;
    bench.press("space").await;
    bench.engine.change(|world| {
        let row = world
            .containers
            .iter_mut()
            .find(|row| row.container.name == "thumbnailer");
        let usage = row.unwrap().usage.as_mut().unwrap();
        usage.anon_bytes = Some(60 << 20);
    });
    bench.tick().await;
    bench.press("u").await;
    assert_eq!(editor(&bench).targets.len(), 2);
    set(&mut bench, "memory", "40m").await;
    bench.press("enter").await;
    assert_eq!(bench.engine.calls(), ["update orders-api"]);
    assert_eq!(limits(&bench, "orders-api").memory_bytes, Some(40 << 20));
    assert_eq!(limits(&bench, "thumbnailer").memory_bytes, Some(64 << 20));
}

#[tokio::test(start_paused = true)]
async fn letters_typed_into_the_editor_run_nothing_and_nothing_typed_changes_nothing() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("orders-api").await;
    bench.press("u").await;
    bench.type_in("sdq").await;
    bench.send(Message::Paste("x\ny".into())).await;
    assert_eq!(editor(&bench).texts[0], "sdqxy");
    bench.press("ctrl-u enter").await;
    assert!(bench.state.modal.is_none() && !bench.state.is_done);
    assert!(bench.engine.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn limit_that_the_engine_has_no_word_for_is_refused_with_why() {
    let engine = Fake::full();
    engine.set_capabilities(|c| *c = c.clone().without(&[crate::model::Ability::FineLimits]));
    let mut bench = Bench::new(engine).await;
    bench.select("orders-api").await;
    bench.press("u").await;
    set(&mut bench, "net-rate-in", "10m").await;
    set(&mut bench, "cpus", "1").await;
    bench.press("enter").await;
    assert!(bench.engine.calls().is_empty());
    // The cursor is where it is refused.
    let line = editor(&bench).cursor;
    assert_eq!(SETTINGS[line].as_str(), "net-rate-in");
    let why = editor(&bench).fault(line);
    assert_eq!(why.as_deref(), Some("Docker's API has no such limit"));
    bench.press("ctrl-u enter").await;
    assert_eq!(bench.engine.calls(), ["update orders-api"]);
}

#[tokio::test(start_paused = true)]
async fn engine_that_cannot_change_limits_says_so() {
    let engine = Fake::full();
    engine.set_capabilities(|c| *c = c.clone().without(&[crate::model::Ability::Update]));
    let mut bench = Bench::new(engine).await;
    bench.select("orders-api").await;
    bench.press("u").await;
    assert_eq!(
        bench.told(),
        "can't change limits of orders-api: this engine can't change limits"
    );
}
