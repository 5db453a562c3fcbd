//! One JSON array, a line for each picture, figures as numbers.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::{Excerpt, Result};
use crate::{
    model::{Container, Usage},
    record::{Error, FIGURES},
};

/// Writes it.
pub fn json(excerpt: &Excerpt, out: &mut dyn Write) -> Result<()> {
    out.write_all(b"[\n").map_err(Error::Output)?;
    let mut is_first = true;
    excerpt.each(|decoder| {
        if !std::mem::take(&mut is_first) {
            out.write_all(b",\n")?;
        }
        let containers: Vec<Value> = decoder
            .rows()
            .map(|(container, usage)| row(container, usage.as_ref()))
            .collect();
        let picture = json!({
            "time": decoder.at().to_string(),
            "host": decoder.host(),
            "containers": containers,
        });
        serde_json::to_writer(&mut *out, &picture).map_err(io::Error::from)
    })?;
    let end: &[u8] = if is_first { b"]\n" } else { b"\n]\n" };
    out.write_all(end).map_err(Error::Output)
}

fn row(container: &Container, usage: Option<&Usage>) -> Value {
    let figures = usage.map(|usage| -> Map<String, Value> {
        let figure = |figure: &crate::record::Figure| {
            let value = match figure.of(usage) {
                // Counts are whole; as floats they would end in ".0".
                Some(value) if value.fract() == 0.0 && value.abs() < 1e15 => json!(value as i64),
                value => json!(value),
            };
            (figure.id.to_owned(), value)
        };
        FIGURES.iter().map(figure).collect()
    });
    json!({
        "id": container.id,
        "name": container.name,
        "image": container.config.image,
        "state": container.state,
        "restarts": container.restarts,
        "limits": container.config.limits,
        "usage": figures,
    })
}
