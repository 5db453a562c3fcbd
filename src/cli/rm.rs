//! `wharf rm`

use clap::Args;

use super::{
    Context,
    failure::{Failure, Outcome},
    items::Names,
};
use crate::{engine::ErrorKind, model::RemoveRequest};

/// Arguments of `rm`.
#[derive(Args, Debug)]
pub struct RmArgs {
    /// Kill what still runs; no error for what isn't there
    #[arg(short, long)]
    force: bool,
    /// Taken for docker's sake: there are no anonymous volumes yet
    #[arg(short, long, hide = true)]
    volumes: bool,
    #[command(flatten)]
    names: Names,
}

/// Removes containers with what they wrote and their logs.
pub async fn run(args: &RmArgs, context: &Context) -> Outcome {
    let force = args.force;
    let mut present = Vec::new();
    for name in &args.names.containers {
        match context.engine.resolve(name).await {
            Err(error) if force && error.kind == ErrorKind::NotFound => {
                Failure::from(error).report();
            }
            _ => present.push(name.clone()),
        }
    }
    let act = async |id| context.engine.remove(RemoveRequest { id, force }).await;
    context.each(&present, act).await
}
