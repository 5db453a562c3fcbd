//! `wharf import`

use clap::Args;

use super::{Context, archive, failure::Outcome, output::line};

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A tar: plain, gzip or zstd; - is stdin
    #[arg(value_name = "FILE|-")]
    source: String,
    /// What the image is to be called
    #[arg(value_name = "NAME[:TAG]")]
    name: String,
}

/// Makes an image from a root file system's tar, and prints its id.
pub async fn run(args: &ImportArgs, context: &Context) -> Outcome {
    let source = archive::source("import", &args.source)?;
    let import = async |progress| context.engine.import(source, &args.name, progress).await;
    let id = archive::shown(false, "read", import).await?;
    line(id.as_str())?;
    Ok(0)
}
