//! What is wrong with a configuration: one line each, with its place, its key and what
//! would be right.

use std::{fmt, path::PathBuf};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: nobody said anything else.
    Default,
    /// In a file, by line.
    File {
        /// The file.
        path: PathBuf,
        /// Its line, from 1; 0 for the file as a whole.
        line: usize,
    },
    /// In an environment variable.
    Environment(&'static str),
    /// In a flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub origin: Origin,
    /// At which key, such as `ui.theme`; empty where the file can't be read at all.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        // Causes may come in several lines; a mistake is told in one.
        f.write_str(&self.message.replace('\n', "; "))
    }
}

/// What an unknown name may have meant, in words to append: `; did you mean …?`.
pub(super) fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = known
        .into_iter()
        .map(|candidate| (likeness(name, candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, candidate)) if likeness > 0.75 => {
            format!("; did you mean {candidate}?")
        }
        _ => String::new(),
    }
}

/// How alike two names are, 0 to 1. The last word of a dotted name counts on its own:
/// `stop` means `container.stop`.
fn likeness(name: &str, candidate: &str) -> f64 {
    let last = candidate.rsplit('.').next().unwrap_or(candidate);
    let whole = strsim::jaro_winkler(name, candidate);
    whole.max(strsim::jaro_winkler(name, last) - 0.01)
}

/// A value as a message quotes it, cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    const LONG: usize = 40;
    if text.chars().count() > LONG {
        let start: String = text.chars().take(LONG).collect();
        format!("\"{start}…\"")
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["ui.theme", "ui.interval", "container.stop"];
        assert_eq!(meant("ui.theem", known), "; did you mean ui.theme?");
        assert_eq!(meant("stop", known), "; did you mean container.stop?");
        assert_eq!(meant("xyzzy", known), "");
    }

    #[test]
    fn problem_is_one_line_however_its_cause_is_told() {
        let problem = Problem {
            origin: Origin::File {
                path: "/etc/x.toml".into(),
                line: 3,
            },
            key: "ui.theme".into(),
            message: "bad\nworse".into(),
        };
        assert_eq!(problem.to_string(), "/etc/x.toml:3: ui.theme: bad; worse");
    }
}
