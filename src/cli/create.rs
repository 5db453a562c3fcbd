//! `wharf create`

use std::fs;

use clap::Args;

use super::{
    Context,
    container_args::ContainerArgs,
    failure::{Failure, Outcome},
    output::line,
};
use crate::model::{ContainerId, RemoveRequest};

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
    let id = context
        .engine
        .create(request)
        .await
        .map_err(Failure::to_run)?;
    if let Some(path) = &args.cidfile {
        let written = fs::File::create_new(path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, id.as_str().as_bytes()));
        if let Err(error) = written {
            let request = RemoveRequest {
                id: id.clone(),
                force: true,
            };
            // The first failure is the one to tell.
            let _ = context.engine.remove(request).await;
            return Err(Failure::usage(format!("write {}: {error}", path.display())));
        }
    }
    Ok(id)
}
