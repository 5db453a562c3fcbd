//! `wharf system …`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::{
    Context, events,
    failure::{Failure, Outcome},
    info,
    output::{line, print},
    prune,
    table::{Format, GridColumn, Row, grid},
};
use crate::{
    config::Target,
    engine::remote,
    format::{
        bytes,
        columns::{Align, Width},
        duration,
        text::sanitize,
    },
    model::{Address, State, Visible, VolumeDetails},
};

/// The commands below `system`.
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    Df(DfArgs),
    Prune(prune::PruneSystemArgs),
    /// Print what the engine is and what this kernel can't do
    Info(info::InfoArgs),
    Events(events::EventsArgs),
    /// Pass stdin and stdout on to the engine's socket: what ssh runs here
    #[command(name = "dial-stdio")]
    DialStdio,
}

/// Arguments of `system df`.
#[derive(Args, Debug)]
pub struct DfArgs {
    /// Each image and container
    #[arg(short, long)]
    verbose: bool,
    /// json (a line each), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT", conflicts_with = "verbose")]
    format: Option<String>,
    /// All that is known, as JSON
    #[arg(long, conflicts_with_all = ["format", "verbose"])]
    json: bool,
}

/// Runs one of them.
pub async fn run(command: SystemCommand, context: &Context) -> Outcome {
    match command {
        SystemCommand::Df(args) => df(&args, context).await,
        SystemCommand::Prune(args) => prune::system(&args, context).await,
        SystemCommand::Info(args) => info::run(&args, context).await,
        SystemCommand::Events(args) => events::run(&args, context).await,
        SystemCommand::DialStdio => Err(Failure::new("it is called as `wharf system dial-stdio`")),
    }
}

/// Passes stdin and stdout on to an engine: the one that is named, else wharf's at its
/// socket, else docker's.
pub fn dial_stdio(data: PathBuf, target: Option<Target>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("start: {error}")))?;
    let address = target.map_or_else(|| usual(&data), |target| target.address);
    let shown = address.to_string();
    let done = runtime.block_on(remote::dial_stdio(address));
    // A thread that waits for our stdin must not keep us.
    runtime.shutdown_background();
    match done {
        Ok(()) => Ok(0),
        Err(error) => {
            let hint = error.hint.clone();
            Err(Failure::new(format!("dial-stdio: no engine at {shown}: {error}")).with_hint(hint))
        }
    }
}

fn usual(data: &Path) -> Address {
    let own = match data == Path::new("/var/lib/wharf") {
        true => PathBuf::from("/run/wharf/docker.sock"),
        // An engine with a root of its own has its socket there.
        false => data.join("run/docker.sock"),
    };
    let dockers = PathBuf::from("/var/run/docker.sock");
    Address::Unix(if own.exists() || !dockers.exists() {
        own
    } else {
        dockers
    })
}

/// A container and what it wrote; unknown if that can't be told now.
struct Written {
    id: String,
    name: String,
    image: String,
    state: State,
    bytes: Option<u64>,
}

/// Prints what takes how much room.
async fn df(args: &DfArgs, context: &Context) -> Outcome {
    let usage = context.engine.image_usage().await?;
    let visible = Visible {
        stats: false,
        ..Visible::default()
    };
    let world = context.engine.world(visible).await?;
    let mut containers = Vec::new();
    for row in &world.containers {
        let container = &row.container;
        containers.push(Written {
            id: container.id.short().to_owned(),
            name: container.name.clone(),
            image: container.config.image.clone(),
            state: container.state,
            // It may be going away.
            bytes: context.engine.writable_bytes(&container.id).await.ok(),
        });
    }
    let is_active = |c: &&Written| c.state.has_process();
    let active = containers.iter().filter(is_active).count();
    let written: u64 = containers.iter().filter_map(|c| c.bytes).sum();
    let stopped = containers.iter().filter(|c| !c.state.has_process());
    let free: u64 = stopped.filter_map(|c| c.bytes).sum();
    let used = usage.images.iter().filter(|i| i.containers > 0).count();
    let volumes = context.engine.measure_volumes(&[]).await?;
    let volume_bytes = |one: &VolumeDetails| one.volume.size.map_or(0, |size| size.bytes);
    if args.json {
        let containers: Vec<_> = containers
            .iter()
            .map(|c| {
                json!({
                    "id": c.id, "name": c.name, "image": c.image, "state": c.state,
                    "size_bytes": c.bytes,
                })
            })
            .collect();
        let mut all = json!(usage);
        all["containers"] = json!(containers);
        all["volumes"] = json!(volumes);
        line(&format!("{all:#}"))?;
        return Ok(0);
    }
    let share = |part: u64, of: u64| match of {
        0 => bytes::decimal(part),
        of => format!("{} ({}%)", bytes::decimal(part), part * 100 / of),
    };
    let mut rows = vec![
        (
            "Images",
            usage.images.len(),
            used,
            usage.layer_bytes,
            usage.reclaimable_layer_bytes,
        ),
        ("Containers", containers.len(), active, written, free),
        (
            "Local Volumes",
            volumes.len(),
            volumes.iter().filter(|one| !one.users.is_empty()).count(),
            volumes.iter().map(volume_bytes).sum(),
            volumes
                .iter()
                .filter(|one| one.users.is_empty())
                .map(volume_bytes)
                .sum(),
        ),
    ];
    if let Some(packed) = usage.packed {
        let (blobs, free) = (packed.blob_bytes, packed.reclaimable_blob_bytes);
        let images = usage.images.len();
        rows.insert(2, ("Packed layers", images, used, blobs, free));
        let partial = packed.partial_bytes;
        rows.push(("Partial downloads", 0, 0, partial, partial));
    }
    if let Some(format) = &args.format {
        let rows: Vec<_> = rows
            .iter()
            .map(|(kind, total, active, size, free)| {
                json!({
                    "Type": kind, "TotalCount": total.to_string(), "Active": active.to_string(),
                    "Size": bytes::decimal(*size), "Reclaimable": share(*free, *size),
                })
            })
            .collect();
        let headings = json!({
            "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE",
            "Reclaimable": "RECLAIMABLE",
        });
        print(&Format::parse(format)?.render(&rows, &headings, &|_, _, _| None)?)?;
        return Ok(0);
    }
    let cells = rows.iter().map(|(kind, total, active, size, free)| {
        Row::Cells(
            [
                (*kind).to_owned(),
                total.to_string(),
                active.to_string(),
                bytes::decimal(*size),
                share(*free, *size),
            ]
            .into_iter()
            .map(Into::into)
            .collect(),
        )
    });
    let titles = ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"];
    print(&table(&titles, cells.collect(), context))?;
    if !args.verbose {
        return Ok(0);
    }
    let now = Timestamp::now();
    let images = usage.images.iter().map(|image| {
        let name = image.references.first().map_or("<none>", String::as_str);
        let created = image.created.map_or("N/A".into(), |at| {
            format!("{} ago", duration::words_between(at, now))
        });
        let cells = [
            sanitize(name).into_owned(),
            image.id.short().to_owned(),
            created,
            bytes::decimal(image.size_bytes),
            bytes::decimal(image.shared_bytes),
            bytes::decimal(image.size_bytes.saturating_sub(image.shared_bytes)),
            image.containers.to_string(),
        ];
        Row::Cells(cells.into_iter().map(Into::into).collect())
    });
    let titles = [
        "IMAGE",
        "ID",
        "CREATED",
        "SIZE",
        "SHARED",
        "UNIQUE",
        "CONTAINERS",
    ];
    print(&format!("\n{}", table(&titles, images.collect(), context)))?;
    let written = containers.iter().map(|container| {
        let cells = [
            container.name.clone(),
            container.id.clone(),
            sanitize(&container.image).into_owned(),
            container.state.to_string(),
            container.bytes.map_or("?".into(), bytes::decimal),
        ];
        Row::Cells(cells.into_iter().map(Into::into).collect())
    });
    let titles = ["CONTAINER", "ID", "IMAGE", "STATE", "WRITTEN"];
    print(&format!("\n{}", table(&titles, written.collect(), context)))?;
    let volumes = volumes.iter().map(|one| {
        let cells = [
            one.volume.name.clone(),
            one.users.len().to_string(),
            bytes::decimal(volume_bytes(one)),
        ];
        Row::Cells(cells.into_iter().map(Into::into).collect())
    });
    let titles = ["VOLUME", "CONTAINERS", "SIZE"];
    print(&format!("\n{}", table(&titles, volumes.collect(), context)))?;
    Ok(0)
}

fn table(titles: &[&str], rows: Vec<Row>, context: &Context) -> String {
    let columns: Vec<_> = titles
        .iter()
        .map(|title| GridColumn {
            id: title,
            title,
            width: Width::Whole,
            align: match *title {
                "SIZE" | "SHARED" | "UNIQUE" | "TOTAL" | "ACTIVE" | "WRITTEN" => Align::Right,
                _ => Align::Left,
            },
        })
        .collect();
    grid(&columns, &rows, &[], &context.output)
}
