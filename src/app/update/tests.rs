//! Logs, processes, inspect and copying by their keys: what is shown then, and what is
//! asked of the engine and of the terminal.

use super::super::{tests::Bench, *};
use crate::{
    engine::fake::Fake,
    model::{LogLine, Stream},
};

fn line(n: i64, text: &str) -> LogLine {
    LogLine {
        at: jiff::Timestamp::from_second(1_772_625_600 + n).unwrap(),
        stream: Stream::Stdout,
        text: text.into(),
        partial: false,
    }
}

async fn bench_with_log(texts: &[&str]) -> Bench {
    let engine = Fake::full();
    engine.set_log((0..).zip(texts).map(|(n, text)| line(n, text)).collect());
    let mut bench = Bench::new(engine).await;
    bench.state.zone = jiff::tz::TimeZone::UTC;
    bench.select("gateway").await;
    bench
}

#[tokio::test(start_paused = true)]
async fn search_is_of_the_log_where_the_arrows_are_in_it() {
    let mut bench = bench_with_log(&["alpha", "beta", "alpha two", "gamma"]).await;
    bench.press("/").await;
    assert!(
        matches!(bench.state.modal, Some(Modal::Filter(_))),
        "in the table"
    );
    bench.press("esc tab /").await;
    bench.type_in("alpha").await;
    assert_eq!(bench.state.details.log.hits(), (2, 2), "the nearest above");
    bench.press("enter N").await;
    assert_eq!(bench.state.details.log.hits(), (1, 2));
    bench.press("N").await;
    assert_eq!(bench.told(), "from the end again");
    assert!(bench.state.log_note().contains("/alpha 2/2"));
    bench.press("/").await;
    bench.type_in("~(").await;
    let Some(Modal::Prompt(prompt)) = &bench.state.modal else {
        panic!("it is still asked");
    };
    assert!(prompt.error.is_some());
    bench.press("esc").await;
    assert_eq!(bench.state.details.log.hits().1, 2, "as it was before");
    bench.press("esc esc").await;
    assert!(bench.state.details.log.search.is_none());
}

#[tokio::test(start_paused = true)]
async fn filter_of_lines_narrows_as_one_types_and_esc_takes_it_back() {
    let mut bench = bench_with_log(&["get /a", "error", "get /b"]).await;
    bench.press("&").await;
    bench.type_in("get").await;
    assert_eq!(bench.state.details.log.shown(), 2);
    bench.press("enter").await;
    bench.press("& ctrl-u").await;
    bench.type_in("!get").await;
    assert_eq!(bench.state.details.log.shown(), 1);
    bench.press("esc").await;
    assert_eq!(bench.state.details.log.shown(), 2);
    assert!(bench.state.log_note().contains("&get 2/3"));
}

#[tokio::test(start_paused = true)]
async fn time_from_which_a_log_is_read_is_chosen_and_read_anew() {
    let mut bench = bench_with_log(&["x"]).await;
    let before = bench.state.details.watch;
    bench.press("H 4").await;
    assert_eq!(bench.state.details.watch, before + 1);
    assert_eq!(bench.state.details.log.manner.since, log::Since::Secs(300));
    bench.press("j").await;
    assert_eq!(
        bench.state.details.log.manner.since,
        log::Since::Secs(300),
        "and stays for the next container"
    );
}

#[tokio::test(start_paused = true)]
async fn marked_containers_have_one_log_that_the_cursor_does_not_change() {
    let mut bench = bench_with_log(&["one", "two"]).await;
    bench.press("ctrl-g").await;
    assert!(bench.told().starts_with("mark containers"));
    bench.press("g space space ctrl-g").await;
    assert_eq!(bench.state.details.log.sources.len(), 2);
    assert_eq!(bench.state.details.log.len(), 4);
    let watch = bench.state.details.watch;
    bench.press("j j").await;
    assert_eq!(bench.state.details.watch, watch);
    assert_eq!(bench.state.details.log.len(), 4);
    assert!(bench.state.log_note().starts_with("2 logs"));
    bench.press("ctrl-g").await;
    assert_eq!(bench.state.details.log.sources.len(), 1);
    assert_eq!(bench.state.details.log.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn cleared_lines_stay_away_even_when_the_log_is_read_again() {
    let mut bench = bench_with_log(&["one", "two"]).await;
    bench.press("C").await;
    assert!(bench.state.details.log.is_empty());
    let cleared = bench.state.details.log.cleared.unwrap();
    let newest = line(1, "").at;
    assert!(cleared > newest);
}

#[tokio::test(start_paused = true)]
async fn log_is_saved_where_one_says_and_never_over_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.log");
    let mut bench = bench_with_log(&["one", "\x1b[31mtwo\x1b[0m"]).await;
    for told in ["wrote 2 lines", "write "] {
        bench.press("ctrl-s ctrl-u").await;
        bench.type_in(path.to_str().unwrap()).await;
        bench.press("enter").await;
        // The file is written on a thread of its own, which time that stands still
        // doesn't wait for.
        for _ in 0..1000 {
            if bench.told().starts_with(told) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
            bench.send(Message::Tick).await;
        }
        assert!(bench.told().starts_with(told), "{}", bench.told());
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.ends_with("2026-03-04 12:00:01.000 two\n"), "{text}");
    let entry = bench.state.activity.entries().next().unwrap();
    assert!(matches!(entry.outcome, Outcome::Failed(..)));
    let command = entry.command.clone().unwrap();
    assert!(
        command.starts_with("wharf logs --timestamps gateway > "),
        "{command}"
    );
}

#[tokio::test(start_paused = true)]
async fn signal_goes_to_the_process_under_the_cursor_and_kill_asks_first() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("P tab j ctrl-s t").await;
    let pid = bench.state.details.table.rows[1].index;
    let Pending::Ready(processes) = &bench.state.details.processes else {
        panic!("they were read");
    };
    let pid = processes[pid].pid;
    assert_eq!(bench.engine.calls(), [format!("signal TERM {pid}")]);
    assert_eq!(bench.told(), format!("sent TERM to process {pid}"));
    bench.press("ctrl-s x n").await;
    assert_eq!(bench.engine.calls().len(), 1);
    bench.press("ctrl-s x y").await;
    assert_eq!(bench.engine.calls()[1], format!("signal KILL {pid}"));
    let entry = bench.state.activity.entries().next().unwrap();
    assert_eq!(
        entry.command.as_deref(),
        Some(&*format!("kill -KILL {pid}"))
    );
    assert!(matches!(entry.outcome, Outcome::Done(..)));
}

#[tokio::test(start_paused = true)]
async fn processes_are_sorted_and_the_tree_is_left() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("P T ctrl-o").await;
    assert!(matches!(bench.state.modal, Some(Modal::Menu(_))));
    bench.press("down down down enter").await;
    let table = &bench.state.details.table;
    assert_eq!(
        (table.sort, table.is_descending, table.is_tree),
        ("memory", true, false)
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_selected_is_copied_as_it_is() {
    let mut bench = bench_with_log(&["first", "\x1b[31mlast\x1b[0m"]).await;
    bench.own.clear();
    bench.press("y i").await;
    let id = bench.id("gateway").as_str().to_owned();
    bench.press("y n").await;
    bench.press("tab y l").await;
    let copied: Vec<_> = bench
        .own
        .iter()
        .filter_map(|effect| match effect {
            Effect::Copy(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(copied, [&id, "gateway", "last"]);
    assert_eq!(bench.told(), "copied the log line last");
}

#[tokio::test(start_paused = true)]
async fn what_no_terminal_takes_is_not_copied() {
    let mut bench = bench_with_log(&[&"x".repeat(100_000)]).await;
    bench.own.clear();
    bench.press("tab y l").await;
    assert!(!bench.own.iter().any(|e| matches!(e, Effect::Copy(_))));
    assert!(bench.told().contains("more than terminals take"));
}

#[tokio::test(start_paused = true)]
async fn side_arrows_move_cut_lines_and_change_tabs_else() {
    let mut bench = bench_with_log(&[&"0123456789".repeat(100)]).await;
    bench.press("tab w right right").await;
    assert_eq!(bench.state.details.log.shift, 32);
    assert_eq!(bench.state.details.tab, Tab::Logs);
    bench.press("left w right").await;
    assert_eq!(bench.state.details.tab, Tab::Stats);
}

#[tokio::test(start_paused = true)]
async fn inspect_folds_where_the_arrows_are_and_marks_containers_where_not() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("i space").await;
    assert_eq!(bench.state.containers.marks.len(), 1);
    bench.press("esc tab C").await;
    let folded = bench.state.details.tree.shown.len();
    bench.press("/").await;
    bench.type_in("memoryswap").await;
    bench.press("enter").await;
    assert!(bench.state.details.tree.shown.len() > folded);
    bench.own.clear();
    bench.press("y t").await;
    assert!(
        bench
            .own
            .contains(&Effect::Copy("{{.HostConfig.MemorySwap}}".into()))
    );
}

fn event(secs: i64, action: &str, name: &str, id: &str) -> crate::model::Event {
    crate::model::Event {
        at: jiff::Timestamp::from_second(1_772_625_600 + secs).unwrap(),
        kind: crate::model::EventKind::Container,
        action: action.into(),
        id: id.into(),
        attributes: [("name".into(), name.into())].into(),
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_while_one_looks_and_lead_to_their_containers() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("4").await;
    let known = bench.state.events.len();
    assert!(known > 5);
    let id = bench.id("postgres").as_str().to_owned();
    bench.engine.tell(event(5, "pause", "postgres", &id));
    bench.tick().await;
    assert_eq!(bench.state.events.selected().unwrap().action, "pause");
    bench.press("enter").await;
    assert_eq!(bench.state.screen, Screen::Containers);
    assert_eq!(bench.selected(), "postgres");
    // Nobody looks now; what happens meanwhile is told afterwards, once.
    bench.engine.tell(event(6, "unpause", "postgres", &id));
    bench.tick().await;
    assert_eq!(bench.state.events.len(), known + 1);
    bench.press("4").await;
    assert_eq!(bench.state.events.len(), known + 2);
}

#[tokio::test(start_paused = true)]
async fn event_of_a_hidden_container_shows_it_and_one_of_a_gone_one_says_so() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("A /").await;
    bench.type_in("gateway").await;
    bench.press("enter 4").await;
    let id = bench.id("migrate").as_str().to_owned();
    bench.engine.tell(event(5, "die", "migrate", &id));
    bench.tick().await;
    bench.press("enter").await;
    assert_eq!(bench.selected(), "migrate");
    bench.press("4").await;
    bench.engine.tell(event(7, "destroy", "old", "feed"));
    bench.tick().await;
    bench.press("enter").await;
    assert_eq!(bench.told(), "old is gone");
    assert_eq!(bench.state.screen, Screen::Events);
}

#[tokio::test(start_paused = true)]
async fn events_are_filtered_and_copied() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("4 /").await;
    bench.type_in("oom").await;
    bench.press("enter").await;
    assert_eq!(bench.state.events.list.rows.len(), 1);
    bench.own.clear();
    bench.press("y n").await;
    assert!(bench.own.contains(&Effect::Copy("report-2026-02".into())));
    bench.press("esc esc").await;
    assert!(bench.state.events.list.rows.len() > 5);
    bench.press("tab o z").await;
    assert!(bench.state.modal.is_none(), "there is no order to choose");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_is_noted_with_its_command_result_and_time() {
    let mut bench = bench_with_log(&[]).await;
    let gate = bench.engine.hold();
    bench.press("s").await;
    let first = |bench: &Bench| bench.state.activity.entries().next().unwrap().clone();
    assert_eq!(first(&bench).what, "stop gateway");
    assert_eq!(first(&bench).outcome, Outcome::Running);
    bench.state.clock += std::time::Duration::from_secs(2);
    gate.add_permits(9);
    bench.tick().await;
    let took = std::time::Duration::from_secs(3);
    assert_eq!(first(&bench).outcome, Outcome::Done(took, String::new()));
    bench.engine.fail_next(crate::engine::EngineError::new(
        crate::engine::ErrorKind::NoSpace,
        "start",
        "gateway",
    ));
    bench.tick().await;
    bench.press("S 6").await;
    assert!(matches!(first(&bench).outcome, Outcome::Failed(..)));
    bench.own.clear();
    bench.press("y c").await;
    assert!(
        bench
            .own
            .contains(&Effect::Copy("wharf start gateway".into()))
    );
    bench.press("/").await;
    bench.type_in("stop").await;
    assert_eq!(bench.state.done.rows.len(), 1);
}

impl Bench {
    async fn mouse(&mut self, gesture: Gesture, (x, y): (u16, u16)) {
        self.send(Message::Mouse(gesture, x, y)).await;
    }

    async fn click(&mut self, at: (u16, u16)) {
        self.mouse(Gesture::Press, at).await;
        self.mouse(Gesture::Release, at).await;
    }
}

fn middle(area: ratatui::layout::Rect) -> (u16, u16) {
    (area.x + area.width / 2, area.y)
}

#[tokio::test(start_paused = true)]
async fn click_selects_and_a_double_click_gives_the_details_the_screen() {
    let mut bench = bench_with_log(&[]).await;
    let rows = geometry(&bench.state).rows;
    bench.click((10, rows.y + 3)).await;
    assert_eq!(bench.state.containers.cursor, 3);
    assert!(!bench.state.is_zoomed);
    bench.click((10, rows.y + 4)).await;
    assert!(!bench.state.is_zoomed, "another row is no double click");
    bench.click((10, rows.y + 4)).await;
    assert!(bench.state.is_zoomed);
    bench.press("esc").await;
    bench.state.clock += std::time::Duration::from_secs(2);
    bench.click((10, rows.y + 4)).await;
    bench.state.clock += std::time::Duration::from_secs(2);
    bench.click((10, rows.y + 4)).await;
    assert!(!bench.state.is_zoomed, "slow clicks are two");
}

#[tokio::test(start_paused = true)]
async fn screens_tabs_and_hints_are_clicked_by_their_names() {
    let mut bench = bench_with_log(&[]).await;
    let regions = geometry(&bench.state);
    let tabs = tab_places(&bench.state, regions.tabs);
    bench.click(middle(tabs[2].0)).await;
    assert_eq!(bench.state.details.tab, Tab::Processes);
    let places = screen_places(&bench.state, regions.header);
    bench.click(middle(places[1].place)).await;
    assert_eq!(bench.state.screen, Screen::Images);
    bench.press("1").await;
    let bar = hint_bar(&bench.state, regions.hints);
    let hint = bar.hints.iter().find(|hint| hint.key == "d").unwrap().place;
    bench.click(middle(hint)).await;
    assert!(
        matches!(bench.state.modal, Some(Modal::Confirm { .. })),
        "it asks"
    );
    // The answers stand in the last line then: `y enter yes  n esc no`.
    bench.click((16, regions.hints.y)).await;
    assert!(bench.state.modal.is_none() && bench.engine.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn wheel_scrolls_what_is_under_the_pointer_wherever_the_arrows_are() {
    let texts: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut bench = bench_with_log(&texts).await;
    let regions = geometry(&bench.state);
    bench.mouse(Gesture::WheelUp, middle(regions.details)).await;
    assert!(!bench.state.details.log.follows());
    assert_eq!(bench.state.details.log.below(), 3);
    bench
        .mouse(Gesture::WheelDown, middle(regions.details))
        .await;
    assert!(bench.state.details.log.follows());
    bench.mouse(Gesture::WheelDown, middle(regions.rows)).await;
    assert_eq!(bench.state.containers.cursor, 3);
    bench.press("H").await;
    bench.mouse(Gesture::WheelDown, (0, 0)).await;
    assert!(matches!(&bench.state.modal, Some(Modal::Menu(menu)) if menu.cursor == 1));
}

#[tokio::test(start_paused = true)]
async fn scroll_bar_of_a_log_is_dragged_to_both_ends() {
    let texts: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut bench = bench_with_log(&texts).await;
    let details = geometry(&bench.state).details;
    let x = details.right() - 1;
    bench.mouse(Gesture::Press, (x, details.y)).await;
    let top = |bench: &Bench| {
        let pieces = bench.state.details.log.pieces(bench.state.log_frame());
        bench
            .state
            .details
            .log
            .row(pieces[0].seq)
            .unwrap()
            .text
            .to_string()
    };
    assert_eq!(top(&bench), "0");
    // Beside the bar, and beyond its end: a drag goes on.
    let middle = details.y + details.height / 2;
    bench.mouse(Gesture::Drag, (x - 20, middle)).await;
    let at: usize = top(&bench).parse().unwrap();
    assert!((150..300).contains(&at), "{at}");
    bench.mouse(Gesture::Drag, (x, details.bottom() + 9)).await;
    assert!(bench.state.details.log.follows());
    bench.mouse(Gesture::Release, (x, details.y)).await;
    bench.mouse(Gesture::Drag, (x, details.y)).await;
    assert!(bench.state.details.log.follows(), "it was let go");
}

#[tokio::test(start_paused = true)]
async fn menus_are_clicked_and_left_by_a_click_beside_them() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("H").await;
    let Some(Modal::Menu(menu)) = &bench.state.modal else {
        panic!("a menu was opened");
    };
    let area = inside(menu_area(&bench.state, menu));
    bench.click((area.x + 2, area.y + 4)).await;
    assert_eq!(bench.state.details.log.manner.since, log::Since::Secs(900));
    bench.press("o").await;
    bench.click((0, 44)).await;
    bench.click((0, 20)).await;
    assert!(bench.state.modal.is_none());
    assert_eq!(bench.state.sort().column, "state");
}

#[tokio::test(start_paused = true)]
async fn mouse_is_left_to_the_terminal_and_taken_back() {
    let mut bench = bench_with_log(&[]).await;
    bench.own.clear();
    bench.press("M M").await;
    assert_eq!(bench.own, [Effect::Mouse(false), Effect::Mouse(true)]);
}

#[tokio::test(start_paused = true)]
async fn clicks_anywhere_do_no_harm() {
    for keys in [
        "1", "i", "P", "f", "t", "2", "4", "6", "1 H", "esc :", "esc ?", "esc /", "esc y",
    ] {
        let mut bench = bench_with_log(&["x"]).await;
        bench.press(keys).await;
        for x in (0..160).step_by(7) {
            for y in 0..45 {
                // Where hints are, a click is a key.
                let is_hint = y == 44;
                if !is_hint {
                    bench.state.update(Message::Mouse(Gesture::Press, x, y));
                    bench.state.update(Message::Mouse(Gesture::Drag, x, 44 - y));
                    bench.state.update(Message::Mouse(Gesture::WheelDown, x, y));
                }
            }
        }
        bench
            .state
            .update(Message::Mouse(Gesture::Press, u16::MAX, u16::MAX));
        assert!(bench.engine.calls().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn few_letters_find_an_action_and_what_was_used_comes_first() {
    let mut bench = bench_with_log(&[]).await;
    let first = |bench: &Bench, query: &str| {
        let found = bench.state.find(query);
        found.first().map(|found| found.spec.id)
    };
    assert_eq!(first(&bench, "rest"), Some("container.restart"));
    assert_eq!(first(&bench, "unp"), Some("container.unpause"));
    assert_eq!(first(&bench, "stp"), Some("container.stop"));
    assert_eq!(first(&bench, "zzz"), None);
    assert_ne!(first(&bench, ""), Some("log.wrap"));
    bench.press(":").await;
    bench.type_in("wrap").await;
    bench.press("enter").await;
    assert_eq!(first(&bench, ""), Some("log.wrap"));
}

#[tokio::test(start_paused = true)]
async fn palette_completes_names_and_acts_on_what_is_named() {
    let mut bench = bench_with_log(&[]).await;
    bench.press(":").await;
    bench.type_in("stop").await;
    bench.press("tab").await;
    bench.type_in("post").await;
    let Some(Modal::Palette(choice)) = &bench.state.modal else {
        panic!("it is open");
    };
    assert_eq!(choice.query, "stop post");
    assert_eq!(choice.found[0].label(), "stop postgres");
    bench.press("enter").await;
    assert_eq!(bench.engine.calls(), ["stop postgres"]);
    assert_eq!(bench.selected(), "gateway", "the cursor stays");
    // From another screen, by the command's name, and asking as always.
    bench.press("2 :").await;
    bench.type_in("rm queue").await;
    bench.press("enter").await;
    assert!(matches!(bench.state.modal, Some(Modal::Confirm { .. })));
    bench.press("n :").await;
    bench.type_in("logs migrate").await;
    bench.press("enter").await;
    assert_eq!(bench.state.screen, Screen::Containers);
    assert_eq!(bench.selected(), "migrate");
    bench.press(":").await;
    bench.type_in("sort memory").await;
    bench.press("enter").await;
    assert_eq!(bench.state.sort().column, "memory");
    bench.press(":").await;
    bench.type_in("stop migrate").await;
    bench.press("enter").await;
    assert_eq!(bench.told(), "can't stop migrate: it isn't running");
}

#[tokio::test(start_paused = true)]
async fn form_runs_what_it_shows_and_the_cursor_goes_there() {
    let mut bench = bench_with_log(&[]).await;
    bench.state.plan = crate::cli::plan;
    bench.press("R").await;
    bench.type_in("deb").await;
    bench.press("right down").await;
    bench.type_in("sleep 9").await;
    bench.press("down").await;
    bench.type_in("napper").await;
    bench.own.clear();
    bench.press("ctrl-y").await;
    let command = "wharf run -d --name napper debian:12 sleep 9";
    assert!(
        bench.own.contains(&Effect::Copy(command.into())),
        "{:?}",
        bench.own
    );
    // Asked for its command alone, the dashboard prints it and is left.
    bench.press("ctrl-p").await;
    assert_eq!(bench.state.parting.take().as_deref(), Some(command));
    assert!(std::mem::take(&mut bench.state.is_done) && bench.state.modal.is_none());
    bench.press("R").await;
    bench.type_in("debian:12").await;
    bench.press("down").await;
    bench.type_in("sleep 9").await;
    bench.press("down").await;
    bench.type_in("napper").await;
    bench.press("enter").await;
    assert_eq!(bench.engine.calls(), ["start napper"]);
    assert_eq!(bench.told(), "started napper");
    bench.tick().await;
    assert_eq!(bench.selected(), "napper");
    let entry = bench.state.activity.entries().next().unwrap();
    assert_eq!(entry.command.as_deref(), Some(command));
}

#[tokio::test(start_paused = true)]
async fn form_that_is_wrong_stays_open_and_says_why() {
    let mut bench = bench_with_log(&[]).await;
    bench.state.plan = crate::cli::plan;
    bench.press("R enter").await;
    let Some(Modal::Form(form)) = &bench.state.modal else {
        panic!("it is open");
    };
    assert_eq!(form.planned.clone().unwrap_err(), "an image is needed");
    bench.type_in("a").await;
    bench.press("down down down down").await;
    bench.send(Message::Paste("lots\n".into())).await;
    bench.press("enter").await;
    let Some(Modal::Form(form)) = &bench.state.modal else {
        panic!("it is open");
    };
    assert!(form.planned.clone().unwrap_err().contains("--memory"));
    assert!(bench.engine.calls().is_empty());
    bench.press("esc").await;
    assert!(bench.state.modal.is_none());
}

#[tokio::test(start_paused = true)]
async fn container_that_cannot_start_is_told_and_one_to_be_removed_is() {
    use crate::engine::{EngineError, ErrorKind};
    let mut bench = bench_with_log(&[]).await;
    bench.state.plan = crate::cli::plan;
    bench
        .engine
        .fail_next(EngineError::new(ErrorKind::CommandNotFound, "start", "x"));
    bench.press("R").await;
    bench.type_in("debian:12").await;
    bench.press(&["up"; 15].join(" ")).await;
    bench.press(&["down"; 15].join(" ")).await;
    bench.press("space enter").await;
    assert_eq!(bench.engine.calls(), ["start new", "remove new"]);
    assert!(bench.state.toasts.last().unwrap().is_error);
}

#[tokio::test(start_paused = true)]
async fn click_on_a_log_line_points_at_it_for_copying_and_heads_sort_processes() {
    let mut bench = bench_with_log(&["one", "two", "three"]).await;
    let details = geometry(&bench.state).details;
    bench.click((details.x + 20, details.y + 1)).await;
    bench.own.clear();
    bench.press("y l").await;
    assert!(
        bench.own.contains(&Effect::Copy("two".into())),
        "{:?}",
        bench.own
    );
    bench.press("P").await;
    let columns = process_columns(details.width - 2);
    let before = columns.iter().take_while(|column| column.id != "memory");
    let x: u16 = before.map(|column| column.columns + PROCESS_GAP).sum();
    bench.click((details.x + 1 + x + 3, details.y)).await;
    assert_eq!(bench.state.details.table.sort, "memory");
    bench.state.clock += std::time::Duration::from_secs(2);
    bench.click((details.x + 1 + x + 3, details.y)).await;
    assert!(
        !bench.state.details.table.is_descending,
        "again turns it round"
    );
}

#[tokio::test(start_paused = true)]
async fn heads_of_images_and_fields_of_the_form_are_clicked() {
    let mut bench = bench_with_log(&[]).await;
    bench.press("2").await;
    let titles = geometry(&bench.state).titles;
    let world = bench.state.world.clone().unwrap();
    let heads = image_heads(&bench.state.image_columns, &world, titles.width);
    let size = heads
        .iter()
        .position(|head| head.column.id == "size")
        .unwrap();
    let x: u16 = 2 + heads[..size]
        .iter()
        .map(|head| head.columns + 2)
        .sum::<u16>();
    bench.click((x + 1, titles.y)).await;
    assert_eq!(bench.state.sort().column, "size");
    bench.state.plan = crate::cli::plan;
    bench.press("R").await;
    let field = |bench: &Bench, n: usize| {
        let Some(Modal::Form(form)) = &bench.state.modal else {
            panic!("it is open");
        };
        (form.cursor, form.fields[n].value.clone())
    };
    let Some(Modal::Form(form)) = &bench.state.modal else {
        panic!("it is open");
    };
    let lines = inside(form_area(&bench.state, form));
    let remove = form.fields.len() - 1;
    let at = (lines.x + 14, lines.y + remove as u16);
    bench.click(at).await;
    assert_eq!(field(&bench, remove), (remove, Value::Is(false)), "gone to");
    bench.click(at).await;
    assert_eq!(field(&bench, remove), (remove, Value::Is(true)));
    bench.click((lines.x + 14, lines.y + 2)).await;
    assert_eq!(field(&bench, 2), (2, Value::Text(String::new())));
    bench.click((0, 0)).await;
    assert!(
        bench.state.modal.is_some(),
        "nothing typed is lost by a click"
    );
}
