//! `wharf advise`

use std::{collections::HashMap, io::ErrorKind, path::PathBuf, sync::Arc};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Context, dump,
    failure::{Failure, Outcome},
    output::{Output, print},
    table::{Cell, GridColumn, Row, grid},
    values,
};
use crate::{
    format::{
        Tone,
        columns::{Align, Width},
        duration,
        text::sanitize,
    },
    model::{Container, ContainerId},
    record::{
        Error, Player, Source,
        advice::{Advice, Confidence, Line, Tally, Verdict},
    },
};

/// Arguments of `advise`.
#[derive(Args, Debug)]
pub struct AdviseArgs {
    /// As one JSON array, figures as numbers
    #[arg(long)]
    json: bool,
    /// Another recording than the engine's own: a directory or a file of it
    #[arg(long, value_name = "FILE")]
    recording: Option<PathBuf>,
    /// Weigh nothing before this time: 2026-01-31T12:00:00Z, or a span such as 2h
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    since: Option<Timestamp>,
    /// Containers, by name or the beginning of an id; all that ran if none is named
    containers: Vec<String>,
}

/// A container and what its limits are worth.
struct Weighed {
    container: Arc<Container>,
    advice: Advice,
}

/// Weighs limits against what was recorded.
pub fn run(args: &AdviseArgs, context: &Context) -> Outcome {
    let path = args.recording.as_ref().unwrap_or(&context.recording);
    let recording = dump::open(path, args.since).map_err(|failure| match path.exists() {
        true => failure,
        false => Failure::new(format!("there is no recording at {}", path.display()))
            .with_hint("`wharf record` makes one: the longer it runs, the better the advice"),
    })?;
    let source = Source::Files(recording);
    let mut weighed = weigh(&source, args.since)?;
    if !args.containers.is_empty() {
        weighed = chosen(weighed, &args.containers)?;
    }
    if args.json {
        let all: Vec<Value> = weighed.iter().map(to_json).collect();
        print(&format!("{:#}\n", Value::from(all)))?;
    } else {
        print(&table(&weighed, &context.output))?;
    }
    Ok(0)
}

/// What each container used, in the order of the last picture that shows it.
fn weigh(source: &Source, since: Option<Timestamp>) -> Result<Vec<Weighed>, Error> {
    let mut tallies: HashMap<ContainerId, (Arc<Container>, Tally)> = HashMap::new();
    let mut player = Player::default();
    player.seek(source, source.first(), source.end(), |decoder, _| {
        let at = decoder.at();
        if since.is_some_and(|since| at < since) {
            return;
        }
        for (container, usage) in decoder.rows() {
            let Some(usage) = usage else { continue };
            if !tallies.contains_key(&container.id) {
                let new = (Arc::clone(container), Tally::default());
                tallies.insert(container.id.clone(), new);
            }
            if let Some((known, tally)) = tallies.get_mut(&container.id) {
                known.clone_from(container);
                tally.add(at, &usage);
            }
        }
    })?;
    let mut weighed: Vec<_> = tallies
        .into_values()
        .map(|(container, tally)| Weighed {
            advice: tally.advise(&container.config.limits),
            container,
        })
        .collect();
    weighed.sort_by(|a, b| a.container.name.cmp(&b.container.name));
    Ok(weighed)
}

fn chosen(weighed: Vec<Weighed>, wanted: &[String]) -> Result<Vec<Weighed>, Failure> {
    let mut chosen = Vec::new();
    let mut left = weighed;
    for name in wanted {
        let is_it = |one: &Weighed| {
            one.container.name == *name || one.container.id.as_str().starts_with(name.as_str())
        };
        let found = left.iter().position(is_it).ok_or_else(|| {
            Failure::new(format!(
                "advise {name}: it did not run in the time recorded"
            ))
            .with_hint("`wharf advise` without a name lists what did")
        })?;
        chosen.push(left.remove(found));
    }
    Ok(chosen)
}

fn to_json(weighed: &Weighed) -> Value {
    let lines = weighed.advice.lines.iter().map(|line| {
        json!({
            "resource": line.resource.as_str(),
            "limit": line.limit,
            "peak": line.peak,
            "p95": line.p95,
            "p99": line.p99,
            "held_back_share": line.held,
            "headroom_share": line.headroom,
            "verdict": line.verdict.as_str(),
            "suggestion": line.suggestion,
            "reason": line.reason(),
        })
    });
    json!({
        "id": weighed.container.id,
        "name": weighed.container.name,
        "observed_seconds": weighed.advice.observed.as_secs(),
        "confidence": weighed.advice.confidence.as_str(),
        "limits": lines.collect::<Vec<_>>(),
        "update": update(weighed),
    })
}

/// The command that would do what is suggested.
fn update(weighed: &Weighed) -> Option<String> {
    let flags = weighed.advice.flags();
    (!flags.is_empty()).then(|| {
        let flags = flags.join(" ");
        format!("wharf update {flags} {}", weighed.container.name)
    })
}

const COLUMNS: [(&str, Align); 9] = [
    ("LIMIT", Align::Left),
    ("NOW", Align::Right),
    ("PEAK", Align::Right),
    ("P99", Align::Right),
    ("P95", Align::Right),
    ("HELD", Align::Right),
    ("ROOM", Align::Right),
    ("FIT", Align::Left),
    ("WHY", Align::Left),
];

fn table(weighed: &[Weighed], output: &Output) -> String {
    let columns = COLUMNS.map(|(title, align)| GridColumn {
        id: title,
        title,
        align,
        width: match title {
            "WHY" => Width::Fit { min: 20, max: 200 },
            _ => Width::Whole,
        },
    });
    let mut rows = Vec::new();
    for one in weighed {
        let advice = &one.advice;
        rows.push(Row::Heading(format!(
            "{}: {} of history, {}",
            sanitize(&one.container.name),
            duration::short(advice.observed),
            match advice.confidence {
                Confidence::None => "too little to advise".to_owned(),
                confidence => format!("confidence {}", confidence.as_str()),
            }
        )));
        rows.extend(advice.lines.iter().map(|line| {
            let mut cells = cells(line, output);
            if advice.confidence == Confidence::None {
                // The heading says it once.
                cells.pop();
            }
            Row::Cells(cells)
        }));
        if let Some(command) = update(one) {
            let command = sanitize(&command).into_owned();
            rows.push(Row::Heading(format!(
                "  {}",
                output.paint(Tone::Good, &command)
            )));
        }
    }
    grid(
        &columns,
        &rows,
        &["P95", "ROOM", "P99", "HELD", "WHY"],
        output,
    )
}

fn cells(line: &Line, output: &Output) -> Vec<Cell> {
    let unknown = output.glyphs.unknown();
    let value = |value: Option<f64>| match value {
        Some(value) => line.resource.text(value),
        None => unknown.to_owned(),
    };
    let share = |share: Option<f64>| match share {
        Some(share) => format!("{:.0}%", share * 100.0),
        None => unknown.to_owned(),
    };
    vec![
        format!("  {}", line.resource.as_str()).into(),
        value(line.limit).into(),
        value(line.peak).into(),
        value(line.p99).into(),
        value(line.p95).into(),
        share(line.held).into(),
        share(line.headroom).into(),
        Cell {
            text: line.verdict.as_str().into(),
            tone: Some(match line.verdict {
                Verdict::Tight => Tone::Bad,
                Verdict::Fits => Tone::Good,
                Verdict::Roomy => Tone::Warn,
                Verdict::Unlimited | Verdict::Unknown => Tone::Quiet,
            }),
        },
        line.why.clone().into(),
    ]
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut message = error.to_string();
        if let Error::Output(source) = error {
            return source.into();
        }
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            message.push_str(&format!(": {source}"));
            cause = source.source();
        }
        let hint = match &error {
            Error::Busy(_) => Some("one recorder at a time; --dir records elsewhere"),
            Error::Empty(_) => Some("`wharf record` makes a recording"),
            Error::Newer { .. } => Some("it needs the wharf that wrote it, or a later one"),
            Error::Io { source, .. } => match source.kind() {
                ErrorKind::AlreadyExists => Some("nothing is overwritten: give another name"),
                ErrorKind::PermissionDenied => Some("run it as root, or record elsewhere"),
                ErrorKind::NotFound => Some("`wharf record` makes a recording"),
                _ => None,
            },
            _ => None,
        };
        let failure = Self::new(message);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
