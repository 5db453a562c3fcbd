//! `wharf rmi`

use clap::Args;

use super::{
    Context,
    failure::{Failure, Outcome},
    output::line,
};
use crate::engine::ErrorKind;

/// Arguments of `rmi`.
#[derive(Args, Debug)]
pub struct RmiArgs {
    /// Also where it has several names; no error for what isn't there
    #[arg(short, long)]
    force: bool,
    /// Images, by reference or id
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

/// Removes images, and says what went.
pub async fn run(args: &RmiArgs, context: &Context) -> Outcome {
    let mut code = 0;
    for image in &args.images {
        match context.engine.remove_image(image, args.force).await {
            Ok(gone) => {
                for name in gone {
                    let word = if name.starts_with("sha256:") {
                        "Deleted"
                    } else {
                        "Untagged"
                    };
                    line(&format!("{word}: {name}"))?;
                }
            }
            Err(error) => {
                let is_absent = error.kind == ErrorKind::NotFound;
                Failure::from(error).report();
                if !(args.force && is_absent) {
                    code = 1;
                }
            }
        }
    }
    Ok(code)
}
