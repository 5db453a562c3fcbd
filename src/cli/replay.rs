//! `wharf replay`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use jiff::Timestamp;

use super::{
    Faces, Settings, dump,
    failure::{Failure, Outcome},
    values,
};
use crate::{engine::recorded::Recorded, record::Showing};

/// Arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArgs {
    /// So many times as fast as it was; the next power of two is taken
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: i32,
    /// Begin at this time: 2026-01-31T12:00:00Z, or a span back from now such as 10m
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    at: Option<Timestamp>,
    /// A recording: a directory or a file of it; the engine's own if none is named
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The power of two that is nearest.
fn speed(text: &str) -> values::Parsed<i32> {
    let number: f64 = text.parse().unwrap_or(f64::NAN);
    match (0.125..=1024.0).contains(&number) {
        true => Ok(number.log2().round() as i32),
        false => Err("a speed is between 0.125 and 1024".into()),
    }
}

/// Shows a recording in the dashboard. No engine is opened for it.
pub fn run(args: &ReplayArgs, own: &Path, faces: &Faces, settings: Settings) -> Outcome {
    let recording = dump::open(args.file.as_deref().unwrap_or(own), None)?;
    let track = recording.track();
    let showing = Showing::Replay {
        number: args.at.map_or(track.first(), |at| track.at_time(at)),
        speed: args.speed,
        recording,
    };
    match (faces.dashboard)(
        Arc::new(Recorded),
        Settings {
            showing,
            ..settings
        },
    ) {
        Ok(()) => Ok(0),
        Err(error) => Err(Failure::new(error)),
    }
}
