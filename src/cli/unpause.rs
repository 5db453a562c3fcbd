//! `wharf unpause`

use super::{Context, failure::Outcome, items::Names};

/// Thaws them.
pub async fn run(args: &Names, context: &Context) -> Outcome {
    context
        .each(&args.containers, async |id| {
            context.engine.unpause(&id).await
        })
        .await
}
