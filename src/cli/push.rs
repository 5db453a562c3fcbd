//! `wharf push`

use clap::Args;

use super::{
    Context, config,
    failure::{Failure, Outcome},
    output::line,
    transfer::{Manner, clean, follow},
};
use crate::{engine::Reference, model::PushRequest};

/// Arguments of `push`.
#[derive(Args, Debug)]
pub struct PushArgs {
    /// All tags that the repository has here
    #[arg(short, long)]
    all_tags: bool,
    /// Print only the image's name
    #[arg(short, long)]
    quiet: bool,
    /// Print how it goes as JSON, a line each
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// The image; its name says to which registry
    #[arg(value_name = "NAME[:TAG]")]
    name: String,
}

/// Sends an image to its registry.
pub async fn run(args: &PushArgs, context: &Context) -> Outcome {
    let registries = config::registries(&context.loader)?;
    let manner = match (args.quiet, args.json) {
        (true, _) => Manner::Quiet,
        (_, true) => Manner::Json,
        _ => Manner::Output,
    };
    let names = match args.all_tags {
        true => tags(&args.name, context).await?,
        false => vec![args.name.clone()],
    };
    for name in names {
        let request = PushRequest {
            reference: name,
            registries: registries.clone(),
        };
        let pictures = context.engine.push(request).await?;
        let done = follow(pictures, manner, context).await?;
        match (manner, &done.outcome) {
            (Manner::Json, _) => {}
            (Manner::Quiet, _) | (_, None) => line(&done.reference)?,
            (_, Some(outcome)) => {
                line(&format!(
                    "Digest: {}\n{} was pushed",
                    outcome.digest, done.reference
                ))?;
            }
        }
    }
    Ok(0)
}

async fn tags(repository: &str, context: &Context) -> Result<Vec<String>, Failure> {
    if !Reference::is_repository(repository) {
        return Err(
            Failure::usage(format!("--all-tags and a tag in {}", clean(repository)))
                .with_hint("name the repository alone"),
        );
    }
    let wanted = Reference::parse(repository).map_err(|error| Failure::usage(error.to_string()))?;
    let images = context.engine.images().await?;
    let names = wanted.tags_among(images.iter().flat_map(|image| &image.references));
    let names: Vec<_> = names.iter().map(Reference::familiar).collect();
    match names.is_empty() {
        true => Err(Failure::new(format!(
            "push {}: no image has such a name",
            clean(repository)
        ))
        .with_hint("`wharf images` lists them; `wharf tag` names them")),
        false => Ok(names),
    }
}
