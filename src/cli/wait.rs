//! `wharf wait`

use futures_util::future::join_all;

use super::{
    Context,
    failure::{Failure, Outcome},
    items::Names,
    output::line,
};
use crate::model::WaitCondition;

/// Waits until containers don't run, then prints their exit codes in the order given; `?`
/// where nobody could see one.
pub async fn run(args: &Names, context: &Context) -> Outcome {
    let one = async |reference: &String| {
        let id = context.engine.resolve(reference).await?;
        context.engine.wait(&id, WaitCondition::NotRunning).await
    };
    let mut code = 0;
    for result in join_all(args.containers.iter().map(one)).await {
        match result {
            Ok(exit) => match exit.code {
                Some(exit) => line(&exit.to_string())?,
                None => line("?")?,
            },
            Err(error) => {
                Failure::from(error).report();
                code = 1;
            }
        }
    }
    Ok(code)
}
