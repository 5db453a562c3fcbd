//! `wharf import`

use clap::Args;

use super::{Context, archive, config, failure::Outcome, output::line};
use crate::{engine, model::ImportRequest};

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A tar: plain, gzip or zstd; - is stdin
    #[arg(value_name = "FILE|URL|-")]
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
    let is_remote = ["http://", "https://"]
        .iter()
        .any(|scheme| args.source.starts_with(scheme));
    let source = match is_remote {
        true => engine::fetch(&args.source, config::registries(&context.loader)?)?,
        false => archive::source("import", &args.source)?,
    };
    let request = ImportRequest {
        name: Some(args.name.clone()),
        comment: match args.message.as_str() {
            "" if is_remote => format!("Imported from {}", args.source),
            message => message.to_owned(),
        },
        changes: args.change.clone(),
    };
    let import = async |progress| context.engine.import(source, request, progress).await;
    let id = archive::shown(false, "read", import).await?;
    line(id.as_str())?;
    Ok(0)
}
