//! The hidden OCI command line, `wharf oci ...`: the same runtime that the engine uses,
//! for bundles, with runc's words. So runc can be held against it, and programs that drive
//! OCI runtimes can drive it.
//!
//! ```text
//! args        the words                container    state on disk
//! lifecycle   create start run kill delete pause resume
//! exec        exec                     resources    cgroup path, limits, update
//! console     terminals, signals       show         state list ps spec features
//! ```

mod args;
mod console;
mod container;
mod error;
mod exec;
mod lifecycle;
mod resources;
mod show;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, LogFormat};
use error::{Result, Trying};

use crate::sys::exe;

/// Run one command; `args` begin after `oci`. To be called before any thread is made.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let name = std::iter::once(OsString::from("wharf oci"));
    let cli = match Cli::try_parse_from(name.chain(args)) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to tell if even that can't be printed.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    match run(&cli.root, cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let line = error.line();
            eprintln!("wharf oci: {line}");
            if let Some(log) = &cli.log {
                write_log(log, cli.log_format, &line);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(root: &Path, command: Command) -> Result<u8> {
    if matches!(
        command,
        Command::Create(_) | Command::Run(_) | Command::Exec(_)
    ) {
        // A copy of us will be in the container, and may even be what it runs.
        exe::run_sealed().trying(|| "run from a read-only clone of ourselves".to_owned())?;
    }
    match command {
        Command::Create(options) => lifecycle::create(root, &options)?,
        Command::Start { id } => lifecycle::start(root, &id)?,
        Command::Run(options) => return lifecycle::run(root, &options),
        Command::State { id } => show::state(root, &id)?,
        Command::Kill { all, id, signal } => lifecycle::kill(root, &id, &signal, all)?,
        Command::Delete { force, id } => lifecycle::delete(root, &id, force)?,
        Command::Exec(options) => return exec::exec(root, &options),
        Command::Pause { id } => lifecycle::pause(root, &id)?,
        Command::Resume { id } => lifecycle::resume(root, &id)?,
        Command::Update(options) => resources::update(root, &options)?,
        Command::Ps { format, id } => show::processes(root, &id, format)?,
        Command::List { format, quiet } => show::list(root, format, quiet)?,
        Command::Spec { bundle } => show::spec(bundle.as_deref())?,
        Command::Features => show::features(),
    }
    Ok(0)
}

/// Callers find the reason of a failure in the log.
fn write_log(path: &Path, format: LogFormat, line: &str) {
    let time = jiff::Timestamp::now();
    let entry = match format {
        LogFormat::Json => serde_json::json!({
            "level": "error",
            "msg": line,
            "time": time.to_string(),
        })
        .to_string(),
        LogFormat::Text => format!("time=\"{time}\" level=error msg={line:?}"),
    };
    let file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path);
    // Standard error has it already.
    let _ = file.and_then(|mut file| writeln!(file, "{entry}"));
}
