//! `wharf exec`

use std::{
    fs,
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;

use super::{
    Context,
    failure::{Failure, Outcome},
    stream::{Manner, stay, terminal_size},
    terminal::{DetachKeys, detach_keys},
    values,
};
use crate::{
    engine::{EngineError, ErrorKind},
    model::{AttachStreams, ExecConfig},
};

/// Arguments of `exec`.
#[derive(Args, Debug)]
pub struct ExecArgs {
    /// Leave it running
    #[arg(short, long)]
    detach: bool,
    /// Keep its stdin open
    #[arg(short, long)]
    interactive: bool,
    /// Give it a terminal
    #[arg(short, long)]
    tty: bool,
    /// Set a variable; KEY alone passes ours on
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = values::env)]
    env: Vec<String>,
    /// Read variables from a file
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Working directory inside
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Run as this user
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// Give it all capabilities
    #[arg(long)]
    privileged: bool,
    /// Keys that detach from it
    #[arg(long, value_name = "KEYS", value_parser = detach_keys)]
    detach_keys: Option<DetachKeys>,
    /// The container, then a command and its arguments
    #[arg(required = true, num_args = 2.., trailing_var_arg = true, value_name = "CONTAINER COMMAND [ARG]")]
    container_and_command: Vec<String>,
}

/// Runs a further process in a running container; its exit code is ours.
pub async fn run(args: &ExecArgs, context: &Context) -> Outcome {
    let (name, argv) = args
        .container_and_command
        .split_first()
        .ok_or_else(|| Failure::usage("a container is needed"))?;
    if args.tty && args.interactive && !args.detach && !io::stdin().is_terminal() {
        return Err(Failure::new("the input device is not a terminal")
            .with_hint("leave -t out where stdin is a pipe or a file"));
    }
    let streams = AttachStreams {
        stdin: args.interactive,
        stdout: true,
        stderr: true,
        size: args.tty.then(terminal_size).flatten(),
    };
    let config = ExecConfig {
        argv: argv.to_vec(),
        env: args.environment().map_err(Failure::usage)?,
        working_dir: args.workdir.clone(),
        user: args.user.clone(),
        tty: args.tty,
        privileged: args.privileged,
        attach: (!args.detach).then_some(streams),
    };
    let id = context.resolve(name).await?;
    let exec = context.engine.exec(&id, config).await.map_err(failed)?;
    let Some(session) = exec.session else {
        return Ok(0);
    };
    let manner = Manner {
        stdin: streams.stdin,
        tty: args.tty,
        keys: args.detach_keys.clone().unwrap_or_default(),
    };
    let exit = context.engine.exec_wait(&id, &exec.id);
    let code = stay(session, &manner, exit).await?.unwrap_or(0);
    Ok(u8::try_from(code).unwrap_or(super::failure::ENGINE_FAILED))
}

/// Docker's codes: 127 and 126 for the command, 1 for the rest.
fn failed(error: EngineError) -> Failure {
    match error.kind {
        ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable => Failure::to_run(error),
        _ => Failure::from(error).with_code(1),
    }
}

impl ExecArgs {
    fn environment(&self) -> values::Parsed<Vec<String>> {
        let mut given = Vec::new();
        for file in &self.env_file {
            let about = |error: String| format!("--env-file {}: {error}", file.display());
            let text = fs::read_to_string(file).map_err(|error| about(error.to_string()))?;
            given.extend(values::env_lines(&text).map_err(about)?);
        }
        given.extend(self.env.iter().cloned());
        Ok(values::resolve_env(&given, |name| std::env::var(name).ok()))
    }
}
