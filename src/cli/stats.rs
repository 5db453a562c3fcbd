//! `wharf stats`

use std::time::Duration;

use clap::Args;

use super::{
    Context,
    failure::{Failure, Outcome},
    live,
    output::{Output, print},
    ps::{MEASURE, Shape, Sort, View, items, seconds, sort},
    table::Format,
};
use crate::model::{ContainerId, Visible, World};

/// Arguments of `stats`.
#[derive(Args, Debug)]
pub struct StatsArgs {
    /// Also those that don't run
    #[arg(short, long)]
    all: bool,
    /// Measure once, print, and leave
    #[arg(long)]
    no_stream: bool,
    /// Cut nothing
    #[arg(long)]
    no_trunc: bool,
    /// json (a line each, docker's names), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// All that is known, as one JSON array with figures as numbers
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Sort by a column, figures from the largest; -COLUMN is the other way round
    #[arg(long, value_name = "COLUMN", value_parser = sort, allow_hyphen_values = true)]
    sort: Option<Sort>,
    /// Measure every SECONDS
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Containers, by name or id; all that run if none is named
    containers: Vec<String>,
}

const VISIBLE: Visible = Visible {
    stats: true,
    ..Visible::CONTAINERS
};

/// Prints what containers use, again and again.
pub async fn run(args: &StatsArgs, context: &Context) -> Outcome {
    let mut wanted = Vec::new();
    for name in &args.containers {
        wanted.push(context.resolve(name).await?);
    }
    let view = View {
        shape: match &args.format {
            _ if args.json => Shape::Json,
            Some(format) => Shape::Format(Format::parse(format)?),
            None => Shape::Grid,
        },
        columns: vec![
            "id",
            "name",
            "cpu",
            "cpu_share",
            "memory",
            "memory_share",
            "read",
            "write",
            "block_io",
            "net_in",
            "net_out",
            "net_io",
            "pids",
        ],
        group: None,
        totals: args.containers.len() != 1,
        full: args.no_trunc,
        stats: true,
    };
    // Rates need two samples; the first is taken before anything is shown.
    context.engine.world(VISIBLE).await?;
    tokio::time::sleep(MEASURE.min(args.interval)).await;
    if args.no_stream {
        let world = context.engine.world(VISIBLE).await?;
        print(&args.render(&view, &world, &wanted, &context.output)?)?;
        super::ps::report_problems(&world);
        return Ok(0);
    }
    let mut output = context.output;
    live::repeat(args.interval, async || -> Result<String, Failure> {
        // The window may have been resized since the last frame.
        if output.width.is_some() {
            output = Output::of_stdout();
        }
        let world = context.engine.world(VISIBLE).await?;
        args.render(&view, &world, &wanted, &output)
    })
    .await?;
    Ok(0)
}

impl StatsArgs {
    fn render(
        &self,
        view: &View,
        world: &World,
        wanted: &[ContainerId],
        output: &Output,
    ) -> Result<String, Failure> {
        let rows: Vec<_> = world
            .containers
            .iter()
            .filter(|row| match wanted {
                [] => self.all || row.container.state.has_process(),
                wanted => wanted.contains(&row.container.id),
            })
            .collect();
        let mut items = items(&rows, &[], world, world.at, self.no_trunc, output);
        if let Some(sort) = self.sort {
            sort.apply(&mut items);
        }
        view.render(&items, output)
    }
}
