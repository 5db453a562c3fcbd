//! Colours as a configuration names them.

use std::fmt;

use super::problem::{meant, quoted};

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// The terminal's own, of text or of background.
    Default,
    /// One of the terminal's sixteen, by number.
    Ansi(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// The names of the sixteen, in the order of their numbers.
pub const NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

impl Color {
    /// Reads a colour: `default`, a name or `#rrggbb`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self::Default);
        }
        if let Some(number) = (0u8..).zip(NAMES).find(|(_, name)| *name == text) {
            return Ok(Self::Ansi(number.0));
        }
        let digits = text.strip_prefix('#').filter(|digits| {
            digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        match digits.map(|digits| u32::from_str_radix(digits, 16)) {
            Some(Ok(rgb)) => {
                let [_, red, green, blue] = rgb.to_be_bytes();
                Ok(Self::Rgb(red, green, blue))
            }
            _ => Err(format!(
                "{} is no colour: \"#rrggbb\", \"default\" and names such as \"green\" are{}",
                quoted(text),
                meant(text, NAMES)
            )),
        }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Ansi(number) => f.write_str(NAMES[usize::from(*number % 16)]),
            Self::Rgb(red, green, blue) => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_back_as_they_are_written() {
        for text in ["default", "bright-cyan", "#0a1b2c"] {
            assert_eq!(Color::parse(text).unwrap().to_string(), text);
        }
        for bad in ["#12345", "#12345g", "#é2345", "gren", ""] {
            assert!(Color::parse(bad).is_err(), "{bad}");
        }
        assert!(
            Color::parse("gren")
                .unwrap_err()
                .ends_with("did you mean green?")
        );
    }
}
