//! `wharf build`: a Dockerfile becomes an image.

mod output;
mod view;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use self::{output::Outputs, view::View};
use super::{
    Context, config,
    failure::{Failure, Outcome},
    limit_args::LimitArgs,
    output::line,
    values::{self, Choice},
};
use crate::{
    config::Loader,
    model::{
        BuildAllowances, BuildContext, BuildEvent, BuildFile, BuildRequest, ContainerConfig,
        Digest, HostAddress, InputStream, Naming, NetworkMode, Platform, Ulimit,
    },
};

/// Longest secret and Dockerfile, in bytes.
const LONGEST: u64 = 16 << 20;

/// Arguments of `build`.
#[derive(Args, Debug)]
pub struct BuildArgs {
    /// Name of the image, with an optional tag; several may be given
    #[arg(short, long = "tag", value_name = "NAME[:TAG]")]
    tags: Vec<String>,
    /// The Dockerfile; - is standard input. Dockerfile or Containerfile in the context
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A build argument; without a value that of the environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<String>,
    /// The stage to build
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,
    /// A label on top of the Dockerfile's
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Run every step, whatever the cache knows
    #[arg(long)]
    no_cache: bool,
    /// Only hold the Dockerfile against the rules for it
    #[arg(long)]
    check: bool,
    /// The same as --progress json
    #[arg(long)]
    json: bool,
    /// Look for what steps made in a directory that --cache-to wrote
    #[arg(long, value_name = "type=local,src=DIR")]
    cache_from: Vec<String>,
    /// Write what the steps made to a directory
    #[arg(long, value_name = "type=local,dest=DIR")]
    cache_to: Vec<String>,
    /// Ask for base images anew, even for those that are here
    #[arg(long)]
    pull: bool,
    /// What to build for; only this host's platform can be
    #[arg(long, value_name = "OS/ARCH", value_parser = platform)]
    platform: Option<Platform>,
    /// Make one layer of all, the base image's included
    #[arg(long, visible_alias = "squash-all")]
    squash: bool,
    /// Where the result goes: a directory, - for a tar on stdout, or a type with a place
    #[arg(short, long, value_name = "DIR|-|type=TYPE,dest=PATH")]
    output: Vec<String>,
    /// Network of the RUN steps that say nothing else: none, host, default or a network's name
    #[arg(long, value_name = "NETWORK", value_parser = values::network)]
    network: Option<Choice>,
    /// Add a line to /etc/hosts of the RUN steps
    #[arg(long, value_name = "NAME:IP", value_parser = values::host)]
    add_host: Vec<(String, HostAddress)>,
    /// Size of /dev/shm of the RUN steps
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    shm_size: Option<u64>,
    /// Process limit of the RUN steps
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_parser = values::ulimit)]
    ulimit: Vec<Ulimit>,
    /// Let the Dockerfile ask for more than containers have
    #[arg(long, value_enum, value_name = "WHAT")]
    allow: Vec<Allowance>,
    /// An ssh agent for RUN --mount=type=ssh: default is the one that SSH_AUTH_SOCK names
    #[arg(long, value_name = "default|ID[=SOCKET]")]
    ssh: Vec<String>,
    /// A secret for RUN --mount=type=secret
    #[arg(long, value_name = "id=ID[,src=FILE|env=NAME]")]
    secret: Vec<String>,
    /// How progress is shown
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    progress: Progress,
    /// Print nothing but the image's id
    #[arg(short, long)]
    quiet: bool,
    /// Write the image's id to a file
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArgs,
    /// The build context: a directory, an address of a git repository (URL#ref:directory) or
    /// of a tar, or - for a tar or a Dockerfile alone on standard input
    #[arg(value_name = "CONTEXT")]
    context: PathBuf,
}

/// What a Dockerfile may be let ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allowance {
    /// RUN --network=host
    #[value(name = "network.host")]
    HostNetwork,
    /// RUN --security=insecure: a container with nearly all rights of the host
    #[value(name = "security.insecure")]
    Insecure,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Progress {
    /// Live on a terminal, else plain
    Auto,
    /// Live
    Tty,
    /// One line for each thing that happens
    Plain,
    /// One JSON object for each thing that happens
    Json,
}

/// Builds an image, and prints its id.
pub async fn run(args: &BuildArgs, context: &Context) -> Outcome {
    let mut request = request(args, &context.loader)?;
    let outputs = Outputs::open(&args.output)?;
    request.outputs = outputs.requested()?;
    let mut events = context.engine.build(request).await?;
    let is_live = match args.progress {
        Progress::Auto => io::stderr().is_terminal(),
        Progress::Tty => true,
        Progress::Plain | Progress::Json => false,
    };
    let is_json = args.json || args.progress == Progress::Json;
    let is_live = is_live && !is_json;
    let mut view = View::new(&context.output, is_live, args.quiet || is_json);
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = interrupt.recv() => {
                view.end()?;
                // Dropping the events stops the build; waited for, so that nothing of it
                // is left when we are gone.
                events.close();
                let end = async { while events.recv().await.is_some() {} };
                tokio::select! {
                    () = end => {}
                    // Whatever it waits for (a context that doesn't come), who says so
                    // twice means it; the next command takes back what is left.
                    _ = interrupt.recv() => {}
                }
                return Err(Failure::new("the build was stopped").with_code(130));
            }
            _ = ticks.tick(), if is_live => {
                view.draw()?;
                continue;
            }
        };
        let event = event.ok_or_else(|| Failure::new("the build ended without a word"))?;
        if is_json && !args.quiet {
            let text = serde_json::to_string(&event);
            line(&text.map_err(|error| Failure::new(error.to_string()))?)?;
        }
        view.tell(&event)?;
        match event {
            BuildEvent::Built { image } => {
                view.end()?;
                view.warned()?;
                let is_stored = outputs.is_image();
                outputs.finish()?;
                return built(args, &image, is_stored);
            }
            BuildEvent::Checked { warnings } => {
                view.end()?;
                if !is_json {
                    view.checked()?;
                }
                return Ok(u8::from(warnings > 0));
            }
            BuildEvent::Ended(failure) => {
                view.end()?;
                if !args.quiet {
                    eprint!("{}", view.progress.about(&failure));
                }
                let error = Failure::new(view.progress.told(&failure));
                let code = failure.exit_code.and_then(|code| u8::try_from(code).ok());
                let error = error.with_code(code.filter(|code| *code > 0).unwrap_or(1));
                return Err(match failure.hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                });
            }
            _ => {}
        }
    }
}

fn built(args: &BuildArgs, image: &Digest, is_stored: bool) -> Outcome {
    if let Some(file) = &args.iidfile {
        fs::write(file, image.as_str())
            .map_err(|error| Failure::new(format!("write {}: {error}", file.display())))?;
    }
    // What goes elsewhere has no name here, and may have taken standard output.
    let is_json = args.json || args.progress == Progress::Json;
    if is_stored && (!is_json || args.quiet) {
        line(image.as_str())?;
    }
    Ok(0)
}

/// What is asked for, but for where the result goes: that is opened apart.
pub(super) fn request(args: &BuildArgs, loader: &Loader) -> Result<BuildRequest, Failure> {
    let (context, dockerfile) = sources(args)?;
    let defaults = config::network_defaults(loader)?;
    let (network, networks) = match args.network.as_ref().unwrap_or(&defaults.network) {
        Choice::Mode(mode) => (mode.clone(), Vec::new()),
        Choice::Network(attachment) => (NetworkMode::Bridge, vec![attachment.clone()]),
    };
    Ok(BuildRequest {
        context,
        dockerfile,
        arguments: arguments(&args.build_arg),
        target: args.target.clone(),
        names: args.tags.clone(),
        labels: labels(&args.label)?,
        no_cache: args.no_cache,
        container: ContainerConfig {
            network,
            networks,
            limits: args.limits.limits().map_err(Failure::usage)?,
            shm_size_bytes: args.shm_size,
            ulimits: args.ulimit.clone(),
            naming: Naming {
                hosts: args.add_host.clone(),
                ..Naming::default()
            },
            ..ContainerConfig::default()
        },
        pools: defaults.pools,
        agents: args
            .ssh
            .iter()
            .map(|text| agent(text))
            .collect::<Result<_, _>>()?,
        allowed: BuildAllowances {
            insecure: args.allow.contains(&Allowance::Insecure),
            host_network: args.allow.contains(&Allowance::HostNetwork),
        },
        platform: args.platform.clone(),
        cache_from: caches(&args.cache_from, "src")?,
        cache_to: caches(&args.cache_to, "dest")?,
        pull: args.pull,
        squash: args.squash,
        is_check: args.check,
        outputs: Vec::new(),
        secrets: args
            .secret
            .iter()
            .map(|text| secret(text))
            .collect::<Result<_, _>>()?,
        registries: config::registries(loader)?,
        epoch: epoch(&args.build_arg)?,
        keeps_failed: false,
    })
}

/// Where the files and the Dockerfile come from.
fn sources(args: &BuildArgs) -> Result<(BuildContext, BuildFile), Failure> {
    let is_stdin = |path: &Path| path.as_os_str() == "-";
    if is_stdin(&args.context) {
        let file = match &args.file {
            Some(file) if is_stdin(file) => {
                let message = "build: standard input can't be both the Dockerfile and the context";
                return Err(
                    Failure::usage(message).with_hint("for a Dockerfile alone, leave -f out")
                );
            }
            Some(file) => Some(file.display().to_string()),
            None => None,
        };
        let context = BuildContext::Stream(InputStream::new(stdin()?));
        return Ok((context, BuildFile::InContext(file)));
    }
    let directory = args.context.as_path();
    if let Some(address) = address(directory) {
        let file = match &args.file {
            Some(file) if is_stdin(file) => BuildFile::Text {
                name: "-".into(),
                text: bounded(stdin()?, "standard input")?,
                ignore: None,
            },
            file => BuildFile::InContext(file.as_ref().map(|file| file.display().to_string())),
        };
        return Ok((BuildContext::Remote(address), file));
    }
    if !directory.is_dir() {
        let message = format!("build: the context {} is no directory", directory.display());
        return Err(Failure::new(message).with_hint("give the directory with the files to copy"));
    }
    let file = match &args.file {
        Some(file) if is_stdin(file) => BuildFile::Text {
            name: "-".into(),
            text: bounded(stdin()?, "standard input")?,
            ignore: None,
        },
        Some(file) => {
            let mut ignore = file.clone().into_os_string();
            ignore.push(".dockerignore");
            let ignore = PathBuf::from(ignore);
            BuildFile::Text {
                name: file.display().to_string(),
                text: read(file)?,
                ignore: match ignore.is_file() {
                    true => Some(text(&ignore)?),
                    false => None,
                },
            }
        }
        None => BuildFile::InContext(None),
    };
    Ok((BuildContext::Directory(directory.to_owned()), file))
}

/// The address that a context is, unless a directory is called so.
fn address(context: &Path) -> Option<String> {
    let text = context.to_str().filter(|_| !context.exists())?;
    let schemes = [
        "http://",
        "https://",
        "git://",
        "ssh://",
        "git@",
        "github.com/",
    ];
    let is_address = schemes.iter().any(|scheme| text.starts_with(scheme));
    is_address.then(|| text.to_owned())
}

fn stdin() -> Result<io::Stdin, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::new("build -: stdin is a terminal")
            .with_hint("pipe a tar or a Dockerfile into it, or name a directory"));
    }
    Ok(stdin)
}

fn text(file: &Path) -> Result<String, Failure> {
    String::from_utf8(read(file)?)
        .map_err(|_| Failure::new(format!("build: {} is not UTF-8", file.display())))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let name = file.display().to_string();
    let opened = fs::File::open(file)
        .map_err(|error| Failure::new(format!("build: open {name}: {error}")))?;
    bounded(opened, &name)
}

fn bounded(source: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    source
        .take(LONGEST + 1)
        .read_to_end(&mut text)
        .map_err(|error| Failure::new(format!("build: read {name}: {error}")))?;
    match text.len() as u64 > LONGEST {
        true => Err(Failure::new(format!(
            "build: {name} has more than {LONGEST} bytes"
        ))),
        false => Ok(text),
    }
}

fn arguments(words: &[String]) -> BTreeMap<String, String> {
    let pairs = words.iter().filter_map(|word| match word.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        // Without a value in the environment it is as if it weren't given.
        None => Some((word.clone(), std::env::var(word).ok()?)),
    });
    pairs.collect()
}

fn labels(words: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pairs = words.iter().map(|word| match word.split_once('=') {
        Some(("", _)) => Err(Failure::usage(format!("--label {word}: the name is empty"))),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Ok((word.clone(), String::new())),
    });
    pairs.collect()
}

fn secret(text: &str) -> Result<(String, bytes::Bytes), Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("--secret {text}: {why}"))
            .with_hint("write id=NAME,src=FILE or id=NAME,env=VARIABLE")
    };
    let (mut id, mut file, mut variable) = (None, None, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("id", value)) => id = Some(value.to_owned()),
            Some(("src" | "source", value)) => file = Some(value.to_owned()),
            Some(("env", value)) => variable = Some(value.to_owned()),
            Some(("type", "file" | "env")) => {}
            _ => return Err(wrong("it has a field that doesn't exist")),
        }
    }
    let id = id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| wrong("it has no id"))?;
    let value = match (file, variable) {
        (Some(file), None) => read(Path::new(&file))?,
        (None, variable) => {
            let name = variable.as_ref().unwrap_or(&id);
            let value = std::env::var_os(name);
            let value = value.ok_or_else(|| wrong(&format!("the environment has no {name}")))?;
            value.into_encoded_bytes()
        }
        (Some(_), Some(_)) => return Err(wrong("it has both src and env")),
    };
    Ok((id, value.into()))
}

/// The directories of `--cache-from` and `--cache-to`. An inline cache is the image's own
/// layers, which are here; one in a registry is not looked at, which costs time and nothing
/// else, so it is told and no reason to stop.
fn caches(flags: &[String], place: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut directories = Vec::new();
    for text in flags {
        let fields: BTreeMap<&str, &str> = text
            .split(',')
            .filter_map(|field| field.split_once('='))
            .collect();
        match (fields.get("type").copied(), fields.get(place)) {
            (Some("local"), Some(directory)) => directories.push(PathBuf::from(directory)),
            (Some("local"), None) => {
                return Err(Failure::usage(format!(
                    "{text}: the cache needs {place}=DIRECTORY"
                )));
            }
            (Some("inline"), _) => {}
            _ => eprintln!("the cache {text} is left alone: only type=local is known"),
        }
    }
    Ok(directories)
}

/// `default`, `ID` or `ID=SOCKET`: an id and the socket of an agent.
fn agent(text: &str) -> Result<(String, PathBuf), Failure> {
    let (id, socket) = match text.split_once('=') {
        Some((id, socket)) => (id, Some(PathBuf::from(socket))),
        None => (text, std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from)),
    };
    let wrong = |why: String| {
        Failure::usage(format!("--ssh {text}: {why}"))
            .with_hint("start an ssh-agent, add the key to it by ssh-add, and give its socket")
    };
    let socket = socket.ok_or_else(|| wrong("SSH_AUTH_SOCK names no agent".into()))?;
    let kind = fs::metadata(&socket).map(|found| found.file_type());
    match kind {
        _ if id.is_empty() => Err(wrong("it has no id".into())),
        Ok(kind) if std::os::unix::fs::FileTypeExt::is_socket(&kind) => {
            // Wherever the build runs, the socket is the same.
            let socket = fs::canonicalize(&socket)?;
            Ok((id.to_owned(), socket))
        }
        Ok(_) => Err(wrong(format!("{} is no agent's socket", socket.display()))),
        Err(error) => Err(wrong(format!("{}: {error}", socket.display()))),
    }
}

fn platform(text: &str) -> values::Parsed<Platform> {
    Platform::parse(text).ok_or_else(|| format!("{text:?} is no platform; linux/amd64 is"))
}

/// `SOURCE_DATE_EPOCH` (reproducible-builds.org), as an argument or in the environment.
fn epoch(words: &[String]) -> Result<Option<i64>, Failure> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let given = arguments(words).remove(NAME);
    let Some(text) = given.or_else(|| std::env::var(NAME).ok()) else {
        return Ok(None);
    };
    let seconds = text.parse().ok().filter(|seconds| *seconds >= 0);
    seconds
        .map(Some)
        .ok_or_else(|| Failure::usage(format!("{NAME}={text} is no number of seconds since 1970")))
}
