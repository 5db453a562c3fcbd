//! How a build is watched on the command line: on a terminal steps that run stand at the
//! bottom with the last lines that they wrote, and move up when they are done; anywhere
//! else there is a line for each thing that happens.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Write},
    time::Instant,
};

use crate::{
    cli::output::Output,
    dockerfile::lint::address,
    format::{
        Tone,
        build::{BuildProgress, StepLine, StepState, excerpt, seconds},
        text,
    },
    model::BuildEvent,
};

/// Lines of a running step's output that are shown.
const TAIL: usize = 5;
/// Lines of a failed step's output that are shown.
const FAILED_TAIL: usize = 40;

/// What is shown of a build.
pub struct View<'a> {
    output: &'a Output,
    is_live: bool,
    is_quiet: bool,
    began: Instant,
    /// How far the build is.
    pub progress: BuildProgress,
    /// The last lines of the steps that run.
    tails: BTreeMap<usize, VecDeque<String>>,
    /// Lines that were drawn last and are drawn over next.
    height: usize,
}

impl<'a> View<'a> {
    /// Of nothing yet.
    pub fn new(output: &'a Output, is_live: bool, is_quiet: bool) -> Self {
        Self {
            output,
            is_live,
            is_quiet,
            began: Instant::now(),
            progress: BuildProgress::default(),
            tails: BTreeMap::new(),
            height: 0,
        }
    }

    /// Takes something that happened.
    pub fn tell(&mut self, event: &BuildEvent) -> io::Result<()> {
        let lines = self.progress.tell(event, self.began.elapsed());
        if self.is_quiet {
            return Ok(());
        }
        for line in lines {
            self.wrote(&line)?;
        }
        match event {
            BuildEvent::Step { step, .. } => {
                let name = self.progress.steps[step].name.clone();
                self.say(&format!("#{step} {name}"))
            }
            BuildEvent::Done { step, .. } | BuildEvent::Failed { step, .. } => self.end_step(*step),
            _ => Ok(()),
        }
    }

    fn wrote(&mut self, line: &StepLine) -> io::Result<()> {
        let text = String::from_utf8_lossy(&line.bytes);
        let text = text::sanitize(&text).into_owned();
        self.say(&format!("#{} {text}", line.step))?;
        let tail = self.tails.entry(line.step).or_default();
        if tail.len() == FAILED_TAIL {
            tail.pop_front();
        }
        tail.push_back(text);
        Ok(())
    }

    fn end_step(&mut self, number: usize) -> io::Result<()> {
        let tail = self.tails.remove(&number).unwrap_or_default();
        let Some(step) = self.progress.steps.get(&number) else {
            return Ok(());
        };
        let (name, state) = (step.name.clone(), step.state);
        let (word, sign, note) = match state {
            StepState::Running => return Ok(()),
            StepState::Cached => ("CACHED".into(), "=", "cached".to_owned()),
            StepState::Done(took) => {
                let took = seconds(took);
                (format!("DONE {took}"), "+", took)
            }
            StepState::Failed(_) => ("FAILED".into(), "x", String::new()),
            StepState::Stopped(_) => ("STOPPED".into(), "-", "stopped".to_owned()),
        };
        self.say(&format!("#{number} {word}"))?;
        let tone = match state {
            StepState::Failed(_) => Tone::Bad,
            StepState::Stopped(_) => Tone::Quiet,
            _ => Tone::Good,
        };
        let sign = self.output.paint(tone, sign);
        let note = self.output.paint(Tone::Quiet, &note);
        let mut kept = format!("{sign} {name}  {note}");
        if matches!(state, StepState::Failed(_)) {
            kept.truncate(kept.trim_end().len());
            tail.iter()
                .for_each(|line| kept.push_str(&format!("\n    {line}")));
        }
        self.keep(&kept)
    }

    /// Tells at the end of a build which rules the Dockerfile breaks.
    pub fn warned(&self) -> io::Result<()> {
        let mut out = io::stderr();
        let warnings = &self.progress.warnings;
        let count = warnings.len();
        if self.is_quiet {
            return Ok(());
        }
        if count > 0 {
            let word = if count == 1 { "warning" } else { "warnings" };
            let told = format!("{count} {word} found (wharf build --check shows where):");
            writeln!(out, "{}", self.output.paint(Tone::Warn, &told))?;
        }
        for warning in warnings {
            let (rule, message) = (&warning.rule, &warning.message);
            writeln!(out, " - {rule}: {message} (line {})", warning.line)?;
        }
        Ok(())
    }

    /// Tells what a check found, each with its lines of the Dockerfile.
    pub fn checked(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let BuildProgress {
            warnings,
            name,
            file,
            ..
        } = &self.progress;
        for warning in warnings {
            let (rule, line) = (&warning.rule, warning.line);
            let head = format!("WARNING: {rule} - {}", address(rule));
            writeln!(out, "{}", self.output.paint(Tone::Warn, &head))?;
            writeln!(out, "{}\n{name}:{line}", warning.message)?;
            writeln!(out, "{}", excerpt(file, &(line..=line)))?;
        }
        match warnings.len() {
            0 => writeln!(out, "Check complete, no warnings found."),
            1 => writeln!(out, "Check complete, 1 warning has been found!"),
            count => writeln!(out, "Check complete, {count} warnings have been found!"),
        }
    }

    /// A line of the plain view.
    fn say(&self, line: &str) -> io::Result<()> {
        if self.is_live {
            return Ok(());
        }
        writeln!(io::stderr(), "{line}")
    }

    /// Lines of the live view that stay.
    fn keep(&mut self, text: &str) -> io::Result<()> {
        if !self.is_live {
            return Ok(());
        }
        let drawn = self.frame(text);
        io::stderr().write_all(drawn.as_bytes())
    }

    /// Draws what runs.
    pub fn draw(&mut self) -> io::Result<()> {
        if !self.is_live || self.is_quiet {
            return Ok(());
        }
        let drawn = self.frame("");
        io::stderr().write_all(drawn.as_bytes())
    }

    /// What runs is over: nothing is drawn over any more.
    pub fn end(&mut self) -> io::Result<()> {
        self.progress.steps.clear();
        self.draw()?;
        self.height = 0;
        Ok(())
    }

    /// One frame: what stays, then what runs, over the frame before.
    fn frame(&mut self, kept: &str) -> String {
        let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        let mut running = Vec::new();
        for (number, step) in self.progress.running() {
            let took = seconds(step.took(self.began.elapsed()));
            let time = self.output.paint(Tone::Quiet, &took);
            let name = text::truncate(&step.name, columns.saturating_sub(12), self.output.glyphs);
            running.push(format!("- {name}  {time}"));
            let tail = self.tails.get(&number);
            let lines = tail.into_iter().flatten();
            let skipped = tail.map_or(0, |tail| tail.len().saturating_sub(TAIL));
            for line in lines.skip(skipped) {
                let line = text::truncate(line, columns.saturating_sub(5), self.output.glyphs);
                running.push(self.output.paint(Tone::Quiet, &format!("    {line}")));
            }
        }
        running.truncate(rows.saturating_sub(2));
        let mut out = String::from("\x1b[?2026h");
        if self.height > 0 {
            out.push_str(&format!("\x1b[{}A", self.height));
        }
        for line in kept.lines() {
            out.push_str(&format!("{}\x1b[K\r\n", line));
        }
        for line in &running {
            out.push_str(&format!("{line}\x1b[K\r\n"));
        }
        out.push_str("\x1b[J\x1b[?2026l");
        self.height = running.len();
        out
    }
}
