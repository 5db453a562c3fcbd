//! Where two answers differ, and which of that is meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::Deserialize;
use serde_json::{Map, Value};

/// By the place where they differ: ours, theirs.
pub type Found = BTreeMap<String, [Value; 2]>;

/// Go's lists and maps are null, empty or left out as it happens to be: that says nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Every place where two values differ, by its path.
pub fn walk(at: &str, ours: &Value, theirs: &Value, found: &mut Found) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
            let of = |object: &Map<String, Value>, name: &str| {
                object.get(name).cloned().unwrap_or(Value::Null)
            };
            for name in names {
                let (ours, theirs) = (of(ours, name), of(theirs, name));
                walk(&format!("{at}.{name}"), &ours, &theirs, found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (number, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                walk(&format!("{at}[{number}]"), ours, theirs, found);
            }
        }
        // More lines here or there: which.
        (Value::Array(ours), Value::Array(theirs))
            if ours.iter().chain(theirs).all(Value::is_string) =>
        {
            let (ours, theirs) = (without(ours, theirs), without(theirs, ours));
            found.insert(at.to_owned(), [ours, theirs]);
        }
        // The daemon's errors begin with a small letter since its version 23.
        (Value::String(ours), Value::String(theirs))
            if (at.contains(".err") || at.ends_with(".message"))
                && ours.eq_ignore_ascii_case(theirs) => {}
        (ours, theirs) if ours == theirs || is_nothing(ours) && is_nothing(theirs) => {}
        _ => drop(found.insert(at.to_owned(), [ours.clone(), theirs.clone()])),
    }
}

/// What of a list another list has not.
fn without(list: &[Value], other: &[Value]) -> Value {
    let mut other = other.to_vec();
    let mut left = list.to_vec();
    left.retain(|line| match other.iter().position(|other| other == line) {
        Some(at) => {
            other.remove(at);
            false
        }
        None => true,
    });
    left.into()
}

/// A reason, and where it holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    why: String,
    /// Places, with `*` for anything.
    at: Vec<String>,
    /// Only what our side says there.
    ours: Option<Value>,
    /// Whether that is so by chance or by time, so that it may be the same for once.
    #[serde(default)]
    sometimes: bool,
    /// Only with clients whose version begins so.
    client: Option<String>,
}

/// All that is meant.
pub struct Known {
    rows: Vec<Row>,
    used: BTreeSet<(usize, usize)>,
}

impl Known {
    /// Reads the file.
    pub fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare/differences.json");
        let rows: Vec<Row> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for row in &rows {
            assert!(row.why.len() > 20, "why? {:?}", row.at);
        }
        Self {
            rows,
            used: BTreeSet::new(),
        }
    }

    /// What no row explains.
    pub fn unexplained(&mut self, client: &str, found: Found) -> Vec<String> {
        let mut wrong = Vec::new();
        for (place, [ours, theirs]) in found {
            let mut is_known = false;
            for (number, row) in self.rows.iter().enumerate() {
                let is_of = |of: &String| client.starts_with(of.as_str());
                if !row.client.as_ref().is_none_or(is_of)
                    || !row.ours.as_ref().is_none_or(|said| *said == ours)
                {
                    continue;
                }
                for (index, pattern) in row.at.iter().enumerate() {
                    if matches(pattern.as_bytes(), place.as_bytes()) {
                        self.used.insert((number, index));
                        is_known = true;
                    }
                }
            }
            if !is_known {
                wrong.push(format!(
                    "[{client}] {place}\n    ours    {ours}\n    theirs  {theirs}"
                ));
            }
        }
        wrong
    }

    /// Rows that explain nothing any more, of clients that are here.
    pub fn unused(&self, clients: &[String]) -> Vec<String> {
        let mut unused = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let is_here = |of: &String| clients.iter().any(|one| one.starts_with(of));
            if !row.client.as_ref().is_none_or(is_here) {
                continue;
            }
            for (index, pattern) in row.at.iter().enumerate() {
                if !row.sometimes && !self.used.contains(&(number, index)) {
                    unused.push(format!("{pattern}: it differs no more: strike it off"));
                }
            }
        }
        unused
    }
}

/// Whether a text matches a pattern with `*`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let Some(star) = pattern.iter().position(|sign| *sign == b'*') else {
        return pattern == text;
    };
    let (start, rest) = (&pattern[..star], &pattern[star + 1..]);
    text.starts_with(start) && {
        let text = &text[start.len()..];
        (0..=text.len()).any(|at| matches(rest, &text[at..]))
    }
}
