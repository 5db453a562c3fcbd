//! The log view: what is kept, where the reader stays, what is found.

use super::*;
use crate::{
    action::Action,
    model::{LogLine, Stream},
};

fn row(text: &str) -> LogRow {
    LogRow::from(&LogLine {
        at: Timestamp::UNIX_EPOCH,
        stream: Stream::Stdout,
        text: text.as_bytes().to_vec(),
        partial: false,
    })
}

fn view(texts: &[&str]) -> LogView {
    let mut view = LogView::default();
    view.append(texts.iter().map(|text| row(text)).collect());
    view
}

fn frame(columns: usize, height: usize) -> Frame {
    let fold = Fold {
        columns,
        wraps: true,
    };
    Frame { fold, height }
}

/// The screen's lines.
fn lines(view: &LogView, frame: Frame) -> Vec<String> {
    let mut out = Vec::new();
    for piece in view.pieces(frame) {
        let text = view.row(piece.seq).unwrap().shown_text();
        let ranges = frame.fold.lines(text).skip_lines(piece.line);
        out.extend(ranges.take(piece.count).map(|r| text[r].to_owned()));
    }
    out
}

#[test]
fn old_rows_make_room_and_a_reader_keeps_his_place() {
    let mut view = view(&["a", "b", "c", "d", "e"]);
    let frame = frame(10, 2);
    view.go(Action::Up, frame);
    assert_eq!(lines(&view, frame), ["c", "d"]);
    view.append((0..CAPACITY - 3).map(|n| row(&n.to_string())).collect());
    assert_eq!(view.len(), CAPACITY);
    assert_eq!(lines(&view, frame), ["c", "d"]);
    view.append(vec![row("x"), row("y")]);
    view.settle(frame);
    assert_eq!(lines(&view, frame), ["e", "0"], "the oldest that is left");
    view.go(Action::Last, frame);
    assert_eq!(lines(&view, frame), ["x", "y"]);
}

#[test]
fn bytes_are_bounded_however_long_the_lines() {
    let long = "x".repeat(100_000);
    let mut view = LogView::default();
    for _ in 0..200 {
        view.append(vec![row(&long)]);
    }
    assert!(view.bytes <= CAPACITY_BYTES && view.len() > 50);
    let total: usize = view.rows().map(LogRow::bytes).sum();
    assert_eq!(total, view.bytes);
}

#[test]
fn every_line_of_a_very_long_row_can_be_reached() {
    let long: String = (0..100_000)
        .map(|n| char::from(b'a' + (n % 26) as u8))
        .collect();
    let mut view = view(&["first", &long, "last"]);
    let frame = frame(100, 10);
    assert_eq!(lines(&view, frame)[9], "last");
    view.go(Action::Up, frame);
    assert_eq!(lines(&view, frame).len(), 10);
    assert!(long.ends_with(&lines(&view, frame)[9]));
    view.go(Action::First, frame);
    assert_eq!(lines(&view, frame)[0], "first");
    assert!(long.starts_with(&lines(&view, frame)[1]));
    let began = std::time::Instant::now();
    for _ in 0..110 {
        view.go(Action::PageDown, frame);
        assert!(!view.follows());
        lines(&view, frame);
    }
    view.go(Action::PageDown, frame);
    assert!(view.follows(), "a thousand and two lines");
    assert!(began.elapsed() < std::time::Duration::from_secs(60));
}

#[test]
fn width_may_change_under_the_reader() {
    let mut view = view(&["0123456789", "abcdefghij", "z"]);
    view.go(Action::Up, frame(5, 2));
    assert_eq!(lines(&view, frame(5, 2)), ["abcde", "fghij"]);
    assert_eq!(lines(&view, frame(10, 2)), ["0123456789", "abcdefghij"]);
    view.settle(frame(10, 9));
    assert_eq!(lines(&view, frame(10, 9)).len(), 2);
}

#[test]
fn filter_shows_only_what_matches_and_takes_it_back() {
    let mut view = view(&["get /a", "error x", "get /b", "error y"]);
    view.filter = Needle::new("error").unwrap();
    view.arrange();
    let frame = frame(20, 3);
    assert_eq!(lines(&view, frame), ["error x", "error y"]);
    assert_eq!((view.shown(), view.len()), (2, 4));
    view.append(vec![row("get /c"), row("error z")]);
    assert_eq!(lines(&view, frame), ["error x", "error y", "error z"]);
    view.filter = Needle::new("!error").unwrap();
    view.arrange();
    assert_eq!(lines(&view, frame), ["get /a", "get /b", "get /c"]);
    view.filter = Needle::new("nothing has this").unwrap();
    view.arrange();
    assert!(lines(&view, frame).is_empty());
    view.go(Action::Up, frame);
    view.go(Action::First, frame);
    view.settle(frame);
    view.filter = None;
    view.arrange();
    view.go(Action::Last, frame);
    assert_eq!(lines(&view, frame), ["error y", "get /c", "error z"]);
}

#[test]
fn hits_are_counted_and_gone_to_round_the_ends() {
    let texts: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut view = view(&texts);
    let frame = frame(20, 5);
    view.search = Needle::new("7").unwrap();
    view.arrange();
    assert_eq!(view.hits(), (0, 5));
    assert_eq!(view.seek(-1, frame, |row| row.is_hit), Some(false));
    assert_eq!(view.hits(), (5, 5));
    assert!(lines(&view, frame).contains(&"line 47".into()));
    view.seek(-1, frame, |row| row.is_hit);
    assert!(lines(&view, frame)[2] == "line 37", "in the middle");
    assert_eq!(view.seek(1, frame, |row| row.is_hit), Some(false));
    assert_eq!(view.seek(1, frame, |row| row.is_hit), Some(true), "round");
    assert_eq!(view.hits(), (1, 5));
    view.append((0..CAPACITY).map(|_| row("x")).collect());
    assert_eq!(view.hits(), (0, 0));
    assert_eq!(view.seek(1, frame, |row| row.is_hit), None);
}

#[test]
fn cut_lines_are_pushed_so_far_that_a_hit_is_seen() {
    let mut view = view(&[&format!("{}needle", "x".repeat(500))]);
    view.search = Needle::new("needle").unwrap();
    view.arrange();
    let fold = Fold {
        columns: 80,
        wraps: false,
    };
    view.seek(-1, Frame { fold, height: 5 }, |row| row.is_hit);
    assert!((420..=500).contains(&view.shift), "{}", view.shift);
}

#[test]
fn merged_rows_come_in_the_order_of_their_times() {
    let at = |secs: i64, text: &str, source: u16| {
        let at = Timestamp::from_second(secs).unwrap();
        LogRow::of(at, Kind::Output, source, text)
    };
    let mut view = LogView {
        sources: vec!["a".into(), "b".into()],
        ..LogView::default()
    };
    view.append(vec![at(1, "one", 0), at(4, "four", 0), at(5, "five", 0)]);
    let frame = frame(20, 3);
    view.go(Action::Up, frame);
    view.bottom = Some(Place { seq: 1, line: 0 });
    view.append(vec![at(2, "two", 1), at(6, "six", 1)]);
    let texts: Vec<_> = view.rows().map(|row| &*row.text).collect();
    assert_eq!(texts, ["one", "two", "four", "five", "six"]);
    assert_eq!(
        lines(&view, frame),
        ["one", "two", "four"],
        "and nothing moved"
    );
    let zone = TimeZone::UTC;
    assert!(
        view.text(&zone)
            .contains("1970-01-01 00:00:02.000 b: two\n")
    );
}

#[test]
fn json_is_laid_out_on_request_and_marks_stand_between() {
    let mut view = view(&["{\"a\":1,\"b\":2}", "plain"]);
    view.manner.is_pretty = true;
    view.arrange();
    let frame = frame(20, 9);
    assert_eq!(
        lines(&view, frame),
        ["{", "  \"a\": 1,", "  \"b\": 2", "}", "plain"]
    );
    view.mark(Timestamp::UNIX_EPOCH);
    view.append(vec![row("after")]);
    assert_eq!(
        view.seek(-1, frame, |row| row.kind == Kind::Mark),
        Some(false)
    );
    view.manner.is_pretty = false;
    view.arrange();
    assert_eq!(
        lines(&view, frame),
        ["{\"a\":1,\"b\":2}", "plain", "", "after"]
    );
}

#[test]
fn clearing_leaves_nothing_of_the_rows_before() {
    let mut view = view(&["a", "b"]);
    view.go(Action::Up, frame(9, 1));
    view.clear();
    assert!(view.is_empty() && view.follows() && view.bytes == 0);
    view.append(vec![row("c")]);
    assert_eq!(lines(&view, frame(9, 5)), ["c"]);
}
