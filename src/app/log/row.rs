//! One line of a log as the dashboard keeps it: safe to draw, with its colours, and with
//! what the arrangement says of it.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    ink::{Inker, Span},
    wrap::columns,
};
use crate::model::{LogLine, Stream};

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line that was written to stdout.
    Output,
    /// To stderr.
    Error,
    /// A word of ours about the log itself.
    Notice,
    /// A rule that the user drew.
    Mark,
}

/// A row of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// When it was written.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// Whose it is: a place in the view's sources.
    pub source: u16,
    /// What it says.
    pub text: Box<str>,
    /// Its colours.
    pub spans: Box<[Span]>,
    /// Columns that it takes.
    pub columns: usize,
    /// The same laid out over several lines, where that is asked for and possible.
    pub pretty: Option<Box<str>>,
    /// Whether the filter lets it through.
    pub is_shown: bool,
    /// Whether what is searched is in it.
    pub is_hit: bool,
}

impl LogRow {
    /// A line as it was written.
    pub fn new(line: &LogLine, source: u16, inker: &mut Inker) -> Self {
        let inked = inker.read(&line.text);
        let kind = match line.stream {
            Stream::Stdout => Kind::Output,
            Stream::Stderr => Kind::Error,
        };
        Self {
            spans: inked.spans.into(),
            ..Self::of(line.at, kind, source, inked.text)
        }
    }

    /// A row of ours; the text is safe already.
    pub fn of(at: Timestamp, kind: Kind, source: u16, text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        Self {
            at,
            kind,
            source,
            columns: columns(&text),
            text,
            spans: Box::default(),
            pretty: None,
            is_shown: true,
            is_hit: false,
        }
    }

    /// What is on screen of it.
    pub fn shown_text(&self) -> &str {
        self.pretty.as_deref().unwrap_or(&self.text)
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.text.len()
            + size_of_val(&*self.spans)
            + self.pretty.as_ref().map_or(0, |text| text.len())
    }
}

impl From<&LogLine> for LogRow {
    fn from(line: &LogLine) -> Self {
        Self::new(line, 0, &mut Inker::default())
    }
}

/// How times are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// `HH:MM:SS`.
    #[default]
    Clock,
    /// With the date and milliseconds.
    Full,
    /// Not at all.
    Off,
}

impl Times {
    /// The next way.
    pub fn next(self) -> Self {
        match self {
            Self::Clock => Self::Full,
            Self::Full => Self::Off,
            Self::Off => Self::Clock,
        }
    }

    /// Columns that a time takes.
    pub fn columns(self) -> usize {
        match self {
            Self::Clock => 8,
            Self::Full => 23,
            Self::Off => 0,
        }
    }

    /// Writes a time.
    pub fn write(self, out: &mut String, at: Timestamp, zone: &TimeZone) {
        use std::fmt::Write;
        if self == Self::Off {
            return;
        }
        let time = zone.to_datetime(at);
        // Writing to a String cannot fail.
        let _ = match self {
            Self::Full => write!(
                out,
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
                time.year(),
                time.month(),
                time.day(),
                time.hour(),
                time.minute(),
                time.second(),
                time.millisecond()
            ),
            _ => write!(
                out,
                "{:02}:{:02}:{:02}",
                time.hour(),
                time.minute(),
                time.second()
            ),
        };
    }
}
