//! The functions: Go's own, and those that docker adds.

use std::{cmp::Ordering, fmt::Write};

use serde_json::{Value, json};

use super::{TemplateError, lex::error};

type Result<T> = std::result::Result<T, TemplateError>;

/// A function, by its name in templates.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    name: &'static str,
    body: Body,
}

type Body = fn(&[Value]) -> Result<Value>;

const FUNCTIONS: &[(&str, Body)] = &[
    ("and", |a| Ok(first(a, |v| !is_true(v)))),
    ("or", |a| Ok(first(a, is_true))),
    ("not", |a| Ok(json!(!is_true(one(a)?)))),
    ("eq", |a| {
        let (left, rest) = a.split_first().ok_or_else(|| few(1))?;
        for right in rest {
            if compare(left, right)? == Some(Ordering::Equal) {
                return Ok(json!(true));
            }
        }
        Ok(json!(false))
    }),
    ("ne", |a| order(a, |o| o != Some(Ordering::Equal))),
    ("lt", |a| order(a, |o| o == Some(Ordering::Less))),
    ("le", |a| {
        order(a, |o| matches!(o, Some(Ordering::Less | Ordering::Equal)))
    }),
    ("gt", |a| order(a, |o| o == Some(Ordering::Greater))),
    ("ge", |a| {
        order(a, |o| {
            matches!(o, Some(Ordering::Greater | Ordering::Equal))
        })
    }),
    ("len", |a| match one(a)? {
        Value::String(text) => Ok(json!(text.len())),
        Value::Array(list) => Ok(json!(list.len())),
        Value::Object(map) => Ok(json!(map.len())),
        other => Err(error(format!("len: {} has no length", print(other)))),
    }),
    ("index", index),
    ("slice", slice),
    ("print", |a| Ok(json!(joined(a, "")))),
    ("println", |a| {
        let words: Vec<_> = a.iter().map(print).collect();
        Ok(json!(words.join(" ") + "\n"))
    }),
    ("printf", |a| {
        let (format, rest) = a.split_first().ok_or_else(|| few(1))?;
        Ok(json!(formatted(text(format)?, rest)?))
    }),
    ("json", |a| Ok(json!(one(a)?.to_string()))),
    ("join", |a| {
        let [list, separator] = two(a)?;
        let Value::Array(list) = list else {
            return Err(error("join: its first argument is no list"));
        };
        let words: Vec<_> = list.iter().map(print).collect();
        Ok(json!(words.join(text(separator)?)))
    }),
    ("split", |a| {
        let [whole, separator] = two(a)?;
        let parts: Vec<_> = text(whole)?.split(text(separator)?).collect();
        Ok(json!(parts))
    }),
    ("lower", |a| Ok(json!(print(one(a)?).to_lowercase()))),
    ("upper", |a| Ok(json!(print(one(a)?).to_uppercase()))),
    ("title", |a| {
        let mut start = true;
        let titled = print(one(a)?)
            .chars()
            .flat_map(|c| {
                let upper = std::mem::replace(&mut start, c.is_whitespace());
                let whole: Vec<char> = if upper {
                    c.to_uppercase().collect()
                } else {
                    vec![c]
                };
                whole
            })
            .collect::<String>();
        Ok(json!(titled))
    }),
    ("pad", |a| {
        let [value, before, after] = a else {
            return Err(few(3));
        };
        let value = print(value);
        if value.is_empty() {
            return Ok(json!(""));
        }
        let spaces = |n: &Value| Ok::<_, TemplateError>(" ".repeat(number(n)?.min(1000)));
        Ok(json!(format!(
            "{}{value}{}",
            spaces(before)?,
            spaces(after)?
        )))
    }),
    ("truncate", |a| {
        let [value, length] = two(a)?;
        let cut: String = print(value).chars().take(number(length)?).collect();
        Ok(json!(cut))
    }),
];

impl Function {
    /// The function that is called so.
    pub fn find(name: &str) -> Option<Self> {
        let (name, body) = FUNCTIONS.iter().find(|(known, _)| *known == name)?;
        Some(Self { name, body: *body })
    }

    /// Calls it.
    pub fn call(self, arguments: &[Value]) -> Result<Value> {
        (self.body)(arguments).map_err(|TemplateError(message)| {
            if message.starts_with(self.name) {
                TemplateError(message)
            } else {
                error(format!("{}: {message}", self.name))
            }
        })
    }
}

/// Whether a value counts as true: anything but nothing, zero and the empty.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A value as Go's `%v` prints it.
pub fn print(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let words: Vec<_> = list.iter().map(print).collect();
            format!("[{}]", words.join(" "))
        }
        Value::Object(map) => {
            let mut words: Vec<_> = map
                .iter()
                .map(|(k, v)| format!("{k}:{}", print(v)))
                .collect();
            words.sort();
            format!("map[{}]", words.join(" "))
        }
        other => other.to_string(),
    }
}

fn few(count: usize) -> TemplateError {
    error(format!("{count} arguments are needed"))
}

fn one(arguments: &[Value]) -> Result<&Value> {
    match arguments {
        [value] => Ok(value),
        _ => Err(error("one argument is needed")),
    }
}

fn two(arguments: &[Value]) -> Result<&[Value; 2]> {
    arguments.try_into().map_err(|_| few(2))
}

fn text(value: &Value) -> Result<&str> {
    value
        .as_str()
        .ok_or_else(|| error(format!("{} is no text", print(value))))
}

fn number(value: &Value) -> Result<usize> {
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| error(format!("{} is no count", print(value))))
}

/// The first argument that stops the search, or the last.
fn first(arguments: &[Value], stops: fn(&Value) -> bool) -> Value {
    let found = arguments.iter().find(|v| stops(v)).or(arguments.last());
    found.cloned().unwrap_or(Value::Null)
}

fn order(arguments: &[Value], holds: fn(Option<Ordering>) -> bool) -> Result<Value> {
    let [left, right] = two(arguments)?;
    Ok(json!(holds(compare(left, right)?)))
}

/// The order of two values of one kind; `None` if they are only known to differ.
fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Ok(a.as_f64().partial_cmp(&b.as_f64())),
        (Value::String(a), Value::String(b)) => Ok(Some(a.cmp(b))),
        (Value::Bool(a), Value::Bool(b)) => Ok((a == b).then_some(Ordering::Equal)),
        (Value::Null, Value::Null) => Ok(Some(Ordering::Equal)),
        (Value::Null, _) | (_, Value::Null) => Ok(None),
        _ => Err(error(format!(
            "{} and {} can't be compared",
            print(left),
            print(right)
        ))),
    }
}

fn index(arguments: &[Value]) -> Result<Value> {
    let (value, keys) = arguments.split_first().ok_or_else(|| few(1))?;
    let mut value = value;
    for key in keys {
        value = match value {
            Value::Array(list) => list
                .get(number(key)?)
                .ok_or_else(|| error(format!("index: {} is out of range", print(key))))?,
            Value::Object(map) => map.get(text(key)?).unwrap_or(&Value::Null),
            Value::Null => &Value::Null,
            other => return Err(error(format!("index: {} is no list", print(other)))),
        };
    }
    Ok(value.clone())
}

fn slice(arguments: &[Value]) -> Result<Value> {
    let (value, bounds) = arguments.split_first().ok_or_else(|| few(1))?;
    let length = match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.len(),
        other => return Err(error(format!("slice: {} is no list", print(other)))),
    };
    let from = bounds.first().map_or(Ok(0), number)?;
    let to = bounds.get(1).map_or(Ok(length), number)?;
    let out_of_range = || {
        error(format!(
            "slice: {from} to {to} is out of range, there are {length}"
        ))
    };
    match value {
        Value::Array(list) => list.get(from..to).map(|part| json!(part)),
        Value::String(text) => text.get(from..to).map(|part| json!(part)),
        _ => None,
    }
    .ok_or_else(out_of_range)
}

/// Go's `print`: a space only between two operands neither of which is text.
fn joined(arguments: &[Value], start: &str) -> String {
    let mut out = start.to_owned();
    for (index, value) in arguments.iter().enumerate() {
        if index > 0 && !value.is_string() && !arguments[index - 1].is_string() {
            out.push(' ');
        }
        out.push_str(&print(value));
    }
    out
}

/// `printf` with Go's flags `-`, `+`, `0`, width and precision, and its common verbs.
fn formatted(format: &str, arguments: &[Value]) -> Result<String> {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = String::new();
        while let Some(c) = chars.next_if(|c| "-+0123456789. #".contains(*c)) {
            directive.push(c);
        }
        let verb = chars
            .next()
            .ok_or_else(|| error("printf: a verb is missing"))?;
        if verb == '%' {
            out.push('%');
            continue;
        }
        let Some(value) = arguments.next() else {
            write!(out, "%!{verb}(MISSING)").expect("writing to a String cannot fail");
            continue;
        };
        out.push_str(&one_verb(&directive, verb, value)?);
    }
    Ok(out)
}

fn one_verb(directive: &str, verb: char, value: &Value) -> Result<String> {
    let flags = directive.len()
        - directive
            .trim_start_matches(['-', '+', '0', ' ', '#'])
            .len();
    let (flags, sizes) = directive.split_at(flags);
    let (width, precision) = sizes.split_once('.').unwrap_or((sizes, ""));
    let size = |text: &str| text.parse::<usize>().ok().map(|n| n.min(1000));
    let precision = match sizes.contains('.') {
        true => Some(size(precision).unwrap_or(0)),
        false => None,
    };
    let as_float = || value.as_f64().unwrap_or(f64::NAN);
    let cut = |text: String| match precision {
        Some(n) => text.chars().take(n).collect(),
        None => text,
    };
    let mut body = match verb {
        's' | 'v' => cut(print(value)),
        'q' => format!("{:?}", cut(print(value))),
        'd' if value.is_number() => print(value),
        't' if value.is_boolean() => print(value),
        'f' if value.is_number() => format!("{:.*}", precision.unwrap_or(6), as_float()),
        'x' if value.is_i64() || value.is_u64() => format!("{:x}", value.as_i64().unwrap_or(0)),
        'x' => print(value).bytes().map(|b| format!("{b:02x}")).collect(),
        _ => format!("%!{verb}({})", print(value)),
    };
    if flags.contains('+') && value.is_number() && !body.starts_with('-') {
        body.insert(0, '+');
    }
    let fill = size(width)
        .unwrap_or(0)
        .saturating_sub(super::super::text::width(&body));
    Ok(if flags.contains('-') {
        body + &" ".repeat(fill)
    } else if flags.contains('0') && value.is_number() {
        let sign = usize::from(body.starts_with(['-', '+']));
        format!("{}{}{}", &body[..sign], "0".repeat(fill), &body[sign..])
    } else {
        " ".repeat(fill) + &body
    })
}
