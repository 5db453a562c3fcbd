//! How a build is watched on the command line: on a terminal steps that run stand at the
//! bottom with the last lines that they wrote, and move up when they are done; anywhere
//! else there is a line for each thing that happens.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use crate::{
    cli::output::Output,
    dockerfile::lint::address,
    format::{Tone, text},
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
    steps: BTreeMap<usize, Step>,
    /// Rules that the Dockerfile breaks, how, and the line.
    warnings: Vec<(String, String, usize)>,
    /// Lines that were drawn last and are drawn over next.
    height: usize,
}

struct Step {
    name: String,
    began: Instant,
    lines: Vec<String>,
    /// What came after the last line's end.
    rest: Vec<u8>,
}

impl<'a> View<'a> {
    /// Of nothing yet.
    pub fn new(output: &'a Output, is_live: bool, is_quiet: bool) -> Self {
        Self {
            output,
            is_live,
            is_quiet,
            steps: BTreeMap::new(),
            warnings: Vec::new(),
            height: 0,
        }
    }

    /// Takes something that happened.
    pub fn tell(&mut self, event: &BuildEvent) -> io::Result<()> {
        if self.is_quiet && !matches!(event, BuildEvent::Warning { .. }) {
            return Ok(());
        }
        match event {
            BuildEvent::Step { step, name, .. } => {
                let name = text::sanitize(name).into_owned();
                self.say(&format!("#{step} {name}"))?;
                let (began, lines, rest) = (Instant::now(), Vec::new(), Vec::new());
                self.steps.insert(
                    *step,
                    Step {
                        name,
                        began,
                        lines,
                        rest,
                    },
                );
                Ok(())
            }
            BuildEvent::Output { step, bytes, .. } => {
                let Some(running) = self.steps.get_mut(step) else {
                    return Ok(());
                };
                let lines = running.take(bytes);
                for line in lines {
                    self.say(&format!("#{step} {line}"))?;
                }
                Ok(())
            }
            BuildEvent::Done { step, cached, took } => {
                let done = self.steps.remove(step);
                self.say(&match cached {
                    true => format!("#{step} CACHED"),
                    false => format!("#{step} DONE {}", seconds(*took)),
                })?;
                let name = done.map(|step| step.name).unwrap_or_default();
                let (sign, note) = match cached {
                    true => ("=", "cached".to_owned()),
                    false => ("+", seconds(*took)),
                };
                let sign = self.output.paint(Tone::Good, sign);
                let note = self.output.paint(Tone::Quiet, &note);
                self.keep(&format!("{sign} {name}  {note}"))
            }
            BuildEvent::Failed { step } => {
                self.say(&format!("#{step} FAILED"))?;
                let Some(failed) = self.steps.remove(step) else {
                    return Ok(());
                };
                let sign = self.output.paint(Tone::Bad, "x");
                let mut kept = format!("{sign} {}", failed.name);
                let from = failed.lines.len().saturating_sub(FAILED_TAIL);
                for line in &failed.lines[from..] {
                    kept.push_str(&format!("\n    {line}"));
                }
                self.keep(&kept)
            }
            BuildEvent::Warning {
                rule,
                message,
                lines,
            } => {
                let message = text::sanitize(message).into_owned();
                self.warnings.push((rule.clone(), message, *lines.start()));
                Ok(())
            }
            BuildEvent::Dockerfile { .. }
            | BuildEvent::Planned { .. }
            | BuildEvent::Container { .. }
            | BuildEvent::Checked { .. }
            | BuildEvent::Built { .. }
            | BuildEvent::Ended(_) => Ok(()),
        }
    }

    /// Tells at the end of a build which rules the Dockerfile breaks.
    pub fn warned(&self) -> io::Result<()> {
        let mut out = io::stderr();
        let count = self.warnings.len();
        if self.is_quiet {
            return Ok(());
        }
        if count > 0 {
            let word = if count == 1 { "warning" } else { "warnings" };
            let told = format!("{count} {word} found (wharf build --check shows where):");
            writeln!(out, "{}", self.output.paint(Tone::Warn, &told))?;
        }
        for (rule, message, line) in &self.warnings {
            writeln!(out, " - {rule}: {message} (line {line})")?;
        }
        Ok(())
    }

    /// Tells what a check found, each with its lines of the Dockerfile.
    pub fn checked(&self, name: &str, file: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for (rule, message, line) in &self.warnings {
            let head = format!("WARNING: {rule} - {}", address(rule));
            writeln!(out, "{}", self.output.paint(Tone::Warn, &head))?;
            writeln!(out, "{message}\n{}:{line}", text::sanitize(name))?;
            writeln!(out, "{}", excerpt(file, &(*line..=*line)))?;
        }
        match self.warnings.len() {
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
        self.steps.clear();
        self.draw()?;
        self.height = 0;
        Ok(())
    }

    /// One frame: what stays, then what runs, over the frame before.
    fn frame(&mut self, kept: &str) -> String {
        let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
        let (columns, rows) = (usize::from(columns), usize::from(rows));
        let mut running = Vec::new();
        for step in self.steps.values() {
            let time = self
                .output
                .paint(Tone::Quiet, &seconds(step.began.elapsed()));
            let name = text::truncate(&step.name, columns.saturating_sub(12), self.output.glyphs);
            running.push(format!("- {name}  {time}"));
            let from = step.lines.len().saturating_sub(TAIL);
            for line in &step.lines[from..] {
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

impl Step {
    /// Takes output; the lines that it completes.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let mut taken = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            // A progress bar writes over itself; the last state is what it says.
            let line = line
                .trim_end()
                .rsplit('\r')
                .next()
                .unwrap_or_default()
                .to_owned();
            taken.push(text::sanitize(&line).into_owned());
        }
        // Output without line ends is bounded too.
        if self.rest.len() > 64 << 10 {
            self.rest.clear();
        }
        self.lines.extend(taken.iter().cloned());
        let excess = self.lines.len().saturating_sub(FAILED_TAIL);
        self.lines.drain(..excess);
        taken
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

/// The lines of a Dockerfile that something is about, with two around them.
pub fn excerpt(file: &str, lines: &RangeInclusive<usize>) -> String {
    let mut out = String::new();
    let (from, to) = (lines.start().saturating_sub(2), lines.end() + 2);
    for (index, line) in file.lines().enumerate() {
        let number = index + 1;
        if number < from || number > to {
            continue;
        }
        let sign = if lines.contains(&number) { ">" } else { " " };
        let line = text::sanitize(line);
        out.push_str(&format!("{sign} {number:>4} | {line}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_in_question_are_marked() {
        let file = "FROM a\nRUN b\nRUN c\nRUN d\nRUN e\nRUN f\n";
        assert_eq!(
            excerpt(file, &(4..=4)),
            "     2 | RUN b\n     3 | RUN c\n>    4 | RUN d\n     5 | RUN e\n     6 | RUN f\n"
        );
    }

    #[test]
    fn output_becomes_lines_that_can_be_shown() {
        let mut step = Step {
            name: String::new(),
            began: Instant::now(),
            lines: Vec::new(),
            rest: Vec::new(),
        };
        assert_eq!(step.take(b"a\nb"), ["a"]);
        assert_eq!(step.take(b"c\n10%\r20%\r\n\x1b[31mred\n").len(), 3);
        assert_eq!(step.lines[..3], ["a", "bc", "20%"]);
        assert!(!step.lines[3].contains('\x1b'));
    }
}
