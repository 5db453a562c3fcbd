//! `.dockerignore`: which paths of a build context are left out.
//!
//! The rules are moby's pattern matcher's, to the letter where they differ from what one
//! would guess: patterns are cleaned paths from the context's root, `**` crosses
//! directories, a pattern that matches a directory matches all below it, `!` takes back,
//! the last pattern that matches decides.

use regex_lite::Regex;

/// Longest `.dockerignore` that is read, in bytes.
pub const LONGEST: u64 = 4 << 20;

/// A `.dockerignore`, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// One pattern of it.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// The pattern, cleaned, without its `!`.
    pub text: String,
    /// Whether it takes back what earlier ones left out.
    pub includes: bool,
    /// Its line in the file, from 1.
    pub line: usize,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Exact,
    /// All that begins so.
    Prefix(String),
    /// All that ends so, and what is its name alone after a separator.
    Suffix(String),
    Regex(Regex),
}

/// A pattern that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: the pattern {pattern:?} {why}")]
pub struct IgnoreError {
    /// Its line, from 1.
    pub line: usize,
    /// As it stands there.
    pub pattern: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Ignore {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first pattern that is none: a lone `!`, an open bracket, a `\` at its end.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().enumerate();
        let patterns = lines.filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
        let patterns = patterns.map(|(number, line)| Pattern::parse(line.trim(), number + 1));
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
        })
    }

    /// The patterns, in their order.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Whether a pattern takes something back: then a directory that is left out must be
    /// looked into all the same.
    pub fn has_inclusions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.includes)
    }

    /// The pattern that decides over a path, which is relative to the context's root and
    /// has no `.` or `..`; none if no pattern matches it.
    pub fn decides(&self, path: &str) -> Option<&Pattern> {
        let mut decided: Option<&Pattern> = None;
        for pattern in &self.patterns {
            let is_out = decided.is_some_and(|pattern| !pattern.includes);
            if pattern.includes == is_out && pattern.matches_or_parent(path) {
                decided = Some(pattern);
            }
        }
        decided
    }

    /// Whether a path is left out.
    pub fn leaves_out(&self, path: &str) -> bool {
        self.decides(path).is_some_and(|pattern| !pattern.includes)
    }
}

impl Pattern {
    fn parse(written: &str, line: usize) -> Result<Self, IgnoreError> {
        let invalid = |why| IgnoreError {
            line,
            pattern: written.to_owned(),
            why,
        };
        let (text, includes) = match written.strip_prefix('!') {
            Some(rest) => (rest.trim(), true),
            None => (written, false),
        };
        if text.is_empty() {
            return Err(invalid("takes nothing back: write a path after the !"));
        }
        let mut text = clean(text);
        if text.len() > 1 && text.starts_with('/') {
            text.remove(0);
        }
        check(&text).map_err(invalid)?;
        let matcher = Matcher::compile(&text).ok_or_else(|| invalid("can't be matched"))?;
        Ok(Self {
            text,
            includes,
            line,
            matcher,
        })
    }

    fn matches_or_parent(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end);
        self.matches(path) || ends.into_iter().any(|end| self.matches(&path[..end]))
    }

    fn matches(&self, path: &str) -> bool {
        self.matcher.is_match(&self.text, path)
    }
}

/// A pattern of one part of a path, as Go's `filepath.Match` reads it: for `COPY`.
#[derive(Clone, Debug)]
pub struct PartPattern {
    text: String,
    matcher: Matcher,
}

impl PartPattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // Within one part two stars are no more than one.
        let mut text = text.to_owned();
        while text.contains("**") {
            text = text.replace("**", "*");
        }
        check(&text)?;
        let matcher = Matcher::compile(&text).ok_or("can't be matched")?;
        Ok(Self { text, matcher })
    }

    /// Whether a name matches.
    pub fn is_match(&self, name: &str) -> bool {
        self.matcher.is_match(&self.text, name)
    }
}

impl Matcher {
    /// Whether a path matches the pattern `text` that this was made of.
    fn is_match(&self, text: &str, path: &str) -> bool {
        match self {
            Self::Exact => path == text,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => {
                path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path)
            }
            Self::Regex(regex) => regex.is_match(path),
        }
    }

    fn compile(pattern: &str) -> Option<Self> {
        #[derive(PartialEq)]
        enum Kind {
            Exact,
            Prefix,
            Suffix,
            Regex,
        }
        let mut kind = Kind::Exact;
        let mut regex = String::from("^");
        let mut chars = pattern.chars().peekable();
        let mut is_first = true;
        while let Some(char) = chars.next() {
            match char {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    chars.next_if_eq(&'/');
                    if chars.peek().is_some() {
                        regex.push_str("(.*/)?");
                        kind = Kind::Regex;
                    } else if kind == Kind::Exact {
                        kind = Kind::Prefix;
                    } else {
                        regex.push_str(".*");
                        kind = Kind::Regex;
                    }
                    if is_first {
                        kind = Kind::Suffix;
                    }
                }
                '*' => {
                    regex.push_str("[^/]*");
                    kind = Kind::Regex;
                }
                '?' => {
                    regex.push_str("[^/]");
                    kind = Kind::Regex;
                }
                '.' | '+' | '(' | ')' | '|' | '{' | '}' | '$' => {
                    regex.push('\\');
                    regex.push(char);
                }
                '\\' => {
                    regex.push('\\');
                    if let Some(escaped) = chars.next() {
                        regex.push(escaped);
                        kind = Kind::Regex;
                    }
                }
                '[' | ']' => {
                    regex.push(char);
                    kind = Kind::Regex;
                }
                _ => regex.push(char),
            }
            is_first = false;
        }
        Some(match kind {
            Kind::Exact => Self::Exact,
            Kind::Prefix => Self::Prefix(pattern[..pattern.len() - 2].to_owned()),
            Kind::Suffix => Self::Suffix(pattern[2..].to_owned()),
            Kind::Regex => Self::Regex(Regex::new(&format!("{regex}$")).ok()?),
        })
    }
}

/// A path in its shortest form, by its words alone (Go's `path.Clean`).
pub fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// Whether a pattern's brackets and escapes are closed, as Go's `filepath.Match` asks.
fn check(pattern: &str) -> Result<(), &'static str> {
    const OPEN: &str = "has a bracket that is not closed";
    const ESCAPE: &str = "ends in an escape";
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                chars.next().ok_or(ESCAPE)?;
            }
            '[' => {
                chars.next_if_eq(&'^');
                let mut elements = 0;
                loop {
                    if elements > 0 && chars.next_if_eq(&']').is_some() {
                        break;
                    }
                    bound(&mut chars).ok_or(OPEN)?;
                    if chars.next_if_eq(&'-').is_some() {
                        bound(&mut chars).ok_or(OPEN)?;
                    }
                    elements += 1;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// One end of a range between brackets.
fn bound(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        char => Some(char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(patterns: &str, path: &str) -> bool {
        let ignore = Ignore::parse(patterns).expect("patterns");
        ignore.leaves_out(path)
    }

    #[test]
    fn one_pattern_matches_as_mobys_does() {
        let cases: &[(&str, &str, bool)] = &[
            ("**", "file", true),
            ("**", "dir/file", true),
            ("**/", "dir/file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir/file", true),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/**", "dir/dir2/dir2/file", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**/file", "dir/dir/file", true),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[^b-d]e", "aze", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcXdef", false),
            ("**/foo/bar", "a/foo/bar", true),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", "bar.foo", false),
            ("a(b)c/def", "a(b)c/def", true),
            ("a.|)$(}+{", "a.|)$(}+{", true),
            ("dist/*.whl", "dist/proxy.whl", true),
            ("dist/*.whl", "dist/a/proxy.whl", false),
            ("a/*/b", "a/x/b/c", true),
            ("/foo", "foo", true),
            ("./foo/../bar", "bar/x", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("한*", "한국어", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(out(pattern, path), *expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        assert!(!out("*.md\n!README.md", "README.md"));
        assert!(out(
            "*.md\n!README*.md\nREADME-secret.md",
            "README-secret.md"
        ));
        assert!(!out("docs\n!docs/keep", "docs/keep/file"));
        assert!(out("docs\n!docs/keep", "docs/other"));
        assert!(out("!docs\ndocs", "docs"));
    }

    #[test]
    fn comments_blanks_and_a_byte_order_mark_are_no_patterns() {
        let ignore = Ignore::parse("\u{feff}# all\n\n  \n  b  \n #c\n").expect("patterns");
        let texts = ignore.patterns().iter();
        let texts: Vec<_> = texts.map(|p| (p.text.as_str(), p.line)).collect();
        assert_eq!(texts, [("b", 4), ("#c", 5)]);
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_line() {
        for bad in ["!", "a[", "a[]", "a[b-", "[-]", "x\\"] {
            let error = Ignore::parse(&format!("ok\n{bad}")).expect_err(bad);
            assert_eq!(error.line, 2, "{bad}");
        }
    }

    #[test]
    fn paths_are_cleaned_by_their_words() {
        for (path, expected) in [
            ("a//b/./c/", "a/b/c"),
            ("a/../..", ".."),
            ("/..", "/"),
            ("", "."),
            ("a/..", "."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_makes_it_panic(text in "[a!*?\\[\\]\\\\^/.\\n-]{0,30}", path in "[a/.]{0,9}") {
            if let Ok(ignore) = Ignore::parse(&text) {
                let _ = ignore.leaves_out(&path);
            }
        }
    }
}
