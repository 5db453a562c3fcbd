//! `wharf restart`

use super::{Context, failure::Outcome, stop::StopArgs};

/// Stops containers and starts them again.
pub async fn run(args: &StopArgs, context: &Context) -> Outcome {
    let act = async |id| context.engine.restart(args.request(id)).await;
    context.each(&args.names.containers, act).await
}
