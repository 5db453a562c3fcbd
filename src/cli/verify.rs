//! `wharf image verify`

use clap::Args;
use serde_json::json;

use super::{Context, failure::Outcome, output::line};
use crate::{format::text::sanitize, model::DamagedPart};

/// Arguments of `image verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// What was found, as JSON
    #[arg(long)]
    json: bool,
    /// Images, by reference or id; all if none is named
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

/// Reads everything, and fails if anything is damaged.
pub async fn run(args: &VerifyArgs, context: &Context) -> Outcome {
    let found = context.engine.verify_images(&args.images).await?;
    let code = u8::from(!found.damaged.is_empty());
    if args.json {
        line(&format!("{:#}", json!(found)))?;
        return Ok(code);
    }
    for damage in &found.damaged {
        let part = match damage.part {
            DamagedPart::Blob => "blob",
            DamagedPart::Layer => "layer",
        };
        let images = damage.images.join(", ");
        line(&format!(
            "{part} {} of {} is damaged: {}",
            damage.digest.short(),
            sanitize(&images),
            damage.reason,
        ))?;
    }
    match found.damaged.is_empty() {
        true => line(&format!(
            "{} images are whole: {} blobs, {} layers",
            found.images, found.blobs, found.layers
        ))?,
        false => eprintln!(
            "hint: pull or load those images again; what is damaged was set aside for that"
        ),
    }
    Ok(code)
}
