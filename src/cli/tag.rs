//! `wharf tag`

use clap::Args;

use super::{Context, failure::Outcome};

/// Arguments of `tag`.
#[derive(Args, Debug)]
pub struct TagArgs {
    /// The image, by reference or id
    image: String,
    /// The further name
    #[arg(value_name = "NAME[:TAG]")]
    name: String,
}

/// Gives an image a further name.
pub async fn run(args: &TagArgs, context: &Context) -> Outcome {
    context.engine.tag(&args.image, &args.name).await?;
    Ok(0)
}
