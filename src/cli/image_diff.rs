//! `wharf image diff`

use std::{collections::BTreeMap, os::unix::ffi::OsStrExt};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Context,
    failure::Outcome,
    output::{line, print},
};
use crate::{
    format::{
        bytes,
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
    let configs = [
        engine.image_config(&args.old).await?,
        engine.image_config(&args.new).await?,
    ];
    let [old, new] = configs.each_ref().map(fields);
    let keys: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let config: Vec<_> = keys
        .into_iter()
        .map(|key| (key, old.get(key), new.get(key)))
        .filter(|(_, old, new)| old != new)
        .collect();
    let [old_steps, new_steps] = configs.each_ref().map(steps);
    let same = old_steps
        .iter()
        .zip(&new_steps)
        .take_while(|(a, b)| a == b)
        .count();
    let (gone, come) = (&old_steps[same..], &new_steps[same..]);
    let delta: i64 = files.iter().map(grown).sum();
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
        let config: Vec<_> = config
            .iter()
            .map(|(key, old, new)| json!({ "field": key, "old": old, "new": new }))
            .collect();
        let all = json!({
            "files": files, "bytes": delta, "config": config,
            "history": { "removed": gone, "added": come },
        });
        line(&format!("{all:#}"))?;
        return Ok(0);
    }
    let mut out = String::new();
    for (mark, steps) in [('-', gone), ('+', come)] {
        for step in steps {
            out.push_str(&format!("history {mark} {}\n", sanitize(step)));
        }
    }
    for (key, old, new) in config {
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
        let size = match grown(file) {
            0 => String::new(),
            more @ 1.. => format!("  +{}", bytes::decimal(more.unsigned_abs())),
            less => format!("  -{}", bytes::decimal(less.unsigned_abs())),
        };
        out.push_str(&format!("{} {path}{size}\n", file.kind.letter()));
    }
    print(&out)?;
    Ok(0)
}

fn grown(file: &FileDifference) -> i64 {
    let signed = |bytes: Option<u64>| i64::try_from(bytes.unwrap_or(0)).unwrap_or(i64::MAX);
    signed(file.new_bytes) - signed(file.old_bytes)
}

/// What a config says of the process and the platform, field by field.
fn fields(config: &Value) -> BTreeMap<String, Value> {
    let of_process = config["config"].as_object().into_iter().flatten();
    let of_process = of_process.filter(|(_, value)| !is_nothing(value));
    let top = ["architecture", "os", "variant", "author"];
    let top = top
        .into_iter()
        .filter_map(|key| Some((key, config.get(key)?)));
    of_process
        .map(|(key, value)| (key.clone(), value.clone()))
        .chain(top.map(|(key, value)| (key.to_owned(), value.clone())))
        .collect()
}

/// Absent, null and empty are the same in a config.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn steps(config: &Value) -> Vec<String> {
    let steps = config["history"].as_array().into_iter().flatten();
    steps
        .map(|step| step["created_by"].as_str().unwrap_or_default().to_owned())
        .collect()
}
