//! `wharf commit`

use clap::{ArgAction, Args};

use super::{Context, failure::Outcome, output::line};
use crate::model::CommitRequest;

/// Arguments of `commit`.
#[derive(Args, Debug)]
pub struct CommitArgs {
    /// Who made it, such as "Jane Doe <jane@example.org>"
    #[arg(short, long, value_name = "AUTHOR")]
    author: Option<String>,
    /// What it is
    #[arg(
        short,
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    message: String,
    /// Change the config by an instruction of a Dockerfile, such as 'CMD ["sh"]'
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Freeze the container meanwhile, if it runs
    #[arg(
        short,
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pause: bool,
    /// The container, by name or id
    container: String,
    /// What the image is to be called
    #[arg(value_name = "NAME[:TAG]")]
    name: Option<String>,
}

/// Makes an image of a container, and prints its id.
pub async fn run(args: &CommitArgs, context: &Context) -> Outcome {
    let request = CommitRequest {
        id: context.resolve(&args.container).await?,
        name: args.name.clone(),
        author: args.author.clone(),
        comment: args.message.clone(),
        changes: args.change.clone(),
        pause: args.pause,
    };
    let id = context.engine.commit(request).await?;
    line(id.as_str())?;
    Ok(0)
}
