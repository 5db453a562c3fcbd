//! A file that is read on screen: one window of it at a time, as text whose control
//! characters are escaped, or as bytes where it is no text.

use super::{Failure, Pending};
use crate::{
    format::text::{sanitize_bytes, width},
    model::{FilePage, FilesOf, ReadRequest},
};

/// Bytes of a window.
pub const WINDOW: usize = 256 << 10;
/// Bytes that are looked at to tell text from other files.
const PROBE: usize = 8 << 10;
/// Bytes in a line of bytes.
const BYTES: usize = 16;

/// The reader of a file.
#[derive(Debug)]
pub struct Viewer {
    /// Whose it is.
    pub of: FilesOf,
    /// Its path without a leading slash.
    pub path: Vec<u8>,
    /// The window that is shown.
    pub window: Pending<FilePage>,
    /// Its lines, safe to draw.
    pub lines: Vec<String>,
    /// The first line on screen.
    pub top: usize,
    /// Whether it is shown as bytes.
    pub is_binary: bool,
    /// Where the windows before this one begin.
    before: Vec<u64>,
    /// The columns that its lines were made for.
    columns: usize,
    /// The window that is asked for, and whether its end is wanted.
    asked: (u64, bool),
    is_asking: bool,
}

impl Viewer {
    /// Of a file.
    pub fn new(of: FilesOf, path: Vec<u8>) -> Self {
        Self {
            of,
            path,
            window: Pending::Loading,
            lines: Vec::new(),
            top: 0,
            is_binary: false,
            before: Vec::new(),
            columns: 0,
            asked: (0, false),
            is_asking: false,
        }
    }

    /// What to ask for, once.
    pub(super) fn question(&mut self) -> Option<ReadRequest> {
        if self.is_asking || !matches!(self.window, Pending::Loading) {
            return None;
        }
        self.is_asking = true;
        Some(ReadRequest {
            of: self.of.clone(),
            path: self.path.clone(),
            offset: self.asked.0,
            limit: WINDOW,
        })
    }

    /// The window came.
    pub(super) fn take(&mut self, result: Result<FilePage, Failure>) {
        self.is_asking = false;
        match result {
            Ok(page) => {
                if page.offset == 0 {
                    let probe = &page.bytes[..page.bytes.len().min(PROBE)];
                    self.is_binary = probe.contains(&0);
                }
                self.window = Pending::Ready(page);
                self.columns = 0;
                self.top = if self.asked.1 { usize::MAX } else { 0 };
            }
            Err(failure) => self.window = Pending::Failed(failure),
        }
    }

    /// Makes lines of so many columns, of which so many are on screen.
    pub(super) fn settle(&mut self, columns: usize, height: usize) {
        if let Pending::Ready(page) = &self.window
            && self.columns != columns
        {
            self.columns = columns;
            self.lines = match self.is_binary {
                true => bytes(page),
                false => text(page, columns.max(20)),
            };
        }
        self.top = self.top.min(self.lines.len().saturating_sub(height.max(1)));
    }

    /// Scrolls; at the end of a window on to the next.
    pub fn step(&mut self, by: isize, height: usize) {
        let Pending::Ready(page) = &self.window else {
            return;
        };
        let last = self.lines.len().saturating_sub(height.max(1));
        let end = page.offset + self.taken(page) as u64;
        match by {
            isize::MAX if end < page.size_bytes => {
                let from = page.size_bytes.saturating_sub(WINDOW as u64);
                // Of bytes each line begins where it would from the beginning.
                let from = from.next_multiple_of(BYTES as u64);
                self.before = (0..from / WINDOW as u64)
                    .map(|n| n * WINDOW as u64)
                    .collect();
                self.load(from, true);
            }
            isize::MIN if page.offset > 0 => {
                self.before.clear();
                self.load(0, false);
            }
            by if by > 0 && self.top >= last && end < page.size_bytes => {
                self.before.push(page.offset);
                self.load(end, false);
            }
            by if by < 0 && self.top == 0 && page.offset > 0 => {
                let from = self.before.pop().unwrap_or(0);
                self.load(from, true);
            }
            by => self.top = self.top.saturating_add_signed(by).min(last),
        }
    }

    /// How far the last line on screen is into the file, 0 to 1.
    pub fn progress(&self, height: usize) -> Option<f64> {
        let Pending::Ready(page) = &self.window else {
            return None;
        };
        let seen = (self.top + height).min(self.lines.len()) as f64;
        let share = seen / self.lines.len().max(1) as f64;
        let at = page.offset as f64 + share * page.bytes.len() as f64;
        Some(at / (page.size_bytes as f64).max(1.0)).map(|share| share.min(1.0))
    }

    fn load(&mut self, from: u64, is_end: bool) {
        self.asked = (from, is_end);
        self.window = Pending::Loading;
    }

    /// Bytes of the window that are shown in it: the last line, unless the file ends with
    /// it, is the next window's.
    fn taken(&self, page: &FilePage) -> usize {
        taken(page, self.is_binary)
    }
}

fn taken(page: &FilePage, is_binary: bool) -> usize {
    let all = page.bytes.len();
    let is_last = page.offset + all as u64 >= page.size_bytes || all == 0;
    if is_last {
        return all;
    }
    if is_binary {
        return (all - all % BYTES).max(1);
    }
    let newline = page.bytes.iter().rposition(|byte| *byte == b'\n');
    newline.map_or(all, |at| at + 1)
}

/// Lines of text, long ones broken.
fn text(page: &FilePage, columns: usize) -> Vec<String> {
    let shown = &page.bytes[..taken(page, false)];
    let mut lines = Vec::new();
    for line in shown.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = sanitize_bytes(line);
        if width(&line) <= columns {
            lines.push(line.into_owned());
            continue;
        }
        let (mut piece, mut taken) = (String::new(), 0);
        for c in line.chars() {
            let wide = unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
            if taken + wide > columns {
                lines.push(std::mem::take(&mut piece));
                taken = 0;
            }
            piece.push(c);
            taken += wide;
        }
        lines.push(piece);
    }
    lines
}

/// Lines of bytes: where, which, and as characters.
fn bytes(page: &FilePage) -> Vec<String> {
    use std::fmt::Write;
    let shown = &page.bytes[..taken(page, true)];
    let mut lines = Vec::with_capacity(shown.len() / BYTES + 1);
    for (n, chunk) in shown.chunks(BYTES).enumerate() {
        let at = page.offset + (n * BYTES) as u64;
        let mut line = format!("{at:08x} ");
        for place in 0..BYTES {
            if place % 8 == 0 {
                line.push(' ');
            }
            match chunk.get(place) {
                Some(byte) => write!(line, "{byte:02x} ").expect("a String takes all"),
                None => line.push_str("   "),
            }
        }
        line.push(' ');
        line.extend(chunk.iter().map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        }));
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    fn viewer() -> Viewer {
        let of = FilesOf::Image {
            reference: Digest::from_sha256(&[1; 32]).to_string(),
            layer: 0,
        };
        Viewer::new(of, b"etc/file".to_vec())
    }

    fn answer(viewer: &mut Viewer, file: &[u8]) {
        if let Some(request) = viewer.question() {
            let from = (request.offset as usize).min(file.len());
            let to = (from + request.limit).min(file.len());
            viewer.take(Ok(FilePage {
                offset: request.offset,
                bytes: file[from..to].to_vec(),
                size_bytes: file.len() as u64,
            }));
        }
        viewer.settle(80, 20);
    }

    #[test]
    fn control_characters_are_escaped_and_long_lines_broken() {
        let mut viewer = viewer();
        answer(
            &mut viewer,
            format!("a\x1b[2Jb\r\n{}\nend", "x".repeat(100)).as_bytes(),
        );
        assert_eq!(viewer.lines[0], "a\\x1b[2Jb");
        assert_eq!(viewer.lines[1].len(), 80);
        assert_eq!(
            (viewer.lines[2].len(), viewer.lines[3].as_str()),
            (20, "end")
        );
    }

    #[test]
    fn what_is_no_text_is_shown_as_bytes() {
        let mut viewer = viewer();
        answer(&mut viewer, b"\x7fELF\0\x1b[31m");
        assert!(viewer.is_binary);
        assert_eq!(
            viewer.lines,
            ["00000000  7f 45 4c 46 00 1b 5b 33  31 6d                    .ELF..[31m"]
        );
    }

    #[test]
    fn windows_follow_each_other_without_a_line_lost_or_told_twice() {
        let file: Vec<u8> = (0..60_000)
            .flat_map(|n| format!("line {n}\n").into_bytes())
            .collect();
        assert!(file.len() > 2 * WINDOW);
        let mut viewer = viewer();
        answer(&mut viewer, &file);
        let mut seen = viewer.lines.clone();
        loop {
            viewer.top = usize::MAX;
            viewer.settle(80, 20);
            viewer.step(1, 20);
            if !matches!(viewer.window, Pending::Loading) {
                break;
            }
            answer(&mut viewer, &file);
            seen.extend(viewer.lines.iter().cloned());
        }
        let expected: Vec<_> = (0..60_000).map(|n| format!("line {n}")).collect();
        assert_eq!(seen.len(), expected.len());
        assert_eq!(seen, expected);
        // And back: to the end of the window before.
        viewer.top = 0;
        viewer.step(-1, 20);
        answer(&mut viewer, &file);
        assert!(viewer.top > 0);
        viewer.step(isize::MIN, 20);
        answer(&mut viewer, &file);
        assert_eq!((viewer.lines[0].as_str(), viewer.top), ("line 0", 0));
        viewer.step(isize::MAX, 20);
        answer(&mut viewer, &file);
        assert_eq!(viewer.lines.last().unwrap(), "line 59999");
        assert!(viewer.progress(20).unwrap() > 0.999);
    }
}
