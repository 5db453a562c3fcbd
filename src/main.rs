//! Chooses the face of this process, before it has a second thread.

use std::{os::unix::ffi::OsStrExt, path::Path, process::ExitCode, sync::Arc};

use tokio::runtime::{Builder, Runtime};
use wharf::{
    api, app, cli,
    engine::{self, Engine, embedded::Embedded, remote::Remote},
    oci,
    runtime::{paths::Root, shim},
    ui,
};

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if (args.next()).is_some_and(|name| name.as_bytes() == shim::NAME.as_bytes()) {
        return shim::main();
    }
    if args.next().is_some_and(|face| face == "oci") {
        return oci::main(args);
    }
    cli::main(
        std::env::args_os(),
        &cli::Faces {
            open,
            data: |root| self::root(root).data,
            dashboard,
            screenshot,
            serve: api::run,
        },
    )
}

fn root(directory: Option<&Path>) -> Root {
    directory.map_or_else(Root::system, Root::at)
}

fn open(directory: Option<&Path>, target: Option<cli::Target>) -> engine::Result<Arc<dyn Engine>> {
    Ok(match target {
        Some(target) => Arc::new(Remote::at(target.address, target.chosen_by)?),
        None => Arc::new(Embedded::open(root(directory))?),
    })
}

fn dashboard(engine: Arc<dyn Engine>, settings: cli::Settings) -> Result<(), String> {
    let runtime = runtime()?;
    let options = app::Options {
        look: app::Look::new(cli::look().glyphs, cli::look().color),
        depth: cli::depth(),
        config: Arc::new(settings.loaded),
        loader: settings.loader,
        words: (cli::plan, cli::order),
        interact: Box::new(|session| Box::pin(cli::interact(session))),
        showing: settings.showing,
        engines: settings.engines.into(),
        state_file: app::state_file(|name| std::env::var_os(name)),
    };
    let shown = runtime.block_on(app::run(engine, options, ui::draw));
    runtime.shutdown_background();
    shown.map_err(|error| format!("dashboard: {error}"))
}

fn screenshot(engine: Arc<dyn Engine>, shot: cli::Shot) -> Result<String, String> {
    let runtime = runtime()?;
    let still = app::Still {
        look: app::Look::FULL,
        config: shot.config,
        size: shot.size,
        watch: shot.watch,
        keys: shot.keys,
    };
    let buffer = runtime.block_on(app::still(engine, &still, ui::draw));
    runtime.shutdown_background();
    Ok(ui::svg::picture(&buffer))
}

fn runtime() -> Result<Runtime, String> {
    let made = Builder::new_current_thread().enable_all().build();
    made.map_err(|error| format!("start the dashboard: {error}"))
}
