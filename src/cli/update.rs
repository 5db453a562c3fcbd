//! `wharf update`

use clap::Args;

use super::{
    Context,
    create::warn,
    failure::{Failure, Outcome},
    items::Names,
    limit_args::LimitArgs,
    values,
};
use crate::{
    format::limits,
    model::{ContainerId, Limit, Limits, RestartPolicy, UpdateRequest},
};

/// Arguments of `update`.
#[derive(Args, Debug)]
pub struct UpdateArgs {
    /// When to start it again: no, on-failure[:N], always, unless-stopped
    #[arg(long, value_name = "POLICY", value_parser = values::restart)]
    restart: Option<RestartPolicy>,
    /// Take a limit away: cpus, memory, pids-limit and so on
    #[arg(long, value_name = "LIMIT", value_parser = limits::name)]
    unset: Vec<Limit>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    names: Names,
}

/// Changes limits or restart policy, at once where it runs.
pub async fn run(args: &UpdateArgs, context: &Context) -> Outcome {
    let limits = args.limits.limits().map_err(Failure::usage)?;
    if limits == Limits::default() && args.unset.is_empty() && args.restart.is_none() {
        return Err(Failure::usage("nothing to change was named")
            .with_hint("`wharf update --help` lists what can be changed"));
    }
    let act = async |id| {
        let request = UpdateRequest {
            id: ContainerId::clone(&id),
            limits: limits.clone(),
            unset: args.unset.clone(),
            restart: args.restart,
        };
        context.engine.update(request).await?;
        warn(&id, &limits, context).await;
        Ok(())
    };
    context.each(&args.names.containers, act).await
}
