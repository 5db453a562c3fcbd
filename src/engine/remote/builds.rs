//! Builds by the other engine: the context goes there as a tar, the classic way.

use std::{
    io::{self, Read},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{
    Remote,
    client::{Ask, Lines},
    images, pipe,
};
use crate::{
    build::Ignore,
    engine::{Build, EngineError, ErrorKind, Result},
    model::{
        BuildContext, BuildEvent, BuildFailure, BuildFile, BuildOutput, BuildRequest, Digest,
        Limit, NetworkMode, Stream,
    },
};

/// Events that wait for a reader.
const CHANNEL_EVENTS: usize = 256;
/// What the Dockerfile is called in the tar; no file of the context has it.
const DOCKERFILE: &str = ".wharf.Dockerfile";
/// Names that a Dockerfile has where none is said.
const NAMES: [&str; 2] = ["Dockerfile", "Containerfile"];
/// A longer one is none.
const LONGEST: u64 = 16 << 20;

#[async_trait]
impl Build for Remote {
    async fn build(&self, mut request: BuildRequest) -> Result<mpsc::Receiver<BuildEvent>> {
        let ask = ask(&request)?;
        let context = std::mem::take(&mut request.context);
        let file = std::mem::take(&mut request.dockerfile);
        let failed = |kind| EngineError::new(kind, "build", "an image");
        // It may come from our stdin, which takes its time.
        let sources = tokio::task::spawn_blocking(move || Sources::open(context, file))
            .await
            .map_err(|error| failed(ErrorKind::Internal).because(error))?
            .map_err(|error| failed(ErrorKind::Invalid).because(error))?;
        let mut told = Told::new(sources.text.clone());
        let ask = ask.query("dockerfile", &sources.dockerfile);
        let ask = match sources.files {
            Files::Address(address) => ask.query("remote", address),
            files => ask.tar(images::body("build", move |out| files.write(out))?),
        };
        let mut lines = Lines::of(self.client.stream(ask).await?);
        let (sender, receiver) = mpsc::channel(CHANNEL_EVENTS);
        // Ends with the build; dropping the answer has the engine stop it.
        tokio::spawn(async move {
            let mut first = sources.name.map(|name| BuildEvent::Dockerfile {
                name,
                text: sources.text,
            });
            loop {
                let (events, is_last) = match first.take() {
                    Some(event) => (vec![event], false),
                    None => {
                        let line = tokio::select! {
                            line = lines.next() => line,
                            () = sender.closed() => return,
                        };
                        match line {
                            Ok(Some(line)) => told.take(&line),
                            Ok(None) => (told.end(None), true),
                            Err(why) => (told.end(Some(why)), true),
                        }
                    }
                };
                for event in events {
                    if sender.send(event).await.is_err() {
                        return;
                    }
                }
                if is_last {
                    return;
                }
            }
        });
        Ok(receiver)
    }

    async fn prune_cache(&self, age: Duration, all: bool) -> Result<usize> {
        let mut filters = json!({});
        if !age.is_zero() {
            filters["until"] = json!([format!("{}s", age.as_secs())]);
        }
        let ask = Ask::post("/build/prune", "forget", "the build cache")
            .query("all", u8::from(all))
            .query("filters", filters);
        let answer: Value = self.client.json(ask).await?;
        Ok(answer["CachesDeleted"].as_array().map_or(0, Vec::len))
    }
}

fn ask(request: &BuildRequest) -> Result<Ask> {
    let refused = |what: &str| {
        EngineError::new(ErrorKind::Unsupported, "build", "an image")
            .because(format!("this engine takes no {what}"))
    };
    if !request.secrets.is_empty() {
        return Err(refused("secrets without BuildKit"));
    }
    let is_image = |output: &BuildOutput| matches!(output, BuildOutput::Image);
    for (is_asked, what) in [
        (!request.agents.is_empty(), "agents of ssh without BuildKit"),
        (request.allowed.insecure, "RUN --security=insecure"),
        (request.is_check, "look at a Dockerfile without building it"),
        (!request.cache_to.is_empty(), "cache in a directory"),
        (!request.cache_from.is_empty(), "cache from a directory"),
        (!request.outputs.iter().all(is_image), "output but an image"),
    ] {
        if is_asked {
            return Err(refused(what));
        }
    }
    let limits = &request.container.limits;
    let known = [
        Limit::Cpus,
        Limit::CpuShares,
        Limit::CpusetCpus,
        Limit::Memory,
        Limit::MemorySwap,
    ];
    if let Some(other) = Limit::ALL
        .into_iter()
        .find(|limit| limits.has(*limit) && !known.contains(limit))
    {
        return Err(refused(&format!("--{} for a build", other.as_str())));
    }
    let network = match &request.container.network {
        // What is not said is the engine's to choose.
        NetworkMode::None | NetworkMode::Bridge => None,
        NetworkMode::Host => Some("host".to_owned()),
        NetworkMode::Container(other) => Some(format!("container:{other}")),
    };
    let mut ask = Ask::post("/build", "build", "an image")
        .query("nocache", u8::from(request.no_cache))
        .query("rm", 1)
        .query("forcerm", 1)
        .query("buildargs", json!(request.arguments))
        .query("labels", json!(request.labels))
        .query("pull", u8::from(request.pull))
        .query("squash", u8::from(request.squash))
        .maybe("platform", request.platform.as_ref())
        .maybe("target", request.target.as_ref())
        .maybe("networkmode", network)
        .maybe("memory", limits.memory_bytes)
        .maybe("memswap", limits.memory_swap_bytes)
        .maybe("cpushares", limits.cpu_shares)
        .maybe("cpusetcpus", limits.cpuset_cpus.as_ref());
    if let Some(millis) = limits.cpu_millis {
        ask = ask
            .query("cpuperiod", 100_000)
            .query("cpuquota", millis * 100);
    }
    for name in &request.names {
        ask = ask.query("t", name);
    }
    Ok(ask)
}

/// Where a build's files come from, as far as it must be known before.
struct Sources {
    /// What messages call the Dockerfile, where its text is known.
    name: Option<String>,
    /// That text.
    text: String,
    /// The Dockerfile's path in what is sent.
    dockerfile: String,
    files: Files,
}

enum Files {
    /// The Dockerfile alone.
    Nothing(Vec<u8>),
    /// A directory, and a Dockerfile that isn't in it.
    Directory(PathBuf, Option<Vec<u8>>, Ignore),
    /// A tar as it came.
    Tar(Box<dyn Read + Send>),
    /// What the engine fetches itself.
    Address(String),
}

impl Sources {
    fn open(context: BuildContext, file: BuildFile) -> io::Result<Self> {
        let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidInput, why);
        let alone = |name: String, text: Vec<u8>| Self {
            name: Some(name),
            text: String::from_utf8_lossy(&text).into_owned(),
            dockerfile: DOCKERFILE.into(),
            files: Files::Nothing(text),
        };
        match (context, file) {
            (BuildContext::None, BuildFile::Text { name, text, .. }) => Ok(alone(name, text)),
            (BuildContext::None, BuildFile::InContext(_)) => {
                Err(wrong("there is neither a Dockerfile nor a context".into()))
            }
            (BuildContext::Directory(root), BuildFile::Text { name, text, ignore }) => Ok(Self {
                name: Some(name),
                text: String::from_utf8_lossy(&text).into_owned(),
                dockerfile: DOCKERFILE.into(),
                files: Files::Directory(root.clone(), Some(text), ignored(&root, ignore)?),
            }),
            (BuildContext::Directory(root), BuildFile::InContext(path)) => {
                let there = |name: &str| root.join(name).is_file();
                let path = path.or_else(|| {
                    NAMES
                        .iter()
                        .find(|name| there(name))
                        .map(|name| (*name).into())
                });
                let path = path.ok_or_else(|| {
                    wrong(format!("there is no Dockerfile in {}", root.display()))
                })?;
                let own = bounded(&root.join(format!("{path}.dockerignore")))?;
                let text = bounded(&root.join(&path))?;
                let text = text.ok_or_else(|| wrong(format!("there is no {path}")))?;
                Ok(Self {
                    name: Some(path.clone()),
                    text: String::from_utf8_lossy(&text).into_owned(),
                    dockerfile: path,
                    files: Files::Directory(root.clone(), None, ignored(&root, own.map(lossy))?),
                })
            }
            (BuildContext::Stream(stream), file) => {
                let mut source = stream.into_inner();
                let mut head = Vec::new();
                (&mut source).take(512).read_to_end(&mut head)?;
                let is_tar = is_tar(&head);
                let whole = io::Cursor::new(head).chain(source);
                match file {
                    BuildFile::InContext(path) if is_tar => Ok(Self {
                        name: None,
                        text: String::new(),
                        dockerfile: path.unwrap_or_else(|| NAMES[0].into()),
                        files: Files::Tar(Box::new(whole)),
                    }),
                    BuildFile::InContext(None) => {
                        let mut text = Vec::new();
                        whole.take(LONGEST).read_to_end(&mut text)?;
                        Ok(alone("-".into(), text))
                    }
                    _ => Err(wrong(
                        "this engine takes a context that comes as a stream with its Dockerfile only".into(),
                    )),
                }
            }
            (BuildContext::Remote(address), BuildFile::InContext(path)) => Ok(Self {
                name: None,
                text: String::new(),
                dockerfile: path.unwrap_or_else(|| NAMES[0].into()),
                files: Files::Address(address),
            }),
            (BuildContext::Remote(_), BuildFile::Text { .. }) => Err(wrong(
                "this engine takes the Dockerfile from the context's address only".into(),
            )),
        }
    }
}

/// A tar, or one that is packed, by what it begins with.
fn is_tar(head: &[u8]) -> bool {
    let packed: [&[u8]; 4] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
    head.get(257..262) == Some(b"ustar") || packed.iter().any(|magic| head.starts_with(magic))
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A short file that may not be there.
fn bounded(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut text = Vec::new();
    match std::fs::File::open(path) {
        Ok(file) => file.take(LONGEST).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(text))
}

/// The `.dockerignore` that counts: the Dockerfile's own, else the context's.
fn ignored(root: &Path, own: Option<String>) -> io::Result<Ignore> {
    let text = match own {
        Some(own) => own,
        None => bounded(&root.join(".dockerignore"))?
            .map(lossy)
            .unwrap_or_default(),
    };
    Ignore::parse(&text).map_err(io::Error::other)
}

impl Files {
    /// Writes them as a tar, without what the `.dockerignore` leaves out.
    fn write(self, out: &mut pipe::Writer) -> io::Result<()> {
        let (dockerfile, directory) = match self {
            Self::Tar(mut source) => return io::copy(&mut source, out).map(drop),
            Self::Address(_) => return Ok(()),
            Self::Nothing(text) => (Some(text), None),
            Self::Directory(root, text, ignore) => (text, Some((root, ignore))),
        };
        let mut tar = tar::Builder::new(out);
        tar.follow_symlinks(false);
        if let Some(text) = dockerfile {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, DOCKERFILE, text.as_slice())?;
        }
        if let Some((root, ignore)) = directory {
            add(&mut tar, &root, &PathBuf::new(), &ignore)?;
        }
        tar.finish()
    }
}

fn add(
    tar: &mut tar::Builder<&mut pipe::Writer>,
    root: &Path,
    below: &Path,
    ignore: &Ignore,
) -> io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(root.join(below))?.collect::<io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        let kind = entry.file_type()?;
        let is_out = ignore.leaves_out(&path.to_string_lossy());
        if kind.is_dir() {
            if !is_out {
                tar.append_dir(&path, entry.path())?;
            }
            // A later pattern may take something of it in again.
            if !is_out || ignore.has_inclusions() {
                add(tar, root, &path, ignore)?;
            }
        } else if !is_out && (kind.is_file() || kind.is_symlink()) {
            tar.append_path_with_name(entry.path(), &path)?;
        }
    }
    Ok(())
}

/// The classic builder's lines as events.
struct Told {
    dockerfile: String,
    step: Option<(usize, Instant)>,
    /// Steps so far.
    steps: usize,
    /// Where the step after this is looked for.
    line: usize,
    is_cached: bool,
    image: Option<Digest>,
}

impl Told {
    fn new(dockerfile: String) -> Self {
        Self {
            dockerfile,
            step: None,
            steps: 0,
            line: 0,
            is_cached: false,
            image: None,
        }
    }

    /// What a line says, and whether it is the last.
    fn take(&mut self, line: &Value) -> (Vec<BuildEvent>, bool) {
        let detail = line["errorDetail"]["message"].as_str();
        if let Some(error) = detail.or(line["error"].as_str()) {
            let mut events = Vec::new();
            if let Some((step, _)) = self.step.take() {
                events.push(BuildEvent::Failed {
                    step,
                    stopped: false,
                });
            }
            let code = line["errorDetail"]["code"].as_i64();
            events.push(BuildEvent::Ended(BuildFailure {
                message: error.trim().to_owned(),
                lines: (self.line > 0).then_some(self.line..=self.line),
                hint: None,
                exit_code: code
                    .and_then(|code| i32::try_from(code).ok())
                    .filter(|c| *c != 0),
                container: None,
            }));
            return (events, true);
        }
        if let Some(id) = line["aux"]["ID"].as_str().and_then(Digest::parse) {
            self.image = Some(id);
        }
        let Some(text) = line["stream"].as_str() else {
            return (Vec::new(), false);
        };
        if let Some(name) = text
            .strip_prefix("Step ")
            .and_then(|rest| rest.split_once(" : "))
        {
            let mut events = self.done();
            let step = self.steps;
            self.steps += 1;
            let lines = self.place(name.1.trim());
            events.push(BuildEvent::Step {
                step,
                stage: 0,
                name: format!("[{}] {}", name.0, name.1.trim()),
                lines,
            });
            self.step = Some((step, Instant::now()));
            return (events, false);
        }
        if text.trim() == "---> Using cache" {
            self.is_cached = true;
            return (Vec::new(), false);
        }
        // Ids of steps, of containers, and what is said at the end of all.
        let is_talk = text.starts_with(" --->")
            || text.starts_with("Removing intermediate")
            || text.starts_with("Successfully ");
        let Some((step, _)) = self.step.filter(|_| !is_talk && !text.is_empty()) else {
            return (Vec::new(), false);
        };
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let output = BuildEvent::Output {
            step,
            stream: Stream::Stdout,
            bytes,
        };
        (vec![output], false)
    }

    fn done(&mut self) -> Vec<BuildEvent> {
        let Some((step, began)) = self.step.take() else {
            return Vec::new();
        };
        let cached = std::mem::take(&mut self.is_cached);
        vec![BuildEvent::Done {
            step,
            cached,
            took: began.elapsed(),
        }]
    }

    fn end(&mut self, why: Option<String>) -> Vec<BuildEvent> {
        let mut events = self.done();
        events.push(match (self.image.take(), why) {
            (Some(image), None) => BuildEvent::Built { image },
            (_, why) => BuildEvent::Ended(BuildFailure {
                message: why.unwrap_or_else(|| "the engine ended the build without a word".into()),
                lines: None,
                hint: None,
                exit_code: None,
                container: None,
            }),
        });
        events
    }

    /// The line of the Dockerfile that a step is told of: the next that begins like it.
    fn place(&mut self, step: &str) -> RangeInclusive<usize> {
        let word = step.split_whitespace().next().unwrap_or_default();
        let begins = |line: &str| {
            let first = line.split_whitespace().next().unwrap_or_default();
            first.eq_ignore_ascii_case(word)
        };
        let found = self
            .dockerfile
            .lines()
            .enumerate()
            .skip(self.line)
            .find(|(_, line)| begins(line));
        if let Some((at, _)) = found {
            self.line = at + 1;
        }
        let line = self.line.max(1);
        line..=line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_builders_words_become_events() {
        let mut told = Told::new("FROM debian\n# why\nRUN a \\\n && b\nRUN c\n".into());
        let say = |told: &mut Told, text: &str| told.take(&json!({ "stream": text })).0;
        say(&mut told, "Step 1/3 : FROM debian\n");
        say(&mut told, " ---> 0123\n");
        let events = say(&mut told, "Step 2/3 : RUN a  && b\n");
        assert!(matches!(
            events[0],
            BuildEvent::Done {
                step: 0,
                cached: false,
                ..
            }
        ));
        assert!(matches!(&events[1], BuildEvent::Step { step: 1, lines, .. } if *lines == (3..=3)));
        assert!(say(&mut told, " ---> Using cache\n").is_empty());
        let events = say(&mut told, "Step 3/3 : RUN c\n");
        assert!(matches!(
            events[0],
            BuildEvent::Done {
                step: 1,
                cached: true,
                ..
            }
        ));
        assert!(matches!(
            say(&mut told, "hello\n")[0],
            BuildEvent::Output { step: 2, .. }
        ));
        let (events, is_last) = told.take(&json!({
            "errorDetail": { "code": 3, "message": "returned a non-zero code: 3" }, "error": "x",
        }));
        assert!(is_last);
        let BuildEvent::Ended(failure) = &events[1] else {
            panic!("{events:?}")
        };
        assert_eq!(
            (failure.exit_code, failure.lines.clone()),
            (Some(3), Some(5..=5))
        );
    }
}
