//! The dashboard by its keys: what is asked of the engine, and what is told after it.

use std::{sync::Arc, time::Duration};

use ratatui::layout::Rect;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{effect::Effects, *};
use crate::{
    action::{Action, Key},
    engine::{Containers, Engine, EngineError, ErrorKind, Observe, fake::Fake},
    format::Glyphs,
    model::{ContainerId, Visible},
};

/// A dashboard whose effects run against a fake engine, in place of the loop.
pub struct Bench {
    pub engine: Arc<Fake>,
    pub state: State,
    pub effects: Effects<dyn Engine>,
    pub messages: mpsc::Receiver<Message>,
    pub own: Vec<Effect>,
}

impl Bench {
    pub async fn new(engine: Fake) -> Self {
        let engine = Arc::new(engine);
        let look = Look {
            glyphs: Glyphs::Unicode,
            has_color: true,
        };
        let area = Rect::new(0, 0, 160, 45);
        let (sender, messages) = mpsc::channel(64);
        let mut bench = Self {
            state: State::new(look, engine.capabilities(), area),
            effects: Effects::new(engine.clone(), sender, CancellationToken::new()),
            engine,
            messages,
            own: Vec::new(),
        };
        bench.tick().await;
        bench
    }

    /// A second passes.
    pub async fn tick(&mut self) {
        self.state.clock += Duration::from_secs(1);
        let visible = Visible {
            stats: true,
            images: true,
            ..Visible::default()
        };
        let world = self.engine.world(visible).await.map_err(Failure::from);
        self.send(Message::World(world)).await;
    }

    pub async fn send(&mut self, message: Message) {
        let effects = self.state.update(message);
        self.own
            .extend(effects.into_iter().filter_map(|e| self.effects.run(e)));
        // All that an effect answers at once; time is paused, so this takes none.
        while let Ok(Some(message)) =
            timeout(Duration::from_millis(200), self.messages.recv()).await
        {
            let effects = self.state.update(message);
            self.own
                .extend(effects.into_iter().filter_map(|e| self.effects.run(e)));
        }
    }

    /// Presses keys, named as actions name them.
    pub async fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.send(Message::Key(Key::parse(key).unwrap())).await;
        }
    }

    pub async fn type_in(&mut self, text: &str) {
        for c in text.chars() {
            self.send(Message::Key(Key::char(c))).await;
        }
    }

    pub fn selected(&self) -> String {
        self.state
            .selected_container()
            .unwrap()
            .container
            .name
            .clone()
    }

    pub async fn select(&mut self, name: &str) {
        self.press("g").await;
        while self.selected() != name {
            self.press("j").await;
        }
    }

    pub fn id(&self, name: &str) -> ContainerId {
        let world = self.engine.now();
        let row = world
            .containers
            .iter()
            .find(|row| row.container.name == name);
        row.unwrap().container.id.clone()
    }

    pub fn told(&self) -> String {
        let toast = self.state.toasts.last();
        toast.map_or(String::new(), |toast| toast.lines.join("\n"))
    }
}

#[tokio::test(start_paused = true)]
async fn key_of_an_action_does_it_to_the_selected_container_and_tells() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench.press("s").await;
    assert_eq!(bench.engine.calls(), ["stop gateway"]);
    assert_eq!(bench.told(), "stopped gateway");
    assert!(
        bench.own.contains(&Effect::Refresh),
        "the table is read again at once"
    );
}

#[tokio::test(start_paused = true)]
async fn row_shows_an_operation_until_it_ends_and_refuses_another() {
    let mut bench = Bench::new(Fake::full()).await;
    let gate = bench.engine.hold();
    bench.select("gateway").await;
    bench.press("s").await;
    let target = Target::Container(bench.id("gateway"));
    let running = bench.state.operations.on(&target).unwrap();
    assert_eq!(running.action, Action::Stop);
    bench.press("r").await;
    assert_eq!(
        bench.told(),
        "can't restart gateway: an operation on it is running"
    );
    gate.add_permits(1);
    bench.tick().await;
    assert!(bench.state.operations.is_empty());
    assert_eq!(bench.engine.calls(), ["stop gateway"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_possible_is_not_asked_and_the_reason_is_told() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("migrate").await;
    for (key, reason) in [
        ("s", "can't stop migrate: it isn't running"),
        (
            "e",
            "can't open a shell in migrate: it isn't running; start it first",
        ),
        ("p", "can't pause migrate: it isn't running"),
    ] {
        bench.press(key).await;
        assert_eq!(bench.told(), reason);
    }
    assert!(bench.engine.calls().is_empty());
    assert!(
        !bench
            .own
            .iter()
            .any(|e| matches!(e, Effect::Interact { .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn one_key_pauses_and_unpauses() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench.press("p").await;
    bench.tick().await;
    bench.press("p").await;
    assert_eq!(bench.engine.calls(), ["pause gateway", "unpause gateway"]);
}

#[tokio::test(start_paused = true)]
async fn dangerous_action_asks_and_only_yes_does_it() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    for no in ["esc", "n", "q"] {
        bench.press("d").await;
        assert!(matches!(bench.state.modal, Some(Modal::Confirm { .. })));
        bench.press(no).await;
        assert!(bench.state.modal.is_none() && !bench.state.is_done);
    }
    bench.press("ctrl-k x y").await;
    assert_eq!(bench.engine.calls(), ["kill gateway"]);
}

#[tokio::test(start_paused = true)]
async fn marked_containers_are_done_together_and_each_failure_is_told() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("g space space space").await;
    let names: Vec<_> = bench
        .state
        .marked()
        .map(|row| row.container.name.clone())
        .collect();
    assert_eq!(names.len(), 3);
    let full = EngineError::new(ErrorKind::NoSpace, "remove", names[0].clone());
    bench.engine.fail_next(full.because("no space left"));
    bench.press("d y").await;
    let wanted: Vec<_> = names.iter().map(|name| format!("remove {name}")).collect();
    assert_eq!(bench.engine.calls(), wanted);
    let Some(Modal::Results(results)) = &bench.state.modal else {
        panic!("{:?}", bench.state.modal);
    };
    assert_eq!(results.title, "removed 2 of 3");
    let (name, first) = &results.items[0];
    let failure = first.clone().unwrap_err();
    assert_eq!(*name, names[0]);
    assert!(failure.message.contains("no space left"), "{failure:?}");
    assert!(failure.hint.is_some());
    assert!(results.items[1..].iter().all(|(_, result)| result.is_ok()));
    assert!(bench.state.containers.marks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_marked_containers_those_that_cannot_are_left_out() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("ctrl-a S").await;
    let started: Vec<_> = bench.engine.calls();
    assert!(started.contains(&"start migrate".to_owned()), "{started:?}");
    assert!(
        !started.contains(&"start gateway".to_owned()),
        "{started:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn selection_stays_with_its_container_when_others_come_go_and_sort() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("postgres").await;
    bench.press("o j j j enter").await;
    assert_eq!(bench.state.sort().column, "cpu");
    assert_eq!(bench.selected(), "postgres");
    for _ in 0..20 {
        bench.tick().await;
        assert_eq!(bench.selected(), "postgres");
    }
    let gone = bench.id("postgres");
    bench
        .engine
        .change(|world| world.containers.retain(|row| row.container.id != gone));
    bench.tick().await;
    assert_ne!(bench.selected(), "postgres");
}

#[tokio::test(start_paused = true)]
async fn filter_narrows_as_one_types_and_esc_takes_it_back() {
    let mut bench = Bench::new(Fake::full()).await;
    let all = bench.state.containers.rows.len();
    bench.press("/").await;
    bench.type_in("orders").await;
    assert_eq!(bench.state.containers.rows.len(), 2);
    bench.press("enter").await;
    assert_eq!(bench.state.filter(), "orders");
    bench.press("/").await;
    bench.type_in("zz").await;
    assert!(bench.state.selected_container().is_none());
    bench.press("esc").await;
    assert_eq!(bench.state.filter(), "orders");
    bench.press("esc").await;
    assert_eq!(bench.state.containers.rows.len(), all);
}

#[tokio::test(start_paused = true)]
async fn letters_of_a_filter_and_of_a_paste_run_nothing() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.send(Message::Paste("sdyq".into())).await;
    bench.press("/").await;
    bench.type_in("sdq").await;
    bench.send(Message::Paste("q\nq".into())).await;
    assert_eq!(bench.state.filter(), "sdqqq");
    assert!(bench.engine.calls().is_empty() && !bench.state.is_done);
}

#[tokio::test(start_paused = true)]
async fn only_running_ones_are_shown_if_asked() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.press("A").await;
    let world = bench.state.world.clone().unwrap();
    let shown = bench.state.containers.rows.iter();
    assert!(
        shown
            .clone()
            .all(|&row| world.containers[row].container.state.can_stop())
    );
    assert!(shown.count() < world.containers.len());
}

#[tokio::test(start_paused = true)]
async fn log_of_the_selected_container_comes_and_a_late_one_is_dropped() {
    let mut bench = Bench::new(Fake::full()).await;
    assert!(bench.state.details.log.len() > 5);
    let before = bench.state.details.watch;
    bench.press("j").await;
    assert!(bench.state.details.watch > before);
    let lines = bench.state.details.log.len();
    let late = bench.state.details.log.rows().next().unwrap().clone();
    bench.send(Message::Log(before, vec![late])).await;
    assert_eq!(bench.state.details.log.len(), lines);
}

#[tokio::test(start_paused = true)]
async fn tabs_load_what_they_show_and_nothing_else() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench.press("P").await;
    assert!(matches!(bench.state.details.processes, Pending::Ready(_)));
    assert!(matches!(bench.state.details.changes, Pending::Loading));
    bench.press("]").await;
    assert_eq!(bench.state.details.tab, Tab::Inspect);
    assert!(!bench.state.details.tree.shown.is_empty());
    bench.press("] ] ] ]").await;
    assert_eq!(bench.state.details.tab, Tab::Logs);
}

#[tokio::test(start_paused = true)]
async fn scrolling_up_stops_following_and_the_end_follows_again() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.state.area = Rect::new(0, 0, 80, 14);
    bench.press("tab k k").await;
    assert!(!bench.state.details.log.follows());
    bench.press("g").await;
    let top = bench.state.details.log.bottom;
    bench.press("k k").await;
    assert_eq!(
        bench.state.details.log.bottom, top,
        "there is nothing above the first line"
    );
    bench.press("G").await;
    assert!(bench.state.details.log.follows());
}

#[tokio::test(start_paused = true)]
async fn images_are_read_only_while_they_are_shown() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.own.clear();
    bench.press("2").await;
    let images = Effect::Show(Visible {
        stats: false,
        images: true,
        ..Visible::default()
    });
    assert_eq!(
        bench.own,
        [images],
        "and what was loaded for a container ends"
    );
    bench.press("j d y").await;
    assert_eq!(bench.engine.calls(), ["remove image shop/orders:2.14.1"]);
}

#[tokio::test(start_paused = true)]
async fn failing_engine_leaves_the_last_picture_and_says_since_when() {
    let mut bench = Bench::new(Fake::full()).await;
    let failure = Failure {
        message: "read the world: input/output error".into(),
        hint: None,
    };
    bench.state.clock = Duration::from_secs(5);
    bench.send(Message::World(Err(failure.clone()))).await;
    bench.state.clock = Duration::from_secs(9);
    bench.send(Message::World(Err(failure))).await;
    assert_eq!(
        bench.state.stale.as_ref().unwrap().since,
        Duration::from_secs(5)
    );
    assert!(bench.state.selected_container().is_some());
    bench.tick().await;
    assert!(bench.state.stale.is_none());
}

#[tokio::test(start_paused = true)]
async fn palette_does_what_is_found_or_says_why_not() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench.press(":").await;
    bench.type_in("resta").await;
    bench.press("enter").await;
    assert_eq!(bench.engine.calls(), ["restart gateway"]);
    bench.press(":").await;
    bench.type_in("unpause").await;
    bench.press("enter").await;
    assert_eq!(bench.told(), "can't unpause gateway: it isn't paused");
    bench.press(":").await;
    bench.type_in("sort").await;
    bench.press("enter").await;
    assert!(matches!(bench.state.modal, Some(Modal::Sort(_))));
}

#[tokio::test(start_paused = true)]
async fn shell_and_attachment_are_handed_to_the_loop() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench.own.clear();
    bench.press("e a").await;
    let id = bench.id("gateway");
    let wanted = [Passage::Shell, Passage::Attach].map(|passage| Effect::Interact {
        id: id.clone(),
        passage,
    });
    assert_eq!(bench.own, wanted);
}

#[tokio::test(start_paused = true)]
async fn messages_of_success_go_by_themselves_and_failures_stay_longer() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("gateway").await;
    bench
        .engine
        .fail_next(EngineError::new(ErrorKind::Internal, "stop", "gateway"));
    bench.press("s").await;
    bench.press("r").await;
    assert_eq!(bench.state.toasts.len(), 2);
    bench.state.clock = bench.state.next_tick().unwrap();
    bench.send(Message::Tick).await;
    assert_eq!(bench.state.toasts.len(), 1);
    assert!(bench.state.toasts[0].is_error);
    bench.press("esc").await;
    assert!(bench.state.toasts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn tick_on_which_nothing_changes_draws_nothing() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.state.is_dirty = false;
    bench.send(Message::Tick).await;
    assert!(!bench.state.is_dirty);
    bench.press("~").await;
    assert!(!bench.state.is_dirty, "a key that means nothing");
}

#[tokio::test(start_paused = true)]
async fn without_root_everything_is_shown_and_nothing_offered() {
    let engine = Fake::full();
    engine.set_capabilities(|c| c.read_only_because = Some("needs root".into()));
    let mut bench = Bench::new(engine).await;
    bench.select("gateway").await;
    bench.press("s").await;
    assert_eq!(bench.told(), "can't stop gateway: needs root");
    bench.press("i").await;
    assert!(!bench.state.details.tree.shown.is_empty());
}

#[tokio::test(start_paused = true)]
async fn container_that_is_started_elsewhere_gets_its_log_followed_anew() {
    let mut bench = Bench::new(Fake::full()).await;
    bench.select("migrate").await;
    let before = bench.state.details.watch;
    let request = crate::model::StartRequest {
        id: bench.id("migrate"),
        attach: None,
    };
    bench.engine.start(request).await.unwrap();
    bench.tick().await;
    assert!(bench.state.details.watch > before);
    assert_eq!(bench.selected(), "migrate");
}

#[tokio::test(start_paused = true)]
async fn three_hundred_containers_are_arranged_and_drawn_within_a_frame() {
    let mut bench = Bench::new(Fake::many(300)).await;
    let began = std::time::Instant::now();
    for _ in 0..20 {
        bench.press("j").await;
        bench.tick().await;
    }
    // Twenty turns, debug build, busy machine: far from the five milliseconds that one
    // turn may take, near enough to see a quadratic loop.
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}

mod config;
mod limits;
mod table;
