//! The time line: which moment is shown of which, while that is not the present.

use ratatui::buffer::Buffer;

use super::{View, pen::Pen};
use crate::{
    action::Action,
    app::{Past, Timeline},
    format::{Tone, duration, text::width},
};

/// A line with less columns shows nothing; then its words must do.
const LEAST: u16 = 12;

/// Draws the line.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.timeline, view.theme);
    let timeline = &view.state.timeline;
    let Some(past) = timeline.past.as_ref().filter(|_| area.height > 0) else {
        return;
    };
    let mut pen = Pen::line(buffer, area, area.y);
    let tone = theme.tone(Tone::Warn);
    pen.put(&label(timeline, past, view), theme.selected())
        .skip(1);
    if let Some(failure) = &past.failure {
        pen.put(&failure.message, theme.tone(Tone::Bad));
        return;
    }
    pen.put(&moment(timeline, past, view), tone).skip(2);
    let keys = keys(timeline, past);
    let words = words(timeline);
    // The line comes first; then what there is; then what can be done.
    let rest = |text: &str| LEAST + width(text) as u16 + 3;
    pen.put_right(" ", theme.plain());
    if pen.room() >= rest(&words) + width(&keys) as u16 + 2 {
        pen.put_right(&keys, theme.quiet());
        pen.put_right("  ", theme.quiet());
    }
    if pen.room() >= rest(&words) {
        pen.put_right(&words, theme.plain());
        pen.put_right("  ", theme.plain());
    }
    line(&mut pen, timeline, past, view);
}

/// What it is, in words that can't be taken for the present.
fn label(timeline: &Timeline, past: &Past, view: &View<'_>) -> String {
    if !timeline.is_replay() {
        return " FROZEN ".into();
    }
    let sign = match past.is_playing() {
        true => view.theme.sign("▶", ">"),
        false => view.theme.sign("‖", "="),
    };
    match past.factor() {
        1.0 => format!(" REPLAY {sign} "),
        factor => format!(" REPLAY {sign} x{factor} "),
    }
}

/// When it is, and how long ago that was.
fn moment(timeline: &Timeline, past: &Past, view: &View<'_>) -> String {
    let number = past.shown.unwrap_or(past.wanted);
    let track = timeline.track();
    let Some(at) = track
        .mark(number)
        .map(|mark| mark.at)
        .or_else(|| view.state.world.as_ref().map(|world| world.at))
    else {
        return String::new();
    };
    let first = track.mark(track.first()).map(|mark| mark.at);
    let day = |at: jiff::Timestamp| view.state.zone.to_datetime(at).date();
    let is_one_day = !timeline.is_replay() || first.is_some_and(|first| day(first) == day(at));
    let zoned = view.state.zone.to_datetime(at);
    let clock = match is_one_day {
        true => zoned.strftime("%H:%M:%S").to_string(),
        false => zoned.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    };
    let now = track.mark(track.last()).map(|mark| mark.at);
    match now.filter(|_| !timeline.is_replay()) {
        Some(now) => format!(
            "{clock}, {} ago",
            duration::short(duration::between(at, now))
        ),
        None => clock,
    }
}

/// How much there is.
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

/// What can be done, by its keys.
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
        keys.push_str(&format!(
            "  {}{} speed",
            key(Action::Faster),
            key(Action::Slower)
        ));
    }
    keys
}

/// What lies before the moment is heavy, what comes after it light; a gap is a break.
fn line(pen: &mut Pen<'_>, timeline: &Timeline, past: &Past, view: &View<'_>) {
    let (theme, track) = (view.theme, timeline.track());
    let columns = pen.room();
    if columns < LEAST {
        return;
    }
    let span = track.span().as_secs_f64();
    let column = |number: u64| {
        let share = match span > 0.0 {
            true => track.offset(number).as_secs_f64() / span,
            false => 1.0,
        };
        (share * f64::from(columns - 1)).round() as u16
    };
    let at = column(past.shown.unwrap_or(past.wanted).max(track.first()));
    let mut gaps: Vec<u16> = track.gaps().map(column).collect();
    gaps.dedup();
    let mut gaps = gaps.into_iter().peekable();
    for x in 0..columns {
        while gaps.next_if(|gap| *gap < x).is_some() {}
        let (sign, style) = if x == at {
            (theme.sign("◆", "O"), theme.tone(Tone::Warn))
        } else if gaps.peek() == Some(&x) {
            (theme.sign("┊", ":"), theme.quiet())
        } else if x < at {
            (theme.sign("━", "="), theme.plain())
        } else {
            (theme.sign("─", "-"), theme.quiet())
        };
        pen.put(sign, style);
    }
}

#[cfg(test)]
mod tests;
