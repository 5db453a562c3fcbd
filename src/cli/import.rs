//! `wharf import`

use clap::Args;

use super::{Context, archive, failure::Outcome, output::line};
use crate::model::ImportRequest;

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A tar: plain, gzip or zstd; - is stdin
    #[arg(value_name = "FILE|-")]
    source: String,
    /// What the image is to be called
    #[arg(value_name = "NAME[:TAG]")]
    name: String,
    /// Change its config by an instruction of a Dockerfile
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Say what it is
    #[arg(
        short,
        long,
        value_name = "TEXT",
        default_value_t,
        hide_default_value = true
    )]
    message: String,
}

/// Makes an image from a root file system's tar, and prints its id.
pub async fn run(args: &ImportArgs, context: &Context) -> Outcome {
    let source = archive::source("import", &args.source)?;
    let request = ImportRequest {
        name: Some(args.name.clone()),
        comment: args.message.clone(),
        changes: args.change.clone(),
    };
    let import = async |progress| context.engine.import(source, request, progress).await;
    let id = archive::shown(false, "read", import).await?;
    line(id.as_str())?;
    Ok(0)
}
