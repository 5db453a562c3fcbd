//! A share of a limit as a line: the heavy part is used, the light one is left.

use ratatui::style::Style;

use super::{pen::Pen, theme::Theme};
use crate::format::Glyphs;

/// Draws a gauge of so many columns. An unknown share leaves them empty.
pub fn draw(pen: &mut Pen<'_>, share: Option<f64>, columns: u16, style: Style, theme: Theme) {
    let Some(share) = share else {
        pen.skip(columns);
        return;
    };
    let halves = halves(share, columns);
    let (full, is_half) = (halves / 2, halves % 2 == 1);
    let left = columns - full - u16::from(is_half);
    match theme.glyphs {
        Glyphs::Unicode => {
            pen.fill("━", full, style);
            if is_half {
                pen.put("╾", style);
            }
            pen.fill("─", left, theme.quiet());
        }
        Glyphs::Ascii => {
            pen.fill("=", full, style);
            if is_half {
                pen.put("-", style);
            }
            pen.fill(".", left, theme.quiet());
        }
    }
}

/// Half columns for a share. What is used at all shows; full shows only at the limit.
fn halves(share: f64, columns: u16) -> u16 {
    let all = columns * 2;
    let halves = (share.clamp(0.0, 1.0) * f64::from(all)).round() as u16;
    if share >= 0.995 {
        all
    } else {
        halves.clamp(u16::from(share > 0.005), all.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_shows_and_full_means_full() {
        assert_eq!(halves(0.0, 8), 0);
        assert_eq!(halves(0.01, 8), 1);
        assert_eq!(halves(0.5, 8), 8);
        assert_eq!(halves(0.99, 8), 15);
        assert_eq!(halves(1.0, 8), 16);
        assert_eq!(halves(7.0, 8), 16);
    }
}
