//! `wharf load`

use clap::Args;

use super::{Context, archive, failure::Outcome, output::line};

/// Arguments of `load`.
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// Read a file instead of stdin: plain, gzip or zstd
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "-",
        hide_default_value = true
    )]
    input: String,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

/// Loads the images of an archive, all or none, and says which.
pub async fn run(args: &LoadArgs, context: &Context) -> Outcome {
    let source = archive::source("load", &args.input)?;
    let load = async |progress| context.engine.load(source, progress).await;
    for image in archive::shown(args.quiet, "read", load).await? {
        if image.references.is_empty() {
            line(&format!("Loaded image ID: {}", image.id))?;
        }
        for name in image.references {
            line(&format!("Loaded image: {name}"))?;
        }
    }
    Ok(0)
}
