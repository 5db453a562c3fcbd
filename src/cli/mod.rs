//! The command line: docker's commands and flags, one file a command. Each parses and
//! validates first, then asks the engine; none knows how an engine does it.
//!
//! `main` hands in how to open an engine and how to show the dashboard, so that nothing
//! here depends on either.

mod advise;
mod archive;
mod attach;
mod build;
mod builder;
mod cgroups;
mod commit;
mod completions;
mod config;
mod container;
mod container_args;
mod context;
mod cp;
mod create;
mod debug;
mod demo;
mod diff;
mod dump;
mod events;
mod exec;
mod explore;
mod export;
mod failure;
mod history;
mod image;
mod image_diff;
mod images;
mod import;
mod info;
mod inspect;
mod items;
mod kill;
mod limit_args;
mod live;
mod load;
mod login;
mod logs;
mod man;
mod manifest;
mod network;
mod network_args;
mod output;
mod pause;
mod prune;
mod ps;
mod pull;
mod push;
mod record;
mod rename;
mod replay;
mod restart;
mod rm;
mod rmi;
mod run;
mod save;
mod search;
mod serve;
mod start;
mod stats;
mod stop;
mod stream;
mod system;
mod table;
mod tag;
mod terminal;
mod top;
mod transfer;
mod unpause;
mod update;
mod values;
mod verify;
mod version;
mod volume;
mod wait;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    action,
    config::{KnownEngine, Loaded, Loader, Serve, contexts::Contexts},
    engine::{self, Engine, EngineError, ErrorKind, Session},
    format::Depth,
    model::{BuildRequest, Planned},
};
pub use crate::{config::Target, record::Showing};
pub use debug::Shot;
use failure::{Failure, Outcome};
pub use man::page as manual;
use network::NetworkCommand;
pub use output::Output;
use volume::VolumeCommand;

/// Opens an engine.
pub type Open = fn(Option<&Path>, Option<Target>) -> engine::Result<Arc<dyn Engine>>;

/// What the commands need from the rest of the program.
#[derive(Clone, Copy, Debug)]
pub struct Faces {
    /// Opens the engine, below another root if one is given, or the one at an address.
    pub open: Open,
    /// Where an engine keeps its data, below another root if one is given.
    pub data: fn(Option<&Path>) -> PathBuf,
    /// Shows the dashboard until its user leaves.
    pub dashboard: fn(Arc<dyn Engine>, Settings) -> Result<(), String>,
    /// Draws the dashboard once, as an SVG picture.
    pub screenshot: fn(Arc<dyn Engine>, Shot) -> Result<String, String>,
    /// Serves the API until a signal asks for the end.
    pub serve: fn(Arc<dyn Engine>, Serve) -> Result<(), String>,
}

/// The configuration, and who reads it again.
#[derive(Clone)]
pub struct Settings {
    /// What was read.
    pub loaded: Loaded,
    /// Who read it.
    pub loader: Loader,
    /// The present or a recording.
    pub showing: Showing,
    /// Which other engines there are.
    pub engines: Engines,
}

/// What a dashboard can go on with: the engines that there are, who opens them, and the
/// one that is driven at first.
pub type Engines = (ListEngines, Reopen, Option<Target>);

/// Tells which engines there are.
pub type ListEngines = Arc<dyn Fn() -> Vec<KnownEngine> + Send + Sync>;

/// Opens an engine while the program runs, none is the one inside; it, and its own
/// recording.
pub type Reopen =
    Arc<dyn Fn(Option<&Target>) -> engine::Result<(Arc<dyn Engine>, Showing)> + Send + Sync>;

/// What a command works with.
struct Context {
    engine: Arc<dyn Engine>,
    output: Output,
    /// Where the engine's own recording is.
    recording: PathBuf,
    /// Who reads the configuration, for the few commands that it concerns.
    loader: Loader,
}

/// A container console, and the container engine behind it, in one binary
///
/// Without a command it shows the dashboard.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, max_term_width = 100, infer_long_args = false)]
struct Cli {
    /// Keep this engine's state below DIR, beside any other
    #[arg(
        long,
        global = true,
        env = "WHARF_ROOT",
        value_name = "DIR",
        hide_env_values = true
    )]
    root: Option<PathBuf>,
    /// Drive the engine at ADDRESS: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST.
    /// WHARF_HOST and DOCKER_HOST say the same
    #[arg(
        short = 'H',
        long = "host",
        id = "engine_host",
        global = true,
        value_name = "ADDRESS"
    )]
    host: Option<String>,
    /// Drive the engine that `wharf context` knows by NAME; WHARF_CONTEXT says the same
    #[arg(
        long = "context",
        id = "engine_context",
        global = true,
        value_name = "NAME"
    )]
    engine: Option<String>,
    #[command(flatten)]
    config: config::ConfigFlags,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The commands. What each is for stands in its action's row (see [`command`]).
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Create(create::CreateArgs),
    Start(start::StartArgs),
    Stop(stop::StopArgs),
    Restart(stop::StopArgs),
    Kill(kill::KillArgs),
    Pause(items::Names),
    Unpause(items::Names),
    Rm(rm::RmArgs),
    Rename(rename::RenameArgs),
    Wait(items::Names),
    Ps(ps::PsArgs),
    Stats(stats::StatsArgs),
    Top(top::TopArgs),
    Cgroups(cgroups::CgroupsArgs),
    Logs(logs::LogsArgs),
    Exec(exec::ExecArgs),
    Attach(attach::AttachArgs),
    Inspect(inspect::InspectArgs),
    Diff(diff::DiffArgs),
    Update(update::UpdateArgs),
    Events(events::EventsArgs),
    Record(record::RecordArgs),
    Replay(replay::ReplayArgs),
    Dump(dump::DumpArgs),
    Advise(advise::AdviseArgs),
    Images(images::ImagesArgs),
    Build(build::BuildArgs),
    /// The cache that builds keep
    #[command(subcommand)]
    Builder(builder::BuilderCommand),
    Import(import::ImportArgs),
    Save(save::SaveArgs),
    Load(load::LoadArgs),
    Export(export::ExportArgs),
    Cp(cp::CpArgs),
    Commit(commit::CommitArgs),
    Pull(pull::PullArgs),
    Push(push::PushArgs),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Search(search::SearchArgs),
    /// Look at what registries have
    #[command(subcommand)]
    Manifest(manifest::ManifestCommand),
    Tag(tag::TagArgs),
    History(history::HistoryArgs),
    Rmi(rmi::RmiArgs),
    /// Work with networks
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Print where a container's open ports are on the host
    Port(network::PortArgs),
    /// Work with volumes
    #[command(subcommand)]
    Volume(VolumeCommand),
    /// Work with images
    #[command(subcommand)]
    Image(image::ImageCommand),
    /// Look at the whole engine
    #[command(subcommand)]
    System(system::SystemCommand),
    /// Name engines elsewhere, and choose which one is driven
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Work with containers; the same commands under docker's longer names
    #[command(subcommand)]
    Container(container::ContainerCommand),
    Demo(demo::DemoArgs),
    /// Make pictures for the documentation
    #[command(subcommand, hide = true)]
    Debug(debug::DebugCommand),
    /// Show the configuration: what holds, and where it comes from
    Config(config::ConfigArgs),
    Serve(serve::ServeArgs),
    /// Print a shell's completions
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man(man::ManArgs),
    /// Print the version of wharf and of what it runs on
    Version(version::VersionArgs),
    /// Print what the engine is and what this kernel can't do
    Info(info::InfoArgs),
}

/// What is known about standard output.
pub fn look() -> Output {
    Output::of_stdout()
}

/// Which colours the terminal has.
pub fn depth() -> Depth {
    Depth::from_environment(|name| std::env::var(name).ok())
}

/// Copies between this terminal and a terminal in a container until either ends.
pub async fn interact(session: Session) -> std::io::Result<()> {
    let manner = stream::Manner {
        stdin: true,
        tty: true,
        ..stream::Manner::default()
    };
    stream::copy(session, &manner).await.map(|_| ())
}

/// Runs the command line `arguments`, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>, faces: &Faces) -> ExitCode {
    let outcome = match parse(arguments) {
        Ok(cli) => dispatch(cli, faces),
        // Help and the version are no errors, and go to stdout.
        Err(error) if !error.use_stderr() => match output::print(&error.render().to_string()) {
            Ok(()) => Ok(0),
            Err(error) => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.code)
        }
    }
}

/// What a command line that makes something asks for; one line that says what is wrong.
pub fn plan(words: &[String]) -> Result<Planned, String> {
    let cli = parse(words.iter().map(OsString::from)).map_err(|error| {
        let text = error.to_string();
        let first = text.split("\n\n").next().unwrap_or("");
        first.trim_start_matches("error: ").replace('\n', " ")
    })?;
    let defaults = || config::network_defaults(&cli.config.loader());
    let planned = match cli.command {
        Some(Command::Run(args)) => defaults()
            .and_then(|defaults| args.container.request(&defaults))
            .map(|request| Planned::Run(Box::new(request))),
        Some(Command::Build(_)) => Ok(Planned::Build),
        Some(Command::Network(NetworkCommand::Create(args))) => {
            defaults().map(|defaults| Planned::Network(Box::new(args.request(defaults.pools))))
        }
        Some(Command::Network(NetworkCommand::Connect(args))) => {
            args.attachment()
                .map(|(container, attachment)| Planned::Connect {
                    container,
                    attachment,
                })
        }
        Some(Command::Volume(VolumeCommand::Create(args))) => {
            Ok(Planned::Volume(Box::new(args.request())))
        }
        _ => return Err("it is not a command that makes something".into()),
    };
    planned.map_err(|failure| failure.message)
}

/// What a command line `wharf build …` asks for, the files that it names read. Blocks.
pub fn order(words: &[String]) -> engine::Result<BuildRequest> {
    let ordered = match parse(words.iter().map(OsString::from)) {
        Ok(cli) => match &cli.command {
            Some(Command::Build(args)) => build::request(args, &cli.config.loader()),
            _ => Err(Failure::usage("it is not a command that builds an image")),
        },
        Err(error) => Err(error.into()),
    };
    let request = ordered.map_err(|failure| {
        let why = failure.message.trim_start_matches("build: ").to_owned();
        let error = EngineError::new(ErrorKind::Invalid, "build", "").because(why);
        match failure.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    })?;
    Ok(BuildRequest {
        keeps_failed: true,
        ..request
    })
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command().try_get_matches_from(arguments)?)
}

/// The whole command line, each command explained by its action's row.
fn command() -> clap::Command {
    explain(Cli::command(), "")
}

fn explain(command: clap::Command, prefix: &str) -> clap::Command {
    let names: Vec<_> = command
        .get_subcommands()
        .map(|c| c.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{prefix}{name}");
        command.mut_subcommand(&name, |sub| {
            // `wharf container stop` is the action of `wharf stop`.
            let row = action::of_subcommand(&path)
                .or_else(|| action::of_subcommand(path.strip_prefix("container ")?));
            let sub = match row {
                Some(row) => sub.about(row.summary),
                None => sub,
            };
            explain(sub, &format!("{path} "))
        })
    })
}

fn dispatch(cli: Cli, faces: &Faces) -> Outcome {
    let loader = cli.config.loader();
    if let Some(Command::Context(command)) = &cli.command {
        let driven = driven(&cli).unwrap_or_default();
        return context::run(command, driven.as_ref().map(|target| &*target.chosen_by));
    }
    let target = match &cli.command {
        // A server is one of the engine inside, and its --host is where it listens.
        Some(
            Command::Completions(_) | Command::Man(_) | Command::Config(_) | Command::Serve(_),
        ) => None,
        _ => driven(&cli)?,
    };
    let own = recording(cli.root.as_deref(), faces, target.as_ref());
    let engines = engines(cli.root.clone(), *faces, target.clone());
    let command = match cli.command {
        Some(Command::System(system::SystemCommand::DialStdio)) => {
            return system::dial_stdio((faces.data)(cli.root.as_deref()), target);
        }
        Some(Command::Completions(args)) => return completions::run(&args),
        Some(Command::Man(args)) => return man::run(&args),
        Some(Command::Config(args)) => return config::run(&args, loader),
        Some(Command::Replay(args)) => {
            return replay::run(
                &args,
                &own,
                faces,
                config::settings(loader, own.clone(), engines)?,
            );
        }
        command => command,
    };
    if !matches!(&command, None | Some(Command::Demo(_) | Command::Debug(_))) {
        cli.config.refuse()?;
    }
    let settings = || config::settings(loader.clone(), own.clone(), engines.clone());
    let engine = (faces.open)(cli.root.as_deref(), target)?;
    let Some(command) = command else {
        return match (faces.dashboard)(engine, settings()?) {
            Ok(()) => Ok(0),
            Err(error) => Err(Failure::new(error)),
        };
    };
    if let Command::Serve(args) = command {
        let data = (faces.data)(cli.root.as_deref());
        return serve::run(&args, data, &loader, engine, faces);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("start: {error}")))?;
    let context = Context {
        engine,
        output: Output::of_stdout(),
        recording: own.clone(),
        loader: loader.clone(),
    };
    let outcome = match command {
        Command::Debug(command) => {
            settings().and_then(|settings| debug::run(command, &context, faces, settings))
        }
        Command::Demo(args) => {
            let root = cli.root.as_deref();
            settings()
                .and_then(|settings| demo::run(&args, &context, &runtime, faces, root, settings))
        }
        command => runtime.block_on(execute(command, &context)),
    };
    // A thread that waits for our stdin must not keep us.
    runtime.shutdown_background();
    outcome
}

/// The engine elsewhere that is driven, if it isn't the one inside.
fn driven(cli: &Cli) -> Result<Option<Target>, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let wish = crate::config::Wish {
        host: cli.host.clone(),
        context: cli.engine.clone(),
        has_root: cli.root.is_some(),
    };
    let found = crate::config::target(&wish, &Contexts::of_user(variable), variable);
    found.map_err(|(message, hint)| Failure::usage(message).with_hint(hint))
}

/// What a dashboard can go on with after the engine that it begins with.
fn engines(root: Option<PathBuf>, faces: Faces, first: Option<Target>) -> Engines {
    let named = first.clone();
    (
        Arc::new(move || {
            let variable = |name: &str| std::env::var(name).ok();
            crate::config::engines(named.as_ref(), &Contexts::of_user(variable), variable)
        }),
        Arc::new(move |target| {
            let recording = recording(root.as_deref(), &faces, target);
            let engine = (faces.open)(root.as_deref(), target.cloned())?;
            Ok((engine, Showing::Live(recording)))
        }),
        first,
    )
}

/// Where an engine's own recording is; each that is elsewhere has one of its own.
fn recording(root: Option<&Path>, faces: &Faces, target: Option<&Target>) -> PathBuf {
    let data = (faces.data)(root);
    match target {
        None => data.join(crate::record::DIRECTORY),
        Some(target) => {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            let name = target.address.to_string();
            let name = name.replace(|c| !is_plain(c), "_");
            data.join("engines")
                .join(name)
                .join(crate::record::DIRECTORY)
        }
    }
}

async fn execute(command: Command, context: &Context) -> Outcome {
    match command {
        Command::Run(args) => run::run(&args, context).await,
        Command::Create(args) => create::run(&args, context).await,
        Command::Start(args) => start::run(&args, context).await,
        Command::Stop(args) => stop::run(&args, context).await,
        Command::Restart(args) => restart::run(&args, context).await,
        Command::Kill(args) => kill::run(&args, context).await,
        Command::Pause(args) => pause::run(&args, context).await,
        Command::Unpause(args) => unpause::run(&args, context).await,
        Command::Rm(args) => rm::run(&args, context).await,
        Command::Rename(args) => rename::run(&args, context).await,
        Command::Wait(args) => wait::run(&args, context).await,
        Command::Ps(args) => ps::run(&args, context).await,
        Command::Stats(args) => stats::run(&args, context).await,
        Command::Top(args) => top::run(&args, context).await,
        Command::Cgroups(args) => cgroups::run(&args, context).await,
        Command::Logs(args) => logs::run(&args, context).await,
        Command::Exec(args) => exec::run(&args, context).await,
        Command::Attach(args) => attach::run(&args, context).await,
        Command::Inspect(args) => inspect::run(&args, context).await,
        Command::Diff(args) => diff::run(&args, context).await,
        Command::Update(args) => update::run(&args, context).await,
        Command::Events(args) => events::run(&args, context).await,
        Command::Record(args) => record::run(&args, context).await,
        Command::Dump(args) => dump::run(&args, context).await,
        Command::Advise(args) => advise::run(&args, context),
        Command::Images(args) => images::run(&args, context).await,
        Command::Builder(command) => builder::run(command, context).await,
        Command::Build(args) => build::run(&args, context).await,
        Command::Import(args) => import::run(&args, context).await,
        Command::Save(args) => save::run(&args, context).await,
        Command::Load(args) => load::run(&args, context).await,
        Command::Export(args) => export::run(&args, context).await,
        Command::Cp(args) => cp::run(&args, context).await,
        Command::Commit(args) => commit::run(&args, context).await,
        Command::Pull(args) => pull::run(&args, context).await,
        Command::Push(args) => push::run(&args, context).await,
        Command::Login(args) => login::run(&args, context).await,
        Command::Logout(args) => login::forget(&args, context).await,
        Command::Search(args) => search::run(&args, context).await,
        Command::Manifest(command) => manifest::run(&command, context).await,
        Command::Tag(args) => tag::run(&args, context).await,
        Command::Rmi(args) => rmi::run(&args, context).await,
        Command::Network(command) => network::run(command, context).await,
        Command::Port(args) => network::port(&args, context).await,
        Command::Volume(command) => volume::run(command, context).await,
        Command::History(args) => history::run(&args, context).await,
        Command::System(command) => system::run(command, context).await,
        Command::Container(container::ContainerCommand::Prune(args)) => {
            prune::containers(&args, context).await
        }
        Command::Image(command) => image::run(command, context).await,
        Command::Container(command) => Box::pin(execute(command.into(), context)).await,
        Command::Version(args) => version::run(&args, context).await,
        Command::Info(args) => info::run(&args, context).await,
        Command::Debug(_)
        | Command::Context(_)
        | Command::Demo(_)
        | Command::Completions(_)
        | Command::Config(_)
        | Command::Replay(_)
        | Command::Serve(_)
        | Command::Man(_) => Err(Failure::new(
            "it has no longer form: call it as `wharf demo`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> network_args::NetworkDefaults {
        network_args::NetworkDefaults {
            network: values::Choice::Mode(crate::model::NetworkMode::None),
            pools: vec![],
        }
    }

    fn refusal(line: &str) -> Failure {
        let arguments = line.split(' ').map(OsString::from);
        Failure::from(parse(arguments).expect_err(line))
    }

    #[test]
    fn command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_action_names_a_command_that_exists() {
        let command = command();
        for cli in action::ACTIONS.iter().filter_map(|row| row.cli) {
            let found = cli
                .split(' ')
                .try_fold(&command, |at, name| at.find_subcommand(name));
            assert!(found.is_some(), "{cli}");
        }
    }

    #[test]
    fn every_command_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{}", sub.get_name());
                check(sub);
            }
        }
        check(&command());
    }

    #[test]
    fn flags_after_the_image_belong_to_the_command() {
        let cli = parse(
            "wharf run --rm -it img sh -c -d --rm"
                .split(' ')
                .map(OsString::from),
        );
        let Some(Command::Run(args)) = cli.unwrap().command else {
            panic!("not run")
        };
        let request = args.container.request(&defaults()).unwrap();
        assert_eq!(request.config.image, "img");
        assert_eq!(request.config.command, ["sh", "-c", "-d", "--rm"]);
        assert!(request.config.tty && request.config.open_stdin && request.config.auto_remove);
    }

    #[test]
    fn bad_values_are_named_in_one_line_with_what_is_allowed() {
        let failure = refusal("wharf run -m 12x img");
        assert_eq!(failure.code, 125);
        assert!(failure.message.contains("12x") && failure.message.contains("512m"));
        assert!(!failure.message.contains('\n'));
        for line in [
            "wharf run",
            "wharf run --bogus img",
            "wharf run --ulimit nofile img",
            "wharf run --restart sometimes img",
            "wharf run --cpus x img",
            "wharf run --cpus 1 --cpu-quota 50000 img",
            "wharf stop",
            "wharf nonsense",
        ] {
            let failure = refusal(line);
            assert_eq!(failure.code, 125, "{line}");
            assert!(
                !failure.message.is_empty() && failure.hint.is_some(),
                "{line}"
            );
        }
        assert!(refusal("wharf stop").message.contains("<CONTAINER>"));
    }

    #[test]
    fn flags_that_exclude_each_other_are_refused_before_anything_happens() {
        for line in [
            "wharf run --rm --restart always img",
            "wharf run --memory-swap 1g img",
            "wharf run -m 1g --memory-swap 512m img",
            "wharf run -m 1m img",
            "wharf run --cpu-period 10000 img",
            "wharf run -v /a:/x --tmpfs /x img",
            "wharf run --security-opt nope img",
        ] {
            let cli = parse(line.split(' ').map(OsString::from)).expect(line);
            let Some(Command::Run(args)) = cli.command else {
                panic!("not run")
            };
            let failure = args.container.request(&defaults()).expect_err(line);
            assert_eq!(failure.code, 125, "{line}");
        }
    }
}
