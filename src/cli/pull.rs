//! `wharf pull`

use clap::{Args, ValueEnum};

use super::{
    Context, config,
    container_args::ContainerArgs,
    failure::{Failure, Outcome},
    output::line,
    transfer::{Manner, clean, follow},
    values::Parsed,
};
use crate::{
    engine::Reference,
    model::{Platform, PullRequest, RegistrySettings, Transfer},
};

/// Arguments of `pull`.
#[derive(Args, Debug)]
pub struct PullArgs {
    /// All tags of the repository
    #[arg(short, long)]
    all_tags: bool,
    /// For this platform: os/architecture[/variant]
    #[arg(long, value_name = "PLATFORM", value_parser = platform)]
    platform: Option<Platform>,
    /// Print only the image's name
    #[arg(short, long)]
    quiet: bool,
    /// Print how it goes as JSON, a line each
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Images, as docker names them
    #[arg(required = true, value_name = "NAME[:TAG|@DIGEST]")]
    names: Vec<String>,
}

/// When `run` and `create` pull their image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// If it is missing.
    #[default]
    Missing,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A platform, as clap wants it.
pub fn platform(text: &str) -> Parsed<Platform> {
    let refused = || "it is os/architecture[/variant], such as linux/arm64".to_owned();
    Platform::parse(text).ok_or_else(refused)
}

/// Fetches images, one after the other; layers go side by side.
pub async fn run(args: &PullArgs, context: &Context) -> Outcome {
    let registries = config::registries(&context.loader)?;
    let manner = match (args.quiet, args.json) {
        (true, _) => Manner::Quiet,
        (_, true) => Manner::Json,
        _ => Manner::Output,
    };
    let mut code = 0;
    for name in &args.names {
        let pulled = match args.all_tags {
            true => all(name, args, manner, &registries, context).await,
            false => one(name, args, manner, &registries, context).await,
        };
        match pulled {
            Ok(()) => {}
            Err(failure) if args.names.len() == 1 => return Err(failure),
            Err(failure) => {
                failure.report();
                code = 1;
            }
        }
    }
    Ok(code)
}

async fn all(
    name: &str,
    args: &PullArgs,
    manner: Manner,
    registries: &RegistrySettings,
    context: &Context,
) -> Result<(), Failure> {
    if !Reference::is_repository(name) {
        return Err(
            Failure::usage(format!("--all-tags and a tag in {}", clean(name)))
                .with_hint("name the repository alone"),
        );
    }
    let tags = context.engine.tags(name, registries.clone()).await?;
    if tags.is_empty() {
        return Err(Failure::new(format!(
            "pull {}: it has no tags",
            clean(name)
        )));
    }
    for tag in tags {
        one(&format!("{name}:{tag}"), args, manner, registries, context).await?;
    }
    Ok(())
}

async fn one(
    name: &str,
    args: &PullArgs,
    manner: Manner,
    registries: &RegistrySettings,
    context: &Context,
) -> Result<(), Failure> {
    let request = PullRequest {
        reference: name.to_owned(),
        platform: args.platform.clone(),
        registries: registries.clone(),
    };
    let pictures = context.engine.pull(request).await?;
    let done = follow(pictures, manner, context).await?;
    match manner {
        Manner::Quiet => line(&done.reference)?,
        Manner::Json => {}
        _ => line(&summary(&done))?,
    }
    Ok(())
}

/// Fetches the image of a container that is to be made, and tells beside its output.
pub async fn for_run(args: &ContainerArgs, context: &Context) -> Result<(), Failure> {
    let to_run = |failure: Failure| failure.with_code(super::failure::ENGINE_FAILED);
    let request = PullRequest {
        reference: args.image().to_owned(),
        platform: args.platform.clone(),
        registries: config::registries(&context.loader)?,
    };
    let pictures = context
        .engine
        .pull(request)
        .await
        .map_err(Failure::to_run)?;
    let done = follow(pictures, Manner::Beside, context)
        .await
        .map_err(to_run)?;
    eprintln!("{}", summary(&done));
    Ok(())
}

fn summary(done: &Transfer) -> String {
    let Some(outcome) = &done.outcome else {
        return done.reference.clone();
    };
    let status = match outcome.is_up_to_date {
        true => "is up to date",
        false => "was pulled",
    };
    format!("Digest: {}\n{} {status}", outcome.digest, done.reference)
}
