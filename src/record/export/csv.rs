//! RFC 4180: a line for each container of each picture; what is unknown is empty.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::{Excerpt, Result};
use crate::record::{Error, FIGURES};

/// Columns before the figures.
const COLUMNS: [&str; 8] = [
    "time",
    "id",
    "name",
    "image",
    "state",
    "cpu_limit_cores",
    "memory_limit_bytes",
    "pids_limit",
];

/// Writes it.
pub fn csv(excerpt: &Excerpt, out: &mut dyn Write) -> Result<()> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(out);
    let titles = COLUMNS.into_iter().chain(FIGURES.iter().map(|f| f.id));
    writer.write_record(titles).map_err(output)?;
    excerpt.each(|decoder| {
        let time = decoder.at().to_string();
        for (container, usage) in decoder.rows() {
            let limits = &container.config.limits;
            let known = |value: Option<f64>| value.map_or(String::new(), |v| v.to_string());
            let cells = [
                time.clone(),
                container.id.to_string(),
                container.name.clone(),
                container.config.image.clone(),
                container.state.to_string(),
                known(limits.cpu_millis.map(|millis| millis as f64 / 1000.0)),
                known(limits.memory_bytes.map(|bytes| bytes as f64)),
                known(limits.pids.filter(|n| *n > 0).map(|n| n as f64)),
            ];
            let figures = FIGURES
                .iter()
                .map(|figure| known(usage.as_ref().and_then(|usage| figure.of(usage))));
            writer
                .write_record(cells.into_iter().chain(figures))
                .map_err(io::Error::from)?;
        }
        Ok(())
    })?;
    writer.flush().map_err(Error::Output)
}

fn output(error: csv::Error) -> Error {
    Error::Output(error.into())
}
