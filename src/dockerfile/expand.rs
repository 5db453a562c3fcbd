//! Words of a Dockerfile: quotes, escapes and variables, as the Dockerfile reference's
//! "Environment replacement" says and as BuildKit's frontend does it where the reference
//! is silent (which modifiers there are, what a stray `$` or an escape at the end means).
//!
//! One pass reads a text and gives both readings that instructions need: the text as one
//! word, and the words that it falls into after the replacement. Nothing is ever run.

use std::collections::BTreeSet;

use regex_lite::Regex;

/// How deep `${a:-${b:-…}}` may nest. Deeper ones are nobody's Dockerfile, and each level
/// costs stack.
const DEPTH: usize = 64;

/// What reads words.
#[derive(Clone, Copy, Debug)]
pub struct Expander {
    /// The escape character: `\`, or the backquote where a directive says so.
    pub escape: char,
    /// Leave quotes where they are.
    pub keep_quotes: bool,
    /// Leave escape characters where they are.
    pub keep_escapes: bool,
    /// Leave variables that aren't set as they are written.
    pub keep_unset: bool,
    /// Quotes are characters like any other.
    pub quotes_are_text: bool,
}

/// A text after replacement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// As one word.
    pub text: String,
    /// As the words that it falls into at unquoted blanks.
    pub words: Vec<String>,
    /// Variables that were asked for and set.
    pub used: BTreeSet<String>,
    /// Variables that were asked for and not set.
    pub unset: BTreeSet<String>,
}

/// A text that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpandError(pub String);

type Result<T> = std::result::Result<T, ExpandError>;

/// Where values come from.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

impl Expander {
    /// Replaces variables, takes quotes and escapes away.
    pub fn new(escape: char) -> Self {
        Self {
            escape,
            keep_quotes: false,
            keep_escapes: false,
            keep_unset: false,
            quotes_are_text: false,
        }
    }

    /// Reads `text`, with the values of `lookup`.
    ///
    /// # Errors
    /// An open quote or brace, a modifier that doesn't exist, a pattern that isn't one,
    /// or `${name:?words}` without a value.
    pub fn expand(&self, text: &str, lookup: &Lookup<'_>) -> Result<Expanded> {
        let mut reader = Reader {
            how: *self,
            rest: text.chars().collect(),
            at: 0,
            depth: 0,
            lookup,
            used: BTreeSet::new(),
            unset: BTreeSet::new(),
        };
        let (text, words) = reader
            .until(None, self.keep_escapes)
            .map_err(|error| ExpandError(format!("can't read {text:?}: {error}")))?;
        Ok(Expanded {
            text,
            words,
            used: reader.used,
            unset: reader.unset,
        })
    }
}

/// The last value of a name among `NAME=value` and `NAME` words, as later ones win.
pub fn last_of<'a>(environment: &'a [String], name: &str) -> Option<&'a str> {
    environment.iter().rev().find_map(|entry| {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        (key == name).then_some(value)
    })
}

struct Reader<'a> {
    how: Expander,
    rest: Vec<char>,
    at: usize,
    depth: usize,
    lookup: &'a Lookup<'a>,
    used: BTreeSet<String>,
    unset: BTreeSet<String>,
}

/// The words so far; blanks end one, quoted and escaped characters never do.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    word: String,
}

impl Words {
    fn push(&mut self, char: char) {
        if !char.is_whitespace() {
            self.word.push(char);
        } else if !self.word.is_empty() {
            self.done.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Vec<String> {
        if !self.word.is_empty() {
            self.done.push(self.word);
        }
        self.done
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += 1;
        Some(char)
    }

    /// Reads up to `stop`, or to the end where there is none.
    fn until(&mut self, stop: Option<char>, keep_escapes: bool) -> Result<(String, Vec<String>)> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ExpandError("braces are nested too deep".into()));
        }
        let before = std::mem::replace(&mut self.how.keep_escapes, keep_escapes);
        let read = self.read_until(stop);
        self.how.keep_escapes = before;
        self.depth -= 1;
        read
    }

    fn read_until(&mut self, stop: Option<char>) -> Result<(String, Vec<String>)> {
        let mut text = String::new();
        let mut words = Words::default();
        while let Some(char) = self.peek() {
            if Some(char) == stop {
                self.at += 1;
                return Ok((text, words.finish()));
            }
            match char {
                '\'' | '"' if !self.how.quotes_are_text => {
                    let quoted = self.quoted(char)?;
                    text.push_str(&quoted);
                    words.word.push_str(&quoted);
                }
                '$' => {
                    let value = self.dollar()?;
                    text.push_str(&value);
                    value.chars().for_each(|char| words.push(char));
                }
                _ if char == self.how.escape => {
                    self.at += 1;
                    if self.how.keep_escapes {
                        text.push(char);
                        words.word.push(char);
                    }
                    // One at the very end escapes nothing and is dropped.
                    if let Some(escaped) = self.next() {
                        text.push(escaped);
                        words.word.push(escaped);
                    }
                }
                _ => {
                    self.at += 1;
                    text.push(char);
                    words.push(char);
                }
            }
        }
        match stop {
            None => Ok((text, words.finish())),
            Some(stop) => Err(ExpandError(format!("there is no {stop} at its end"))),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String> {
        let mut text = String::new();
        self.at += 1;
        if self.how.keep_quotes {
            text.push(quote);
        }
        loop {
            let Some(char) = self.peek() else {
                let kind = if quote == '"' { "double" } else { "single" };
                return Err(ExpandError(format!("a {kind} quote is open at its end")));
            };
            if char == quote {
                self.at += 1;
                if self.how.keep_quotes {
                    text.push(quote);
                }
                return Ok(text);
            }
            if quote == '"' && char == '$' {
                text.push_str(&self.dollar()?);
                continue;
            }
            self.at += 1;
            if quote == '"' && char == self.how.escape {
                if self.how.keep_escapes {
                    text.push(char);
                }
                match self.peek() {
                    None => continue,
                    // Only these can be escaped between double quotes.
                    Some(next) if next == '"' || next == '$' || next == self.how.escape => {
                        text.push(next);
                        self.at += 1;
                        continue;
                    }
                    Some(_) => {}
                }
            }
            text.push(char);
        }
    }

    fn dollar(&mut self) -> Result<String> {
        self.at += 1;
        if self.peek() != Some('{') {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".into());
            }
            return Ok(match self.value(&name) {
                Some(value) => value,
                None if self.how.keep_unset => format!("${name}"),
                None => String::new(),
            });
        }
        self.at += 1;
        match self.peek() {
            None => return Err(no_brace()),
            Some('{' | '}' | ':') => return Err(ExpandError("bad substitution".into())),
            Some(_) => {}
        }
        let name = self.name();
        let modifier = self.next().ok_or_else(no_brace)?;
        match modifier {
            '}' => Ok(match self.value(&name) {
                Some(value) => value,
                None if self.how.keep_unset => format!("${{{name}}}"),
                None => String::new(),
            }),
            ':' => {
                let modifier = self.next().ok_or_else(no_brace)?;
                self.modified(&name, modifier, true)
            }
            '/' => self.replaced(&name),
            _ => self.modified(&name, modifier, false),
        }
    }

    /// `${name-word}` and its like; `colon`: an empty value counts as none.
    fn modified(&mut self, name: &str, modifier: char, colon: bool) -> Result<String> {
        let written = || format!("{}{modifier}", if colon { ":" } else { "" });
        let strips = matches!(modifier, '#' | '%');
        if !strips && !matches!(modifier, '-' | '+' | '?') && !colon {
            return Err(no_modifier(&written()));
        }
        let (word, _) = self.until(Some('}'), strips).map_err(|error| {
            let open = self.peek().is_none();
            if open { no_brace() } else { error }
        })?;
        let value = self.value(name);
        if value.is_none() && self.how.keep_unset {
            return Ok(format!("${{{name}{}{word}}}", written()));
        }
        let present = value.clone().filter(|value| !(colon && value.is_empty()));
        match modifier {
            '-' => Ok(present.unwrap_or(word)),
            '+' => Ok(present.map(|_| word).unwrap_or_default()),
            '?' => present.ok_or_else(|| {
                let state = if value.is_none() { "unset" } else { "empty" };
                let otherwise = format!("is not allowed to be {state}");
                let why = if word.is_empty() { &otherwise } else { &word };
                ExpandError(format!("{name}: {why}"))
            }),
            '#' | '%' => strip(&value.unwrap_or_default(), &word, modifier),
            _ => Err(no_modifier(&written())),
        }
    }

    /// `${name/pattern/word}`, and with `//` for all of them.
    fn replaced(&mut self, name: &str) -> Result<String> {
        let all = self.peek() == Some('/');
        if all {
            self.at += 1;
        }
        let (pattern, _) = self.until(Some('/'), true)?;
        let (word, _) = self.until(Some('}'), true)?;
        let Some(value) = self.value(name) else {
            let kept = format!("${{{name}/{pattern}/{word}}}");
            return Ok(if self.how.keep_unset {
                kept
            } else {
                String::new()
            });
        };
        let regex = pattern_regex(&pattern.chars().collect::<Vec<_>>(), true, false)?;
        // A replacement is text: no group of the pattern is ever meant by it.
        let word = regex_lite::NoExpand(&word);
        Ok(if all {
            regex.replace_all(&value, word).into_owned()
        } else {
            regex.replace(&value, word).into_owned()
        })
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let value = (self.lookup)(name);
        let seen = if value.is_some() {
            &mut self.used
        } else {
            &mut self.unset
        };
        seen.insert(name.to_owned());
        value
    }

    /// A name, a number, or one of the shell's special parameters.
    fn name(&mut self) -> String {
        let from = self.at;
        match self.peek() {
            Some(char) if char.is_numeric() => {
                while self.peek().is_some_and(char::is_numeric) {
                    self.at += 1;
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => self.at += 1,
            _ => {
                let of_name = |char: char| char.is_alphanumeric() || char == '_';
                while self.peek().is_some_and(of_name) {
                    self.at += 1;
                }
            }
        }
        self.rest[from..self.at].iter().collect()
    }
}

fn no_brace() -> ExpandError {
    ExpandError("there is no } after ${".into())
}

fn no_modifier(modifier: &str) -> ExpandError {
    ExpandError(format!("there is no substitution ${{name{modifier}…}}"))
}

/// `value` without what the pattern matches at its start (`#`) or end (`%`): the
/// shortest, or the longest where the modifier stands twice.
fn strip(value: &str, word: &str, side: char) -> Result<String> {
    let (pattern, greedy) = match word.strip_prefix(side) {
        Some(pattern) => (pattern, true),
        None => (word, false),
    };
    let pattern: Vec<char> = pattern.chars().collect();
    if side == '#' {
        let regex = pattern_regex(&pattern, greedy, true)?;
        let end = regex.find(value).map_or(0, |found| found.end());
        return Ok(value[end..].to_owned());
    }
    // The shortest match at the end is the shortest at the start of it all backwards.
    let backwards: String = value.chars().rev().collect();
    let regex = pattern_regex(&reversed(&pattern), greedy, true)?;
    let end = regex.find(&backwards).map_or(0, |found| found.end());
    Ok(backwards[end..].chars().rev().collect())
}

/// A pattern backwards, its escapes still before what they escape.
fn reversed(pattern: &[char]) -> Vec<char> {
    let mut units: Vec<&[char]> = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let length = if rest[0] == '\\' && rest.len() > 1 {
            2
        } else {
            1
        };
        units.push(&rest[..length]);
        rest = &rest[length..];
    }
    units.into_iter().rev().flatten().copied().collect()
}

/// `*` and `?` as POSIX's pattern matching notation has them (without brackets).
fn pattern_regex(pattern: &[char], greedy: bool, anchored: bool) -> Result<Regex> {
    let mut regex = String::from(if anchored { "^" } else { "" });
    let invalid = |why: String| {
        let pattern: String = pattern.iter().collect();
        ExpandError(format!("the pattern {pattern:?} is invalid: {why}"))
    };
    let mut chars = pattern.iter().copied().peekable();
    while let Some(char) = chars.next() {
        match char {
            '*' => regex.push_str(if greedy { ".*" } else { ".*?" }),
            '?' => regex.push('.'),
            '\\' => match chars.peek() {
                // These were escaped for the braces around, not for the pattern.
                Some('}' | '/') => {}
                Some(escaped @ ('*' | '?' | '\\')) => {
                    regex.push('\\');
                    regex.push(*escaped);
                    chars.next();
                }
                Some(other) => return Err(invalid(format!("\\{other} is no escape"))),
                None => return Err(invalid("it ends in an escape".into())),
            },
            _ => regex.push_str(&regex_lite::escape(char.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&regex).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, environment: &[(&str, &str)]) -> Result<String> {
        let lookup = |name: &str| {
            let found = environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let expanded = Expander::new('\\').expand(text, &lookup)?;
        Ok(expanded.text)
    }

    /// Input, what it becomes; `Err` where it must be refused.
    fn holds(cases: &[(&str, Option<&str>)], environment: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found = with(text, environment);
            assert_eq!(found.as_deref().ok(), *expected, "{text}: {found:?}");
        }
    }

    #[test]
    fn quotes_and_escapes_are_taken_away() {
        let cases = [
            ("hello", Some("hello")),
            ("he'll'o", Some("hello")),
            ("he'llo", None),
            ("he\\'llo", Some("he'llo")),
            ("\"he\\$PWD\"", Some("he$PWD")),
            ("'he$PWD'", Some("he$PWD")),
            ("\"a\\b\\\"c\\\\\"", Some("a\\b\"c\\")),
            ("\"open", None),
            ("a\\", Some("a")),
            ("'a\\b'", Some("a\\b")),
        ];
        holds(&cases, &[("PWD", "/home")]);
    }

    #[test]
    fn variables_are_replaced_in_every_form() {
        let environment = [
            ("PWD", "/home"),
            ("NULL", ""),
            ("K", "한국어"),
            ("F", "xxyy"),
        ];
        let cases = [
            ("$PWD", Some("/home")),
            ("he${PWD}lo", Some("he/homelo")),
            ("$", Some("$")),
            ("he$.", Some("he$.")),
            ("${NO}", Some("")),
            ("$1x", Some("x")),
            ("$K", Some("한국어")),
            ("${NULL-w}|${NULL:-w}|${NO-w}|${NO:-w}", Some("|w|w|w")),
            ("${NULL+w}|${NULL:+w}|${NO+w}|${PWD:+w}", Some("w|||w")),
            ("${NO:-${PWD}/x}", Some("/home/x")),
            ("${NO:-'a b'}", Some("a b")),
            ("${PWD?no}", Some("/home")),
            ("${NULL?no}", Some("")),
            ("${NULL:?no}", None),
            ("${NO?no}", None),
            (
                "${F#*x}|${F##*x}|${F%y}|${F%%y*}|${F%%}",
                Some("xyy|yy|xxy|xx|xxyy"),
            ),
            ("${F/x/.}|${F//x/.}|${F/x*/}", Some(".xyy|..yy|")),
            ("${F=a}", None),
            ("${F:=a}", None),
            ("${F:a}", None),
            ("${}", None),
            ("${{F}}", None),
            ("${:F}", None),
            ("${F", None),
            ("${F:-", None),
            ("${F//x}", None),
            ("${F///}", Some("xxyy")),
        ];
        holds(&cases, &environment);
    }

    #[test]
    fn patterns_know_their_escapes() {
        let special = [
            ("F", "()[]{}^$.*?|\\x"),
            ("G", "a***yy*"),
            ("P", "/tmp/foo"),
        ];
        let cases = [
            (r"${F#()[]{\}^$.\*\?|\\}", Some("x")),
            (r"${G%%\**\*}", Some("a")),
            (r"${P//\//\/}", Some(r"\/tmp\/foo")),
            (r"${F#\x}", None),
        ];
        holds(&cases, &special);
    }

    #[test]
    fn words_fall_apart_at_blanks_that_are_not_quoted() {
        let lookup = |name: &str| (name == "L").then(|| "a  b".to_owned());
        let words = |text: &str| Expander::new('\\').expand(text, &lookup).unwrap().words;
        assert_eq!(words("x $L \"$L\" y\\ z"), ["x", "a", "b", "a  b", "y z"]);
        assert_eq!(words("  "), Vec::<String>::new());
    }

    #[test]
    fn what_is_unset_can_stay_as_written() {
        let expander = Expander {
            keep_unset: true,
            ..Expander::new('\\')
        };
        let text = "$A ${A} ${A:-x} ${A/b/c}";
        let expanded = expander.expand(text, &|_| None).unwrap();
        assert_eq!(expanded.text, text);
        assert_eq!(expanded.unset, BTreeSet::from(["A".to_owned()]));
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        let environment = ["A=1", "B", "A=2"].map(String::from);
        assert_eq!(last_of(&environment, "A"), Some("2"));
        assert_eq!(last_of(&environment, "B"), Some(""));
        assert_eq!(last_of(&environment, "C"), None);
    }

    #[test]
    fn deep_nesting_is_refused_and_no_stack_is_lost() {
        let deep = "${a:-".repeat(100_000);
        assert!(with(&deep, &[]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[${}:#%/?*+'\"\\\\a-c \\-]{0,40}") {
            let _ = with(&text, &[("a", "bcb"), ("b", "")]);
        }

        #[test]
        fn plain_text_stays(text in "[a-zA-Z0-9 .,/=_-]{0,40}") {
            proptest::prop_assert_eq!(with(&text, &[]).unwrap(), text);
        }
    }
}
