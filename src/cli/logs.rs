//! `wharf logs`

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;

use super::{Context, failure::Outcome, values};
use crate::model::{LogsRequest, Stream};

/// Arguments of `logs`.
#[derive(Args, Debug)]
pub struct LogsArgs {
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines, or all
    #[arg(short = 'n', long, value_name = "N", default_value = "all", value_parser = tail, hide_default_value = true, allow_negative_numbers = true)]
    tail: Tail,
    /// Only from this time on: 2026-01-31T12:00:00Z, or a span such as 10m
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    since: Option<Timestamp>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    until: Option<Timestamp>,
    /// Show when each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// The container, by name or id
    container: String,
}

/// How many lines; `None` is all.
#[derive(Clone, Copy, Debug)]
struct Tail(Option<u64>);

fn tail(text: &str) -> values::Parsed<Tail> {
    // Docker takes any negative number for all.
    if text == "all" || text.parse::<i64>().is_ok_and(|n| n < 0) {
        return Ok(Tail(None));
    }
    match text.parse() {
        Ok(count) => Ok(Tail(Some(count))),
        Err(_) => Err("a number of lines, or all".into()),
    }
}

/// Prints a container's log: its stdout to ours, its stderr to ours.
pub async fn run(args: &LogsArgs, context: &Context) -> Outcome {
    let id = context.resolve(&args.container).await?;
    let request = LogsRequest {
        id,
        follow: args.follow,
        tail: args.tail.0,
        since: args.since,
        until: args.until,
        stdout: true,
        stderr: true,
    };
    let mut lines = context.engine.logs(request).await?;
    // Whether the last piece ended without a newline, per stream.
    let mut midway = [false; 2];
    let mut out = io::BufWriter::new(io::stdout().lock());
    loop {
        // What is buffered goes out before we wait for more.
        let next = match lines.try_recv() {
            Ok(line) => Some(line?),
            Err(_) => {
                out.flush()?;
                lines.recv().await.transpose()?
            }
        };
        let Some(line) = next else { break };
        let place = match line.stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        let stamp = match args.timestamps && !midway[place] {
            true => format!("{:.9} ", line.at),
            false => String::new(),
        };
        midway[place] = line.partial;
        let end: &[u8] = if line.partial { b"" } else { b"\n" };
        let bytes = [stamp.as_bytes(), &line.text, end].concat();
        match line.stream {
            Stream::Stdout => out.write_all(&bytes)?,
            Stream::Stderr => {
                // In order, where both go to one place.
                out.flush()?;
                io::stderr().write_all(&bytes)?;
            }
        }
    }
    out.flush()?;
    Ok(0)
}
