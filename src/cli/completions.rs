//! `wharf completions`

use clap::Args;
use clap_complete::Shell;

use super::{failure::Outcome, output::print};

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints a shell's completions.
pub fn run(args: &CompletionsArgs) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "wharf", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
