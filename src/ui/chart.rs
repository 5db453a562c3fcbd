//! A graph of one figure over time: newest at the right, its limit as a line.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::theme::Theme;
use crate::format::Glyphs;

/// What a graph shows.
pub struct Chart<'a> {
    /// Newest first; NaN where nothing is known.
    pub values: &'a [f32],
    /// The value at the top.
    pub scale: f32,
    /// The limit, if it is to be drawn.
    pub limit: Option<f32>,
    /// Colour of the values.
    pub style: Style,
    /// Colour of the limit.
    pub limit_style: Style,
}

/// How many values a graph of so many columns shows.
pub fn capacity(columns: u16, glyphs: Glyphs) -> usize {
    match glyphs {
        Glyphs::Unicode => usize::from(columns) * 2,
        Glyphs::Ascii => usize::from(columns),
    }
}

/// Draws a graph.
pub fn draw(buffer: &mut Buffer, area: Rect, chart: &Chart<'_>, theme: Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() || chart.scale <= 0.0 {
        return;
    }
    let mut area = area;
    if let Some(limit) = chart.limit.filter(|limit| *limit <= chart.scale) {
        let from_top = (1.0 - limit / chart.scale) * f32::from(area.height);
        let y = area.y + (from_top as u16).min(area.height - 1);
        for x in area.x..area.right() {
            buffer.set_string(x, y, theme.sign("╌", "-"), chart.limit_style);
        }
        // A limit that is never passed lies above the values, not behind them.
        if limit == chart.scale && area.height > 1 {
            area.y += 1;
            area.height -= 1;
        }
    }
    match theme.glyphs {
        Glyphs::Unicode => braille(buffer, area, chart),
        Glyphs::Ascii => blocks(buffer, area, chart),
    }
}

/// Bits of a braille cell's dots from the bottom up, for its left and right column.
const DOTS: [[u8; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

fn braille(buffer: &mut Buffer, area: Rect, chart: &Chart<'_>) {
    let dots = area.height * 4;
    let mut text = [0; 4];
    for column in 0..area.width {
        let x = area.right() - 1 - column;
        // Right dot column first: it is the newer one.
        let heights = [1, 0].map(|side| {
            let n = usize::from(column) * 2 + 1 - side;
            height(chart, n, dots)
        });
        for row in 0..area.height {
            let base = row * 4;
            let mut bits = 0;
            for (side, height) in [(1, heights[0]), (0, heights[1])] {
                let filled = height.saturating_sub(base).min(4);
                bits |= DOTS[side][..usize::from(filled)].iter().sum::<u8>();
            }
            if bits != 0 {
                let sign = char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ');
                let y = area.bottom() - 1 - row;
                buffer.set_string(x, y, sign.encode_utf8(&mut text), chart.style);
            }
        }
    }
}

fn blocks(buffer: &mut Buffer, area: Rect, chart: &Chart<'_>) {
    for column in 0..area.width {
        let halves = height(chart, usize::from(column), area.height * 2);
        for row in 0..area.height {
            let sign = match halves.saturating_sub(row * 2) {
                0 => continue,
                1 => ".",
                _ => "#",
            };
            let x = area.right() - 1 - column;
            buffer.set_string(x, area.bottom() - 1 - row, sign, chart.style);
        }
    }
}

/// The height of the n-th newest value in `steps`. What is used at all shows.
fn height(chart: &Chart<'_>, n: usize, steps: u16) -> u16 {
    match chart.values.get(n) {
        Some(value) if value.is_finite() => {
            let share = (value / chart.scale).clamp(0.0, 1.0);
            let height = (share * f32::from(steps)).round() as u16;
            height.max(u16::from(*value > 0.0))
        }
        _ => 0,
    }
}

/// A round number of bytes above the peak: a power of two.
pub fn round_up_binary(peak: f32) -> f32 {
    if peak <= 0.0 || !peak.is_finite() {
        return 1.0;
    }
    peak.log2().ceil().exp2()
}

/// A round figure above the peak: 1, 2 or 5 times a power of ten.
pub fn round_up(peak: f32) -> f32 {
    if peak <= 0.0 || !peak.is_finite() {
        return 1.0;
    }
    let power = 10_f32.powf(peak.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= peak)
        .unwrap_or(10.0);
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Depth, Look},
        config,
    };

    fn drawn(values: &[f32], limit: Option<f32>, glyphs: Glyphs) -> Vec<String> {
        let area = Rect::new(0, 0, 2, 2);
        let mut buffer = Buffer::empty(area);
        let chart = Chart {
            values,
            scale: 1.0,
            limit,
            style: Style::new(),
            limit_style: Style::new(),
        };
        let look = Look {
            glyphs,
            has_color: true,
        };
        let theme = Theme::new(look, config::SHIPPED[0].1, Depth::True);
        draw(&mut buffer, area, &chart, theme);
        let line = |y| (0..2).map(|x| buffer[(x, y)].symbol()).collect();
        (0..2).map(line).collect()
    }

    #[test]
    fn newest_is_at_the_right_and_unknown_is_empty() {
        assert_eq!(drawn(&[1.0, 0.5], None, Glyphs::Unicode), [" ⢸", " ⣿"]);
        assert_eq!(drawn(&[f32::NAN, 1.0], None, Glyphs::Ascii), ["# ", "# "]);
    }

    #[test]
    fn limit_is_a_line_above_values_that_keep_it_and_behind_those_that_dont() {
        assert_eq!(drawn(&[0.9], Some(1.0), Glyphs::Ascii), ["--", " #"]);
        assert_eq!(drawn(&[0.9], Some(0.4), Glyphs::Ascii), [" #", "-#"]);
    }

    #[test]
    fn scales_are_round() {
        assert_eq!(round_up(0.0), 1.0);
        assert_eq!(round_up(3.0), 5.0);
        assert_eq!(round_up(0.11), 0.2);
        assert_eq!(round_up_binary(360_448.0), 524_288.0);
        assert_eq!(round_up(7_900_000.0), 10_000_000.0);
    }
}
