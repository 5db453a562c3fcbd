//! `wharf export`

use std::path::PathBuf;

use clap::Args;

use super::{Context, archive, failure::Outcome};

/// Arguments of `export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The container, by name or id
    container: String,
}

/// Writes a container's root file system as a tar.
pub async fn run(args: &ExportArgs, context: &Context) -> Outcome {
    let id = context.resolve(&args.container).await?;
    let target = archive::Target::open("export", args.output.as_deref())?;
    context.engine.export(&id, target.writer()?).await?;
    target.finish()?;
    Ok(0)
}
