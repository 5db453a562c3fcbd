//! A line that is JSON, laid out over several lines: the same characters in the same
//! order, only set apart, so that numbers and escapes stay as they were written.

use serde::de::IgnoredAny;

/// Longer lines stay as they are.
const MOST_BYTES: usize = 64 << 10;
const INDENT: usize = 2;
/// Deeper than this nobody reads.
const DEEPEST: usize = 64;
/// Nor does anyone what is mostly indentation.
const GROWTH: usize = 16;

/// The line laid out; `None` if it isn't an object or a list.
pub fn pretty(line: &str) -> Option<String> {
    let line = line.trim();
    if !line.starts_with(['{', '[']) || line.len() > MOST_BYTES {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(line).ok()?;
    let mut out = String::with_capacity(line.len() * 2);
    let mut depth = 0_usize;
    let mut in_text = false;
    let mut is_escaped = false;
    let mut chars = line.chars().peekable();
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth * INDENT).for_each(|_| out.push(' '));
    };
    while let Some(c) = chars.next() {
        if depth > DEEPEST || out.len() > line.len() * GROWTH + 1024 {
            return None;
        }
        if in_text {
            out.push(c);
            match c {
                '\\' if !is_escaped => is_escaped = true,
                '"' if !is_escaped => in_text = false,
                _ => is_escaped = false,
            }
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                is_escaped = false;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    newline(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_nothing_of_it_changed() {
        let line = r#"{"a":1.50,"b":[ ],"c":{"d":"x, \"y\": {","e":[1,2]}}"#;
        let wanted = r#"{
  "a": 1.50,
  "b": [],
  "c": {
    "d": "x, \"y\": {",
    "e": [
      1,
      2
    ]
  }
}"#;
        assert_eq!(pretty(line).as_deref(), Some(wanted));
    }

    #[test]
    fn what_is_no_json_or_too_deep_stays_as_it_is() {
        for line in ["", "plain", "{no", "{\"a\":1} tail", "42"] {
            assert_eq!(pretty(line), None, "{line}");
        }
        // No stack is lost by it, and no memory.
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(pretty(&deep), None);
    }
}
