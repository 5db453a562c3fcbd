//! `wharf diff`

use std::os::unix::ffi::OsStrExt;

use clap::Args;

use super::{Context, failure::Outcome, output::print};
use crate::format::text::sanitize_bytes;

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The container, by name or id
    container: String,
}

/// Prints what differs from the image: A added, C changed, D deleted.
pub async fn run(args: &DiffArgs, context: &Context) -> Outcome {
    let id = context.resolve(&args.container).await?;
    let mut out = String::new();
    for change in context.engine.changes(&id).await? {
        let path = change.path.as_os_str().as_bytes();
        out.push(change.kind.letter());
        out.push(' ');
        out.push_str(&sanitize_bytes(path));
        out.push('\n');
    }
    print(&out)?;
    Ok(0)
}
