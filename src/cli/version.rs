//! `wharf version`

use clap::Args;
use serde_json::json;

use super::{
    Context,
    failure::Outcome,
    output::{line, print},
    table,
};

/// Arguments of `version`.
#[derive(Args, Debug)]
pub struct VersionArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

/// Prints what this is and what it runs on.
pub fn run(args: &VersionArgs, context: &Context) -> Outcome {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let data = json!({
        "Version": env!("CARGO_PKG_VERSION"),
        "Engine": context.engine.capabilities().engine,
        "Os": std::env::consts::OS,
        "Arch": std::env::consts::ARCH,
        "KernelVersion": kernel.trim(),
    });
    match &args.format {
        Some(format) => line(&table::of_format(format, &data)?)?,
        None => print(&table::fields(&data))?,
    }
    Ok(0)
}
