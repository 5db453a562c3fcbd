//! `wharf pause`

use super::{Context, failure::Outcome, items::Names};

/// Freezes all processes of containers.
pub async fn run(args: &Names, context: &Context) -> Outcome {
    context
        .each(&args.containers, async |id| context.engine.pause(&id).await)
        .await
}
