//! `wharf build`: a Dockerfile becomes an image.

mod view;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use self::view::View;
use super::{
    Context, config,
    failure::{Failure, Outcome},
    limit_args::LimitArgs,
    output::line,
    values,
};
use crate::model::{
    BuildContext, BuildEvent, BuildFile, BuildRequest, Digest, InputStream, NetworkMode,
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
    /// Network of the RUN steps that say nothing else
    #[arg(long, value_name = "NETWORK", value_parser = values::steps_network)]
    network: Option<NetworkMode>,
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
    /// The build context: a directory, or - for a tar or a Dockerfile alone on standard input
    #[arg(value_name = "CONTEXT")]
    context: PathBuf,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Progress {
    /// Live on a terminal, else plain
    Auto,
    /// One line for each thing that happens
    Plain,
    /// One JSON object for each thing that happens
    Json,
}

/// Builds an image, and prints its id.
pub async fn run(args: &BuildArgs, context: &Context) -> Outcome {
    let mut request = request(args)?;
    request.registries = config::registries(&context.loader)?;
    let (mut name, mut text) = (String::new(), String::new());
    let mut events = context.engine.build(request).await?;
    let is_live = io::stderr().is_terminal() && args.progress == Progress::Auto;
    let mut view = View::new(&context.output, is_live, args.quiet);
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
                while events.recv().await.is_some() {}
                return Err(Failure::new("the build was stopped").with_code(130));
            }
            _ = ticks.tick(), if is_live => {
                view.draw()?;
                continue;
            }
        };
        let event = event.ok_or_else(|| Failure::new("the build ended without a word"))?;
        if args.progress == Progress::Json && !args.quiet {
            let text = serde_json::to_string(&event);
            line(&text.map_err(|error| Failure::new(error.to_string()))?)?;
        } else {
            view.tell(&event)?;
        }
        match event {
            BuildEvent::Built { image } => {
                view.end()?;
                return built(args, &image);
            }
            BuildEvent::Ended(failure) => {
                view.end()?;
                let place = match &failure.lines {
                    Some(lines) => format!("{name}:{}: ", lines.start()),
                    None => String::new(),
                };
                if let (Some(lines), false) = (&failure.lines, args.quiet) {
                    eprint!("{}", view::excerpt(&text, lines));
                }
                let error = Failure::new(format!("{place}{}", failure.message));
                let code = failure.exit_code.and_then(|code| u8::try_from(code).ok());
                let error = error.with_code(code.filter(|code| *code > 0).unwrap_or(1));
                return Err(match failure.hint {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                });
            }
            BuildEvent::Dockerfile {
                name: read,
                text: lines,
            } => (name, text) = (read, lines),
            _ => {}
        }
    }
}

fn built(args: &BuildArgs, image: &Digest) -> Outcome {
    if let Some(file) = &args.iidfile {
        fs::write(file, image.as_str())
            .map_err(|error| Failure::new(format!("write {}: {error}", file.display())))?;
    }
    if args.progress != Progress::Json || args.quiet {
        line(image.as_str())?;
    }
    Ok(0)
}

/// What is asked for.
fn request(args: &BuildArgs) -> Result<BuildRequest, Failure> {
    let (context, dockerfile) = sources(args)?;
    Ok(BuildRequest {
        context,
        dockerfile,
        arguments: arguments(&args.build_arg),
        target: args.target.clone(),
        names: args.tags.clone(),
        labels: labels(&args.label)?,
        no_cache: args.no_cache,
        network: args.network.clone().unwrap_or_default(),
        limits: args.limits.limits().map_err(Failure::usage)?,
        secrets: args
            .secret
            .iter()
            .map(|text| secret(text))
            .collect::<Result<_, _>>()?,
        registries: Default::default(),
        epoch: epoch(&args.build_arg)?,
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
