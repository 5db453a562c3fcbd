//! The log: what is on screen of it, with times, names, colours and what is found.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};

use super::{
    super::{Pen, View},
    instead,
};
use crate::{
    app::{
        LogMargin, Pending,
        log::{self, Kind, LogRow, Times, byte_at},
    },
    format::{
        Tone,
        text::{Align, sanitize},
    },
};

/// Colours of the names before merged lines.
const NAMES: [Color; 6] = [
    Color::Cyan,
    Color::Magenta,
    Color::Green,
    Color::Blue,
    Color::Yellow,
    Color::Red,
];

/// Draws the part of the log that is scrolled to.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (log, area) = (&view.state.details.log, view.regions.details);
    if log.is_empty() || log.shown() == 0 {
        return empty(buffer, view, area);
    }
    let frame = view.state.log_frame();
    let margin = view.state.log_margin();
    let mut clock = String::with_capacity(24);
    let mut y = area.y;
    for piece in log.pieces(frame) {
        let Some(row) = log.row(piece.seq) else {
            continue;
        };
        let text = row.shown_text();
        let lines = frame.fold.lines(text).skip_lines(piece.line);
        for (n, range) in lines.take(piece.count).enumerate() {
            if y >= area.bottom() {
                return;
            }
            let mut pen = Pen::line(buffer, area, y);
            let is_first = n + piece.line == 0;
            let is_pointed = is_first && log.hit == Some(piece.seq);
            let mark = if is_pointed {
                view.theme.sign("▸", ">")
            } else {
                " "
            };
            pen.put(mark, view.theme.strong());
            clock.clear();
            if is_first {
                match log.manner.times {
                    Times::Clock => clock = view.state.told(row.at),
                    times => times.write(&mut clock, row.at, &view.state.zone),
                }
            }
            before(&mut pen, view, row, margin, &clock, is_first);
            let is_hit = log.hit == Some(piece.seq);
            match row.kind {
                Kind::Mark => rule(&mut pen, view),
                Kind::Notice => {
                    pen.put(&text[range], view.theme.quiet());
                }
                Kind::Output | Kind::Error => {
                    let from = match frame.fold.wraps {
                        true => range.start,
                        false => range.start + byte_at(&text[range.clone()], log.shift),
                    };
                    line(&mut pen, view, row, from..range.end, is_hit);
                }
            }
            y += 1;
        }
    }
    if let Pending::Failed(failure) = &log.state {
        let y = area.bottom() - 1;
        let style = view.theme.tone(Tone::Bad);
        let mut pen = Pen::line(buffer, area, y);
        pen.skip(1).put(&failure.message, style);
    }
    let (above, all) = log.extent();
    let height = usize::from(area.height).min(above);
    super::table::thumb(buffer, view, area, above - height, all);
}

fn empty(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let (log, theme) = (&view.state.details.log, view.theme);
    match &log.state {
        _ if !log.is_empty() => {
            let text = format!("none of {} lines is shown", log.len());
            let hint = match &log.filter {
                Some(filter) => format!("& changes the filter {}", sanitize(&filter.query)),
                None => "E changes the streams".into(),
            };
            super::table::middle(
                buffer,
                area,
                &[(&text, theme.strong()), (&hint, theme.quiet())],
            );
        }
        Pending::Loading => instead(buffer, view, None),
        Pending::Failed(failure) => instead(buffer, view, Some(failure)),
        Pending::Ready(()) => {
            let text = match (log.cleared, log.manner.since.note()) {
                (Some(_), _) => "nothing since it was cleared",
                (None, Some(_)) => "it has written nothing in that time",
                (None, None) => "it has written nothing",
            };
            super::table::middle(buffer, area, &[(text, theme.quiet())]);
        }
    }
}

/// Time, name and the sign of stderr.
fn before(
    pen: &mut Pen<'_>,
    view: &View<'_>,
    row: &LogRow,
    margin: LogMargin,
    clock: &str,
    is_first: bool,
) {
    let theme = view.theme;
    if margin.time > 0 {
        pen.cell(clock, margin.time, Align::Left, theme.quiet(), theme)
            .skip(1);
    }
    if margin.name > 0 {
        let sources = &view.state.details.log.sources;
        let name = sources.get(usize::from(row.source)).filter(|_| is_first);
        let style = match view.state.look.has_color {
            true => Style::new().fg(NAMES[usize::from(row.source) % NAMES.len()]),
            false => theme.strong(),
        };
        pen.cell(
            name.map_or("", |n| n),
            margin.name,
            Align::Left,
            style,
            theme,
        )
        .skip(1);
    }
    let (sign, style) = match row.kind {
        Kind::Error => (theme.sign("┃", "|"), theme.tone(Tone::Bad)),
        Kind::Notice => (theme.sign("·", "-"), theme.tone(Tone::Warn)),
        Kind::Output | Kind::Mark => (" ", theme.plain()),
    };
    pen.put(sign, style).skip(1);
}

fn rule(pen: &mut Pen<'_>, view: &View<'_>) {
    let columns = pen.room().saturating_sub(1);
    let style = view.theme.tone(Tone::Warn);
    pen.fill(view.theme.sign("━", "="), columns, style);
}

/// A line's text in its own colours, over them what is found.
fn line(
    pen: &mut Pen<'_>,
    view: &View<'_>,
    row: &LogRow,
    range: std::ops::Range<usize>,
    is_hit: bool,
) {
    let (log, theme) = (&view.state.details.log, view.theme);
    let text = row.shown_text();
    // One column stays free: there a scroll bar may be, or the sign of a cut.
    let room = usize::from(pen.room().saturating_sub(1));
    let end = range.start + byte_at(&text[range.clone()], room);
    let is_cut = end < range.end;
    let hits = match &log.search {
        // Only what is near can be seen, however long the line.
        Some(search) if row.is_hit => near(search, text, range.start, end),
        _ => Vec::new(),
    };
    let has_colors = view.state.look.has_color && log.manner.has_colors;
    let style_at = |at: usize| {
        let is_own = row.pretty.is_none() && log.manner.has_colors;
        let before = row.spans.partition_point(|span| span.start as usize <= at);
        let own = before.checked_sub(1).filter(|_| is_own);
        let style = own.map_or(theme.plain(), |n| row.spans[n].style);
        match has_colors {
            true => style,
            false => Style {
                fg: None,
                bg: None,
                ..style
            },
        }
    };
    // Where the look may change.
    let mut edges: Vec<usize> = vec![range.start, end];
    let spans = row.spans.iter().map(|span| span.start as usize);
    edges.extend(spans.filter(|at| row.pretty.is_none() && (range.start..end).contains(at)));
    let ends = hits.iter().flat_map(|&(from, to)| [from, to]);
    edges.extend(ends.filter(|at| (range.start..end).contains(at)));
    edges.sort_unstable();
    edges.dedup();
    for pair in edges.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let is_found = hits.iter().any(|&(start, end)| start <= from && from < end);
        let style = match (is_found, is_hit) {
            (false, _) => style_at(from),
            (true, true) => theme.selected(),
            (true, false) => theme
                .tone(Tone::Warn)
                .add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        };
        pen.put(&text[from..to], style);
    }
    if is_cut {
        pen.put(theme.glyphs.ellipsis(), theme.quiet());
    }
}

/// Hits that reach into a part of a text.
fn near(search: &log::Needle, text: &str, from: usize, to: usize) -> Vec<(usize, usize)> {
    let around = search.query.len().max(64);
    let edge = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (
        edge(from.saturating_sub(around)),
        edge((to + around).min(text.len())),
    );
    let hits = search.hits(&text[start..end]).into_iter();
    hits.map(|(a, b)| (a + start, b + start)).collect()
}
