//! `wharf builder …`: the cache that builds keep.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Context, failure::Outcome, output::line, prune::agreed, values};

/// The commands below `builder`.
#[derive(Debug, Subcommand)]
pub enum BuilderCommand {
    /// Forget what steps of builds made, and the layers that only the cache keeps
    Prune(PruneArgs),
}

/// Arguments of `builder prune`.
#[derive(Args, Debug)]
pub struct PruneArgs {
    /// The directories of RUN --mount=type=cache too
    #[arg(short, long)]
    all: bool,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Only what was not used for that long, such as 24h
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    older_than: Option<Duration>,
}

/// Runs one of them.
pub async fn run(command: BuilderCommand, context: &Context) -> Outcome {
    let BuilderCommand::Prune(args) = command;
    if !args.force && !agreed("The next builds do every step anew. Forget the cache?")? {
        return Ok(0);
    }
    let age = args.older_than.unwrap_or_default();
    let count = context.engine.prune_cache(age, args.all).await?;
    line(&format!("{count} steps forgotten"))?;
    Ok(0)
}
