//! What a joined line is made of: the instruction's name, its flags, and its arguments
//! in the form that each instruction has.

use super::expand::Expander;

/// A line cut into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The first word, as it is written.
    pub name: String,
    /// `--flag` and `--flag=value`, their quotes taken away.
    pub flags: Vec<String>,
    /// What follows, trimmed.
    pub rest: String,
}

/// `ENV a=b c=d` or `ENV a b`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The name, as it is written.
    pub name: String,
    /// The value, as it is written.
    pub value: String,
    /// Whether a `=` stands between them.
    pub has_sign: bool,
}

/// Blanks between words; a newline never stands in a joined line.
const BLANKS: [char; 5] = [' ', '\t', '\u{b}', '\u{c}', '\r'];

/// Cuts a line into its parts.
pub fn parts(line: &str) -> Parts {
    let line = line.trim();
    let (name, rest) = split_once_blank(line).unwrap_or((line, ""));
    let (flags, rest) = flags(rest);
    Parts {
        name: name.to_owned(),
        flags,
        rest: rest.trim().to_owned(),
    }
}

fn split_once_blank(text: &str) -> Option<(&str, &str)> {
    let (before, after) = text.split_once(BLANKS)?;
    Some((before, after.trim_start_matches(BLANKS)))
}

/// The flags at a line's beginning: words that begin with `--`, up to a lone `--` or the
/// first word that doesn't. Their quotes and escapes are the shell's, always with `\`.
///
/// A flag without a sign swallows no word: BuildKit's `--flag value` form has never been
/// documented, and its `COPY --link a b` depends on not having it.
fn flags(line: &str) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = line.trim_start();
    while rest.starts_with("--") {
        let (word, after) = flag(rest);
        rest = after.trim_start();
        match word.as_str() {
            "--" => break,
            _ => flags.push(word),
        }
    }
    (flags, rest)
}

/// One word, unquoted, and what follows it.
fn flag(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match (quote, char) {
            (None, _) if char.is_whitespace() => return (word, &text[at..]),
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), _) if char == open => quote = None,
            (_, '\\') => word.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => word.push(char),
        }
    }
    (word, "")
}

/// Words at blanks, quotes respected and kept, for `ENV`, `LABEL` and `ARG`.
pub fn words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if quote.is_none() && char.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        if char == escape && quote != Some('\'') {
            // An escape at the very end is dropped; any other stays with what it escapes.
            if let Some(escaped) = chars.next() {
                word.extend([char, escaped]);
            }
            continue;
        }
        match quote {
            None if char == '\'' || char == '"' => quote = Some(char),
            Some(open) if char == open => quote = None,
            _ => {}
        }
        word.push(char);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Names and values: all with signs, or one name and the rest of the line.
///
/// # Errors
/// What is wrong, in words.
pub fn pairs(text: &str, name: &str, escape: char) -> Result<Vec<Pair>, String> {
    let words = words(text, escape);
    let Some(first) = words.first() else {
        return Ok(Vec::new());
    };
    if !first.contains('=') {
        let (key, value) = split_once_blank(text)
            .ok_or_else(|| format!("{name} needs a name and a value: {first}=value"))?;
        return Ok(vec![Pair {
            name: key.to_owned(),
            value: value.to_owned(),
            has_sign: false,
        }]);
    }
    let pairs = words.iter().map(|word| {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word:?} has no =; each word must be name=value"))?;
        Ok(Pair {
            name: name.to_owned(),
            value: value.to_owned(),
            has_sign: true,
        })
    });
    pairs.collect()
}

/// Words at blanks and nothing else, for `FROM`, `EXPOSE`, `COPY` and the like.
pub fn plain(text: &str) -> Vec<String> {
    let words = text.split(BLANKS).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// A JSON array of strings, if the text is one. Text that begins like one and isn't is
/// no error: a shell may know what to do with it.
///
/// # Errors
/// An array that holds something else than strings.
pub fn json(text: &str) -> Result<Option<Vec<String>>, String> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else {
        return Ok(None);
    };
    let strings = values.into_iter().map(|value| match value {
        serde_json::Value::String(text) => Ok(text),
        other => Err(format!("{other} is no string: in a JSON array all must be")),
    });
    strings.collect::<Result<_, _>>().map(Some)
}

/// The words of a line that may open here-documents, as a shell would see them, nothing
/// taken away.
pub fn shell_words(line: &str) -> Vec<String> {
    let expander = Expander {
        keep_quotes: true,
        keep_escapes: true,
        keep_unset: true,
        ..Expander::new('\\')
    };
    // A line that can't be read so has no here-documents; the instruction tells more.
    let expanded = expander.expand(line, &|_| None).unwrap_or_default();
    expanded.words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_end_at_the_first_word_that_is_none() {
        let parts = parts("COPY  --from=a --chown=\"x y\" --link  b --c d");
        assert_eq!(parts.name, "COPY");
        assert_eq!(parts.flags, ["--from=a", "--chown=x y", "--link"]);
        assert_eq!(parts.rest, "b --c d");
        let end = super::parts("COPY --link -- --odd /x");
        assert_eq!((end.flags.len(), end.rest.as_str()), (1, "--odd /x"));
    }

    #[test]
    fn quotes_and_escapes_hold_words_together() {
        let cases: [(&str, &[&str]); 5] = [
            ("a=b c=\"d e\"", &["a=b", "c=\"d e\""]),
            ("a=b\\ c", &["a=b\\ c"]),
            ("a='x\\' b", &["a='x\\'", "b"]),
            ("a=\"\\\"\" b", &["a=\"\\\"\"", "b"]),
            ("a\\", &["a"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text, '\\'), expected, "{text}");
        }
    }

    #[test]
    fn the_old_form_takes_the_rest_of_the_line() {
        let old = pairs("name  a  b=c \"d\"", "ENV", '\\').unwrap();
        assert_eq!(
            (old[0].name.as_str(), old[0].value.as_str()),
            ("name", "a  b=c \"d\"")
        );
        assert!(pairs("name", "ENV", '\\').is_err());
        assert!(pairs("a=b c", "ENV", '\\').is_err());
        assert_eq!(pairs("a= b=c", "ENV", '\\').unwrap().len(), 2);
    }

    #[test]
    fn json_is_json_or_else_plain_text() {
        assert_eq!(json("[\"a\", \"b\"]").unwrap().unwrap(), ["a", "b"]);
        assert_eq!(json("['a']").unwrap(), None);
        assert_eq!(json("[ -f x ] && y").unwrap(), None);
        assert!(json("[\"a\", 1]").is_err());
        assert_eq!(json("[]").unwrap().unwrap(), Vec::<String>::new());
    }
}
