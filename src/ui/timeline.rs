//! The time line: which moment is shown of which, while that is not the present.

use ratatui::buffer::Buffer;

use super::{View, pen::Pen};
use crate::{
    app::{TimeBar, time_bar},
    format::Tone,
};

/// Draws the line.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.timeline, view.theme);
    let Some(bar) = time_bar(view.state, area) else {
        return;
    };
    let past = view.state.timeline.past.as_ref();
    let has_failed = past.is_some_and(|past| past.failure.is_some());
    let tone = if has_failed { Tone::Bad } else { Tone::Warn };
    let mut pen = Pen::line(buffer, area, area.y);
    pen.put(&bar.label, theme.selected())
        .skip(1)
        .put(&bar.moment, theme.tone(tone));
    pen.put_right(" ", theme.plain());
    pen.put_right(&bar.keys, theme.quiet());
    if !bar.keys.is_empty() {
        pen.put_right("  ", theme.plain());
    }
    pen.put_right(&bar.words, theme.plain());
    line(buffer, &bar, view);
}

/// What lies before the moment is heavy, what comes after it light; a gap is a break.
fn line(buffer: &mut Buffer, bar: &TimeBar, view: &View<'_>) {
    let theme = view.theme;
    let mut pen = Pen::line(buffer, bar.line, bar.line.y);
    let mut gaps = bar.gaps.iter().peekable();
    for x in 0..bar.line.width {
        while gaps.next_if(|gap| **gap < x).is_some() {}
        let (sign, style) = if x == bar.at {
            (theme.sign("◆", "O"), theme.tone(Tone::Warn))
        } else if gaps.peek() == Some(&&x) {
            (theme.sign("┊", ":"), theme.quiet())
        } else if x < bar.at {
            (theme.sign("━", "="), theme.plain())
        } else {
            (theme.sign("─", "-"), theme.quiet())
        };
        pen.put(sign, style);
    }
}

#[cfg(test)]
mod tests;
