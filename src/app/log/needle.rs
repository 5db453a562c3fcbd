//! What is looked for in lines: words as they are, without regard to case unless they
//! have a capital; after `~` a regular expression; after `!` the lines without it.

/// Most hits in one line that are worth telling apart.
const HITS: usize = 1_000;

/// Something to look for.
#[derive(Clone, Debug)]
pub struct Needle {
    /// As it was typed.
    pub query: String,
    /// Whether lines without it are meant.
    pub is_inverse: bool,
    pattern: Pattern,
}

#[derive(Clone, Debug)]
enum Pattern {
    Words { bytes: Vec<u8>, ignores_case: bool },
    Regex(Box<regex_lite::Regex>),
}

impl Needle {
    /// What a query means; `None` if it is empty, an error if it is no regular
    /// expression where it has to be one.
    pub fn new(query: &str) -> Result<Option<Self>, String> {
        let (is_inverse, rest) = match query.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, query),
        };
        let ignores_case = !rest.chars().any(char::is_uppercase);
        let pattern = match rest.strip_prefix('~') {
            Some("") => return Ok(None),
            Some(expression) => {
                let built = regex_lite::RegexBuilder::new(expression)
                    .case_insensitive(ignores_case)
                    .size_limit(1 << 20)
                    .build()
                    .map_err(|error| error.to_string())?;
                Pattern::Regex(Box::new(built))
            }
            None if rest.is_empty() => return Ok(None),
            None => Pattern::Words {
                bytes: rest.bytes().map(|b| fold(b, ignores_case)).collect(),
                ignores_case,
            },
        };
        Ok(Some(Self {
            query: query.to_owned(),
            is_inverse,
            pattern,
        }))
    }

    /// Whether a line is meant.
    pub fn is_match(&self, text: &str) -> bool {
        let is_in = match &self.pattern {
            Pattern::Words {
                bytes,
                ignores_case,
            } => find(text.as_bytes(), bytes, *ignores_case).is_some(),
            Pattern::Regex(regex) => regex.is_match(text),
        };
        is_in != self.is_inverse
    }

    /// Where it is in a line, as ranges of bytes.
    pub fn hits(&self, text: &str) -> Vec<(usize, usize)> {
        if self.is_inverse {
            return Vec::new();
        }
        match &self.pattern {
            Pattern::Words {
                bytes,
                ignores_case,
            } => {
                let mut hits = Vec::new();
                let mut from = 0;
                while let Some(at) = find(&text.as_bytes()[from..], bytes, *ignores_case) {
                    hits.push((from + at, from + at + bytes.len()));
                    from += at + bytes.len();
                    if hits.len() == HITS {
                        break;
                    }
                }
                hits
            }
            Pattern::Regex(regex) => regex
                .find_iter(text)
                .take(HITS)
                .filter(|hit| !hit.is_empty())
                .map(|hit| (hit.start(), hit.end()))
                .collect(),
        }
    }
}

/// ASCII letters only: a byte of a longer character has no case of its own, and offsets
/// stay those of the text.
fn fold(byte: u8, ignores_case: bool) -> u8 {
    if ignores_case {
        byte.to_ascii_lowercase()
    } else {
        byte
    }
}

fn find(text: &[u8], wanted: &[u8], ignores_case: bool) -> Option<usize> {
    let (&first, rest) = wanted.split_first()?;
    let last = text.len().checked_sub(rest.len())?;
    let mut from = 0;
    while from < last {
        from += text[from..last]
            .iter()
            .position(|&b| fold(b, ignores_case) == first)?;
        let here = &text[from + 1..from + 1 + rest.len()];
        let is_here = here
            .iter()
            .zip(rest)
            .all(|(&b, &wanted)| fold(b, ignores_case) == wanted);
        if is_here {
            return Some(from);
        }
        from += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needle(query: &str) -> Needle {
        Needle::new(query).unwrap().unwrap()
    }

    #[test]
    fn case_matters_only_if_a_capital_is_typed() {
        assert_eq!(
            needle("err").hits("Error, ERR, err"),
            [(0, 3), (7, 10), (12, 15)]
        );
        assert_eq!(needle("Err").hits("Error, ERR, err"), [(0, 3)]);
        assert!(!needle("abc").is_match("ab"));
        assert!(needle("受け").is_match("注文 1843 を受け付けました"));
    }

    #[test]
    fn expressions_and_inverse_are_marked() {
        assert_eq!(needle("~5\\d\\d").hits("a 500 b 503"), [(2, 5), (8, 11)]);
        assert!(needle("!health").is_match("GET /orders"));
        assert!(!needle("!~heal.h").is_match("GET /health"));
        assert!(Needle::new("~(").is_err());
        assert!(Needle::new("").unwrap().is_none());
        assert!(Needle::new("!").unwrap().is_none());
        assert!(needle("~x*").hits("aaa").is_empty(), "an empty hit is none");
    }
}
