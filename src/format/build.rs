//! How far a build is, made of what it tells: the command line's tree and the dashboard's
//! screen are drawn from the same value.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use super::text::sanitize;
use crate::model::{BuildEvent, BuildFailure, BuildStage, ContainerId, Digest, Stream};

/// Output without line ends is bounded too, in bytes.
const LONGEST: usize = 64 << 10;
/// Lines before and after those that a message is about.
const AROUND: usize = 2;

/// How far a build is.
#[derive(Clone, Debug, Default)]
pub struct BuildProgress {
    /// What messages call its Dockerfile; safe to draw.
    pub name: String,
    /// What stands in that.
    pub file: String,
    /// Its stages, in the file's order.
    pub stages: Vec<BuildStage>,
    /// Its steps that began, by their numbers.
    pub steps: BTreeMap<usize, BuildStep>,
    /// Rules that the Dockerfile breaks.
    pub warnings: Vec<BuildWarning>,
    /// How it ended.
    pub end: Option<BuildEnd>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct BuildStep {
    /// Its stage, by its place.
    pub stage: usize,
    /// Such as `[web 2/5] RUN make`; safe to draw.
    pub name: String,
    /// Where it is.
    pub state: StepState,
    /// When it began, by the clock of whoever watches.
    pub began: Duration,
    /// The container that it runs in.
    pub container: Option<ContainerId>,
    /// What came after the last line's end, of stdout and of stderr.
    rest: [Vec<u8>; 2],
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    /// It runs.
    Running,
    /// The cache had it.
    Cached,
    /// Done, after so long.
    Done(Duration),
    /// It failed, after so long.
    Failed(Duration),
    /// It was stopped, after so long; nothing is wrong with it.
    Stopped(Duration),
}

/// A rule that a Dockerfile breaks; safe to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildWarning {
    /// Which rule.
    pub rule: String,
    /// How.
    pub message: String,
    /// At which line, from 1.
    pub line: usize,
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildEnd {
    /// With an image.
    Built(Digest),
    /// With a look at the Dockerfile alone.
    Checked,
    /// It failed.
    Failed(BuildFailure),
}

/// A line that a step wrote, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepLine {
    /// Which step.
    pub step: usize,
    /// Where to.
    pub stream: Stream,
    /// What, without its end. Of a line that was written over and over the last state.
    pub bytes: Vec<u8>,
}

impl BuildProgress {
    /// Takes what happened at a time of the watcher's clock; the lines that it ends.
    pub fn tell(&mut self, event: &BuildEvent, now: Duration) -> Vec<StepLine> {
        match event {
            BuildEvent::Dockerfile { name, text } => {
                self.name = sanitize(name).into_owned();
                self.file.clone_from(text);
            }
            BuildEvent::Planned { stages } => self.stages.clone_from(stages),
            BuildEvent::Step {
                step, stage, name, ..
            } => {
                let begun = BuildStep {
                    stage: *stage,
                    name: sanitize(name).into_owned(),
                    state: StepState::Running,
                    began: now,
                    container: None,
                    rest: Default::default(),
                };
                self.steps.insert(*step, begun);
            }
            BuildEvent::Container { step, id } => {
                if let Some(known) = self.steps.get_mut(step) {
                    known.container = Some(id.clone());
                }
            }
            BuildEvent::Output {
                step,
                stream,
                bytes,
            } => {
                let known = self.steps.get_mut(step);
                return known.map_or(Vec::new(), |known| known.take(*step, *stream, bytes));
            }
            BuildEvent::Done { step, cached, took } => {
                let state = match cached {
                    true => StepState::Cached,
                    false => StepState::Done(*took),
                };
                return self.end_step(*step, |_| state);
            }
            BuildEvent::Failed { step, stopped } => {
                return self.end_step(*step, |began| {
                    let took = now.saturating_sub(began);
                    match stopped {
                        true => StepState::Stopped(took),
                        false => StepState::Failed(took),
                    }
                });
            }
            BuildEvent::Warning {
                rule,
                message,
                lines,
            } => self.warnings.push(BuildWarning {
                rule: sanitize(rule).into_owned(),
                message: sanitize(message).into_owned(),
                line: *lines.start(),
            }),
            BuildEvent::Built { image } => self.end = Some(BuildEnd::Built(image.clone())),
            BuildEvent::Checked { .. } => self.end = Some(BuildEnd::Checked),
            BuildEvent::Ended(failure) => self.end = Some(BuildEnd::Failed(failure.clone())),
        }
        Vec::new()
    }

    fn end_step(
        &mut self,
        step: usize,
        state: impl FnOnce(Duration) -> StepState,
    ) -> Vec<StepLine> {
        let Some(known) = self.steps.get_mut(&step) else {
            return Vec::new();
        };
        known.state = state(known.began);
        // A last line without an end is one too.
        let streams = [Stream::Stdout, Stream::Stderr].into_iter();
        let rests = streams.zip(std::mem::take(&mut known.rest));
        rests
            .filter(|(_, rest)| !rest.is_empty())
            .map(|(stream, rest)| line(step, stream, &rest))
            .collect()
    }

    /// Why it failed.
    pub fn failure(&self) -> Option<&BuildFailure> {
        match &self.end {
            Some(BuildEnd::Failed(failure)) => Some(failure),
            _ => None,
        }
    }

    /// The lines of the Dockerfile that a failure is about, with some around them.
    pub fn about(&self, failure: &BuildFailure) -> String {
        let lines = failure.lines.as_ref();
        lines.map_or(String::new(), |lines| excerpt(&self.file, lines))
    }

    /// What a failure is told as: place and message.
    pub fn told(&self, failure: &BuildFailure) -> String {
        let message = &failure.message;
        match &failure.lines {
            Some(lines) => format!("{}:{}: {message}", self.name, lines.start()),
            None => message.clone(),
        }
    }

    /// The steps that run.
    pub fn running(&self) -> impl Iterator<Item = (usize, &BuildStep)> {
        let steps = self.steps.iter().map(|(number, step)| (*number, step));
        steps.filter(|(_, step)| step.state == StepState::Running)
    }

    /// The step that failed.
    pub fn failed(&self) -> Option<(usize, &BuildStep)> {
        let mut steps = self.steps.iter();
        let failed = steps.find(|(_, step)| matches!(step.state, StepState::Failed(_)));
        failed.map(|(number, step)| (*number, step))
    }

    /// How many steps are done, how many of them were cached, and how many there will be as
    /// far as is known; of all or of one stage.
    pub fn count(&self, stage: Option<usize>) -> (usize, usize, usize) {
        let steps = self.steps.values();
        let steps = steps.filter(|step| stage.is_none_or(|stage| step.stage == stage));
        let (mut done, mut cached, mut all) = (0, 0, 0);
        for step in steps {
            all += 1;
            match step.state {
                StepState::Done(_) => done += 1,
                StepState::Cached => (done, cached) = (done + 1, cached + 1),
                _ => {}
            }
        }
        let stages = self.stages.iter().enumerate();
        let planned = stages
            .filter(|(at, known)| known.is_needed && stage.is_none_or(|stage| stage == *at))
            .map(|(_, known)| known.steps)
            .sum();
        (done, cached, all.max(planned))
    }
}

impl BuildStep {
    /// Its place in its stage and what it does: `2/5` and `RUN make`.
    pub fn parts(&self) -> (&str, &str) {
        let parts = self.name.strip_prefix('[').and_then(|rest| {
            let (place, text) = rest.split_once("] ")?;
            Some((place.rsplit(' ').next().unwrap_or_default(), text))
        });
        parts.unwrap_or(("", &self.name))
    }

    /// How long it took, or takes until now. What was cached took none.
    pub fn took(&self, now: Duration) -> Duration {
        match self.state {
            StepState::Running => now.saturating_sub(self.began),
            StepState::Cached => Duration::ZERO,
            StepState::Done(took) | StepState::Failed(took) | StepState::Stopped(took) => took,
        }
    }

    fn take(&mut self, step: usize, stream: Stream, bytes: &[u8]) -> Vec<StepLine> {
        let rest = &mut self.rest[usize::from(stream == Stream::Stderr)];
        rest.extend_from_slice(bytes);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else {
            // What is cut off here is the beginning of a line that nobody could read.
            let excess = rest.len().saturating_sub(LONGEST);
            rest.drain(..excess);
            return Vec::new();
        };
        let after = rest.split_off(end + 1);
        let whole = std::mem::replace(rest, after);
        let lines = whole[..end].split(|byte| *byte == b'\n');
        lines.map(|text| line(step, stream, text)).collect()
    }
}

/// A line as it is read: a progress bar writes over itself, and its last state is what it
/// says.
fn line(step: usize, stream: Stream, text: &[u8]) -> StepLine {
    let text = text.trim_ascii_end();
    let from = text.iter().rposition(|byte| *byte == b'\r');
    StepLine {
        step,
        stream,
        bytes: text[from.map_or(0, |at| at + 1)..].to_vec(),
    }
}

/// The lines of a Dockerfile that something is about, with two around them.
pub fn excerpt(file: &str, lines: &RangeInclusive<usize>) -> String {
    let mut out = String::new();
    let (from, to) = (lines.start().saturating_sub(AROUND), lines.end() + AROUND);
    for (index, line) in file.lines().enumerate() {
        let number = index + 1;
        if number < from || number > to {
            continue;
        }
        let sign = if lines.contains(&number) { ">" } else { " " };
        let line = sanitize(line);
        out.push_str(&format!("{sign} {number:>4} | {line}\n"));
    }
    out
}

/// A time as builds tell it.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..100 => format!("{:.1}s", time.as_secs_f64()),
        _ => super::duration::short(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(progress: &mut BuildProgress, step: usize, stage: usize, name: &str) {
        let event = BuildEvent::Step {
            step,
            stage,
            name: name.into(),
            lines: 1..=1,
        };
        progress.tell(&event, Duration::from_secs(1));
    }

    fn wrote(progress: &mut BuildProgress, step: usize, bytes: &'static [u8]) -> Vec<String> {
        let event = BuildEvent::Output {
            step,
            stream: Stream::Stdout,
            bytes: bytes.into(),
        };
        texts(progress.tell(&event, Duration::ZERO))
    }

    fn texts(lines: Vec<StepLine>) -> Vec<String> {
        let texts = lines.into_iter().map(|line| line.bytes);
        texts
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect()
    }

    #[test]
    fn the_lines_in_question_are_marked() {
        let file = "FROM a\nRUN b\nRUN c\nRUN d\nRUN e\nRUN f\n";
        assert_eq!(
            excerpt(file, &(4..=4)),
            "     2 | RUN b\n     3 | RUN c\n>    4 | RUN d\n     5 | RUN e\n     6 | RUN f\n"
        );
    }

    #[test]
    fn output_becomes_lines_and_the_last_one_needs_no_end() {
        let mut progress = BuildProgress::default();
        begun(&mut progress, 0, 0, "[a 1/1] RUN x");
        assert_eq!(wrote(&mut progress, 0, b"a\nb"), ["a"]);
        assert_eq!(
            wrote(&mut progress, 0, b"c\n10%\r20%\r\n\nx"),
            ["bc", "20%", ""]
        );
        let failed = BuildEvent::Failed {
            step: 0,
            stopped: false,
        };
        let rest = progress.tell(&failed, Duration::from_secs(3));
        assert_eq!(texts(rest), ["x"]);
        let (number, step) = progress.failed().unwrap();
        assert_eq!(
            (number, step.took(Duration::MAX)),
            (0, Duration::from_secs(2))
        );
        assert_eq!(step.parts(), ("1/1", "RUN x"));
    }

    #[test]
    fn output_without_line_ends_is_bounded() {
        let mut progress = BuildProgress::default();
        begun(&mut progress, 0, 0, "[a 1/1] RUN yes | tr -d '\\n'");
        const PIECE: &[u8] = &[b'y'; 50_000];
        for _ in 0..4 {
            assert!(wrote(&mut progress, 0, PIECE).is_empty());
        }
        assert_eq!(progress.steps[&0].rest[0].len(), LONGEST);
    }

    #[test]
    fn steps_are_counted_by_stage_and_with_those_to_come() {
        let mut progress = BuildProgress::default();
        let stage = |name: &str, steps, is_needed| BuildStage {
            name: name.into(),
            base: "scratch".into(),
            is_needed,
            steps,
        };
        let stages = vec![
            stage("a", 3, true),
            stage("b", 1, true),
            stage("c", 9, false),
        ];
        progress.tell(&BuildEvent::Planned { stages }, Duration::ZERO);
        begun(&mut progress, 0, 0, "[a 1/3] COPY . .");
        begun(&mut progress, 1, 1, "[b 1/1] RUN x");
        let done = BuildEvent::Done {
            step: 0,
            cached: true,
            took: Duration::ZERO,
        };
        progress.tell(&done, Duration::ZERO);
        assert_eq!(progress.count(None), (1, 1, 4));
        assert_eq!(progress.count(Some(1)), (0, 0, 1));
        assert_eq!(progress.running().count(), 1);
    }
}
