//! `wharf save`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Context, archive, failure::Outcome};
use crate::model::{SaveFormat, SaveRequest};

/// Arguments of `save`.
#[derive(Args, Debug)]
pub struct SaveArgs {
    /// Write to a file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What kind of archive
    #[arg(long, value_enum, default_value = "docker")]
    format: Kind,
    /// Images, by reference or id; a name without a tag means all of its tags
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

/// Kinds of archive, under podman's names for them too.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// For `docker load` and `podman load`
    #[value(alias = "docker-archive")]
    Docker,
    /// An OCI image layout in a tar
    #[value(alias = "oci-archive")]
    Oci,
}

/// Writes images as one archive.
pub async fn run(args: &SaveArgs, context: &Context) -> Outcome {
    let target = archive::Target::open("save", args.output.as_deref())?;
    let out = target.writer()?;
    let request = SaveRequest {
        references: args.images.clone(),
        format: match args.format {
            Kind::Docker => SaveFormat::Docker,
            Kind::Oci => SaveFormat::Oci,
        },
    };
    let save = async |progress| context.engine.save(request, out, progress).await;
    archive::shown(args.output.is_none(), "written", save).await?;
    target.finish()?;
    Ok(0)
}
