//! `wharf manifest inspect`

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Context, config,
    failure::{Failure, Outcome},
    output::print,
};

/// The commands below `manifest`.
#[derive(Debug, Subcommand)]
pub enum ManifestCommand {
    Inspect(InspectArgs),
}

/// Arguments of `manifest inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// With its digest, media type and size
    #[arg(short, long)]
    verbose: bool,
    /// An image at a registry
    #[arg(value_name = "NAME[:TAG|@DIGEST]")]
    name: String,
}

/// Prints what a registry has under a name.
pub async fn run(command: &ManifestCommand, context: &Context) -> Outcome {
    let ManifestCommand::Inspect(args) = command;
    let registries = config::registries(&context.loader)?;
    let found = context.engine.manifest(&args.name, registries).await?;
    let content: Value = serde_json::from_slice(&found.content)
        .map_err(|error| Failure::new(format!("the manifest is not JSON: {error}")))?;
    let value = match args.verbose {
        false => content,
        true => json!({
            "Ref": args.name,
            "Descriptor": {
                "mediaType": found.media_type,
                "digest": found.digest,
                "size": found.content.len(),
            },
            "Manifest": content,
        }),
    };
    print(&format!("{value:#}\n"))?;
    Ok(0)
}
