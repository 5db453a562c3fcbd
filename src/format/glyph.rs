//! One sign for each state, and the tone in which it is told. What colour a tone has is
//! the theme's and the terminal's affair.

use crate::model::{Container, State};

/// Which signs a terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Any of Unicode's, one column wide.
    #[default]
    Unicode,
    /// The 95 printable ones of ASCII.
    Ascii,
}

/// Which colours a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Sixteen, whose look is its user's choice.
    Sixteen,
    /// 256, as xterm has them.
    Many,
    /// All.
    #[default]
    True,
}

impl Depth {
    /// What the environment says: `COLORTERM` where all are there, `TERM` otherwise.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_true = variable("COLORTERM")
            .is_some_and(|value| matches!(value.as_str(), "truecolor" | "24bit"));
        match variable("TERM") {
            _ if is_true => Self::True,
            Some(term) if term.ends_with("-direct") => Self::True,
            Some(term) if term.contains("256") => Self::Many,
            _ => Self::Sixteen,
        }
    }
}

/// How much attention something wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// It works.
    Good,
    /// It needs watching: held, starting over, close to a limit.
    Warn,
    /// It failed.
    Bad,
    /// It rests, and recedes.
    Quiet,
}

impl Glyphs {
    /// What the environment's locale allows: ASCII unless it says UTF-8.
    ///
    /// `LC_ALL` overrides `LC_CTYPE`, which overrides `LANG` (locale(7)). A process
    /// without any of them, as from cron, is in the "C" locale; but a terminal without
    /// them is nearly always one that shows UTF-8, so only a named locale is believed.
    pub fn from_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|value| !value.is_empty());
        match locale {
            Some(name) => {
                let name = name.to_ascii_lowercase();
                if name.contains("utf-8") || name.contains("utf8") {
                    Self::Unicode
                } else {
                    Self::Ascii
                }
            }
            None => Self::Unicode,
        }
    }

    /// The sign of a state.
    pub fn state(self, state: State) -> &'static str {
        let (unicode, ascii) = match state {
            State::Created => ("○", "o"),
            State::Running => ("●", "*"),
            State::Paused => ("◐", "="),
            State::Restarting => ("↻", "@"),
            State::Removing => ("◌", "-"),
            State::Exited => ("■", "x"),
            State::Dead => ("✗", "!"),
        };
        self.pick(unicode, ascii)
    }

    /// What ends a text that was cut.
    pub fn ellipsis(self) -> &'static str {
        self.pick("…", "~")
    }

    /// What stands where nothing is known.
    pub fn unknown(self) -> &'static str {
        self.pick("–", "-")
    }

    fn pick(self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }
}

impl Tone {
    /// The tone of a container's state and of how it ended.
    pub fn of(container: &Container) -> Self {
        match container.state {
            State::Running => Self::Good,
            State::Paused | State::Restarting | State::Removing => Self::Warn,
            State::Created => Self::Quiet,
            State::Dead => Self::Bad,
            State::Exited => match container.exit.map(|exit| (exit.code, exit.oom_killed)) {
                // 143 and 130 are SIGTERM and SIGINT: somebody asked, and it obeyed.
                Some((Some(0 | 130 | 143), false)) => Self::Quiet,
                _ => Self::Bad,
            },
        }
    }

    /// The tone of a share of a limit.
    pub fn of_share(share: f64) -> Self {
        match share {
            s if s >= 0.9 => Self::Bad,
            s if s >= 0.75 => Self::Warn,
            _ => Self::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::format::columns::sample;

    #[test]
    fn colours_are_as_many_as_the_terminal_says() {
        let depth = |term: &str, color: &str| {
            Depth::from_environment(|name| {
                Some(if name == "TERM" { term } else { color }.to_owned())
            })
        };
        assert_eq!(depth("xterm-256color", ""), Depth::Many);
        assert_eq!(depth("xterm-256color", "truecolor"), Depth::True);
        assert_eq!(depth("xterm-direct", ""), Depth::True);
        assert_eq!(depth("linux", ""), Depth::Sixteen);
    }

    #[test]
    fn every_state_has_its_own_sign_of_one_column() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let mut signs: Vec<_> = State::ALL.iter().map(|s| glyphs.state(*s)).collect();
            assert!(signs.iter().all(|sign| sign.width() == 1));
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), State::ALL.len());
        }
        assert!(
            State::ALL
                .iter()
                .all(|s| Glyphs::Ascii.state(*s).is_ascii())
        );
    }

    #[test]
    fn only_a_locale_without_utf8_asks_for_ascii() {
        let with = |set: &'static [(&str, &str)]| {
            Glyphs::from_locale(|name| {
                set.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            })
        };
        assert_eq!(with(&[]), Glyphs::Unicode);
        assert_eq!(with(&[("LANG", "de_CH.UTF-8")]), Glyphs::Unicode);
        assert_eq!(with(&[("LC_ALL", "C"), ("LANG", "C.utf8")]), Glyphs::Ascii);
        assert_eq!(with(&[("LC_ALL", ""), ("LANG", "POSIX")]), Glyphs::Ascii);
    }

    #[test]
    fn exit_that_was_asked_for_is_quiet_and_a_failure_is_not() {
        let mut job = sample::container("job", State::Exited);
        assert_eq!(Tone::of(&job), Tone::Bad, "nobody saw how it ended");
        for (code, tone) in [(0, Tone::Quiet), (143, Tone::Quiet), (1, Tone::Bad)] {
            job.exit = Some(sample::exit(code));
            assert_eq!(Tone::of(&job), tone, "{code}");
        }
    }
}
