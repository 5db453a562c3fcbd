//! `wharf volume …`

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Context, archive,
    failure::{Failure, Outcome},
    inspect,
    output::{line, print},
    prune,
    table::{Format, GridColumn, Row, grid},
    values::{self, Parsed},
};
use crate::{
    engine::ErrorKind,
    format::{
        columns::{Align, Width},
        duration,
        text::sanitize,
        volume as words,
    },
    model::{LabelFilter, VolumeCreateRequest, VolumeDetails},
};

/// The commands below `volume`.
#[derive(Debug, Subcommand)]
pub enum VolumeCommand {
    /// List the volumes
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Make a volume, unless it is there
    Create(CreateArgs),
    /// Print all that is known about volumes, and who uses them
    Inspect(InspectArgs),
    /// Remove volumes that no container uses
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Remove volumes that no container uses and that have no name of their own
    Prune(prune::PruneVolumesArgs),
    /// Write all files of a volume as a tar
    Export(ExportArgs),
    /// Unpack a tar into a volume
    Import(ImportArgs),
}

/// Arguments of `volume ls`.
#[derive(Args, Debug)]
pub struct LsArgs {
    /// Only names
    #[arg(short, long)]
    quiet: bool,
    /// Measure those whose size may have changed since it was last asked for
    #[arg(short, long)]
    size: bool,
    /// Only what matches: name, driver, label, label!, dangling
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = filter)]
    filter: Vec<Filter>,
    /// json (a line each), or a Go template, with `table ` before it for titles
    #[arg(long, value_name = "FORMAT", conflicts_with = "quiet")]
    format: Option<String>,
    /// All that is known, as one JSON array
    #[arg(long, conflicts_with_all = ["format", "quiet"])]
    json: bool,
}

/// Arguments of `volume create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// What keeps it: local
    #[arg(short, long, value_name = "DRIVER")]
    driver: Option<String>,
    /// Set a label
    #[arg(long, value_name = "KEY=VALUE", value_parser = values::label)]
    label: Vec<(String, String)>,
    /// Set what it lies on, as mount(8) has it: type, device, o
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = option)]
    opt: Vec<(String, String)>,
    /// Its name; 64 random digits if nothing is said
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Arguments of `volume inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Volumes, by name
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

/// Arguments of `volume rm`.
#[derive(Args, Debug)]
pub struct RmArgs {
    /// Volumes that don't exist are no error
    #[arg(short, long)]
    force: bool,
    /// Volumes, by name
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

/// Arguments of `volume export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
    /// The volume
    #[arg(value_name = "VOLUME")]
    volume: String,
}

/// Arguments of `volume import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The volume
    #[arg(value_name = "VOLUME")]
    volume: String,
    /// An uncompressed tar; - is stdin
    #[arg(value_name = "FILE|-", default_value = "-")]
    source: String,
}

/// One filter of `volume ls`.
#[derive(Clone, Debug)]
enum Filter {
    Name(String),
    Driver(String),
    Label(LabelFilter),
    Dangling(bool),
}

fn filter(text: &str) -> Parsed<Filter> {
    let allowed = "a filter is name=, driver=, label=KEY[=VALUE], label!=… or dangling=true|false";
    let label = |rest: &str, negated| Filter::Label(values::label_filter(rest, negated));
    match text.split_once('=') {
        Some(("name", name)) => Ok(Filter::Name(name.into())),
        Some(("driver", driver)) => Ok(Filter::Driver(driver.into())),
        Some(("label", rest)) => Ok(label(rest, false)),
        Some(("label!", rest)) => Ok(label(rest, true)),
        Some(("dangling", "true" | "1")) => Ok(Filter::Dangling(true)),
        Some(("dangling", "false" | "0")) => Ok(Filter::Dangling(false)),
        _ => Err(allowed.into()),
    }
}

fn option(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("an option is written KEY=VALUE, such as type=tmpfs".into()),
    }
}

/// Of one kind any, of several kinds all; labels must all be as said.
fn shows(filters: &[Filter], details: &VolumeDetails) -> bool {
    let volume = &details.volume;
    let any = |is_kind: fn(&Filter) -> bool, holds: &dyn Fn(&Filter) -> bool| {
        let mut of_kind = filters.iter().filter(|filter| is_kind(filter)).peekable();
        of_kind.peek().is_none() || of_kind.any(holds)
    };
    any(
        |f| matches!(f, Filter::Name(_)),
        &|f| matches!(f, Filter::Name(name) if volume.name.contains(name)),
    ) && any(
        |f| matches!(f, Filter::Driver(_)),
        &|f| matches!(f, Filter::Driver(driver) if volume.driver == *driver),
    ) && any(
        |f| matches!(f, Filter::Dangling(_)),
        &|f| matches!(f, Filter::Dangling(wanted) if details.users.is_empty() == *wanted),
    ) && filters.iter().all(|filter| match filter {
        Filter::Label(label) => label.matches(&volume.labels),
        _ => true,
    })
}

/// Runs one of them.
pub async fn run(command: VolumeCommand, context: &Context) -> Outcome {
    match command {
        VolumeCommand::Ls(args) => list(&args, context).await,
        VolumeCommand::Create(args) => create(args, context).await,
        VolumeCommand::Inspect(args) => inspect(&args, context).await,
        VolumeCommand::Rm(args) => remove(&args, context).await,
        VolumeCommand::Prune(args) => prune::volumes(&args, context).await,
        VolumeCommand::Export(args) => {
            // Before a file is made for what isn't there.
            context.engine.volume(&args.volume).await?;
            let target = archive::Target::open("volume export", args.output.as_deref())?;
            let out = target.writer()?;
            context.engine.export_volume(&args.volume, out).await?;
            target.finish()?;
            Ok(0)
        }
        VolumeCommand::Import(args) => {
            let source = archive::source("volume import", &args.source)?;
            context.engine.import_volume(&args.volume, source).await?;
            Ok(0)
        }
    }
}

impl CreateArgs {
    /// What they ask for.
    pub fn request(self) -> VolumeCreateRequest {
        VolumeCreateRequest {
            name: self.name,
            driver: self.driver,
            labels: self.label.into_iter().collect(),
            options: self.opt.into_iter().collect(),
        }
    }
}

async fn create(args: CreateArgs, context: &Context) -> Outcome {
    let volume = context.engine.create_volume(args.request()).await?;
    line(&volume.name)?;
    Ok(0)
}

async fn remove(args: &RmArgs, context: &Context) -> Outcome {
    let mut code = 0;
    for name in &args.volumes {
        match context.engine.remove_volume(name).await {
            Ok(()) => line(name)?,
            Err(error) if args.force && error.kind == ErrorKind::NotFound => {}
            Err(error) => {
                Failure::from(error).report();
                code = 1;
            }
        }
    }
    Ok(code)
}

async fn list(args: &LsArgs, context: &Context) -> Outcome {
    let all = match args.size {
        true => context.engine.measure_volumes(&[]).await?,
        false => context.engine.volumes().await?,
    };
    let shown: Vec<&VolumeDetails> = all
        .iter()
        .filter(|details| shows(&args.filter, details))
        .collect();
    if args.json {
        print(&format!("{:#}\n", json!(shown)))?;
        return Ok(0);
    }
    if args.quiet {
        for details in shown {
            line(&details.volume.name)?;
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    if let Some(format) = &args.format {
        let row = |details: &&VolumeDetails| {
            let volume = &details.volume;
            let labels = volume.labels.iter().map(|(k, v)| format!("{k}={v}"));
            json!({
                "Availability": "N/A",
                "Driver": volume.driver,
                "Group": "N/A",
                "Labels": labels.collect::<Vec<_>>().join(","),
                "Links": details.users.len().to_string(),
                "Mountpoint": volume.mountpoint,
                "Name": volume.name,
                "Scope": "local",
                "Size": words::size(volume.size.as_ref(), now),
                "Status": "N/A",
            })
        };
        let rows: Vec<Value> = shown.iter().map(row).collect();
        let headings = json!({
            "Availability": "AVAILABILITY", "Driver": "DRIVER", "Group": "GROUP",
            "Labels": "LABELS", "Links": "LINKS", "Mountpoint": "MOUNTPOINT",
            "Name": "VOLUME NAME", "Scope": "SCOPE", "Size": "SIZE", "Status": "STATUS",
        });
        print(&Format::parse(format)?.render(&rows, &headings, &|_, _, _| None)?)?;
        return Ok(0);
    }
    let columns = [
        ("driver", "DRIVER", Align::Left),
        ("name", "VOLUME NAME", Align::Left),
        ("size", "SIZE", Align::Right),
        ("users", "USED BY", Align::Left),
        ("created", "CREATED", Align::Left),
    ]
    .map(|(id, title, align)| GridColumn {
        id,
        title,
        width: Width::Whole,
        align,
    });
    let rows: Vec<Row> = shown
        .iter()
        .map(|details| {
            let volume = &details.volume;
            let users = details
                .users
                .iter()
                .map(|user| sanitize(&user.name).into_owned());
            let mut users: Vec<_> = users.collect();
            users.dedup();
            let cells = [
                volume.driver.clone(),
                volume.name.clone(),
                words::size(volume.size.as_ref(), now),
                users.join(", "),
                format!("{} ago", duration::words_between(volume.created, now)),
            ];
            Row::Cells(cells.into_iter().map(Into::into).collect())
        })
        .collect();
    let ladder = ["created", "driver", "size", "users"];
    print(&grid(&columns, &rows, &ladder, &context.output))?;
    Ok(0)
}

async fn inspect(args: &InspectArgs, context: &Context) -> Outcome {
    let look = async |name: &str| Ok(shape(&context.engine.volume(name).await?));
    inspect::each(&args.volumes, args.format.as_deref(), look).await
}

/// All that is known about a volume, in docker's shape; `Users` and what tells the age of
/// a size are ours.
pub fn shape(details: &VolumeDetails) -> Value {
    let volume = &details.volume;
    let mut value = json!({
        "CreatedAt": volume.created,
        "Driver": volume.driver,
        "Labels": volume.labels,
        "Mountpoint": volume.mountpoint,
        "Name": volume.name,
        "Options": volume.options,
        "Scope": "local",
        "Users": details.users,
    });
    if let Some(size) = &volume.size {
        value["UsageData"] = json!({
            "Size": size.bytes,
            "RefCount": details.users.len(),
            "Files": size.files,
            "MeasuredAt": size.at,
            "IsCurrent": size.is_current,
        });
    }
    value
}
