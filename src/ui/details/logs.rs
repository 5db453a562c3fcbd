//! The log, from its last line upwards.

use std::fmt::Write;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    super::{Pen, View},
    instead,
};
use crate::{
    app::{LOG_MARGIN, LogRow, Pending},
    format::{Tone, text::width},
};

/// Draws the part of the log that is scrolled to.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (details, area) = (&view.state.details, view.regions.details);
    if details.log.is_empty() {
        return match &details.log_state {
            Pending::Loading => instead(buffer, view, None),
            Pending::Failed(failure) => instead(buffer, view, Some(failure)),
            Pending::Ready(()) => {
                let quiet = view.theme.quiet();
                super::table::middle(buffer, area, &[("it has written nothing", quiet)]);
            }
        };
    }
    let columns = usize::from(area.width).saturating_sub(LOG_MARGIN);
    let zone = &view.state.zone;
    let mut clock = String::with_capacity(8);
    let last = details.log.len() - details.scroll.min(details.log.len());
    let shown = details.log.iter().take(last).rev();
    // From the bottom up, unless the whole log fits: then from the top down.
    let mut bottom = usize::from(area.height);
    if details.scroll == 0 {
        let mut lines = 0;
        for row in details.log.iter() {
            lines += details.height(row, columns);
            if lines >= bottom {
                break;
            }
        }
        bottom = bottom.min(lines);
    }
    for row in shown {
        let height = details.height(row, columns);
        clock.clear();
        let time = row.at.to_zoned_datetime(zone.clone());
        // Writing to a String cannot fail.
        let _ = write!(
            clock,
            "{:02}:{:02}:{:02}",
            time.hour(),
            time.minute(),
            time.second()
        );
        line(buffer, view, area, bottom, height, &clock, row);
        bottom = bottom.saturating_sub(height);
        if bottom == 0 {
            break;
        }
    }
    if let Pending::Failed(failure) = &details.log_state {
        let y = area.bottom() - 1;
        let style = view.theme.tone(Tone::Bad);
        Pen::line(buffer, area, y)
            .skip(1)
            .put(&failure.message, style);
    }
}

/// One log line of `height` lines, the last of them just above `bottom`.
fn line(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    bottom: usize,
    height: usize,
    clock: &str,
    row: &LogRow,
) {
    let theme = view.theme;
    let columns = usize::from(area.width).saturating_sub(LOG_MARGIN);
    let mut rest = &*row.text;
    for n in 0..height {
        let (part, after) = split(rest, columns);
        rest = after;
        let Some(above) = (bottom + n).checked_sub(height) else {
            continue;
        };
        let mut pen = Pen::line(buffer, area, area.y + above as u16);
        pen.skip(1);
        if n == 0 {
            pen.put(clock, theme.quiet());
        } else {
            pen.skip(8);
        }
        let (sign, style) = match row.is_error {
            true => (theme.sign("┃", "|"), theme.tone(Tone::Bad)),
            false => (" ", theme.plain()),
        };
        pen.skip(1).put(sign, style).skip(1);
        pen.put(part, theme.plain());
        let is_cut = n + 1 == height && !rest.is_empty();
        if is_cut {
            pen.put(theme.glyphs.ellipsis(), theme.quiet());
        }
    }
}

/// The text up to so many columns, and the rest.
fn split(text: &str, columns: usize) -> (&str, &str) {
    if text.len() <= columns || width(text) <= columns {
        return (text, "");
    }
    let mut taken = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            taken += width(c.encode_utf8(&mut [0; 4]));
            taken > columns
        })
        .map_or(text.len(), |(index, _)| index);
    text.split_at(end)
}
