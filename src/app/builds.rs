//! Builds that were begun here, and those of other processes: how far each is and what it
//! wrote, whichever screen is shown, and the lines of the screen that shows them.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Failure, Form, List,
    log::{Inker, Kind, LogRow},
};
use crate::{
    action::BuildSubject,
    format::{
        build::{BuildEnd, BuildProgress, BuildStep, StepState, seconds},
        text::sanitize,
    },
    model::{BuildEvent, ContainerId, LogLine, Stream},
};

/// Builds that ended are kept, but no more than these.
const KEPT: usize = 20;
/// How many lines of output are kept of each.
const ROWS: usize = 20_000;
/// How many bytes of them.
const ROW_BYTES: usize = 4 << 20;
/// Where a row belongs that no step wrote.
const NO_STEP: u16 = u16::MAX;

/// All of them.
#[derive(Debug)]
pub struct Builds {
    /// The newest first.
    pub all: Vec<BuildRun>,
    /// What the screen lists, each line a build, a stage or a step.
    pub lines: Vec<BuildLine>,
    /// How that is arranged; its rows are places in the lines.
    pub list: List<BuildLine>,
    /// What the log shows, how many steps that had, and the number of the row after its
    /// last.
    pub logged: Option<(BuildLine, usize, u64)>,
    folds: HashMap<u64, bool>,
    last: u64,
}

/// A line of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildLine {
    /// A build.
    Build(u64),
    /// One of its stages, by its place.
    Stage(u64, usize),
    /// One of its steps, by its number.
    Step(u64, usize),
}

impl BuildLine {
    /// The build that it is of.
    pub fn build(self) -> u64 {
        match self {
            Self::Build(build) | Self::Stage(build, _) | Self::Step(build, _) => build,
        }
    }
}

/// One of them.
#[derive(Debug)]
pub struct BuildRun {
    /// Its number.
    pub number: u64,
    /// Its name, or where its files come from; safe to draw.
    pub title: String,
    /// What was asked for; nothing is known of those that were begun elsewhere.
    pub form: Option<Box<Form>>,
    /// How far it is.
    pub progress: BuildProgress,
    /// Since when, by the dashboard's clock.
    pub since: Duration,
    /// Until when.
    pub until: Option<Duration>,
    /// Why it could not be begun or followed.
    pub failure: Option<Failure>,
    /// Its number in the log of what was done.
    pub deed: Option<u64>,
    /// Whether somebody still holds what a failed step left.
    pub is_held: bool,
    rows: VecDeque<LogRow>,
    first: u64,
    bytes: usize,
    inkers: HashMap<(usize, Stream), Inker>,
}

/// How a build goes or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildState {
    /// It goes on.
    Going,
    /// It made an image.
    Built,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
}

impl Default for Builds {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            lines: Vec::new(),
            list: List::new("began"),
            logged: None,
            folds: HashMap::new(),
            last: 0,
        }
    }
}

impl Builds {
    /// Notes a new one that is begun here; its number.
    pub fn begin(&mut self, title: String, form: Box<Form>, deed: u64, clock: Duration) -> u64 {
        self.last += 1;
        self.add(self.last, title, Some(form), Some(deed), clock);
        self.last
    }

    /// Notes one that was begun elsewhere.
    pub fn adopt(&mut self, number: u64, title: String, clock: Duration) {
        self.add(number, title, None, None, clock);
    }

    fn add(
        &mut self,
        number: u64,
        title: String,
        form: Option<Box<Form>>,
        deed: Option<u64>,
        clock: Duration,
    ) {
        let begun = BuildRun {
            number,
            title,
            is_held: true,
            form,
            progress: BuildProgress::default(),
            since: clock,
            until: None,
            failure: None,
            deed,
            rows: VecDeque::new(),
            first: 0,
            bytes: 0,
            inkers: HashMap::new(),
        };
        self.all.insert(0, begun);
    }

    /// Those of which there are too many, whose numbers are handed back: the oldest that
    /// ended.
    pub fn outlived(&mut self) -> Vec<u64> {
        let mut gone = Vec::new();
        while self.all.len() > KEPT
            && let Some(oldest) = self.all.iter().rposition(BuildRun::is_over)
        {
            gone.push(self.all.remove(oldest).number);
        }
        gone
    }

    /// Takes those that ended off the list; their numbers.
    pub fn forget_ended(&mut self) -> Vec<u64> {
        let ended = self.all.iter().filter(|build| build.is_over());
        let gone = ended.map(|build| build.number).collect();
        self.all.retain(|build| !build.is_over());
        gone
    }

    /// One of them.
    pub fn find(&self, number: u64) -> Option<&BuildRun> {
        self.all.iter().find(|build| build.number == number)
    }

    /// The same to change it.
    pub fn find_mut(&mut self, number: u64) -> Option<&mut BuildRun> {
        self.all.iter_mut().find(|build| build.number == number)
    }

    /// How many go on.
    pub fn going(&self) -> usize {
        self.all.iter().filter(|build| !build.is_over()).count()
    }

    /// How many of those were begun here.
    pub fn ours(&self) -> usize {
        let ours = self.all.iter().filter(|build| build.form.is_some());
        ours.filter(|build| !build.is_over()).count()
    }

    /// The line under the cursor, and its build.
    pub fn selected(&self) -> Option<(&BuildRun, BuildLine)> {
        let line = *self.lines.get(*self.list.rows.get(self.list.cursor)?)?;
        Some((self.find(line.build())?, line))
    }

    /// Whether a build's steps are hidden: at first those of all but the newest that have
    /// ended.
    pub fn is_folded(&self, build: &BuildRun) -> bool {
        let is_newest = self
            .all
            .first()
            .is_some_and(|first| first.number == build.number);
        let folded = self.folds.get(&build.number).copied();
        folded.unwrap_or(build.is_over() && !is_newest)
    }

    /// Hides the steps of the build under the cursor, or shows them.
    pub fn fold(&mut self) {
        let Some((build, _)) = self.selected() else {
            return;
        };
        let (number, is_folded) = (build.number, self.is_folded(build));
        self.folds.insert(number, !is_folded);
        self.list.selected = Some(BuildLine::Build(number));
        self.arrange();
    }

    /// Lists the lines anew. What is looked for is in a build's title or in its steps.
    pub fn arrange(&mut self) {
        let wanted = self.list.filter.to_lowercase();
        let is_wanted = |text: &str| text.to_lowercase().contains(&wanted);
        let mut lines = Vec::new();
        for build in &self.all {
            let number = build.number;
            let is_whole = is_wanted(&build.title);
            let steps: Vec<_> = build.progress.steps.iter().collect();
            let shown = steps
                .iter()
                .filter(|(_, step)| is_whole || is_wanted(&step.name));
            let shown: Vec<_> = shown.collect();
            if !is_whole && shown.is_empty() {
                continue;
            }
            lines.push(BuildLine::Build(number));
            if wanted.is_empty() && self.is_folded(build) {
                continue;
            }
            let of_stage = |at: usize| {
                let steps = shown.iter().filter(move |(_, step)| step.stage == at);
                steps.map(move |(step, _)| BuildLine::Step(number, **step))
            };
            let stages = build.progress.stages.len();
            for at in 0..stages.max(1) {
                // A single stage is the build itself.
                if stages > 1 && (is_whole || of_stage(at).next().is_some()) {
                    lines.push(BuildLine::Stage(number, at));
                }
                lines.extend(of_stage(at));
            }
        }
        self.lines = lines;
        let lines = &self.lines;
        self.list
            .arrange((0..lines.len()).collect(), |row| lines[row]);
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let lines = &self.lines;
        self.list.step(by, |row| lines[row]);
    }
}

impl BuildRun {
    /// How it goes or went.
    pub fn state(&self) -> BuildState {
        match (&self.progress.end, &self.failure, self.until) {
            (Some(BuildEnd::Built(_) | BuildEnd::Checked), ..) => BuildState::Built,
            (Some(BuildEnd::Failed(_)), ..) | (None, Some(_), _) => BuildState::Failed,
            (None, None, Some(_)) => BuildState::Stopped,
            (None, None, None) => BuildState::Going,
        }
    }

    /// Whether it ended.
    pub fn is_over(&self) -> bool {
        self.state() != BuildState::Going
    }

    /// The container that its failed step left.
    pub fn container(&self) -> Option<&ContainerId> {
        let failure = self.progress.failure()?;
        failure.container.as_ref().filter(|_| self.is_held)
    }

    /// As far as it matters to what can be done.
    pub fn subject(&self) -> BuildSubject {
        BuildSubject {
            is_over: self.is_over(),
            is_ours: self.form.is_some(),
            has_failed: self.progress.failed().is_some(),
            has_container: self.container().is_some(),
        }
    }

    /// Takes what happened at a time, and by the dashboard's clock.
    pub fn tell(&mut self, at: Timestamp, event: &BuildEvent, clock: Duration) {
        for line in self.progress.tell(event, clock) {
            let inker = self.inkers.entry((line.step, line.stream)).or_default();
            let source = source(line.step);
            let line = LogLine {
                at,
                stream: line.stream,
                text: line.bytes,
                partial: false,
            };
            let row = LogRow::new(&line, source, inker);
            self.push(row);
        }
        let step_of = |step: &usize| self.progress.steps.get(step);
        let (kind, step, text) = match event {
            BuildEvent::Step { step, .. } => (
                Kind::Notice,
                source(*step),
                step_of(step).map(|step| step.name.clone()),
            ),
            BuildEvent::Done { step, .. } | BuildEvent::Failed { step, .. } => {
                let state = step_of(step).map(|step| step.state);
                let kind = match state {
                    Some(StepState::Failed(_)) => Kind::Error,
                    _ => Kind::Notice,
                };
                self.inkers.retain(|(of, _), _| of != step);
                (kind, source(*step), state.map(ended))
            }
            BuildEvent::Warning { .. } => {
                let warning = self.progress.warnings.last();
                let text = warning.map(|warning| {
                    let (rule, message) = (&warning.rule, &warning.message);
                    format!("line {}: {rule}: {message}", warning.line)
                });
                (Kind::Notice, NO_STEP, text)
            }
            BuildEvent::Built { image } => {
                let text = format!("the image is {}", image.as_str());
                (Kind::Notice, NO_STEP, Some(text))
            }
            BuildEvent::Ended(_) => return self.explain(at),
            _ => return,
        };
        if let Some(text) = text {
            self.push(LogRow::of(at, kind, step, text));
        }
    }

    /// Adds why it failed to what its step wrote, with the lines of the Dockerfile.
    fn explain(&mut self, at: Timestamp) {
        let Some(failure) = self.progress.failure() else {
            return;
        };
        let lines = self.progress.about(failure);
        let mut texts: Vec<String> = lines.lines().map(str::to_owned).collect();
        texts.push(sanitize(&self.progress.told(failure)).into_owned());
        let hint = failure.hint.as_deref();
        texts.extend(hint.map(|hint| format!("hint: {}", sanitize(hint))));
        let step = self.progress.failed();
        let step = step.map_or(NO_STEP, |(step, _)| source(step));
        for text in texts {
            self.push(LogRow::of(at, Kind::Error, step, text));
        }
    }

    fn push(&mut self, row: LogRow) {
        self.bytes += row.bytes();
        self.rows.push_back(row);
        while self.rows.len() > ROWS || self.bytes > ROW_BYTES {
            let Some(row) = self.rows.pop_front() else {
                break;
            };
            self.first += 1;
            self.bytes -= row.bytes();
        }
    }

    /// The number of the row after the last.
    pub fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    /// The rows of a line from a number on.
    pub fn rows_of(&self, line: BuildLine, from: u64) -> impl Iterator<Item = &LogRow> {
        let skipped = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let steps = &self.progress.steps;
        let is_of = move |row: &&LogRow| match line {
            BuildLine::Build(_) => true,
            BuildLine::Stage(_, stage) => steps
                .get(&usize::from(row.source))
                .is_some_and(|step| step.stage == stage),
            BuildLine::Step(_, step) => row.source == source(step),
        };
        self.rows.iter().skip(skipped).filter(is_of)
    }

    /// What stands before the rows of each step where several are shown: `web 2/5`.
    pub fn sources(&self) -> Vec<Box<str>> {
        let last = self.progress.steps.keys().last().map_or(0, |last| last + 1);
        let name = |step: usize| {
            let step = self.progress.steps.get(&step);
            let name = step.and_then(|step| {
                let (place, _) = step.name.strip_prefix('[')?.split_once(']')?;
                Some(place)
            });
            name.unwrap_or_default().into()
        };
        (0..last.min(usize::from(NO_STEP))).map(name).collect()
    }

    /// How long it took, or takes until now.
    pub fn took(&self, clock: Duration) -> Duration {
        self.until.unwrap_or(clock).saturating_sub(self.since)
    }
}

fn source(step: usize) -> u16 {
    u16::try_from(step).unwrap_or(NO_STEP)
}

/// How a step ended, in a word or two.
pub fn ended(state: StepState) -> String {
    match state {
        StepState::Running => "running".into(),
        StepState::Cached => "cached".into(),
        StepState::Done(took) => format!("done in {}", seconds(took)),
        StepState::Failed(took) => format!("failed after {}", seconds(took)),
        StepState::Stopped(took) => format!("stopped after {}", seconds(took)),
    }
}

/// Containers of the steps of a line that run.
pub fn containers(build: &BuildRun, line: BuildLine) -> impl Iterator<Item = &ContainerId> {
    let is_of = move |(number, step): &(usize, &BuildStep)| match line {
        BuildLine::Build(_) => true,
        BuildLine::Stage(_, stage) => step.stage == stage,
        BuildLine::Step(_, of) => *number == of,
    };
    let running = build.progress.running().filter(is_of);
    running.filter_map(|(_, step)| step.container.as_ref())
}

#[cfg(test)]
mod tests;
