//! What engines do otherwise than the suite says, and why that is so.

/// An engine, a behaviour, and the reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

/// Why an engine may fail a behaviour.
pub fn difference(engine: &str, behaviour: &str) -> Option<&'static str> {
    let row = DIFFERENCES
        .iter()
        .find(|(of, what, _)| *of == engine && *what == behaviour)?;
    Some(row.2)
}
