//! `wharf start`

use clap::Args;

use super::{
    Context,
    failure::{Failure, Outcome},
    items::Names,
    run::stay_to_end,
    stream::{Manner, Proxy, terminal_size},
    terminal::{DetachKeys, detach_keys},
};
use crate::model::{AttachStreams, StartRequest};

/// Arguments of `start`.
#[derive(Args, Debug)]
pub struct StartArgs {
    /// Attach its stdout and stderr, and pass our signals on
    #[arg(short, long)]
    attach: bool,
    /// Attach our stdin too
    #[arg(short, long)]
    interactive: bool,
    /// Keys that detach from it
    #[arg(long, value_name = "KEYS", value_parser = detach_keys)]
    detach_keys: Option<DetachKeys>,
    #[command(flatten)]
    names: Names,
}

/// Starts containers that don't run.
pub async fn run(args: &StartArgs, context: &Context) -> Outcome {
    if !args.attach && !args.interactive {
        let act = async |id| {
            let request = StartRequest { id, attach: None };
            context.engine.start(request).await.map(|_| ())
        };
        return context.each(&args.names.containers, act).await;
    }
    let [name] = &args.names.containers[..] else {
        return Err(Failure::new("only one container can be attached to"));
    };
    let id = context.resolve(name).await?;
    let config = context.engine.inspect(&id).await?.config;
    let streams = AttachStreams {
        stdin: args.interactive && config.open_stdin,
        stdout: true,
        stderr: true,
        size: config.tty.then(terminal_size).flatten(),
    };
    let _proxy = match config.tty {
        true => None,
        false => Some(Proxy::start(&context.engine, &id)?),
    };
    let request = StartRequest {
        id: id.clone(),
        attach: Some(streams),
    };
    let session = context.engine.start(request).await?;
    let Some(session) = session else {
        return Err(Failure::new(format!(
            "attach {name}: the engine gave no streams"
        )));
    };
    let manner = Manner {
        stdin: streams.stdin,
        tty: config.tty,
        keys: args.detach_keys.clone().unwrap_or_default(),
    };
    stay_to_end(context, &id, config.auto_remove, session, &manner).await
}
