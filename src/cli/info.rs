//! `wharf info`

use clap::Args;
use serde_json::json;

use super::{
    Context,
    failure::Outcome,
    output::{line, print},
    table,
};
use crate::model::{State, Visible};

/// Arguments of `info`.
#[derive(Args, Debug)]
pub struct InfoArgs {
    /// json, or a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
}

/// Prints what there is, and what this machine can't do, each said by name.
pub async fn run(args: &InfoArgs, context: &Context) -> Outcome {
    let visible = Visible {
        stats: false,
        images: true,
        ..Visible::default()
    };
    let world = context.engine.world(visible).await?;
    let capabilities = context.engine.capabilities();
    let count = |wanted: fn(State) -> bool| {
        let states = world.containers.iter().map(|row| row.container.state);
        states.filter(|state| wanted(*state)).count()
    };
    let data = json!({
        "Engine": capabilities.engine,
        "Address": capabilities.address.unwrap_or_else(|| "in this process".into()),
        "Lacks": capabilities.lacks.values().collect::<Vec<_>>(),
        "Name": world.host.name,
        "Containers": world.containers.len(),
        "ContainersRunning": count(|s| s == State::Running),
        "ContainersPaused": count(|s| s == State::Paused),
        "ContainersStopped": count(|s| !s.has_process()),
        "Images": world.images.len(),
        "NCPU": world.host.cpus,
        "MemTotal": world.host.memory_total_bytes,
        "ReadOnlyBecause": capabilities.read_only_because,
        "Missing": world.host.missing,
        "Problems": world.problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>(),
    });
    match &args.format {
        Some(format) => line(&table::of_format(format, &data)?)?,
        None => print(&table::fields(&data))?,
    }
    Ok(0)
}
