//! Which containers to show, as one types it: terms set apart by blanks, which must all
//! hold.
//!
//! ```text
//! web                 part of the name or image, or the start of the id or state
//! /^web-[0-9]+$/      a pattern for the name or image
//! state:run label:tier=front image:deb name:web id:3f
//! cpu>50 mem>80% mem>1g pids>=10 restarts>0 read>1m held>5 uptime<10m exit=1
//! trouble trouble:oom
//! !web !state:exited  what the term does not hold for
//! "two words"         blanks in a term
//! ```

use regex_lite::{Regex, RegexBuilder};

use super::{columns::Item, trouble, values};
use crate::model::State;

/// Terms that must all hold; none holds for everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    is_inverse: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Text(String),
    Pattern(Regex),
    State(String),
    Label(String, Option<String>),
    Image(String),
    Name(String),
    Id(String),
    Figure(fn(&Item) -> Option<f64>, Compare, f64),
    Trouble(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compare {
    Less,
    LessOrEqual,
    Equal,
    MoreOrEqual,
    More,
}

/// What figures can be compared, and how their value is read.
const FIGURES: [(&str, Value); 14] = [
    ("cpu", Value::Percent(|i| i.usage?.cpu_cores)),
    (
        "mem",
        Value::SizeOrShare(
            |i| Some(i.usage?.memory_bytes? as f64),
            |i| i.memory_share(),
        ),
    ),
    ("swap", Value::Size(|i| Some(i.usage?.swap_bytes? as f64))),
    (
        "pids",
        Value::CountOrShare(|i| Some(i.usage?.pids? as f64), |i| i.pids_share()),
    ),
    (
        "restarts",
        Value::Count(|i| Some(f64::from(i.container.restarts))),
    ),
    ("oom", Value::Count(|i| Some(i.usage?.oom_kills? as f64))),
    (
        "exit",
        Value::Count(|i| Some(f64::from(i.container.exit?.code?))),
    ),
    ("read", Value::Size(|i| i.usage?.read_bps)),
    ("write", Value::Size(|i| i.usage?.write_bps)),
    ("net_in", Value::Size(|i| i.usage?.net_in_bps)),
    ("net_out", Value::Size(|i| i.usage?.net_out_bps)),
    ("held", Value::Percent(|i| i.usage?.throttled_share)),
    ("quota", Value::Percent(|i| i.cpu_share())),
    ("uptime", Value::Span(|i| Some(i.uptime()?.as_secs_f64()))),
];

type Figure = fn(&Item) -> Option<f64>;

#[derive(Clone, Copy)]
enum Value {
    Count(Figure),
    Percent(Figure),
    Size(Figure),
    Span(Figure),
    SizeOrShare(Figure, Figure),
    CountOrShare(Figure, Figure),
}

impl Filter {
    /// Reads terms; what is wrong, in words for whoever typed them.
    pub fn parse(text: &str) -> Result<Self, String> {
        match Self::read(text) {
            (filter, None) => Ok(filter),
            (_, Some(fault)) => Err(fault),
        }
    }

    /// Reads terms that are being typed: those that can be read, and what is wrong with
    /// the first that can't.
    pub fn read(text: &str) -> (Self, Option<String>) {
        let mut terms = Vec::new();
        let mut fault = None;
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (is_inverse, body) = match rest.strip_prefix('!') {
                Some(body) => (true, body),
                None => (false, rest),
            };
            let (test, after) = match body.strip_prefix('/') {
                Some(text) => {
                    let (pattern, after) = pattern_of(text);
                    // An empty one is just being typed, as is a lone `!`.
                    ((!pattern.is_empty()).then(|| pattern_test(pattern)), after)
                }
                None => {
                    let (word, after) = word_of(body);
                    ((!word.is_empty()).then(|| test_of(&word)), after)
                }
            };
            match test {
                Some(Ok(test)) => terms.push(Term { is_inverse, test }),
                Some(Err(why)) => fault = fault.or(Some(why)),
                None => {}
            }
            rest = after.trim_start();
        }
        (Self { terms }, fault)
    }

    /// Whether all terms hold.
    pub fn matches(&self, item: &Item) -> bool {
        let mut terms = self.terms.iter();
        terms.all(|term| term.test.holds(item) != term.is_inverse)
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

impl Test {
    fn holds(&self, item: &Item) -> bool {
        let container = item.container;
        let image = &container.config.image;
        match self {
            Self::Text(part) => {
                contains(&container.name, part)
                    || contains(image, part)
                    || container.state.as_str().starts_with(part.as_str())
                    || container.id.as_str().starts_with(part.as_str())
            }
            Self::Pattern(regex) => regex.is_match(&container.name) || regex.is_match(image),
            Self::State(start) => container.state.as_str().starts_with(start.as_str()),
            Self::Label(key, wanted) => match (container.config.labels.get(key), wanted) {
                (Some(value), Some(wanted)) => value == wanted,
                (value, _) => value.is_some(),
            },
            Self::Image(part) => contains(image, part),
            Self::Name(part) => contains(&container.name, part),
            Self::Id(start) => container.id.as_str().starts_with(start.as_str()),
            Self::Figure(of, compare, wanted) => {
                of(item).is_some_and(|have| compare.holds(have, *wanted))
            }
            Self::Trouble(kind) => trouble::troubles(item)
                .iter()
                .any(|trouble| trouble.name().starts_with(kind.as_str())),
        }
    }
}

impl Compare {
    fn holds(self, have: f64, wanted: f64) -> bool {
        match self {
            Self::Less => have < wanted,
            Self::LessOrEqual => have <= wanted,
            Self::Equal => (have - wanted).abs() < 1e-9,
            Self::MoreOrEqual => have >= wanted,
            Self::More => have > wanted,
        }
    }
}

/// Whether a text contains a part that is in lower case.
fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(part)
}

/// A pattern up to its slash (`\/` is one of its own) or to the end, and what follows it.
fn pattern_of(text: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let end = text.char_indices().find(|(_, c)| {
        let ends = *c == '/' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        ends
    });
    match end {
        Some((at, _)) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

fn pattern_test(pattern: &str) -> Result<Test, String> {
    RegexBuilder::new(&pattern.replace("\\/", "/"))
        .case_insensitive(true)
        .build()
        .map(Test::Pattern)
        .map_err(|error| format!("/{pattern}/: {error}"))
}

/// A word, its quotes taken off, and what follows it.
fn word_of(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut is_quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => return (word, &text[at..]),
            c => word.push(c),
        }
    }
    (word, "")
}

fn test_of(word: &str) -> Result<Test, String> {
    let lower = word.to_lowercase();
    if lower == "trouble" {
        return Ok(Test::Trouble(String::new()));
    }
    if let Some((key, value)) = word.split_once(':') {
        let value_lower = value.to_lowercase();
        match key.to_lowercase().as_str() {
            "state" => return state(value_lower),
            "label" => {
                return Ok(match value.split_once('=') {
                    Some((key, value)) => Test::Label(key.into(), Some(value.into())),
                    None => Test::Label(value.into(), None),
                });
            }
            "image" => return Ok(Test::Image(value_lower)),
            "name" => return Ok(Test::Name(value_lower)),
            "id" => return Ok(Test::Id(value_lower)),
            "trouble" => return Ok(Test::Trouble(value_lower)),
            // Such as an image with its tag.
            _ => {}
        }
    }
    match lower.find(['<', '>', '=']) {
        Some(at) => figure(&lower[..at], &lower[at..]),
        None => Ok(Test::Text(lower)),
    }
}

fn state(start: String) -> Result<Test, String> {
    if State::ALL.iter().any(|s| s.as_str().starts_with(&start)) {
        return Ok(Test::State(start));
    }
    let all = State::ALL.map(State::as_str).join(", ");
    Err(format!("no state begins with {start}: there are {all}"))
}

fn figure(name: &str, rest: &str) -> Result<Test, String> {
    let signs = [
        ("<=", Compare::LessOrEqual),
        (">=", Compare::MoreOrEqual),
        ("<", Compare::Less),
        (">", Compare::More),
        ("=", Compare::Equal),
    ];
    let found = signs
        .into_iter()
        .find_map(|(sign, compare)| Some((compare, rest.strip_prefix(sign)?)));
    let known = FIGURES.iter().find(|(figure, _)| *figure == name);
    let (Some((compare, value)), Some((_, kind))) = (found, known) else {
        let all = FIGURES.map(|(name, _)| name).join(", ");
        return Err(format!("{name:?} is no figure: there are {all}"));
    };
    let (of, wanted) = kind
        .read(value)
        .ok_or_else(|| format!("{name} is compared with {}", kind.allowed()))?;
    Ok(Test::Figure(of, compare, wanted))
}

impl Value {
    fn read(self, text: &str) -> Option<(Figure, f64)> {
        let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
        let share = |text: &str| Some(number(text.strip_suffix('%')?)? / 100.0);
        let size = |text: &str| values::size(text).ok().map(|bytes| bytes as f64);
        match self {
            Self::Count(of) => Some((of, number(text)?)),
            Self::Percent(of) => {
                let percent = number(text.strip_suffix('%').unwrap_or(text))?;
                Some((of, percent / 100.0))
            }
            Self::Size(of) => Some((of, size(text)?)),
            Self::Span(of) => {
                let span = text.parse::<jiff::SignedDuration>().ok();
                Some((
                    of,
                    span.map_or_else(|| number(text), |s| Some(s.as_secs_f64()))?,
                ))
            }
            Self::SizeOrShare(of, share_of) => match share(text) {
                Some(share) => Some((share_of, share)),
                None => Some((of, size(text)?)),
            },
            Self::CountOrShare(of, share_of) => match share(text) {
                Some(share) => Some((share_of, share)),
                None => Some((of, number(text)?)),
            },
        }
    }

    fn allowed(self) -> &'static str {
        match self {
            Self::Count(_) => "a number",
            Self::Percent(_) => "a percentage, such as 50",
            Self::Size(_) => "a size, such as 10m",
            Self::Span(_) => "a time, such as 10m or 2h",
            Self::SizeOrShare(..) => "a size or a share, such as 512m or 80%",
            Self::CountOrShare(..) => "a number or a share, such as 100 or 80%",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        format::columns::sample,
        model::{ContainerRow, Host, Usage},
    };

    fn rows() -> Vec<ContainerRow> {
        let mut web = sample::container("web-1", State::Running);
        web.config.image = "nginx:1.27".into();
        web.config.labels.insert("tier".into(), "front end".into());
        web.config.limits.memory_bytes = Some(64 << 20);
        web.started = Some(Timestamp::UNIX_EPOCH);
        let mut db = sample::container("Datenbank", State::Exited);
        db.exit = Some(sample::exit(1));
        db.restarts = 2;
        vec![
            ContainerRow {
                container: web.into(),
                usage: Some(Usage {
                    cpu_cores: Some(0.6),
                    throttled_share: Some(0.5),
                    memory_bytes: Some(60 << 20),
                    pids: Some(10),
                    read_bps: Some(2e6),
                    ..Usage::default()
                }),
            },
            ContainerRow {
                container: db.into(),
                usage: None,
            },
        ]
    }

    fn shown(text: &str) -> Vec<String> {
        let filter = Filter::parse(text).unwrap();
        let host = Host::default();
        let at = Timestamp::from_second(300).unwrap();
        let rows = rows();
        let kept = rows
            .iter()
            .filter(|row| filter.matches(&Item::new(row, &host, at)));
        kept.map(|row| row.container.name.clone()).collect()
    }

    #[test]
    fn terms_find_what_they_say() {
        let (web, db) = ("web-1", "Datenbank");
        let cases: &[(&str, &[&str])] = &[
            ("", &[web, db]),
            ("WEB", &[web]),
            ("nginx:1.27", &[web]),
            ("exi", &[db]),
            ("/^web-[0-9]$/", &[web]),
            ("/BANK", &[db]),
            ("!web", &[db]),
            ("!/web/ exited", &[db]),
            ("state:run", &[web]),
            ("image:deb", &[db]),
            ("name:bank", &[db]),
            ("label:tier", &[web]),
            ("label:\"tier=front end\"", &[web]),
            ("label:tier=back", &[]),
            ("cpu>50", &[web]),
            ("cpu>=60%", &[web]),
            ("cpu<60", &[]),
            ("mem>80%", &[web]),
            ("mem>1g", &[]),
            ("mem<1g", &[web]),
            ("pids=10", &[web]),
            ("restarts>0", &[db]),
            ("held>40", &[web]),
            ("read>1m", &[web]),
            ("uptime<10m", &[web]),
            ("exit=1", &[db]),
            ("trouble", &[web, db]),
            ("trouble:thr", &[web]),
            ("trouble !state:exited", &[web]),
            ("web cpu>90", &[]),
            ("!", &[web, db]),
            ("//", &[web, db]),
        ];
        for (text, names) in cases {
            assert_eq!(shown(text), *names, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_there_is() {
        for (text, part) in [
            ("cpu>much", "percentage"),
            ("mem>", "512m"),
            ("cpux>1", "restarts"),
            ("state:up", "running"),
            ("/(/", "/(/"),
            ("uptime>x", "10m"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall_over(text in "[ -~\\PC]{0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                let host = Host::default();
                for row in rows() {
                    filter.matches(&Item::new(&row, &host, Timestamp::UNIX_EPOCH));
                }
            }
        }

        #[test]
        fn term_and_its_inverse_share_all_rows_out(
            n in 0usize..9,
            value in 0u32..100,
        ) {
            let term = [
                "web", "state:running", "image:deb", "trouble", "label:tier",
                &format!("cpu>{value}"), &format!("mem<{value}%"),
                &format!("restarts>={value}"), &format!("pids>{value}"),
            ][n].to_owned();
            let both = shown(&term).len() + shown(&format!("!{term}")).len();
            prop_assert_eq!(both, rows().len());
            // Terms that are all there hold as one.
            prop_assert_eq!(shown(&format!("{term} {term}")), shown(&term));
        }
    }
}
