//! `wharf run`

use std::io::{self, IsTerminal};

use clap::Args;

use super::{
    Context,
    container_args::ContainerArgs,
    create::create,
    failure::{Failure, Outcome},
    output::line,
    stream::{Manner, Proxy, stay, terminal_size},
    terminal::{DetachKeys, detach_keys},
};
use crate::{
    engine::Session,
    model::{AttachStreams, ContainerId, Exit, RemoveRequest, StartRequest, WaitCondition},
};

/// Arguments of `run`.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub struct RunArgs {
    /// Leave it running and print its id
    #[arg(short, long)]
    detach: bool,
    /// Attach only these: stdin, stdout, stderr
    #[arg(short, long, value_name = "STREAM", conflicts_with = "detach", ignore_case = true, value_parser = ["stdin", "stdout", "stderr"])]
    attach: Vec<String>,
    /// Keys that detach from it
    #[arg(long, value_name = "KEYS", value_parser = detach_keys)]
    detach_keys: Option<DetachKeys>,
    /// Pass our signals on to it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    sig_proxy: bool,
    #[command(flatten)]
    pub container: ContainerArgs,
}

/// Makes a container, starts it, and unless detached stays with it to its end.
pub async fn run(args: &RunArgs, context: &Context) -> Outcome {
    let tty = args.container.tty;
    if tty && args.container.interactive && !args.detach && !io::stdin().is_terminal() {
        return Err(Failure::new("the input device is not a terminal")
            .with_hint("leave -t out where stdin is a pipe or a file"));
    }
    let id = create(&args.container, context).await?;
    let attach = (!args.detach).then(|| args.streams());
    // Caught before the start, so that no signal finds us unprepared.
    let _proxy = match attach {
        Some(_) if args.sig_proxy && !tty => Some(Proxy::start(&context.engine, &id)?),
        _ => None,
    };
    let request = StartRequest {
        id: id.clone(),
        attach,
    };
    let session = match context.engine.start(request).await {
        Ok(session) => session,
        Err(error) => {
            if args.container.rm {
                remove_remains(&id, context).await;
            }
            return Err(Failure::to_run(error));
        }
    };
    let (Some(session), Some(streams)) = (session, attach) else {
        line(id.as_str())?;
        return Ok(0);
    };
    let manner = Manner {
        stdin: streams.stdin,
        tty,
        keys: args.detach_keys.clone().unwrap_or_default(),
    };
    stay_to_end(context, &id, args.container.rm, session, &manner).await
}

/// Stays with a container's session until it ends, and until it is gone where it goes by
/// itself; our exit code.
pub async fn stay_to_end(
    context: &Context,
    id: &ContainerId,
    is_removed: bool,
    session: Session,
    manner: &Manner,
) -> Outcome {
    let condition = match is_removed {
        true => WaitCondition::Removed,
        false => WaitCondition::NotRunning,
    };
    let exit = context.engine.wait(id, condition);
    Ok(stay(session, manner, exit).await?.map_or(0, code_of))
}

/// Our exit code for that of the process; one that nobody could see is an error of ours.
pub fn code_of(exit: Exit) -> u8 {
    exit.code
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(super::failure::ENGINE_FAILED)
}

/// A `--rm` container that could not be started leaves nothing behind.
async fn remove_remains(id: &ContainerId, context: &Context) {
    let request = RemoveRequest {
        id: id.clone(),
        force: true,
        volumes: true,
    };
    // The engine may have removed it already; the failed start is what is told.
    let _ = context.engine.remove(request).await;
}

impl RunArgs {
    fn streams(&self) -> AttachStreams {
        let all = self.attach.is_empty();
        let named = |name: &str| self.attach.iter().any(|s| s.eq_ignore_ascii_case(name));
        AttachStreams {
            stdin: (all && self.container.interactive) || named("stdin"),
            stdout: all || named("stdout"),
            stderr: all || named("stderr"),
            size: self.container.tty.then(terminal_size).flatten(),
        }
    }
}
