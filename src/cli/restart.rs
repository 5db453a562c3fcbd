//! `wharf restart`

use clap::Args;

use super::{Context, failure::Outcome, items::Names, values};
use crate::model::StopRequest;

/// Arguments of `restart`.
#[derive(Args, Debug)]
pub struct RestartArgs {
    /// Seconds to wait before it is killed; -1 waits for ever
    #[arg(short, long, visible_alias = "timeout", value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(-1..), allow_negative_numbers = true)]
    time: Option<i64>,
    /// Signal to ask with
    #[arg(short, long, value_name = "SIGNAL", value_parser = values::signal)]
    signal: Option<String>,
    #[command(flatten)]
    names: Names,
}

/// Stops containers and starts them again.
pub async fn run(args: &RestartArgs, context: &Context) -> Outcome {
    let act = async |id| {
        let request = StopRequest {
            id,
            timeout_secs: args.time,
            signal: args.signal.clone(),
        };
        context.engine.restart(request).await
    };
    context.each(&args.names.containers, act).await
}
