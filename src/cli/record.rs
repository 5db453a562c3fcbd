//! `wharf record`

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    Context,
    failure::{Failure, Outcome},
    values,
};
use crate::{
    format::{bytes, duration, text::sanitize},
    model::{Visible, World},
    record::{Bounds, Error, Target, Writer},
};

/// Arguments of `record`.
#[derive(Args, Debug)]
pub struct RecordArgs {
    /// Record into this directory, the oldest of whose files go; by default that of the engine,
    /// from which dashboards have their history back
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    dir: Option<PathBuf>,
    /// Look every SPAN
    #[arg(long, value_name = "SPAN", default_value = "1s", value_parser = interval_of)]
    interval: Duration,
    /// Keep so many bytes at most
    #[arg(long, value_name = "SIZE", default_value = "256m", value_parser = max_size)]
    max_size: u64,
    /// Keep nothing older
    #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = values::span)]
    max_age: Duration,
    /// End after SPAN, such as 90s, 10m or 1h30m
    #[arg(long = "for", value_name = "SPAN", value_parser = values::span)]
    span: Option<Duration>,
    /// Record into one new file, which ends when it is full
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

const VISIBLE: Visible = Visible {
    stats: true,
    images: true,
    ..Visible::CONTAINERS
};

fn interval_of(text: &str) -> values::Parsed<Duration> {
    let allowed = Duration::from_millis(100)..=Duration::from_secs(3600);
    values::span(text).and_then(|span| match allowed.contains(&span) {
        true => Ok(span),
        false => Err("between 100ms and 1h is allowed".into()),
    })
}

fn max_size(text: &str) -> values::Parsed<u64> {
    values::size(text).and_then(|size| match size >= 1 << 20 {
        true => Ok(size),
        false => Err("1m is the least".into()),
    })
}

/// Writes what containers use until it is interrupted.
pub async fn run(args: &RecordArgs, context: &Context) -> Outcome {
    let target = match (&args.file, &args.dir) {
        (Some(file), _) => Target::File(file.clone()),
        (None, Some(dir)) => Target::Directory(dir.clone()),
        (None, None) => Target::Directory(context.recording.clone()),
    };
    let bounds = Bounds {
        max_bytes: args.max_size,
        max_age: args.max_age,
    };
    let mut writer = Writer::create(target, bounds, args.interval)?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut ticks = interval(args.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let end = async {
        match args.span {
            Some(span) => sleep(span).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    let mut progress = Progress::new(&writer);
    let outcome = loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break Ok(0),
            _ = terminate.recv() => break Ok(0),
            _ = hangup.recv() => break Ok(0),
            () = &mut end => break Ok(0),
            _ = ticks.tick() => {}
        }
        let world = match context.engine.world(VISIBLE).await {
            Ok(world) => world,
            // It may come back; until then the recording has a gap.
            Err(error) => {
                progress.trouble(&error.to_string());
                continue;
            }
        };
        match writer.append(&world, progress.began.elapsed()) {
            Ok(()) => progress.show(&writer, &world),
            Err(Error::Full(_)) => {
                progress.trouble("it is as large as --max-size allows");
                break Ok(0);
            }
            Err(error) => break Err(Failure::from(error)),
        }
    };
    progress.end(&writer);
    outcome
}

/// What is told on stderr: in a terminal a line that changes, otherwise two.
struct Progress {
    began: Instant,
    is_terminal: bool,
    pictures: u64,
    /// Containers that ran, over all pictures.
    rows: u64,
    bytes_before: u64,
    last_trouble: String,
}

impl Progress {
    fn new(writer: &Writer) -> Self {
        let progress = Self {
            began: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
            pictures: 0,
            rows: 0,
            bytes_before: writer.bytes(),
            last_trouble: String::new(),
        };
        let path = writer.path().display().to_string();
        eprintln!("recording to {}; ctrl-c ends it", sanitize(&path));
        progress
    }

    fn show(&mut self, writer: &Writer, world: &World) {
        let running = world.containers.iter().filter(|row| row.usage.is_some());
        let running = running.count();
        self.pictures += 1;
        self.rows += running as u64;
        self.last_trouble.clear();
        if self.is_terminal {
            self.line(&format!(
                "{}  {running} running  {} on disk",
                duration::short(self.began.elapsed()),
                bytes::decimal(writer.bytes()),
            ));
        }
    }

    fn trouble(&mut self, text: &str) {
        if self.last_trouble != text {
            self.line("");
            eprintln!("wharf: {}", sanitize(text));
            self.last_trouble = text.to_owned();
        }
    }

    fn line(&self, text: &str) {
        if self.is_terminal {
            let mut err = io::stderr().lock();
            // Nobody is there to be told where stderr is gone.
            let _ = write!(err, "\r\x1b[K{text}");
            let _ = err.flush();
        }
    }

    fn end(&self, writer: &Writer) {
        self.line("");
        let added = writer.bytes().saturating_sub(self.bytes_before);
        let each = match self.rows {
            0 => String::new(),
            rows => format!(
                ", {:.1} bytes a container and picture",
                added as f64 / rows as f64
            ),
        };
        eprintln!(
            "recorded {} pictures in {}: {}{each}",
            self.pictures,
            duration::short(self.began.elapsed()),
            bytes::decimal(added),
        );
    }
}
