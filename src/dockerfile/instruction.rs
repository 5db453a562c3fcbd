//! What instructions mean: each of its kind, with its flags and arguments checked as far
//! as that is possible before variables are replaced.

use std::{ops::RangeInclusive, time::Duration};

use jiff::SignedDuration;
use serde::Serialize;

use super::{
    ParseError,
    flags::{Flag, Flags},
    heredoc::Heredoc,
    mounts::Mount,
    statement::{Dockerfile, Statement},
};

/// One instruction of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// What it does.
    #[serde(flatten)]
    pub kind: InstructionKind,
    /// The joined line.
    pub text: String,
    /// Where it stands, from 1.
    pub lines: RangeInclusive<usize>,
}

/// Every instruction but `FROM`, which begins a [`Stage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "instruction", content = "value", rename_all = "UPPERCASE")]
#[expect(
    missing_docs,
    reason = "each is the Dockerfile instruction of its name"
)]
pub enum InstructionKind {
    Add(Copy),
    Arg(Vec<(String, Option<String>)>),
    Cmd(Command),
    Copy(Copy),
    Entrypoint(Command),
    Env(Vec<(String, String)>),
    Expose(Vec<String>),
    Healthcheck(Health),
    Label(Vec<(String, String)>),
    Maintainer(String),
    /// The trigger, as it is kept in the image's config.
    Onbuild(String),
    Run(Run),
    Shell(Vec<String>),
    Stopsignal(String),
    User(String),
    Volume(Vec<String>),
    Workdir(String),
}

impl InstructionKind {
    /// Whether it may change files, which makes it a step of a build.
    pub fn is_step(&self) -> bool {
        matches!(
            self,
            Self::Add(_) | Self::Copy(_) | Self::Run(_) | Self::Workdir(_)
        )
    }
}

/// A stage: from one `FROM` to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// An image, an earlier stage's name, or `scratch`; as it is written.
    pub base: String,
    /// Its own name, in small letters.
    pub name: Option<String>,
    /// `--platform`, as it is written.
    pub platform: Option<String>,
    /// What it does, in order.
    pub instructions: Vec<Instruction>,
    /// The `FROM`'s joined line.
    pub text: String,
    /// Where that stands, from 1.
    pub lines: RangeInclusive<usize>,
}

/// `ADD` and `COPY`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// What is copied.
    #[serde(flatten)]
    pub sources: Sources,
    /// Where to.
    pub destination: String,
    /// A stage, an image or a named context; `COPY` only.
    pub from: Option<String>,
    /// Owner, as it is written.
    pub chown: Option<String>,
    /// Mode, as it is written.
    pub chmod: Option<String>,
    /// A layer that doesn't depend on those below.
    pub link: bool,
    /// Keep the sources' parent directories.
    pub parents: bool,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// What an address must give; `ADD` only.
    pub checksum: Option<String>,
    /// Keep a git source's `.git`; `ADD` only.
    pub keep_git_dir: bool,
    /// Unpack archives, or not, whatever they are; `ADD` only.
    pub unpack: Option<bool>,
}

/// What `ADD` and `COPY` copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// Paths, patterns and addresses, as they are written.
    pub paths: Vec<String>,
    /// Files that stand in the Dockerfile itself.
    pub files: Vec<StagedFile>,
}

/// A here-document that becomes a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StagedFile {
    /// Its name: the here-document's word.
    pub name: String,
    /// What is in it.
    pub content: String,
    /// Whether variables are replaced in it.
    pub expands: bool,
}

/// A command line: an array to be run as it is, or text for the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The words, or the one text.
    pub words: Vec<String>,
    /// Whether the shell of the stage runs it.
    pub by_shell: bool,
}

/// `RUN`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// What runs.
    #[serde(flatten)]
    pub command: Command,
    /// Here-documents of the command.
    pub heredocs: Vec<Heredoc>,
    /// `--mount`s, as they are written: their values are expanded at their time.
    pub mounts: Vec<String>,
    /// `--network`: `default`, `none` or `host`.
    pub network: Option<String>,
    /// `--security`: `sandbox` or `insecure`.
    pub security: Option<String>,
}

/// `HEALTHCHECK`. Zero and none mean the default of whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// What is run.
    pub test: HealthTest,
    /// Between two checks.
    pub interval: Option<Duration>,
    /// Until one counts as failed.
    pub timeout: Option<Duration>,
    /// How long failures don't count at the start.
    pub start_period: Option<Duration>,
    /// Between two checks during that time.
    pub start_interval: Option<Duration>,
    /// Failures in a row until it is unhealthy.
    pub retries: Option<u32>,
}

/// What a health check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthTest {
    /// Nothing, not even what the base image says.
    None,
    /// A command.
    Command(Command),
}

/// `ARG`s before the first `FROM`, and the stages.
pub type Stages = (Vec<Instruction>, Vec<Stage>);

/// The instructions that there are.
const NAMES: [&str; 18] = [
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];

/// What a Dockerfile means.
///
/// # Errors
/// The first instruction that doesn't exist, can't stand where it does, or whose flags or
/// arguments make no sense.
pub fn stages(file: &Dockerfile) -> Result<Stages, ParseError> {
    let mut arguments = Vec::new();
    let mut stages: Vec<Stage> = Vec::new();
    for statement in &file.statements {
        let at = || statement.lines.clone();
        if statement.name == "from" {
            stages.push(stage(statement).map_err(|message| ParseError::new(at(), message))?);
            continue;
        }
        let instruction = instruction(statement)?;
        match (stages.last_mut(), &instruction.kind) {
            (Some(stage), _) => stage.instructions.push(instruction),
            (None, InstructionKind::Arg(_)) => arguments.push(instruction),
            (None, _) => {
                let message = format!("{} stands before any FROM", statement.written);
                return Err(ParseError::new(at(), message).hint("only ARG may"));
            }
        }
    }
    if stages.is_empty() {
        let last = file
            .statements
            .last()
            .map_or(1..=1, |last| last.lines.clone());
        return Err(ParseError::new(last, "the file has no FROM"));
    }
    Ok((arguments, stages))
}

impl Stage {
    /// What it is called: by its name, else by its place in the file.
    pub fn title(&self, at: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("stage-{at}"))
    }
}

impl Instruction {
    /// An `ONBUILD` trigger, as it is kept in an image's config.
    ///
    /// # Errors
    /// As [`stages`]; the lines are the trigger's own.
    pub fn of_trigger(text: &str, escape: char) -> Result<Self, ParseError> {
        let mut file = Dockerfile::parse(text.as_bytes())?;
        file.directives.escape = escape;
        match &file.statements[..] {
            [statement] => instruction(statement),
            _ => Err(ParseError::new(1..=1, "a trigger is one instruction")),
        }
    }
}

fn instruction(statement: &Statement) -> Result<Instruction, ParseError> {
    let kind = kind(statement).map_err(|message| {
        let error = ParseError::new(statement.lines.clone(), message);
        match NAMES.contains(&statement.name.as_str()) {
            true => error,
            false => match closest(&statement.name) {
                Some(name) => error.hint(format!("did you mean {}?", name.to_ascii_uppercase())),
                None => error,
            },
        }
    })?;
    Ok(Instruction {
        kind,
        text: statement.text.clone(),
        lines: statement.lines.clone(),
    })
}

fn closest(name: &str) -> Option<&'static str> {
    let scored = NAMES.map(|known| (strsim::damerau_levenshtein(name, known), known));
    let (distance, known) = scored.into_iter().min()?;
    (distance <= 2).then_some(known)
}

fn stage(statement: &Statement) -> Result<Stage, String> {
    let flags = Flags::read(&statement.flags, &[("platform", Flag::Text)])?;
    let (base, name) = match &statement.arguments[..] {
        [base] => (base, None),
        [base, word, name] if word.eq_ignore_ascii_case("as") => (base, Some(name)),
        _ => return Err("FROM is FROM image, or FROM image AS name".into()),
    };
    let name = name.map(|name| name.to_ascii_lowercase());
    if let Some(name) = &name {
        let mut chars = name.chars();
        let begins = chars.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if !begins || !chars.all(goes_on) {
            return Err(format!(
                "{name:?} can't name a stage: a letter, then letters, digits, - _ and ."
            ));
        }
    }
    Ok(Stage {
        base: base.clone(),
        name,
        platform: flags.text("platform"),
        instructions: Vec::new(),
        text: statement.text.clone(),
        lines: statement.lines.clone(),
    })
}

fn kind(statement: &Statement) -> Result<InstructionKind, String> {
    let name = statement.name.to_ascii_uppercase();
    let takes = |known: &[(&'static str, Flag)]| Flags::read(&statement.flags, known);
    let one = || match &statement.arguments[..] {
        [one] => Ok(one.clone()),
        _ => Err(format!("{name} takes exactly one argument")),
    };
    let some = || match statement.arguments.is_empty() {
        true => Err(format!("{name} takes at least one argument")),
        false => Ok(statement.arguments.clone()),
    };
    Ok(match statement.name.as_str() {
        "add" => InstructionKind::Add(copy(statement, &name)?),
        "copy" => InstructionKind::Copy(copy(statement, &name)?),
        "run" => InstructionKind::Run(run(statement)?),
        "healthcheck" => InstructionKind::Healthcheck(health(statement)?),
        "onbuild" => InstructionKind::Onbuild(trigger(statement)?),
        other => {
            if NAMES.contains(&other) {
                takes(&[])?;
            }
            match other {
                "arg" => InstructionKind::Arg(arguments(some()?)?),
                "cmd" => InstructionKind::Cmd(command(statement)),
                "entrypoint" => InstructionKind::Entrypoint(command(statement)),
                "env" => InstructionKind::Env(pairs(&some()?, &name)?),
                "label" => InstructionKind::Label(pairs(&some()?, &name)?),
                "expose" => InstructionKind::Expose(some()?),
                "maintainer" => InstructionKind::Maintainer(one()?),
                "stopsignal" => InstructionKind::Stopsignal(one()?),
                "user" => InstructionKind::User(one()?),
                "workdir" => InstructionKind::Workdir(one()?),
                "shell" if statement.is_json => InstructionKind::Shell(some()?),
                "shell" => return Err("SHELL takes a JSON array: [\"/bin/sh\", \"-c\"]".into()),
                "volume" => InstructionKind::Volume(volumes(some()?)?),
                _ => return Err(format!("there is no instruction {}", statement.written)),
            }
        }
    })
}

fn command(statement: &Statement) -> Command {
    Command {
        words: statement.arguments.clone(),
        by_shell: !statement.is_json,
    }
}

fn pairs(words: &[String], name: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = words.chunks_exact(2).map(|pair| match pair[0].is_empty() {
        true => Err(format!("a name of {name} is empty")),
        false => Ok((pair[0].clone(), pair[1].clone())),
    });
    pairs.collect()
}

fn arguments(words: Vec<String>) -> Result<Vec<(String, Option<String>)>, String> {
    let arguments = words.into_iter().map(|word| match word.split_once('=') {
        Some(("", _)) => Err("a name of ARG is empty".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), Some(value.to_owned()))),
        None => Ok((word, None)),
    });
    arguments.collect()
}

fn volumes(words: Vec<String>) -> Result<Vec<String>, String> {
    let volumes = words.into_iter().map(|word| match word.trim() {
        "" => Err("a path of VOLUME is empty".to_owned()),
        path => Ok(path.to_owned()),
    });
    volumes.collect()
}

fn copy(statement: &Statement, name: &str) -> Result<Copy, String> {
    let mut known = vec![
        ("chown", Flag::Text),
        ("chmod", Flag::Text),
        ("link", Flag::Switch),
        ("exclude", Flag::List),
    ];
    if name == "COPY" {
        known.extend([("from", Flag::Text), ("parents", Flag::Switch)]);
    } else {
        known.extend([
            ("checksum", Flag::Text),
            ("keep-git-dir", Flag::Switch),
            ("unpack", Flag::Switch),
        ]);
    }
    let flags = Flags::read(&statement.flags, &known)?;
    let Some((destination, sources)) = statement.arguments.split_last() else {
        return Err(format!("{name} needs what to copy, and where to"));
    };
    if sources.is_empty() {
        return Err(format!(
            "{name} {destination} needs one more word: where to"
        ));
    }
    let is_heredoc = |word: &str| !statement.is_json && Heredoc::opened_by(word).is_some();
    if is_heredoc(destination) {
        return Err(format!("{name} can't copy to a here-document"));
    }
    let mut split = Sources::default();
    for word in sources {
        let opened = Heredoc::opened_by(word).filter(|_| !statement.is_json);
        let read = opened.and_then(|opened| {
            let mut read = statement.heredocs.iter().rev();
            read.find(|heredoc| heredoc.name == opened.name)
        });
        match read {
            Some(heredoc) => split.files.push(StagedFile {
                name: heredoc.name.clone(),
                content: heredoc.text(),
                expands: heredoc.expands,
            }),
            None => split.paths.push(word.clone()),
        }
    }
    Ok(Copy {
        sources: split,
        destination: destination.clone(),
        from: flags.text("from"),
        chown: flags.text("chown"),
        chmod: flags.text("chmod"),
        link: flags.switch("link").unwrap_or_default(),
        parents: flags.switch("parents").unwrap_or_default(),
        exclude: flags.list("exclude"),
        checksum: flags.text("checksum"),
        keep_git_dir: flags.switch("keep-git-dir").unwrap_or_default(),
        unpack: flags.switch("unpack"),
    })
}

fn run(statement: &Statement) -> Result<Run, String> {
    let known = [
        ("mount", Flag::List),
        ("network", Flag::Text),
        ("security", Flag::Text),
    ];
    let flags = Flags::read(&statement.flags, &known)?;
    let of = |name: &str, allowed: &[&str]| match flags.text(name) {
        Some(value) if !allowed.contains(&value.as_str()) => Err(format!(
            "RUN --{name}={value} doesn't exist; there are {}",
            allowed.join(", ")
        )),
        value => Ok(value),
    };
    let mounts = flags.list("mount");
    // Those without variables are known to be right or wrong now.
    for mount in mounts.iter().filter(|mount| !mount.contains('$')) {
        Mount::parse(mount, &|value| Ok(value.to_owned()))?;
    }
    if statement.arguments.is_empty() {
        return Err("RUN takes a command".into());
    }
    Ok(Run {
        command: command(statement),
        heredocs: statement.heredocs.clone(),
        mounts,
        network: of("network", &["default", "none", "host"])?,
        security: of("security", &["sandbox", "insecure"])?,
    })
}

fn health(statement: &Statement) -> Result<Health, String> {
    let Some((kind, words)) = statement.arguments.split_first() else {
        return Err("HEALTHCHECK is HEALTHCHECK CMD command, or HEALTHCHECK NONE".into());
    };
    let times = ["interval", "timeout", "start-period", "start-interval"];
    let known: Vec<_> = times.map(|name| (name, Flag::Text)).into_iter().collect();
    let known = [&known[..], &[("retries", Flag::Text)]].concat();
    let flags = Flags::read(&statement.flags, &known)?;
    let test = match kind.to_ascii_uppercase().as_str() {
        "NONE" if words.is_empty() => HealthTest::None,
        "NONE" => return Err("HEALTHCHECK NONE takes no arguments".into()),
        "CMD" if words.is_empty() => return Err("HEALTHCHECK CMD needs a command".into()),
        "CMD" => HealthTest::Command(Command {
            words: words.to_vec(),
            by_shell: !statement.is_json,
        }),
        _ => {
            return Err(format!(
                "HEALTHCHECK {kind} doesn't exist; there are CMD and NONE"
            ));
        }
    };
    let time = |name: &str| {
        flags
            .text(name)
            .map_or(Ok(None), |text| duration(name, &text))
    };
    let retries = flags.text("retries").map(|text| {
        let count = text.parse().ok().filter(|count| *count <= i32::MAX as u32);
        count.ok_or_else(|| format!("--retries={text} is no count"))
    });
    Ok(Health {
        test,
        interval: time("interval")?,
        timeout: time("timeout")?,
        start_period: time("start-period")?,
        start_interval: time("start-interval")?,
        retries: retries.transpose()?.filter(|count| *count > 0),
    })
}

/// A time as Go writes it, such as `1m30s` or `500ms`. Zero is none; docker takes nothing
/// shorter than a millisecond.
fn duration(name: &str, text: &str) -> Result<Option<Duration>, String> {
    let allowed = format!("--{name}={text} is no time; 30s, 1m30s and 500ms are");
    if text == "0" {
        return Ok(None);
    }
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_digit() || ".hmsunµ".contains(c));
    let span: SignedDuration = text
        .parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| allowed.clone())?;
    let span = Duration::try_from(span).map_err(|_| allowed)?;
    if span.is_zero() {
        return Ok(None);
    }
    if span < Duration::from_millis(1) {
        return Err(format!("--{name}={text} is shorter than a millisecond"));
    }
    Ok(Some(span))
}

fn trigger(statement: &Statement) -> Result<String, String> {
    Flags::read(&statement.flags, &[])?;
    let Some(inner) = &statement.trigger else {
        return Err("ONBUILD takes an instruction".into());
    };
    if matches!(inner.name.as_str(), "from" | "maintainer") {
        let name = inner.name.to_ascii_uppercase();
        return Err(format!("{name} can't be ONBUILD's trigger"));
    }
    kind(inner)?;
    let mut text = inner.text.clone();
    for heredoc in &statement.heredocs {
        text.push('\n');
        text.push_str(&heredoc.content);
        text.push_str(&heredoc.name);
    }
    Ok(text)
}
