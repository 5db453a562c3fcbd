//! Doing one thing to several containers, each with its own success or failure.

use clap::Args;
use futures_util::stream::{self, StreamExt as _};

use super::{
    Context,
    failure::{Failure, Outcome},
    output::line,
};
use crate::{engine, model::ContainerId};

/// Operations that run at once: each that waits for an exit holds an inotify instance, of
/// which a user has 128.
const AT_ONCE: usize = 32;

/// Containers by name, id or the beginning of an id.
#[derive(Args, Clone, Debug)]
pub struct Names {
    /// Containers, by name, id or the beginning of an id
    #[arg(required = true, value_name = "CONTAINER")]
    pub containers: Vec<String>,
}

impl Context {
    /// The container that a user means.
    pub async fn resolve(&self, reference: &str) -> Result<ContainerId, Failure> {
        Ok(self.engine.resolve(reference).await?)
    }

    /// Does `act` to all, many at once, then prints, in the order given, the name of each that
    /// it succeeded on and why it failed on the others.
    pub async fn each(
        &self,
        references: &[String],
        act: impl AsyncFn(ContainerId) -> engine::Result<()>,
    ) -> Outcome {
        let one = async |reference: &String| {
            let id = self.engine.resolve(reference).await?;
            act(id).await
        };
        let results: Vec<_> = stream::iter(references.iter().map(one))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut code = 0;
        for (reference, result) in references.iter().zip(results) {
            match result {
                Ok(()) => line(reference)?,
                Err(error) => {
                    Failure::from(error).report();
                    code = 1;
                }
            }
        }
        Ok(code)
    }
}
