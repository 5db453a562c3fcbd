//! `wharf ps`: `docker ps`, prettified, and a drop-in for its flags.

#[cfg(test)]
mod tests;
mod view;

use std::{sync::Arc, time::Duration};

use clap::Args;
use jiff::Timestamp;

use super::{
    Context,
    failure::{Failure, Outcome},
    live,
    output::{Output, print},
    table::Format,
};
use crate::{
    engine::Engine,
    format::{
        columns::{Align, CONTAINERS, Column, Item, Size, find},
        filter::Filter as Terms,
        group::GroupBy,
        selection::{self, Created, Filter, Surroundings},
    },
    model::{ContainerRow, Visible, World},
};
pub use view::{Shape, View, items};

/// How long usage is measured where it is told once: five of the kernel's quota periods,
/// so that a container held at its quota shows just that.
pub const MEASURE: Duration = Duration::from_millis(500);

/// Arguments of `ps`.
#[derive(Args, Clone, Debug, Default)]
pub struct PsArgs {
    /// Also those that don't run
    #[arg(short, long)]
    all: bool,
    /// Only ids
    #[arg(short, long)]
    quiet: bool,
    /// Only the newest N, running or not
    #[arg(
        short = 'n',
        long = "last",
        value_name = "N",
        allow_negative_numbers = true
    )]
    last: Option<i64>,
    /// Only the newest
    #[arg(short, long)]
    latest: bool,
    /// Show what each takes on disk
    #[arg(short, long)]
    size: bool,
    /// Only what matches: id, name, label, status, ancestor, exited, before, since, network, volume, health
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Only what all terms hold for, as the dashboard's filter has them: "state:run cpu>50 !db"
    #[arg(long = "match", value_name = "TERMS", value_parser = Terms::parse)]
    terms: Option<Terms>,
    /// Cut nothing
    #[arg(long)]
    no_trunc: bool,
    /// json (a line each, docker's names), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// All that is known, as one JSON array with figures as numbers
    #[arg(long, conflicts_with_all = ["format", "quiet"])]
    json: bool,
    /// Measure and show what each uses
    #[arg(long)]
    stats: bool,
    /// Sort by a column, figures from the largest; -COLUMN is the other way round
    #[arg(long, value_name = "COLUMN", value_parser = sort, allow_hyphen_values = true)]
    sort: Option<Sort>,
    /// Group by state, image, project or label:KEY, with subtotals
    #[arg(long, value_name = "KEY", value_parser = GroupBy::parse, conflicts_with_all = ["format", "json", "quiet"])]
    group_by: Option<GroupBy>,
    /// A line of sums at the end
    #[arg(long)]
    totals: bool,
    /// Draw it again every SECONDS until interrupted
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "1", value_parser = seconds)]
    watch: Option<Duration>,
    /// One record a container, with all that is known
    #[arg(long, conflicts_with_all = ["format", "json", "quiet"])]
    long: bool,
}

/// A column to sort by.
#[derive(Clone, Copy)]
pub struct Sort {
    column: &'static Column,
    descending: bool,
}

impl std::fmt::Debug for Sort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sort({}, {})", self.column.id, self.descending)
    }
}

impl Sort {
    /// Puts items in order; those that are equal keep theirs.
    pub fn apply(self, items: &mut [Item]) {
        let key = self.column.key;
        items.sort_by(|a, b| key(a).compare(&key(b), self.descending));
    }
}

/// Reads `[-]COLUMN`: figures descend unless turned round, text ascends.
pub fn sort(text: &str) -> super::values::Parsed<Sort> {
    let (name, turned) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let column = find(CONTAINERS, name).ok_or_else(|| {
        let ids: Vec<_> = CONTAINERS.iter().map(|column| column.id).collect();
        format!("no such column: there are {}", ids.join(", "))
    })?;
    let by_figure = column.align == Align::Right;
    Ok(Sort {
        column,
        descending: by_figure != turned,
    })
}

/// Reads a time between frames.
pub fn seconds(text: &str) -> super::values::Parsed<Duration> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    if !(0.1..=86_400.0).contains(&seconds) {
        return Err("at least 0.1 and at most a day".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Lists containers.
pub async fn run(args: &PsArgs, context: &Context) -> Outcome {
    let view = args.view()?;
    match args.watch {
        Some(interval) => {
            let mut output = context.output;
            live::repeat(interval, async || {
                // The window may have been resized since the last frame.
                if output.width.is_some() {
                    output = Output::of_stdout();
                }
                let world = context.engine.world(args.visible()).await?;
                args.render(&view, &world, context, &output).await
            })
            .await?;
        }
        None => {
            let mut world = context.engine.world(args.visible()).await?;
            if args.measures() {
                tokio::time::sleep(MEASURE).await;
                world = context.engine.world(args.visible()).await?;
            }
            print(&args.render(&view, &world, context, &context.output).await?)?;
            report_problems(&world);
        }
    }
    Ok(0)
}

/// Says what could not be read, beside the list of what could.
pub fn report_problems(world: &World) {
    for problem in &world.problems {
        let failure = Failure::new(problem.message.clone());
        match &problem.hint {
            Some(hint) => failure.with_hint(hint.clone()).report(),
            None => failure.report(),
        }
    }
}

impl PsArgs {
    /// What the demo shows at its end.
    pub fn of_demo(label: &str) -> Self {
        Self {
            all: true,
            stats: true,
            filter: vec![format!("label={label}")],
            sort: sort("name").ok(),
            ..Self::default()
        }
    }

    /// The text of one world.
    pub async fn text(&self, world: &World, context: &Context) -> Result<String, Failure> {
        self.render(&self.view()?, world, context, &context.output)
            .await
    }

    /// Whether usage is read: what is shown or compared.
    fn measures(&self) -> bool {
        self.stats || self.terms.is_some()
    }

    fn visible(&self) -> Visible {
        Visible {
            stats: self.measures(),
            images: self.size || self.filter.iter().any(|f| f.starts_with("ancestor=")),
            ..Visible::default()
        }
    }

    /// Like docker, an unknown filter is no mistake of the command line, but of the list.
    fn filters(&self) -> Result<Vec<Filter>, Failure> {
        let read = |text: &String| selection::filter(text).map_err(Failure::new);
        self.filter.iter().map(read).collect()
    }

    fn view(&self) -> Result<View, Failure> {
        self.filters()?;
        let shape = match &self.format {
            _ if self.json => Shape::Json,
            _ if self.long => Shape::Long,
            Some(format) if !self.quiet => Shape::Format(Format::parse(format)?),
            _ if self.quiet => Shape::Ids,
            _ => Shape::Grid,
        };
        let mut columns = vec!["id", "name", "image", "status"];
        if self.stats {
            columns.extend([
                "trouble", "cpu", "memory", "read", "write", "net_in", "net_out", "pids",
                "restarts",
            ]);
        }
        columns.extend(["command", "created", "networks"]);
        if self.size {
            columns.push("size");
        }
        Ok(View {
            shape,
            columns,
            group: self.group_by.clone(),
            totals: self.totals || (self.stats && self.group_by.is_none()),
            full: self.no_trunc,
            stats: self.stats,
        })
    }

    async fn render(
        &self,
        view: &View,
        world: &World,
        context: &Context,
        output: &Output,
    ) -> Result<String, Failure> {
        let rows = self.choose(world)?;
        let sizes = match self.size {
            true => sizes(&rows, world, &context.engine).await?,
            false => Vec::new(),
        };
        let now = if world.at == Timestamp::UNIX_EPOCH {
            Timestamp::now()
        } else {
            world.at
        };
        let mut items = view::items(&rows, &sizes, world, now, self.no_trunc, output);
        if let Some(terms) = &self.terms {
            items.retain(|item| terms.matches(item));
        }
        if let Some(sort) = self.sort {
            sort.apply(&mut items);
        }
        view.render(&items, output)
    }

    /// The rows that flags and filters leave, newest first.
    fn choose<'w>(&self, world: &'w World) -> Result<Vec<&'w ContainerRow>, Failure> {
        let times = Times(world);
        let filters = self.filters()?;
        for filter in &filters {
            if let Filter::Before(name) | Filter::Since(name) = filter
                && times.created(name).is_none()
            {
                return Err(Failure::new(format!("no such container: {name}")));
            }
        }
        let around = Surroundings {
            images: &world.images,
            created: &times,
        };
        let most = match (self.latest, self.last) {
            (true, _) => Some(1),
            (false, Some(n)) => usize::try_from(n).ok(),
            (false, None) => None,
        };
        let all = self.all || most.is_some() || selection::include_stopped(&filters);
        Ok(world
            .containers
            .iter()
            .filter(|row| all || row.container.state.has_process() || is_restarting(row))
            .filter(|row| selection::passes(&filters, &row.container, around))
            .take(most.unwrap_or(usize::MAX))
            .collect())
    }
}

/// Docker lists what its restart policy is about to start again with what runs.
fn is_restarting(row: &ContainerRow) -> bool {
    row.container.state == crate::model::State::Restarting
}

async fn sizes(
    rows: &[&ContainerRow],
    world: &World,
    engine: &Arc<dyn Engine>,
) -> Result<Vec<Size>, Failure> {
    let mut sizes = Vec::with_capacity(rows.len());
    for row in rows {
        let writable_bytes = engine.writable_bytes(&row.container.id).await?;
        let image = world.images.iter().find(|i| i.id == row.container.image_id);
        sizes.push(Size {
            writable_bytes,
            total_bytes: writable_bytes + image.map_or(0, |image| image.size_bytes),
        });
    }
    Ok(sizes)
}

#[derive(Debug)]
struct Times<'a>(&'a World);

impl Created for Times<'_> {
    fn created(&self, reference: &str) -> Option<Timestamp> {
        let is_it = |row: &&ContainerRow| {
            let container = &row.container;
            container.name == reference
                || (reference.len() >= 3 && container.id.as_str().starts_with(reference))
        };
        self.0
            .containers
            .iter()
            .find(is_it)
            .map(|row| row.container.created)
    }
}
