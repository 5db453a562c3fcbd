//! `wharf dump`

use std::{
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use jiff::Timestamp;

use super::{
    Context,
    failure::{Failure, Outcome},
    ps::MEASURE,
    values,
};
use crate::{
    format::text::sanitize,
    model::Visible,
    record::{
        Recording, Source,
        export::{self, Excerpt},
    },
};

/// Arguments of `dump`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("form").required(true).args(["json", "csv", "openmetrics"]))]
pub struct DumpArgs {
    /// One JSON array, a line for each picture
    #[arg(long)]
    json: bool,
    /// RFC 4180, a line for each container of each picture
    #[arg(long)]
    csv: bool,
    /// The text that Prometheus reads
    #[arg(long)]
    openmetrics: bool,
    /// Nothing before this time: 2026-01-31T12:00:00Z, or a span back from now such as 10m
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    since: Option<Timestamp>,
    /// Nothing from this time on
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    until: Option<Timestamp>,
    /// A recording: a directory or a file of it. Without, --since or --until choose the engine's
    /// own, and nothing the figures of now
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Exports a recording, or the figures of now.
pub async fn run(args: &DumpArgs, context: &Context) -> Outcome {
    let path = match &args.file {
        Some(path) => Some(path.clone()),
        None if args.since.is_some() || args.until.is_some() => Some(context.recording.clone()),
        None => None,
    };
    let excerpt = match path {
        Some(path) => Excerpt {
            source: Source::Files(open(&path, args.since)?),
            since: args.since,
            until: args.until,
            has_times: true,
        },
        None => now(context).await?,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match args {
        DumpArgs { csv: true, .. } => export::csv(&excerpt, &mut out)?,
        DumpArgs {
            openmetrics: true, ..
        } => export::openmetrics(&excerpt, &mut out)?,
        _ => export::json(&excerpt, &mut out)?,
    }
    io::Write::flush(&mut out)?;
    Ok(0)
}

/// Opens a recording, and says what of it can't be read.
pub fn open(path: &Path, since: Option<Timestamp>) -> Result<Arc<Recording>, Failure> {
    let recording = Recording::open_since(path, since)?;
    for damage in recording.damages() {
        eprintln!("wharf: {}", sanitize(damage));
    }
    Ok(Arc::new(recording))
}

async fn now(context: &Context) -> Result<Excerpt, Failure> {
    let visible = Visible {
        stats: true,
        ..Visible::CONTAINERS
    };
    // Rates need two looks.
    context.engine.world(visible).await?;
    tokio::time::sleep(MEASURE.max(Duration::from_millis(250))).await;
    let world = context.engine.world(visible).await?;
    Ok(Excerpt::of(&world)?)
}
