//! `wharf image diff`

use std::os::unix::ffi::OsStrExt;

use clap::Args;
use serde_json::json;

use super::{
    Context,
    failure::Outcome,
    output::{line, print},
};
use crate::{
    format::{
        bytes,
        difference::ConfigDifference,
        text::{sanitize, sanitize_bytes},
    },
    model::FileDifference,
};

/// Arguments of `image diff`.
#[derive(Args, Debug)]
pub struct ImageDiffArgs {
    /// All of it as JSON
    #[arg(long)]
    json: bool,
    /// An image, by reference or id
    #[arg(value_name = "OLD")]
    old: String,
    /// What became of it
    #[arg(value_name = "NEW")]
    new: String,
}

/// Prints what one image has otherwise than another: A added, C changed, D deleted.
pub async fn run(args: &ImageDiffArgs, context: &Context) -> Outcome {
    let engine = &context.engine;
    let files = engine.compare_images(&args.old, &args.new).await?;
    let old = engine.image_config(&args.old).await?;
    let new = engine.image_config(&args.new).await?;
    let configs = ConfigDifference::between(&old, &new);
    let delta: i64 = files.iter().map(FileDifference::grown).sum();
    if args.json {
        let files: Vec<_> = files
            .iter()
            .map(|file| {
                json!({
                    "path": file.path.to_string_lossy(), "kind": file.kind.letter().to_string(),
                    "old_bytes": file.old_bytes, "new_bytes": file.new_bytes,
                })
            })
            .collect();
        let config = configs.fields.iter();
        let config: Vec<_> = config
            .map(|(key, old, new)| json!({ "field": key, "old": old, "new": new }))
            .collect();
        let all = json!({
            "files": files, "bytes": delta, "config": config,
            "history": { "removed": configs.removed_steps, "added": configs.added_steps },
        });
        line(&format!("{all:#}"))?;
        return Ok(0);
    }
    let mut out = String::new();
    for (mark, steps) in [('-', &configs.removed_steps), ('+', &configs.added_steps)] {
        for step in steps {
            out.push_str(&format!("history {mark} {}\n", sanitize(step)));
        }
    }
    for (key, old, new) in &configs.fields {
        for (mark, value) in [('-', old), ('+', new)] {
            if let Some(value) = value {
                out.push_str(&format!(
                    "config {mark} {key} {}\n",
                    sanitize(&value.to_string())
                ));
            }
        }
    }
    for file in &files {
        let path = sanitize_bytes(file.path.as_os_str().as_bytes());
        let size = match file.grown() {
            0 => String::new(),
            more @ 1.. => format!("  +{}", bytes::decimal(more.unsigned_abs())),
            less => format!("  -{}", bytes::decimal(less.unsigned_abs())),
        };
        out.push_str(&format!("{} {path}{size}\n", file.kind.letter()));
    }
    print(&out)?;
    Ok(0)
}
