//! `wharf image …`

use clap::{Args, Subcommand};

use super::{
    Context, explore, failure::Outcome, history, image_diff, images, import, inspect, load,
    output::line, prune, pull, push, rmi, save, tag, verify,
};

/// The commands below `image`.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// List the images with what they share
    #[command(visible_alias = "list")]
    Ls(images::ImagesArgs),
    Inspect(inspect::ImageInspectArgs),
    Explore(explore::ExploreArgs),
    FromHost(FromHostArgs),
    /// Show what made each layer of an image
    History(history::HistoryArgs),
    Diff(image_diff::ImageDiffArgs),
    Verify(verify::VerifyArgs),
    Prune(prune::PruneImagesArgs),
    /// Make an image from a root file system's tar
    Import(import::ImportArgs),
    /// Write images as an archive that others load
    Save(save::SaveArgs),
    /// Load the images of an archive
    Load(load::LoadArgs),
    /// Fetch images from a registry
    Pull(pull::PullArgs),
    /// Send images to a registry
    Push(push::PushArgs),
    /// Give an image a further name
    Tag(tag::TagArgs),
    /// Remove images and the layers that nobody else uses
    #[command(visible_alias = "remove")]
    Rm(rmi::RmiArgs),
}

/// Arguments of `image from-host`.
#[derive(Args, Debug)]
pub struct FromHostArgs {
    /// What the image is to be called
    #[arg(value_name = "NAME[:TAG]")]
    name: String,
    /// Executables of this host, by name or path
    #[arg(required = true, value_name = "COMMAND")]
    commands: Vec<String>,
}

/// Runs one of them.
pub async fn run(command: ImageCommand, context: &Context) -> Outcome {
    match command {
        ImageCommand::Ls(args) => images::run(&args, context).await,
        ImageCommand::Inspect(args) => inspect::run_images(&args, context).await,
        ImageCommand::Explore(args) => explore::run(&args, context).await,
        ImageCommand::FromHost(args) => {
            let id = context
                .engine
                .image_from_host(&args.name, &args.commands)
                .await?;
            line(id.as_str())?;
            Ok(0)
        }
        ImageCommand::History(args) => history::run(&args, context).await,
        ImageCommand::Diff(args) => image_diff::run(&args, context).await,
        ImageCommand::Verify(args) => verify::run(&args, context).await,
        ImageCommand::Prune(args) => prune::images(&args, context).await,
        ImageCommand::Import(args) => import::run(&args, context).await,
        ImageCommand::Save(args) => save::run(&args, context).await,
        ImageCommand::Load(args) => load::run(&args, context).await,
        ImageCommand::Pull(args) => pull::run(&args, context).await,
        ImageCommand::Push(args) => push::run(&args, context).await,
        ImageCommand::Tag(args) => tag::run(&args, context).await,
        ImageCommand::Rm(args) => rmi::run(&args, context).await,
    }
}
