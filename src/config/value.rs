//! The types that settings have: what each accepts, in which words it refuses, and how
//! a value is written down again.

use std::time::Duration;

use jiff::{SignedDuration, tz::TimeZone};
use serde_json::json;
use toml::de::DeValue;

use super::problem::{meant, quoted};
use crate::format::times::TimeFormat;

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// true or false.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of a theme.
    Theme,
    /// A time with its unit, within bounds.
    Span {
        /// At least.
        least: Duration,
        /// At most.
        most: Duration,
    },
    /// `local`, or a time zone's name.
    Zone,
    /// `24h`, `12h` or a pattern of strftime(3).
    Clock,
    /// A list of columns.
    Columns,
    /// A column to sort by, with `-` before it to turn the order round.
    Sort,
    /// What rows are grouped by.
    Group,
    /// A list of `host[:port]`, where allowed with `http://` or `https://` before it.
    Hosts {
        /// Whether a scheme may stand before it.
        urls: bool,
    },
    /// A list of absolute paths.
    Files,
    /// A number within bounds.
    Count {
        /// At least.
        least: u64,
        /// At most.
        most: u64,
    },
}

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Value {
    Bool(bool),
    Text(String),
    Span(Duration),
    List(Vec<String>),
    Count(u64),
}

/// What names a configuration may use that are declared elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Ids of the containers' columns.
    pub columns: Vec<&'static str>,
    /// Names of themes, shipped and own.
    pub(super) themes: Vec<String>,
}

impl Known {
    /// These columns, and the themes that are shipped.
    pub fn new(columns: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            themes: Vec::new(),
        }
    }
}

impl Kind {
    /// Checks a value of a file; the refusal says what is allowed.
    pub(super) fn check(self, raw: &DeValue<'_>, known: &Known) -> Result<Value, String> {
        match (self, raw) {
            (Self::Bool, DeValue::Boolean(value)) => Ok(Value::Bool(*value)),
            (Self::Columns, DeValue::Array(items)) => {
                let mut names = Vec::new();
                for item in items.iter() {
                    let name = item.get_ref().as_str().ok_or_else(|| self.refuse(raw))?;
                    names.push(column(name, known)?.to_owned());
                }
                Ok(Value::List(names))
            }
            (Self::Hosts { .. } | Self::Files, DeValue::Array(items)) => {
                let mut texts = Vec::new();
                for item in items.iter() {
                    let text = item.get_ref().as_str().ok_or_else(|| self.refuse(raw))?;
                    texts.push(self.item(text)?);
                }
                Ok(Value::List(texts))
            }
            (Self::Count { .. }, DeValue::Integer(number)) => {
                let digits = number.as_str();
                let read = u64::from_str_radix(digits, number.radix());
                self.count(read.ok()).map(Value::Count)
            }
            (
                Self::Bool | Self::Columns | Self::Hosts { .. } | Self::Files | Self::Count { .. },
                _,
            ) => Err(self.refuse(raw)),
            (_, DeValue::String(text)) => self.check_text(text, known),
            _ => Err(self.refuse(raw)),
        }
    }

    /// Checks a value of a flag or of the environment, where all is text.
    pub(super) fn parse(self, text: &str, known: &Known) -> Result<Value, String> {
        match self {
            Self::Bool => is_on(text)
                .map(Value::Bool)
                .ok_or_else(|| format!("{} is neither true nor false", quoted(text))),
            Self::Columns => {
                let names = text
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty());
                names
                    .map(|name| column(name, known).map(str::to_owned))
                    .collect::<Result<_, _>>()
                    .map(Value::List)
            }
            Self::Hosts { .. } | Self::Files => {
                let items = text.split(',').map(str::trim);
                let items = items.filter(|item| !item.is_empty());
                items
                    .map(|item| self.item(item))
                    .collect::<Result<_, _>>()
                    .map(Value::List)
            }
            Self::Count { .. } => self.count(text.parse().ok()).map(Value::Count),
            _ => self.check_text(text, known),
        }
    }

    /// One item of a list that is not of columns.
    fn item(self, text: &str) -> Result<String, String> {
        let refuse = |what: &str| Err(format!("{} is no {what}", quoted(text)));
        match self {
            Self::Hosts { urls } => {
                let host = match text.split_once("://") {
                    Some(("http" | "https", host)) if urls => host.trim_end_matches('/'),
                    Some(_) => return refuse("host with a port, such as \"10.0.0.5:5000\""),
                    None => text,
                };
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
                match !host.is_empty() && host.bytes().all(fits) {
                    true => Ok(text.to_owned()),
                    false => refuse("host with a port, such as \"10.0.0.5:5000\""),
                }
            }
            _ => match text.starts_with('/') {
                true => Ok(text.to_owned()),
                false => refuse("absolute path"),
            },
        }
    }

    fn count(self, read: Option<u64>) -> Result<u64, String> {
        let Self::Count { least, most } = self else {
            return Err(self.allowed());
        };
        read.filter(|number| (least..=most).contains(number))
            .ok_or_else(|| format!("it is {}", self.allowed()))
    }

    fn check_text(self, text: &str, known: &Known) -> Result<Value, String> {
        let words = |words: &[&str]| match words.contains(&text) {
            true => Ok(()),
            false => Err(format!(
                "{} is none of {}{}",
                quoted(text),
                words.join(", "),
                meant(text, words.iter().copied())
            )),
        };
        match self {
            Self::Choice(choices) => words(choices)?,
            Self::Theme => {
                let names: Vec<&str> = known.themes.iter().map(String::as_str).collect();
                words(&names)?;
            }
            Self::Span { least, most } => return span(text, least, most).map(Value::Span),
            Self::Zone => drop(zone(text)?),
            Self::Clock => {
                let format = TimeFormat::new(text, false);
                format.map_err(|why| format!("{} is not {why}", quoted(text)))?;
            }
            Self::Sort => drop(column(text.strip_prefix('-').unwrap_or(text), known)?),
            Self::Group => {
                let is_label = text
                    .strip_prefix("label:")
                    .is_some_and(|key| !key.is_empty());
                if !is_label && !["none", "state", "image", "project"].contains(&text) {
                    return Err(format!("{} is not {}", quoted(text), self.allowed()));
                }
            }
            Self::Bool | Self::Columns | Self::Hosts { .. } | Self::Files | Self::Count { .. } => {
                return Err(format!("it is {}", self.allowed()));
            }
        }
        Ok(Value::Text(text.to_owned()))
    }

    fn refuse(self, raw: &DeValue<'_>) -> String {
        let article = match raw.type_str().starts_with(['a', 'i']) {
            true => "an",
            false => "a",
        };
        format!("it is {}, not {article} {}", self.allowed(), raw.type_str())
    }

    /// What may stand there, in words.
    pub fn allowed(self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::Choice(words) => words
                .iter()
                .map(|word| format!("\"{word}\""))
                .collect::<Vec<_>>()
                .join(", "),
            Self::Theme => "a theme's name, shipped or own".into(),
            Self::Span { least, most } => {
                format!("a time from \"{}\" to \"{}\"", told(least), told(most))
            }
            Self::Zone => "\"local\", \"UTC\" or a name such as \"Europe/Berlin\"".into(),
            Self::Clock => "\"24h\", \"12h\" or a pattern such as \"%H:%M\"".into(),
            Self::Columns => "a list of columns, such as [\"name\", \"cpu\"]".into(),
            Self::Sort => "a column, such as \"cpu\"; \"-cpu\" turns it round".into(),
            Self::Group => "\"none\", \"state\", \"image\", \"project\" or \"label:KEY\"".into(),
            Self::Hosts { urls: true } => {
                "a list of hosts or addresses, such as [\"http://10.0.0.5:5000\"]".into()
            }
            Self::Hosts { urls: false } => "a list of hosts, such as [\"10.0.0.5:5000\"]".into(),
            Self::Files => "a list of absolute paths, such as [\"/etc/ssl/own.crt\"]".into(),
            Self::Count { least, most } => format!("a number from {least} to {most}"),
        }
    }
}

impl Value {
    /// As a file has it.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Text(text) => quote(text),
            Self::Span(span) => quote(&told(*span)),
            Self::Count(number) => number.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| quote(item)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// As JSON: times in seconds.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Span(span) => json!(span.as_secs_f64()),
            Self::List(items) => json!(items),
            Self::Count(number) => json!(number),
        }
    }
}

/// A text between quotes, as TOML has it.
pub(super) fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A time in words that are read back: `1s`, `500ms`, `1m 30s`.
pub fn told(span: Duration) -> String {
    match SignedDuration::try_from(span) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{}s", span.as_secs()),
    }
}

/// Reads a time with its unit.
pub(super) fn span(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let span = text.parse::<SignedDuration>().map_err(|_| {
        format!(
            "{} is no time with a unit, such as \"30s\" or \"500ms\"",
            quoted(text)
        )
    })?;
    let allowed = || format!("it is from {} to {}", told(least), told(most));
    let span = Duration::try_from(span).map_err(|_| allowed())?;
    if span < least || span > most {
        return Err(allowed());
    }
    Ok(span)
}

/// Whether a text says yes or no.
pub fn is_on(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub(super) fn zone(text: &str) -> Result<TimeZone, String> {
    if text == "local" {
        return Ok(TimeZone::system());
    }
    TimeZone::get(text).map_err(|_| {
        format!(
            "{} is no time zone that this host knows; \"local\", \"UTC\" and \"Europe/Berlin\" are",
            quoted(text)
        )
    })
}

fn column<'a>(name: &'a str, known: &Known) -> Result<&'a str, String> {
    if known.columns.contains(&name) {
        return Ok(name);
    }
    let meant = meant(name, known.columns.iter().copied());
    let all = match meant.is_empty() {
        true => format!("; there are {}", known.columns.join(", ")),
        false => meant,
    };
    Err(format!("there is no column {}{all}", quoted(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Kind = Kind::Span {
        least: Duration::from_millis(200),
        most: Duration::from_secs(60),
    };

    #[test]
    fn times_need_a_unit_and_keep_their_bounds() {
        let known = Known::default();
        let parse = |text| SPAN.parse(text, &known);
        assert_eq!(parse("500ms"), Ok(Value::Span(Duration::from_millis(500))));
        assert_eq!(parse("1h").unwrap_err(), "it is from 200ms to 1m");
        for bad in ["5", "-1s", "soon", "99999999999999999999s"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_words_are_answered_with_the_known_ones() {
        let known = Known::new(["name", "cpu"]);
        let kind = Kind::Choice(&["cores", "host"]);
        assert_eq!(
            kind.parse("core", &known).unwrap_err(),
            "\"core\" is none of cores, host; did you mean cores?"
        );
        assert_eq!(
            Kind::Columns.parse("name,cqu", &known).unwrap_err(),
            "there is no column \"cqu\"; did you mean cpu?"
        );
        assert!(Kind::Group.parse("label:", &known).is_err());
        assert!(Kind::Group.parse("label:team", &known).is_ok());
    }

    #[test]
    fn lists_of_hosts_and_files_and_numbers_are_checked() {
        let known = Known::default();
        let mirrors = Kind::Hosts { urls: true };
        assert!(mirrors.parse("http://m:5000, [::1]:5000", &known).is_ok());
        for bad in ["ftp://m", "m/path", "a b", "http://"] {
            assert!(mirrors.parse(bad, &known).is_err(), "{bad}");
        }
        let hosts = Kind::Hosts { urls: false };
        assert!(hosts.parse("http://m:5000", &known).is_err());
        assert!(Kind::Files.parse("own.crt", &known).is_err());
        let count = Kind::Count { least: 1, most: 16 };
        assert_eq!(count.parse("4", &known), Ok(Value::Count(4)));
        for bad in ["0", "17", "-1", "x", ""] {
            assert!(count.parse(bad, &known).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let value = Value::Span(Duration::from_millis(1_500));
        assert_eq!(value.to_toml(), "\"1s 500ms\"");
        assert_eq!(SPAN.parse("1s 500ms", &Known::default()), Ok(value));
        assert_eq!(Value::Text("a\"b".into()).to_toml(), "'a\"b'");
    }
}
