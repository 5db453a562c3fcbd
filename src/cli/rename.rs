//! `wharf rename`

use clap::Args;

use super::{Context, failure::Outcome};

/// Arguments of `rename`.
#[derive(Args, Debug)]
pub struct RenameArgs {
    /// The container, by name or id
    container: String,
    /// Its new name
    name: String,
}

/// Gives a container another name.
pub async fn run(args: &RenameArgs, context: &Context) -> Outcome {
    let id = context.resolve(&args.container).await?;
    context.engine.rename(&id, &args.name).await?;
    Ok(0)
}
