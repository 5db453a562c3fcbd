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
