//! The tab of a container's network: interfaces, published ports and who answers behind
//! them, who listens, and connections.

use ratatui::buffer::Buffer;

use super::{
    super::{Pen, View, table},
    inner, instead,
};
use crate::{
    app::Pending,
    format::{
        Tone, sockets,
        text::{Align, width},
    },
};

/// Widest that the first three columns are.
const WIDEST: [usize; 3] = [24, 44, 44];

/// Draws the lines.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (inner(view.regions.details), view.theme);
    let Some(row) = view.state.selected_container() else {
        return;
    };
    let found = match &view.state.details.sockets {
        Pending::Ready(found) => found,
        Pending::Loading => return instead(buffer, view, None),
        Pending::Failed(failure) => return instead(buffer, view, Some(failure)),
    };
    let lines = sockets::lines(found, &row.container.connectivity);
    if lines.is_empty() {
        let text = "it has nothing open, and no network";
        return table::middle(buffer, area, &[(text, theme.quiet())]);
    }
    // As wide as the widest cell, in what there is: the last column needs its room, too.
    let share = usize::from(area.width) * 3 / 10;
    let widths = [0, 1, 2].map(|n: usize| {
        let widest = lines.iter().map(|line| width(&line.cells[n])).max();
        widest.unwrap_or(0).min(WIDEST[n]).min(share) as u16
    });
    let scroll = view.state.details.scroll;
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(scroll)) {
        let mut pen = Pen::line(buffer, area, y);
        let style = match line.is_heading {
            true => theme.quiet(),
            false => theme.plain(),
        };
        for (cell, width) in line.cells.iter().zip(widths) {
            pen.cell(cell, width, Align::Left, style, theme).skip(2);
        }
        let style = match (line.is_heading, line.tone) {
            (false, tone @ (Tone::Warn | Tone::Bad)) => theme.tone(tone),
            _ => style,
        };
        let room = pen.room();
        pen.cell(&line.cells[3], room, Align::Left, style, theme);
    }
    table::thumb(buffer, view, view.regions.details, scroll, lines.len());
}
