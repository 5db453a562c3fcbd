//! `wharf attach`

use clap::Args;

use super::{
    Context,
    failure::{Failure, Outcome},
    run::stay_to_end,
    stream::{Manner, Proxy, terminal_size},
    terminal::{DetachKeys, detach_keys},
};
use crate::model::{AttachStreams, State};

/// Arguments of `attach`.
#[derive(Args, Debug)]
pub struct AttachArgs {
    /// Keys that detach from it
    #[arg(long, value_name = "KEYS", value_parser = detach_keys)]
    detach_keys: Option<DetachKeys>,
    /// Don't attach our stdin
    #[arg(long)]
    no_stdin: bool,
    /// Pass our signals on to it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    sig_proxy: bool,
    /// The container, by name or id
    container: String,
}

/// Attaches to a running container until it ends.
pub async fn run(args: &AttachArgs, context: &Context) -> Outcome {
    let id = context.resolve(&args.container).await?;
    let container = context.engine.inspect(&id).await?;
    if container.state == State::Paused {
        return Err(
            Failure::new(format!("attach {}: it is paused", args.container))
                .with_hint("unpause it first"),
        );
    }
    let config = &container.config;
    let streams = AttachStreams {
        stdin: !args.no_stdin && config.open_stdin,
        stdout: true,
        stderr: true,
        size: config.tty.then(terminal_size).flatten(),
    };
    let _proxy = match args.sig_proxy && !config.tty {
        true => Some(Proxy::start(&context.engine, &id)?),
        false => None,
    };
    let session = context.engine.attach(&id, streams).await?;
    let manner = Manner {
        stdin: streams.stdin,
        tty: config.tty,
        keys: args.detach_keys.clone().unwrap_or_default(),
    };
    stay_to_end(context, &id, config.auto_remove, session, &manner).await
}
