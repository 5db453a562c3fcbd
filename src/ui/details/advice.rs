//! What the selected container's limits are worth, and what would fit better.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::super::{Pen, View};
use crate::{
    app::{Advice, AdviceLine, Confidence, Pending, Verdict},
    format::{
        Tone, duration,
        text::{Align, sanitize},
    },
};

/// From this width on the reason stands beside its figures, else below them.
const WIDE: u16 = 124;

/// A column: its title, its width, the side of its text. The last but one go first where
/// there is no room.
const COLUMNS: [(&str, u16, Align); 9] = [
    ("limit", 7, Align::Left),
    ("now", 10, Align::Right),
    ("peak", 10, Align::Right),
    ("p99", 10, Align::Right),
    ("p95", 10, Align::Right),
    ("held", 5, Align::Right),
    ("room", 5, Align::Right),
    ("try", 10, Align::Right),
    ("fit", 9, Align::Left),
];
const GAP: u16 = 1;

/// Draws the table, or why there is none.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let details = &view.state.details;
    let advice = match &details.advice {
        Pending::Ready(advice) => advice,
        Pending::Loading => return super::instead(buffer, view, None),
        Pending::Failed(failure) => return super::instead(buffer, view, Some(failure)),
    };
    let area = super::inner(view.regions.details);
    let is_wide = area.width >= WIDE;
    let mut lines = Vec::new();
    lines.push(Content::Summary);
    lines.push(Content::Titles);
    for line in &advice.lines {
        lines.push(Content::Figures(line));
        let is_told = advice.confidence != Confidence::None && !line.why.is_empty();
        if !is_wide && is_told {
            lines.push(Content::Reason(line));
        }
    }
    if !advice.flags().is_empty() {
        lines.push(Content::Nothing);
        lines.push(Content::Command);
    }
    let top = details.scroll.min(lines.len().saturating_sub(1));
    for (y, content) in (area.y..area.bottom()).zip(&lines[top..]) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        content.draw(buffer, view, advice, line, is_wide);
    }
}

enum Content<'a> {
    Summary,
    Titles,
    Figures(&'a AdviceLine),
    Reason(&'a AdviceLine),
    Nothing,
    Command,
}

impl Content<'_> {
    fn draw(
        &self,
        buffer: &mut Buffer,
        view: &View<'_>,
        advice: &Advice,
        area: Rect,
        is_wide: bool,
    ) {
        let theme = view.theme;
        let mut pen = Pen::line(buffer, area, area.y);
        match self {
            Self::Summary => {
                let observed = duration::short(advice.observed);
                pen.put(&observed, theme.strong());
                match advice.confidence {
                    Confidence::None => pen.put(
                        " of history: too little to advise, a minute is the least",
                        theme.quiet(),
                    ),
                    confidence => pen
                        .put(" of history, confidence ", theme.quiet())
                        .put(confidence.as_str(), theme.strong()),
                };
            }
            Self::Titles => {
                for (n, (title, width, align)) in columns(area.width) {
                    if n > 0 {
                        pen.skip(GAP);
                    }
                    pen.cell(title, width, align, theme.quiet(), theme);
                }
                if is_wide {
                    pen.skip(GAP).put("why", theme.quiet());
                }
            }
            Self::Figures(line) => {
                for (n, (title, width, align)) in columns(area.width) {
                    if n > 0 {
                        pen.skip(GAP);
                    }
                    let (text, style) = cell(line, title, view);
                    pen.cell(&text, width, align, style, theme);
                }
                if is_wide && advice.confidence != Confidence::None {
                    pen.skip(GAP).put(&line.why, theme.quiet());
                }
            }
            Self::Reason(line) => {
                pen.skip(2).put(&line.why, theme.quiet());
            }
            Self::Nothing => {}
            Self::Command => {
                let name = view
                    .state
                    .selected_container()
                    .map_or("", |row| &row.container.name);
                let command = format!("wharf update {} {name}", advice.flags().join(" "));
                pen.put(&sanitize(&command), theme.tone(Tone::Good));
            }
        }
    }
}

/// The columns that there is room for.
fn columns(room: u16) -> impl Iterator<Item = (usize, (&'static str, u16, Align))> {
    let needed = |columns: &[(&str, u16, Align)]| -> u16 {
        columns.iter().map(|(_, width, _)| width + GAP).sum()
    };
    let mut shown = COLUMNS.to_vec();
    for title in ["p95", "room", "held", "p99"] {
        if needed(&shown) > room + GAP {
            shown.retain(|(of, ..)| *of != title);
        }
    }
    shown.into_iter().enumerate()
}

fn cell(line: &AdviceLine, title: &str, view: &View<'_>) -> (String, Style) {
    let theme = view.theme;
    let unknown = || theme.glyphs.unknown().to_owned();
    let value = |value: Option<f64>| match value {
        Some(value) => (line.resource.text(value), theme.plain()),
        None => (unknown(), theme.quiet()),
    };
    let share = |share: Option<f64>| match share {
        Some(share) => (format!("{:.0}%", share * 100.0), theme.plain()),
        None => (unknown(), theme.quiet()),
    };
    match title {
        "limit" => (line.resource.as_str().into(), theme.strong()),
        "now" => value(line.limit),
        "peak" => value(line.peak),
        "p99" => value(line.p99),
        "p95" => value(line.p95),
        "held" => share(line.held),
        "room" => share(line.headroom),
        "try" => match line.suggestion {
            Some(to) => (line.resource.text(to), theme.strong()),
            None => (String::new(), theme.plain()),
        },
        _ => {
            let tone = match line.verdict {
                Verdict::Tight => Tone::Bad,
                Verdict::Roomy => Tone::Warn,
                Verdict::Fits => Tone::Good,
                Verdict::Unlimited | Verdict::Unknown => Tone::Quiet,
            };
            (line.verdict.as_str().into(), theme.tone(tone))
        }
    }
}
