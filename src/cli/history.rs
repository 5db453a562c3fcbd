//! `wharf history`

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Context,
    failure::Outcome,
    output::{line, print},
    table::{Format, GridColumn, Row, grid},
};
use crate::format::{
    bytes,
    columns::{Align, Width},
    duration,
    history::{self, Step},
    text::sanitize,
};

/// As many characters of a command as docker shows.
const LONGEST: usize = 45;

/// Arguments of `history`.
#[derive(Args, Debug)]
pub struct HistoryArgs {
    /// Cut nothing
    #[arg(long)]
    no_trunc: bool,
    /// Only ids
    #[arg(short, long)]
    quiet: bool,
    /// json (a line each), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT", conflicts_with = "quiet")]
    format: Option<String>,
    /// All that is known, as one JSON array
    #[arg(long, conflicts_with_all = ["format", "quiet"])]
    json: bool,
    /// The image, by reference or id
    image: String,
}

/// Prints what made an image, newest step first.
pub async fn run(args: &HistoryArgs, context: &Context) -> Outcome {
    let image = context.engine.image(&args.image).await?;
    let config = context.engine.image_config(&args.image).await?;
    let steps = history::steps(&image, &config);
    let known_id = |step: &Step| {
        step.id.as_ref().map(|id| match args.no_trunc {
            true => id.to_string(),
            false => id.short().to_owned(),
        })
    };
    let id = |step: &Step| known_id(step).unwrap_or_else(|| "<missing>".into());
    if args.quiet {
        for step in &steps {
            line(&id(step))?;
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    let since = |step: &Step| match step.created {
        Some(at) => format!("{} ago", duration::words_between(at, now)),
        None => "N/A".into(),
    };
    let command = |step: &Step| match args.no_trunc {
        true => step.created_by.clone(),
        false => cut(&step.created_by),
    };
    let data = |step: &Step| {
        json!({
            "ID": id(step),
            "CreatedAt": step.created.map(|at| at.to_string()),
            "CreatedSince": since(step),
            "CreatedBy": command(step),
            "Size": bytes::decimal(step.bytes),
            "Comment": step.comment,
        })
    };
    if args.json {
        let all: Vec<_> = steps
            .iter()
            .map(|step| {
                json!({
                    "id": known_id(step), "created": step.created, "created_by": step.created_by,
                    "size_bytes": step.bytes, "comment": step.comment,
                })
            })
            .collect();
        line(&format!("{:#}", Value::Array(all)))?;
        return Ok(0);
    }
    if let Some(format) = &args.format {
        let rows: Vec<_> = steps.iter().map(data).collect();
        let headings = json!({
            "ID": "IMAGE", "CreatedAt": "CREATED AT", "CreatedSince": "CREATED",
            "CreatedBy": "CREATED BY", "Size": "SIZE", "Comment": "COMMENT",
        });
        print(&Format::parse(format)?.render(&rows, &headings, &|_, _, _| None)?)?;
        return Ok(0);
    }
    let columns = [
        ("id", "IMAGE", Align::Left),
        ("created", "CREATED", Align::Left),
        ("by", "CREATED BY", Align::Left),
        ("size", "SIZE", Align::Right),
        ("comment", "COMMENT", Align::Left),
    ]
    .map(|(id, title, align)| GridColumn {
        id,
        title,
        width: Width::Whole,
        align,
    });
    let row = |step: &Step| {
        let cells = [
            id(step),
            since(step),
            sanitize(&command(step)).into_owned(),
            bytes::decimal(step.bytes),
            sanitize(&step.comment).into_owned(),
        ];
        Row::Cells(cells.into_iter().map(Into::into).collect())
    };
    let rows: Vec<_> = steps.iter().map(row).collect();
    print(&grid(
        &columns,
        &rows,
        &["comment", "created", "id"],
        &context.output,
    ))?;
    Ok(0)
}

fn cut(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.chars().count() > LONGEST {
        true => flat.chars().take(LONGEST - 1).chain(['…']).collect(),
        false => flat,
    }
}
