//! `wharf create`

use std::fs;

use clap::Args;

use super::{
    Context,
    container_args::ContainerArgs,
    failure::{Failure, Outcome},
    output::line,
    pull::{self, When},
};
use crate::{
    engine::{EngineError, ErrorKind},
    format::{limits, text::sanitize},
    model::{ContainerId, Limits, RemoveRequest},
};

/// Arguments of `create`.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub struct CreateArgs {
    #[command(flatten)]
    container: ContainerArgs,
}

/// Makes a container and prints its id.
pub async fn run(args: &CreateArgs, context: &Context) -> Outcome {
    let id = create(&args.container, context).await?;
    line(id.as_str())?;
    Ok(0)
}

/// Makes the container, and the file of its id if one was asked for.
pub async fn create(args: &ContainerArgs, context: &Context) -> Result<ContainerId, Failure> {
    let defaults = super::config::network_defaults(&context.loader)?;
    let request = args.request(&defaults)?;
    let limits = request.config.limits.clone();
    if args.pull == When::Always {
        pull::for_run(args, context).await?;
    }
    let created = match context.engine.create(request.clone()).await {
        // Asked for only now: most images are here, and then this costs nothing.
        Err(error) if args.pull == When::Missing && is_missing(&error, args, context).await => {
            let image = sanitize(args.image()).into_owned();
            eprintln!("Unable to find image {image} here, pulling it");
            pull::for_run(args, context).await?;
            context.engine.create(request).await
        }
        created => created,
    };
    let id = created.map_err(Failure::to_run)?;
    warn(&id, &limits, context).await;
    if let Some(path) = &args.cidfile {
        let written = fs::File::create_new(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, id.as_str().as_bytes()));
        if let Err(error) = written {
            let request = RemoveRequest {
                id: id.clone(),
                force: true,
                volumes: true,
            };
            // The first failure is the one to tell.
            let _ = context.engine.remove(request).await;
            return Err(Failure::usage(format!("write {}: {error}", path.display())));
        }
    }
    Ok(id)
}

/// Says what became of limits that were asked for and that not every kernel has.
pub async fn warn(id: &ContainerId, asked: &Limits, context: &Context) {
    if asked.oom_kill_disable != Some(true) {
        return;
    }
    // It was made or changed: whoever can't look at it says so at its next command.
    if let Ok(made) = context.engine.inspect(id).await {
        for warning in limits::warnings(asked, &made.config.limits) {
            eprintln!("WARNING: {warning}");
        }
    }
}

/// Whether it failed because the image isn't here.
async fn is_missing(error: &EngineError, args: &ContainerArgs, context: &Context) -> bool {
    if error.kind != ErrorKind::NotFound {
        return false;
    }
    let found = context.engine.image(args.image()).await;
    found.is_err_and(|error| error.kind == ErrorKind::NotFound)
}
