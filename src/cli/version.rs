//! `wharf version`

use clap::Args;
use serde_json::json;

use super::{
    Context,
    failure::Outcome,
    output::{line, print},
    table,
};
use crate::model::Visible;

/// Arguments of `version`.
#[derive(Args, Debug)]
pub struct VersionArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

/// Prints what this is and what it runs on.
pub async fn run(args: &VersionArgs, context: &Context) -> Outcome {
    let capabilities = context.engine.capabilities();
    let capabilities = match capabilities.address {
        // Who is there is known once it answered.
        Some(_) => {
            context.engine.world(Visible::default()).await?;
            context.engine.capabilities()
        }
        None => capabilities,
    };
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let data = json!({
        "Version": env!("CARGO_PKG_VERSION"),
        "Engine": capabilities.engine,
        "Address": capabilities.address.unwrap_or_else(|| "in this process".into()),
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
