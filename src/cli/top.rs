//! `wharf top`

use clap::Args;
use serde_json::json;

use super::{
    Context,
    failure::Outcome,
    output::print,
    table::{Format, GridColumn, Row, grid},
};
use crate::{
    format::{
        bytes,
        columns::{Align, Width},
        duration,
        text::sanitize,
    },
    model::Process,
};

/// Arguments of `top`.
#[derive(Args, Debug)]
pub struct TopArgs {
    /// json (a line each), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// The container, by name or id
    container: String,
    /// Taken for docker's sake; what ps(1) would show can't be chosen
    #[arg(hide = true, trailing_var_arg = true)]
    ps_options: Vec<String>,
}

const TITLES: [(&str, Align); 9] = [
    ("USER", Align::Left),
    ("PID", Align::Right),
    ("PPID", Align::Right),
    ("STATE", Align::Left),
    ("THREADS", Align::Right),
    ("RSS", Align::Right),
    ("TIME", Align::Right),
    ("AGE", Align::Right),
    ("COMMAND", Align::Left),
];

/// Prints a container's processes, with their ids on the host.
pub async fn run(args: &TopArgs, context: &Context) -> Outcome {
    let id = context.resolve(&args.container).await?;
    let processes = context.engine.processes(&id).await?;
    let now = jiff::Timestamp::now();
    let cells = |process: &Process| -> [String; 9] {
        [
            process.user.clone(),
            process.pid.to_string(),
            process.parent.to_string(),
            process.state.to_string(),
            process.threads.to_string(),
            bytes::binary(process.resident_bytes),
            clock(process.cpu_time.as_secs()),
            duration::short(duration::between(process.started, now)),
            sanitize(&process.command).into_owned(),
        ]
    };
    if let Some(format) = &args.format {
        let name = |title: &str| match title {
            "PID" | "PPID" | "RSS" => title.to_owned(),
            _ => title[..1].to_owned() + &title[1..].to_lowercase(),
        };
        let object = |values: [String; 9]| {
            let pairs = TITLES.iter().zip(values);
            serde_json::Value::Object(pairs.map(|((t, _), v)| (name(t), json!(v))).collect())
        };
        let rows: Vec<_> = processes.iter().map(|p| object(cells(p))).collect();
        let headings = object(TITLES.map(|(title, _)| title.to_owned()));
        print(&Format::parse(format)?.render(&rows, &headings, &|_, _, _| None)?)?;
        return Ok(0);
    }
    let columns = TITLES.map(|(title, align)| GridColumn {
        id: title,
        title,
        width: match title {
            "COMMAND" => Width::Fit { min: 8, max: 400 },
            _ => Width::Whole,
        },
        align,
    });
    let row = |process| Row::Cells(cells(process).map(Into::into).into());
    let rows: Vec<_> = processes.iter().map(row).collect();
    print(&grid(
        &columns,
        &rows,
        &["AGE", "PPID", "THREADS", "STATE"],
        &context.output,
    ))?;
    Ok(0)
}

/// CPU time as ps(1) has it.
fn clock(seconds: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}
