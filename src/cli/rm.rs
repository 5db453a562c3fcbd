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
    /// Remove the volumes too that were made for it without a name
    #[arg(short, long)]
    volumes: bool,
    #[command(flatten)]
    names: Names,
}

/// Removes containers with what they wrote and their logs.
pub async fn run(args: &RmArgs, context: &Context) -> Outcome {
    let (force, volumes) = (args.force, args.volumes);
    let mut present = Vec::new();
    for name in &args.names.containers {
        match context.engine.resolve(name).await {
            Err(error) if force && error.kind == ErrorKind::NotFound => {
                Failure::from(error).report();
            }
            _ => present.push(name.clone()),
        }
    }
    let act = async |id| {
        let request = RemoveRequest { id, force, volumes };
        context.engine.remove(request).await
    };
    context.each(&present, act).await
}
