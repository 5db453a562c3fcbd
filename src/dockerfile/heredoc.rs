//! Here-documents: `<<NAME`, `<<-NAME`, `3<<"NAME"`.

use serde::Serialize;

use super::{expand::Expander, lines::Lines, words};

/// A here-document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Which descriptor it is for; nothing but 0 is of use.
    pub descriptor: u32,
    /// Whether variables are replaced in it: its word had no quotes.
    pub expands: bool,
    /// Whether leading tabs are taken away (`<<-`).
    pub chomps: bool,
    /// What stands in it, as it is written.
    pub content: String,
}

impl Heredoc {
    /// The document that a word opens, still empty; none if the word opens none.
    pub fn opened_by(word: &str) -> Option<Self> {
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (descriptor, rest) = word.split_at(digits);
        let rest = rest.strip_prefix("<<")?;
        let (chomps, rest) = match rest.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.is_empty() || rest.contains('<') {
            return None;
        }
        let plain = Expander {
            keep_unset: true,
            ..Expander::new('\\')
        };
        let quoted = Expander {
            keep_quotes: true,
            ..plain
        };
        let [name] = &plain.expand(rest, &|_| None).ok()?.words[..] else {
            return None;
        };
        let raw = quoted.expand(rest, &|_| None).ok()?.words;
        let quotes = |text: &str| text.matches(['\'', '"']).count();
        Some(Self {
            expands: quotes(name) == raw.iter().map(|word| quotes(word)).sum::<usize>(),
            name: name.clone(),
            descriptor: descriptor.parse().unwrap_or(0),
            chomps,
            content: String::new(),
        })
    }

    /// The documents that a line opens, in their order, still empty.
    pub fn opened_in(line: &str) -> Vec<Self> {
        if !line.contains("<<") {
            return Vec::new();
        }
        let words = words::shell_words(line);
        words
            .iter()
            .filter_map(|word| Self::opened_by(word))
            .collect()
    }

    /// Reads it up to its end; false if the file ends first.
    pub fn read(&mut self, lines: &mut Lines<'_>) -> bool {
        while let Some(raw) = lines.raw() {
            let line = raw.trim_end_matches(['\r', '\n']);
            let line = if self.chomps {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == self.name {
                return true;
            }
            self.content.push_str(raw);
        }
        false
    }

    /// Its text, without leading tabs where it asks for that.
    pub fn text(&self) -> String {
        if !self.chomps {
            return self.content.clone();
        }
        let lines = self.content.split_inclusive('\n');
        lines.map(|line| line.trim_start_matches('\t')).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_open_documents_are_known() {
        let opened = |word: &str| {
            let doc = Heredoc::opened_by(word)?;
            Some((doc.name, doc.descriptor, doc.expands, doc.chomps))
        };
        let name = |name: &str| name.to_owned();
        assert_eq!(opened("<<EOF"), Some((name("EOF"), 0, true, false)));
        assert_eq!(opened("3<<-'E O'"), Some((name("E O"), 3, false, true)));
        assert_eq!(opened("<<E\"O\"F"), Some((name("EOF"), 0, false, false)));
        assert_eq!(opened("<<E$X"), Some((name("E$X"), 0, true, false)));
        for none in ["<<", "<<-", "<<<EOF", "a<<EOF", "EOF", "<<\"a"] {
            assert_eq!(opened(none), None, "{none}");
        }
    }

    #[test]
    fn a_line_opens_several_and_quoted_ones_are_text() {
        let names = |line: &str| -> Vec<String> {
            let docs = Heredoc::opened_in(line).into_iter();
            docs.map(|doc| doc.name).collect()
        };
        assert_eq!(names("cat <<A <<-B > x"), ["A", "B"]);
        assert_eq!(names("echo \"<<A\" '<<B'"), Vec::<String>::new());
        assert_eq!(names("echo $((1<<2))"), Vec::<String>::new());
    }
}
