//! Where the lines of a text break on a screen of so many columns. A line of a hundred
//! thousand characters costs one pass at most, one of ASCII only none.

use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Columns that a character adds to those before it: none for combining marks. (Joined
/// emoji come spelled out, because terminals disagree about their width.)
pub fn columns_of(c: char) -> usize {
    match c {
        // It makes the sign before it a picture, which is two columns wide.
        '\u{fe0f}' => 1,
        c => c.width().unwrap_or(0),
    }
}

/// Columns of a text, by the same measure as its breaks.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(columns_of).sum()
}

/// How a text is laid on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Columns of the screen.
    pub columns: usize,
    /// Whether long lines go on below; else each is one line, however long.
    pub wraps: bool,
}

impl Fold {
    /// Lines of screen that a text takes; newlines break it too.
    pub fn height(self, text: &str) -> usize {
        if !self.wraps && !text.contains('\n') {
            return 1;
        }
        self.lines(text).count_all()
    }

    /// Its lines, as ranges of bytes.
    pub fn lines(self, text: &str) -> Lines<'_> {
        Lines {
            text,
            fold: self,
            next: Some(0),
            is_ascii: text.is_ascii(),
        }
    }
}

/// The lines of a text on screen.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a str,
    fold: Fold,
    next: Option<usize>,
    is_ascii: bool,
}

impl Lines<'_> {
    fn count_all(self) -> usize {
        let Fold { columns, wraps } = self.fold;
        if self.is_ascii && wraps {
            let height = |line: &str| line.len().div_ceil(columns.max(1)).max(1);
            return self.text.split('\n').map(height).sum();
        }
        self.count()
    }

    /// Passes over so many lines.
    pub fn skip_lines(mut self, count: usize) -> Self {
        let is_plain = self.is_ascii && self.fold.wraps && !self.text.contains('\n');
        if is_plain && count > 0 {
            let at = count.saturating_mul(self.fold.columns.max(1));
            self.next = (at < self.text.len()).then_some(at);
            return self;
        }
        for _ in 0..count {
            self.next();
        }
        self
    }
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let from = self.next?;
        let rest = &self.text[from..];
        let paragraph = rest.find('\n').map_or(rest, |end| &rest[..end]);
        let length = if self.fold.wraps {
            prefix(paragraph, self.fold.columns.max(1), self.is_ascii)
        } else {
            paragraph.len()
        };
        let end = from + length;
        self.next = if length < paragraph.len() {
            Some(end)
        } else if end < self.text.len() {
            // The newline itself.
            Some(end + 1)
        } else {
            None
        };
        Some(from..end)
    }
}

/// Bytes of a text up to so many columns, at least one character.
fn prefix(text: &str, columns: usize, is_ascii: bool) -> usize {
    if is_ascii {
        return text.len().min(columns);
    }
    let mut taken = 0;
    for (index, c) in text.char_indices() {
        taken += columns_of(c);
        if taken > columns && index > 0 {
            return index;
        }
    }
    text.len()
}

/// The byte at which so many columns were passed.
pub fn byte_at(text: &str, columns: usize) -> usize {
    if text.is_ascii() {
        return text.len().min(columns);
    }
    let mut taken = 0;
    for (index, c) in text.char_indices() {
        if taken >= columns && columns_of(c) > 0 {
            return index;
        }
        taken += columns_of(c);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken(text: &str, columns: usize) -> Vec<&str> {
        let fold = Fold {
            columns,
            wraps: true,
        };
        fold.lines(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn wide_characters_and_marks_stay_whole() {
        assert_eq!(broken("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(
            broken("e\u{301}e\u{301}e\u{301}", 2),
            ["e\u{301}e\u{301}", "e\u{301}"]
        );
        assert_eq!(broken("a❤\u{fe0f}b", 3), ["a❤\u{fe0f}", "b"]);
        assert_eq!(broken("漢", 1), ["漢"], "at least one, even if it is cut");
        assert_eq!(broken("", 5), [""]);
        assert_eq!(broken("ab\n\ncdef", 3), ["ab", "", "cde", "f"]);
    }

    #[test]
    fn hundred_thousand_characters_are_no_work() {
        let began = std::time::Instant::now();
        for text in ["x".repeat(100_000), "漢".repeat(100_000)] {
            let fold = Fold {
                columns: 80,
                wraps: true,
            };
            let height = fold.height(&text);
            assert_eq!(height, fold.lines(&text).count());
            assert_eq!(fold.lines(&text).skip_lines(height - 1).count(), 1);
        }
        // Far above what it takes anywhere, far below what quadratic work would.
        assert!(began.elapsed() < std::time::Duration::from_secs(60));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_line_is_too_wide(text in "[a-z漢é\u{301}😀\u{fe0f}]{0,60}", columns in 2_usize..9) {
            let lines = broken(&text, columns);
            prop_assert_eq!(lines.concat(), text.clone());
            for line in lines {
                prop_assert!(line.chars().map(columns_of).sum::<usize>() <= columns);
            }
        }
    }
}
