//! From text to tokens: plain text, and what stands between `{{` and `}}`.

use super::TemplateError;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Copied as it is.
    Text(String),
    /// An action's tokens.
    Action(Vec<Token>),
}

/// A word of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// `.`
    Dot,
    /// `.Name`; `glued` if it follows its left neighbour without a space.
    Field { name: String, glued: bool },
    /// `$name`, the name with its sign; `$` alone is the whole data.
    Variable(String),
    /// A keyword or a function.
    Word(String),
    /// A string.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// `|`
    Pipe,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `,`
    Comma,
}

/// Cuts a template into its pieces, trim marks applied and comments gone.
pub fn lex(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trim_next = false;
    loop {
        let (plain, action) = match rest.split_once("{{") {
            Some((plain, action)) => (plain, Some(action)),
            None => (rest, None),
        };
        let mut plain = if trim_next { plain.trim_start() } else { plain };
        let Some(mut action) = action else {
            push_text(&mut pieces, plain);
            return Ok(pieces);
        };
        if let Some(after) = action.strip_prefix('-')
            && after.starts_with(char::is_whitespace)
        {
            plain = plain.trim_end();
            action = after;
        }
        push_text(&mut pieces, plain);
        let comment = action.trim_start().strip_prefix("/*");
        if let Some(comment) = comment {
            let (_, after) = comment
                .split_once("*/")
                .ok_or_else(|| error("a comment is not closed"))?;
            let after = after.trim_start();
            trim_next = after.starts_with('-');
            rest = after
                .strip_prefix('-')
                .unwrap_or(after)
                .strip_prefix("}}")
                .ok_or_else(|| error("a comment ends before its braces"))?;
            continue;
        }
        let (tokens, after, trim) = action_tokens(action)?;
        pieces.push(Piece::Action(tokens));
        trim_next = trim;
        rest = after;
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

pub fn error(message: impl Into<String>) -> TemplateError {
    TemplateError(message.into())
}

/// The tokens up to `}}`, the text after it, and whether that is to be trimmed.
fn action_tokens(text: &str) -> Result<(Vec<Token>, &str, bool), TemplateError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        let spaced = trimmed.len() < rest.len();
        rest = trimmed;
        if let Some(after) = rest.strip_prefix("}}") {
            return Ok((tokens, after, false));
        }
        if spaced && let Some(after) = rest.strip_prefix("-}}") {
            return Ok((tokens, after, true));
        }
        let first = rest
            .chars()
            .next()
            .ok_or_else(|| error("an action is not closed: }} is missing"))?;
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' => (Token::Assign, 1),
            ':' if rest.starts_with(":=") => (Token::Declare, 2),
            '"' => quoted(rest)?,
            '`' => {
                let end = rest[1..]
                    .find('`')
                    .ok_or_else(|| error("a raw string is not closed"))?;
                (Token::Text(rest[1..=end].to_owned()), end + 2)
            }
            '$' => {
                let length = 1 + word_length(&rest[1..]);
                (Token::Variable(rest[..length].to_owned()), length)
            }
            '.' => match word_length(&rest[1..]) {
                0 => (Token::Dot, 1),
                length => {
                    let name = rest[1..=length].to_owned();
                    let glued = !spaced && !tokens.is_empty();
                    (Token::Field { name, glued }, length + 1)
                }
            },
            c if c.is_ascii_digit() || c == '-' || c == '+' => number(rest)?,
            c if c.is_alphabetic() || c == '_' => {
                let length = word_length(rest);
                (Token::Word(rest[..length].to_owned()), length)
            }
            c => return Err(error(format!("unexpected {c:?} in an action"))),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

fn number(text: &str) -> Result<(Token, usize), TemplateError> {
    let end = text
        .char_indices()
        .skip(1)
        .find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '.')
        .map_or(text.len(), |(index, _)| index);
    let word = &text[..end];
    let token = match word.parse::<i64>() {
        Ok(whole) => Token::Int(whole),
        Err(_) => Token::Float(
            word.parse()
                .map_err(|_| error(format!("{word:?} is no number")))?,
        ),
    };
    Ok((token, end))
}

/// A string in double quotes, with Go's common escapes.
fn quoted(text: &str) -> Result<(Token, usize), TemplateError> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Text(out), index + 1)),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c @ ('"' | '\\' | '\'')) => out.push(c),
                _ => return Err(error("a string has an escape that is unknown")),
            },
            c => out.push(c),
        }
    }
    Err(error("a string is not closed"))
}
