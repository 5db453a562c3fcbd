//! `wharf kill`

use clap::Args;

use super::{Context, failure::Outcome, items::Names, values};
use crate::model::KillRequest;

/// Arguments of `kill`.
#[derive(Args, Debug)]
pub struct KillArgs {
    /// Signal to send
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL", value_parser = values::signal)]
    signal: String,
    #[command(flatten)]
    names: Names,
}

/// Sends a signal to containers' init processes.
pub async fn run(args: &KillArgs, context: &Context) -> Outcome {
    let act = async |id| {
        let signal = Some(args.signal.clone());
        context.engine.kill(KillRequest { id, signal }).await
    };
    context.each(&args.names.containers, act).await
}
