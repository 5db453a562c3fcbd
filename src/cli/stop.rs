//! `wharf stop`

use clap::Args;

use super::{Context, failure::Outcome, items::Names, values};
use crate::model::{ContainerId, StopRequest};

/// Arguments of `stop` and `restart`.
#[derive(Args, Debug)]
pub struct StopArgs {
    /// Seconds to wait before it is killed; -1 waits for ever
    #[arg(short, long, visible_alias = "timeout", value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(-1..), allow_negative_numbers = true)]
    time: Option<i64>,
    /// Signal to ask with
    #[arg(short, long, value_name = "SIGNAL", value_parser = values::signal)]
    signal: Option<String>,
    #[command(flatten)]
    pub(super) names: Names,
}

impl StopArgs {
    /// What is asked of one of them.
    pub(super) fn request(&self, id: ContainerId) -> StopRequest {
        StopRequest {
            id,
            timeout_secs: self.time,
            signal: self.signal.clone(),
        }
    }
}

/// Asks containers to stop, and kills those that don't in time.
pub async fn run(args: &StopArgs, context: &Context) -> Outcome {
    let act = async |id| context.engine.stop(args.request(id)).await;
    context.each(&args.names.containers, act).await
}
