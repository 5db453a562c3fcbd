//! The line of the time line: its words, and where on it the moments lie. Who draws it
//! and who asks what the pointer is on use the same answer.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::{Past, State, Timeline};
use crate::{
    action::Action,
    format::{Glyphs, duration, text::width},
    record::Track,
};

/// A line with less columns shows nothing; then its words must do.
const LEAST: u16 = 12;

/// The time line, ready to draw.
#[derive(Clone, Debug)]
pub struct TimeBar {
    /// What it is, in words that can't be taken for the present.
    pub label: String,
    /// When it is, and how long ago that was; or why nobody knows.
    pub moment: String,
    /// Where the line is; empty without room.
    pub line: Rect,
    /// How much there is.
    pub words: String,
    /// What can be done.
    pub keys: String,
    /// The column of the moment on the line.
    pub at: u16,
    /// The columns of gaps.
    pub gaps: Vec<u16>,
}

/// The time line, while something else than the present is shown.
pub fn time_bar(state: &State, area: Rect) -> Option<TimeBar> {
    let timeline = &state.timeline;
    let past = timeline.past.as_ref().filter(|_| area.height > 0)?;
    let mut bar = TimeBar {
        label: label(timeline, past, state.look.glyphs),
        moment: moment(state, past),
        line: Rect::ZERO,
        words: words(timeline),
        keys: keys(timeline, past),
        at: 0,
        gaps: Vec::new(),
    };
    if let Some(failure) = &past.failure {
        bar.moment.clone_from(&failure.message);
        (bar.words, bar.keys) = Default::default();
        return Some(bar);
    }
    let x = area.x + (width(&bar.label) + 1 + width(&bar.moment) + 2) as u16;
    let room = area.right().saturating_sub(x + 1);
    // The line comes first; then what there is; then what can be done.
    let columns = |text: &str| match width(text) as u16 {
        0 => 0,
        columns => columns + 2,
    };
    if room < LEAST + columns(&bar.words) + columns(&bar.keys) {
        bar.keys.clear();
    }
    if room < LEAST + columns(&bar.words) {
        bar.words.clear();
    }
    let line = room.saturating_sub(columns(&bar.words) + columns(&bar.keys));
    if line >= LEAST {
        bar.line = Rect::new(x, area.y, line, 1);
        let track = timeline.track();
        let number = past.shown.unwrap_or(past.wanted);
        bar.at = column(track, number.max(track.first()), line);
        bar.gaps = track.gaps().map(|gap| column(track, gap, line)).collect();
        bar.gaps.dedup();
    }
    Some(bar)
}

impl TimeBar {
    /// The share of the time line that a column of the screen stands for.
    pub fn share(&self, x: u16) -> f64 {
        let last = f64::from(self.line.width.saturating_sub(1).max(1));
        (f64::from(x.saturating_sub(self.line.x)) / last).clamp(0.0, 1.0)
    }
}

fn column(track: &Track, number: u64, columns: u16) -> u16 {
    let span = track.span().as_secs_f64();
    let share = match span > 0.0 {
        true => track.offset(number).as_secs_f64() / span,
        false => 1.0,
    };
    (share * f64::from(columns - 1)).round() as u16
}

fn label(timeline: &Timeline, past: &Past, glyphs: Glyphs) -> String {
    if !timeline.is_replay() {
        return " FROZEN ".into();
    }
    let sign = match (past.is_playing(), glyphs) {
        (true, Glyphs::Unicode) => "▶",
        (true, Glyphs::Ascii) => ">",
        (false, Glyphs::Unicode) => "‖",
        (false, Glyphs::Ascii) => "=",
    };
    match past.factor() {
        1.0 => format!(" REPLAY {sign} "),
        factor => format!(" REPLAY {sign} x{factor} "),
    }
}

fn moment(state: &State, past: &Past) -> String {
    let track = state.timeline.track();
    let number = past.shown.unwrap_or(past.wanted);
    let told = track.mark(number).map(|mark| mark.at);
    // What was frozen long ago is on screen still, but no longer on the line.
    let Some(at) = told.or_else(|| state.world.as_ref().map(|world| world.at)) else {
        return String::new();
    };
    let zoned = |at: Timestamp| state.zone.to_datetime(at);
    let end = |number: u64| track.mark(number).map(|mark| mark.at);
    let is_one_day = [track.first(), track.last()]
        .iter()
        .all(|number| end(*number).is_none_or(|end| zoned(end).date() == zoned(at).date()));
    let clock = match is_one_day {
        true => state.config.ui.times.clock(at, &state.zone),
        false => state.told_in_full(at),
    };
    match end(track.last()).filter(|_| !state.timeline.is_replay()) {
        Some(now) => {
            let ago = duration::short(duration::between(at, now));
            format!("{clock}, {ago} ago")
        }
        None => clock,
    }
}

fn words(timeline: &Timeline) -> String {
    let track = timeline.track();
    let span = duration::short(track.span());
    let kind = match timeline.is_replay() {
        true => "recorded",
        false => "kept",
    };
    match track.gaps().count() {
        0 => format!("{span} {kind}"),
        1 => format!("{span} {kind}, 1 gap"),
        gaps => format!("{span} {kind}, {gaps} gaps"),
    }
}

fn keys(timeline: &Timeline, past: &Past) -> String {
    let key = |action: Action| {
        let key = action.spec().keys.first();
        key.map_or(String::new(), ToString::to_string)
    };
    let freeze = match (timeline.is_replay(), past.is_playing()) {
        (false, _) => "now",
        (true, true) => "pause",
        (true, false) => "play",
    };
    let mut keys = format!(
        "{} {freeze}  {}{} step  {}{} minute  {}{} scrub",
        key(Action::Freeze),
        key(Action::StepBack),
        key(Action::StepForward),
        key(Action::MinuteBack),
        key(Action::MinuteForward),
        key(Action::ScrubBack),
        key(Action::ScrubForward),
    );
    if timeline.is_replay() {
        let (faster, slower) = (key(Action::Faster), key(Action::Slower));
        keys.push_str(&format!("  {faster}{slower} speed"));
    }
    keys
}
