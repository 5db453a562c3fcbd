//! Builds by the other engine: the context goes there as a tar, the classic way.

use std::{
    io,
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
    model::{BuildEvent, BuildFailure, BuildRequest, Digest, Limit, NetworkMode, Stream},
};

/// Events that wait for a reader.
const CHANNEL_EVENTS: usize = 256;
/// What the Dockerfile is called in the tar; no file of the context has it.
const DOCKERFILE: &str = ".wharf.Dockerfile";

#[async_trait]
impl Build for Remote {
    async fn build(&self, request: BuildRequest) -> Result<mpsc::Receiver<BuildEvent>> {
        let ask = ask(&request)?;
        let text = request.dockerfile.clone();
        let context = move |out: &mut pipe::Writer| pack(&request, out);
        let ask = ask.tar(images::body("build", context)?);
        let mut lines = Lines::of(self.client.stream(ask).await?);
        let (sender, receiver) = mpsc::channel(CHANNEL_EVENTS);
        // Ends with the build; dropping the answer has the engine stop it.
        tokio::spawn(async move {
            let mut told = Told::new(String::from_utf8_lossy(&text).into_owned());
            loop {
                let line = tokio::select! {
                    line = lines.next() => line,
                    () = sender.closed() => return,
                };
                let (events, is_last) = match line {
                    Ok(Some(line)) => told.take(&line),
                    Ok(None) => (told.end(None), true),
                    Err(why) => (told.end(Some(why)), true),
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
    let limits = &request.limits;
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
    let network = match &request.network {
        // What is not said is the engine's to choose.
        NetworkMode::None | NetworkMode::Bridge => None,
        NetworkMode::Host => Some("host".to_owned()),
        NetworkMode::Container(other) => Some(format!("container:{other}")),
    };
    let mut ask = Ask::post("/build", "build", "an image")
        .query("dockerfile", DOCKERFILE)
        .query("nocache", u8::from(request.no_cache))
        .query("rm", 1)
        .query("forcerm", 1)
        .query("buildargs", json!(request.arguments))
        .query("labels", json!(request.labels))
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

/// The context without what its `.dockerignore` leaves out, and the Dockerfile.
fn pack(request: &BuildRequest, out: &mut pipe::Writer) -> io::Result<()> {
    let mut tar = tar::Builder::new(out);
    tar.follow_symlinks(false);
    let mut header = tar::Header::new_gnu();
    header.set_size(request.dockerfile.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, DOCKERFILE, request.dockerfile.as_slice())?;
    if let Some(directory) = &request.context {
        let ignore = Ignore::parse(&request.ignore).map_err(io::Error::other)?;
        add(&mut tar, directory, &PathBuf::new(), &ignore)?;
    }
    tar.finish()
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
                events.push(BuildEvent::Failed { step });
            }
            let code = line["errorDetail"]["code"].as_i64();
            events.push(BuildEvent::Ended(BuildFailure {
                message: error.trim().to_owned(),
                lines: (self.line > 0).then(|| self.line..=self.line),
                hint: None,
                exit_code: code
                    .and_then(|code| i32::try_from(code).ok())
                    .filter(|c| *c != 0),
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
