//! Alert rules: what is watched, from which value on, for how long, and who is told.
//! Whether one holds now is `app`'s to say.

mod read;

use std::{fmt, time::Duration};

pub(super) use read::read;

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is called.
    pub name: String,
    /// What is measured.
    pub metric: &'static Metric,
    /// How it is compared.
    pub compare: Compare,
    /// With what.
    pub threshold: f64,
    /// Where it is over again: a value in between changes nothing.
    pub clear: f64,
    /// How long it must hold before it counts.
    pub sustained: Duration,
    /// Over which time events are counted.
    pub within: Duration,
    /// Which containers it is about.
    pub containers: Containers,
    /// How bad it is.
    pub severity: Severity,
    /// Who is told.
    pub notify: Vec<Channel>,
    /// What [`Channel::Command`] runs, without a shell.
    pub command: Vec<String>,
    /// Where [`Channel::Webhook`] posts to.
    pub webhook: Option<String>,
    /// Whether it is watched at all.
    pub is_enabled: bool,
}

/// Something that can be measured, as rules name it.
#[derive(Debug, PartialEq)]
pub struct Metric {
    /// What.
    pub what: Measure,
    /// Its name in a rule.
    pub name: &'static str,
    /// How its values are written.
    pub unit: Unit,
    /// What it is, without a final stop.
    pub doc: &'static str,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "METRICS tells what each is")]
pub enum Measure {
    Cpu,
    CpuShare,
    Throttled,
    Memory,
    MemoryShare,
    PidsShare,
    CpuSome,
    MemorySome,
    MemoryFull,
    IoSome,
    IoFull,
    OomKills,
    Restarts,
    ExitCode,
    FailedChecks,
}

impl Measure {
    /// Whether events are counted, rather than a level read.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::OomKills | Self::Restarts)
    }
}

/// How values of a metric are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// 0 to 1, or with `%`.
    Share,
    /// A number.
    Number,
    /// Bytes, or with `KiB`, `MiB`, `GiB`.
    Bytes,
}

/// Every metric.
pub const METRICS: &[Metric] = &[
    metric(
        Measure::CpuShare,
        "cpu_share",
        Unit::Share,
        "CPU in use, as a share of the quota",
    ),
    metric(Measure::Cpu, "cpu", Unit::Number, "CPU in use, in cores"),
    metric(
        Measure::Throttled,
        "throttled_share",
        Unit::Share,
        "share of quota periods in which it was held back",
    ),
    metric(
        Measure::MemoryShare,
        "memory_share",
        Unit::Share,
        "memory in use, as a share of the limit",
    ),
    metric(Measure::Memory, "memory", Unit::Bytes, "memory in use"),
    metric(
        Measure::PidsShare,
        "pids_share",
        Unit::Share,
        "processes and threads, as a share of the limit",
    ),
    metric(
        Measure::CpuSome,
        "cpu_some",
        Unit::Share,
        "time in which some waited for CPU (PSI)",
    ),
    metric(
        Measure::MemorySome,
        "memory_some",
        Unit::Share,
        "time in which some waited for memory (PSI)",
    ),
    metric(
        Measure::MemoryFull,
        "memory_full",
        Unit::Share,
        "time in which all waited for memory (PSI)",
    ),
    metric(
        Measure::IoSome,
        "io_some",
        Unit::Share,
        "time in which some waited for IO (PSI)",
    ),
    metric(
        Measure::IoFull,
        "io_full",
        Unit::Share,
        "time in which all waited for IO (PSI)",
    ),
    metric(
        Measure::OomKills,
        "oom_kills",
        Unit::Number,
        "processes that the kernel killed for lack of memory, counted over `within`",
    ),
    metric(
        Measure::Restarts,
        "restarts",
        Unit::Number,
        "restarts by its policy, counted over `within`",
    ),
    metric(
        Measure::ExitCode,
        "exit_code",
        Unit::Number,
        "the code that it exited with",
    ),
    metric(
        Measure::FailedChecks,
        "failed_checks",
        Unit::Number,
        "health checks that failed in a row, once it is unhealthy",
    ),
];

const fn metric(what: Measure, name: &'static str, unit: Unit, doc: &'static str) -> Metric {
    Metric {
        what,
        name,
        unit,
        doc,
    }
}

/// How a value is compared with the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Compare {
    Above,
    AtLeast,
    Below,
    AtMost,
    Is,
    IsNot,
}

/// Every comparison with its sign; those that begin alike, the longest first.
pub const COMPARISONS: [(&str, Compare); 6] = [
    (">=", Compare::AtLeast),
    ("<=", Compare::AtMost),
    ("==", Compare::Is),
    ("!=", Compare::IsNot),
    (">", Compare::Above),
    ("<", Compare::Below),
];

impl Compare {
    /// Whether it holds.
    pub fn holds(self, value: f64, than: f64) -> bool {
        match self {
            Self::Above => value > than,
            Self::AtLeast => value >= than,
            Self::Below => value < than,
            Self::AtMost => value <= than,
            Self::Is => value == than,
            Self::IsNot => value != than,
        }
    }

    fn sign(self) -> &'static str {
        let found = COMPARISONS.iter().find(|(_, known)| *known == self);
        found.map_or("?", |(sign, _)| sign)
    }
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It needs watching.
    Warning,
    /// It failed, or is about to.
    Critical,
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The terminal's bell.
    Bell,
    /// The desktop, by a terminal that knows OSC 9.
    Osc9,
    /// A command.
    Command,
    /// An HTTP server.
    Webhook,
}

/// Every channel by name.
pub const CHANNELS: [(&str, Channel); 4] = [
    ("bell", Channel::Bell),
    ("osc9", Channel::Osc9),
    ("command", Channel::Command),
    ("webhook", Channel::Webhook),
];

/// Which containers a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Containers {
    /// All.
    All,
    /// Those whose name matches a pattern with `*` and `?`.
    Named(String),
    /// Those with a label, and a value that matches a pattern if one is given.
    Labelled(String, Option<String>),
}

impl Containers {
    /// Whether a container is meant.
    pub fn include<'a>(&self, name: &str, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        match self {
            Self::All => true,
            Self::Named(pattern) => matches(pattern, name),
            Self::Labelled(key, pattern) => match (label(key), pattern) {
                (Some(value), Some(pattern)) => matches(pattern, value),
                (found, None) => found.is_some(),
                (None, Some(_)) => false,
            },
        }
    }
}

/// Whether a text is as a pattern says: `*` is anything, `?` one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and what it was last tried to cover: going back there
    // is enough, earlier stars need no other try.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, covered)) => {
                    star = Some((at, covered + 1));
                    p = at + 1;
                    t = covered + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl Severity {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Rule {
    /// A value as its metric is written.
    pub fn told(&self, value: f64) -> String {
        told(self.metric.unit, value)
    }

    /// Its condition in words: `memory_share > 95% for 30s`.
    pub fn condition(&self) -> String {
        let (sign, limit) = (self.compare.sign(), self.told(self.threshold));
        let mut text = format!("{} {sign} {limit}", self.metric.name);
        if self.metric.what.is_counted() {
            text.push_str(&format!(" within {}", super::told(self.within)));
        }
        if !self.sustained.is_zero() {
            text.push_str(&format!(" for {}", super::told(self.sustained)));
        }
        text
    }
}

fn told(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => format!("{}%", trimmed(value * 100.0)),
        Unit::Number => trimmed(value),
        Unit::Bytes => {
            let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
            let fits = |shift: &i32| value >= 2f64.powi(*shift);
            match units.iter().find(|(_, shift)| fits(shift)) {
                Some((name, shift)) => format!("{}{name}", trimmed(value / 2f64.powi(*shift))),
                None => format!("{}B", trimmed(value)),
            }
        }
    }
}

/// One digit after the point, if it says anything.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

impl fmt::Display for Containers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Named(pattern) => f.write_str(pattern),
            Self::Labelled(key, None) => write!(f, "label:{key}"),
            Self::Labelled(key, Some(pattern)) => write!(f, "label:{key}={pattern}"),
        }
    }
}

/// A field of a rule, for the reader and the reference.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// An example, as a file has it.
    pub example: &'static str,
    /// What it is for.
    pub doc: &'static str,
}

/// Every field of an `[[alerts]]` section.
pub const FIELDS: [Field; 11] = [
    field(
        "name",
        "\"web-memory\"",
        "what it is called; that of a rule here changes it",
    ),
    field(
        "when",
        "\"memory_share > 90%\"",
        "a metric, one of > >= < <= == !=, and a value",
    ),
    field("for", "\"30s\"", "how long it must hold; \"0s\" is at once"),
    field(
        "within",
        "\"10m\"",
        "over which time oom_kills and restarts are counted",
    ),
    field(
        "clear",
        "\"85%\"",
        "where it is over; if left out, a little beyond the threshold",
    ),
    field(
        "containers",
        "\"web-*\"",
        "a name with * and ?, \"label:KEY\" or \"label:KEY=VALUE\"",
    ),
    field("severity", "\"critical\"", "\"warning\" or \"critical\""),
    field(
        "notify",
        "[\"bell\", \"osc9\"]",
        "who is told: bell, osc9, command, webhook",
    ),
    field(
        "command",
        "[\"notify-send\", \"wharf\"]",
        "run without a shell; $WHARF_ALERT_… tell",
    ),
    field("webhook", "\"http://host/hook\"", "where JSON is posted to"),
    field("enabled", "true", "false turns it off"),
];

const fn field(name: &'static str, example: &'static str, doc: &'static str) -> Field {
    Field { name, example, doc }
}

/// The rules that hold without any configuration: they show, and make no noise.
pub const BUILT_IN: &str = r#"[[alerts]]
name = "oom-kill"
when = "oom_kills > 0"
within = "10m"
severity = "critical"

[[alerts]]
name = "restart-loop"
when = "restarts >= 3"
within = "10m"
severity = "critical"

[[alerts]]
name = "throttled"
when = "throttled_share > 50%"
for = "60s"

[[alerts]]
name = "memory"
when = "memory_share > 95%"
for = "30s"
severity = "critical"

[[alerts]]
name = "unhealthy"
when = "failed_checks > 0"
severity = "critical"
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_has_them() {
        for (pattern, text, is_match) in [
            ("*", "", true),
            ("web-*", "web-1", true),
            ("web-*", "db", false),
            ("*-db-*", "a-db-db-b", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("", "x", false),
            ("**a", "bba", true),
        ] {
            assert_eq!(matches(pattern, text), is_match, "{pattern} {text}");
        }
        let label = |key: &str| (key == "team").then_some("blue");
        let labelled = |value: Option<&str>| {
            Containers::Labelled("team".into(), value.map(str::to_owned)).include("x", label)
        };
        assert!(labelled(None) && labelled(Some("b*")) && !labelled(Some("red")));
    }

    #[test]
    fn values_are_told_in_their_unit() {
        assert_eq!(told(Unit::Share, 0.955), "95.5%");
        assert_eq!(told(Unit::Bytes, 536_870_912.0), "512MiB");
        assert_eq!(told(Unit::Number, 3.0), "3");
    }

    #[test]
    fn metrics_and_fields_are_told_apart() {
        for (n, metric) in METRICS.iter().enumerate() {
            assert!(
                METRICS[n + 1..]
                    .iter()
                    .all(|other| other.name != metric.name)
            );
        }
        for field in FIELDS {
            assert!(field.doc.len() <= 64, "{}", field.name);
        }
    }
}
