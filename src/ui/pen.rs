//! Writes along one line of the buffer, from left to right, and never beyond its end.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::theme::Theme;
use crate::format::text::{Align, truncate, width};

/// A place on a line.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
    right: u16,
}

impl<'a> Pen<'a> {
    /// The beginning of line `y` of an area.
    pub fn line(buffer: &'a mut Buffer, area: Rect, y: u16) -> Self {
        let area = area.intersection(buffer.area);
        // Below the area there is no room at all.
        let right = if y < area.bottom() {
            area.right()
        } else {
            area.x
        };
        Self {
            buffer,
            x: area.x,
            y,
            right,
        }
    }

    /// Columns left.
    pub fn room(&self) -> u16 {
        self.right.saturating_sub(self.x)
    }

    /// Writes what fits.
    pub fn put(&mut self, text: &str, style: Style) -> &mut Self {
        let room = usize::from(self.room());
        if room > 0 {
            (self.x, _) = self.buffer.set_stringn(self.x, self.y, text, room, style);
        }
        self
    }

    /// Leaves columns free.
    pub fn skip(&mut self, columns: u16) -> &mut Self {
        self.x = self.x.saturating_add(columns).min(self.right);
        self
    }

    /// Writes into exactly so many columns, cut with an ellipsis.
    pub fn cell(
        &mut self,
        text: &str,
        columns: u16,
        align: Align,
        style: Style,
        theme: Theme,
    ) -> &mut Self {
        let columns = columns.min(self.room());
        let text = truncate(text, usize::from(columns), theme.glyphs);
        let free = columns.saturating_sub(width(&text) as u16);
        let end = self.x + columns;
        if align == Align::Right {
            self.skip(free);
        }
        self.put(&text, style);
        self.x = end;
        self
    }

    /// Writes at the right end of what is left, which gets shorter by it and a gap.
    pub fn put_right(&mut self, text: &str, style: Style) -> &mut Self {
        let columns = width(text) as u16;
        if columns <= self.room() {
            let x = self.right - columns;
            self.buffer.set_string(x, self.y, text, style);
            self.right = x;
        }
        self
    }

    /// Writes in the middle of the line.
    pub fn center(&mut self, text: &str, style: Style) -> &mut Self {
        let free = self.room().saturating_sub(width(text) as u16);
        self.skip(free / 2).put(text, style)
    }

    /// Fills so many columns with a sign of one column.
    pub fn fill(&mut self, sign: &str, columns: u16, style: Style) -> &mut Self {
        let end = self.x + columns.min(self.room());
        for x in self.x..end {
            self.buffer[(x, self.y)].set_symbol(sign).set_style(style);
        }
        self.x = end;
        self
    }
}
