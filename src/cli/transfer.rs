//! Showing a transfer: a bar for each layer and a total on a terminal, a line for each
//! layer that is done elsewhere, or every picture as a line of JSON.

use std::{
    collections::HashSet,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use super::{Context, failure::Failure, output::Output};
use crate::{
    engine::Transfers,
    format::{Glyphs, Tone, bytes, text::sanitize},
    model::{Digest, Direction, LayerState, LayerTransfer, Phase, Transfer},
};

/// Cells of a bar, where there is room.
const BAR: usize = 24;
/// Columns of a line beside its bar.
const BESIDE: usize = 46;

/// How to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// For people, on standard output.
    Output,
    /// For people, on standard error: standard output is a container's.
    Beside,
    /// A line of JSON for each picture.
    Json,
    /// Not at all.
    Quiet,
}

/// Follows a transfer to its end. Its last picture, which has its outcome.
pub async fn follow(
    mut pictures: Transfers,
    manner: Manner,
    context: &Context,
) -> Result<Transfer, Failure> {
    let mut show = Show::new(manner, &context.output);
    while let Some(picture) = pictures.recv().await {
        let picture = match picture {
            Ok(picture) => picture,
            Err(error) => {
                show.close()?;
                return Err(error.into());
            }
        };
        show.picture(&picture)?;
        if picture.outcome.is_some() {
            show.close()?;
            return Ok(picture);
        }
    }
    show.close()?;
    Err(Failure::new("the transfer ended without an answer"))
}

struct Show {
    manner: Manner,
    output: Output,
    /// Rows of the terminal; none where nothing can be drawn over.
    rows: Option<usize>,
    /// Lines that are drawn and stand below each other.
    drawn: usize,
    /// Layers that were told of.
    told: HashSet<(Digest, LayerState)>,
    started: Instant,
}

impl Show {
    fn new(manner: Manner, output: &Output) -> Self {
        let is_terminal = match manner {
            Manner::Output => io::stdout().is_terminal(),
            Manner::Beside => io::stderr().is_terminal(),
            Manner::Json | Manner::Quiet => false,
        };
        let is_dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let size = (is_terminal && !is_dumb).then(crossterm::terminal::size);
        let size = size.and_then(Result::ok);
        Self {
            manner,
            output: *output,
            rows: size.map(|(_, rows)| usize::from(rows)),
            drawn: 0,
            told: HashSet::new(),
            started: Instant::now(),
        }
    }

    fn picture(&mut self, picture: &Transfer) -> io::Result<()> {
        match (self.manner, self.rows) {
            (Manner::Quiet, _) => Ok(()),
            (Manner::Json, _) => {
                let text = serde_json::to_string(picture)?;
                self.write(&format!("{text}\n"))
            }
            (_, None) => self.lines(picture),
            (_, Some(rows)) => {
                let width = self.output.width.unwrap_or(80);
                let lines = bars(picture, rows, width, &self.output, self.started.elapsed());
                self.draw(&lines)
            }
        }
    }

    /// Tells what is new since the last picture.
    fn lines(&mut self, picture: &Transfer) -> io::Result<()> {
        let mut text = String::new();
        for layer in &picture.layers {
            let word = match (picture.direction, layer.state) {
                (_, LayerState::Present) => "already there",
                (_, LayerState::Mounted) => "mounted",
                (_, LayerState::Shared) => "another process fetches it",
                (_, LayerState::Retrying) => "connection lost, going on",
                (Direction::Pull, LayerState::Done) => "pulled",
                (Direction::Push, LayerState::Done) => "pushed",
                _ => continue,
            };
            if self.told.insert((layer.digest.clone(), layer.state)) {
                let size = bytes::decimal(layer.total_bytes);
                text.push_str(&format!("{}: {word} ({size})\n", layer.digest.short()));
            }
        }
        self.write(&text)
    }

    /// Draws lines over those that stand there.
    fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn));
        }
        for line in lines {
            text.push_str(&format!("\r\x1b[K{line}\n"));
        }
        // Fewer than before: the rest goes.
        if lines.len() < self.drawn {
            text.push_str("\x1b[J");
        }
        self.drawn = lines.len();
        self.write(&text)
    }

    /// Takes away what was drawn.
    fn close(&mut self) -> io::Result<()> {
        match self.drawn {
            0 => Ok(()),
            _ => self.draw(&[]),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        match self.manner {
            Manner::Beside => {
                let mut out = io::stderr().lock();
                out.write_all(text.as_bytes())?;
                out.flush()
            }
            _ => super::output::print(text),
        }
    }
}

/// The lines of a picture: the layers that move, as far as there is room, and the total.
fn bars(
    picture: &Transfer,
    rows: usize,
    width: usize,
    output: &Output,
    since: Duration,
) -> Vec<String> {
    let room = rows.saturating_sub(3).max(1);
    let mut layers: Vec<&LayerTransfer> = picture.layers.iter().collect();
    if layers.len() > room {
        // What is over needs no line.
        layers.retain(|layer| !layer.state.is_over());
        layers.sort_by_key(|layer| layer.state == LayerState::Waiting);
        layers.truncate(room);
    }
    let cut = |text: String| match text.chars().count() > width.saturating_sub(1) {
        true => text.chars().take(width.saturating_sub(1)).collect(),
        false => text,
    };
    let cells = width.saturating_sub(BESIDE).clamp(2, BAR);
    let bar = |moved, total| bar(moved, total, cells, output.glyphs);
    let mut lines: Vec<String> = Vec::new();
    for layer in layers {
        let (moved, total) = (layer.moved_bytes, layer.total_bytes);
        let figures = match layer.state.is_over() {
            true => bytes::decimal(total),
            false => format!("{} / {}", bytes::decimal(moved), bytes::decimal(total)),
        };
        let bar = bar(moved, total);
        let word = layer.state.word();
        let line = cut(format!(
            "{} {bar} {word:<9} {figures}",
            layer.digest.short()
        ));
        lines.push(match layer.state {
            LayerState::Done | LayerState::Mounted => output.paint(Tone::Good, &line),
            LayerState::Retrying => output.paint(Tone::Warn, &line),
            LayerState::Waiting | LayerState::Present => output.paint(Tone::Quiet, &line),
            _ => line,
        });
    }
    let (moved, total) = picture.total();
    let rate = bytes::rate(moved as f64 / since.as_secs_f64().max(0.1));
    let total = match picture.phase {
        Phase::Resolving => "asking the registry".to_owned(),
        Phase::Finishing => "writing it down".to_owned(),
        _ => format!(
            "{:<12} {} {:<9} {} / {}, {rate}",
            "total",
            bar(moved, total),
            "",
            bytes::decimal(moved),
            bytes::decimal(total)
        ),
    };
    lines.push(output.bold(&cut(total)));
    lines
}

fn bar(moved: u64, total: u64, cells: usize, glyphs: Glyphs) -> String {
    let share = match total {
        0 => 1.0,
        total => (moved as f64 / total as f64).clamp(0.0, 1.0),
    };
    let full = (share * cells as f64) as usize;
    let (on, off) = match glyphs {
        Glyphs::Ascii => ("#", "-"),
        _ => ("█", "░"),
    };
    format!("{}{}", on.repeat(full), off.repeat(cells - full))
}

/// A name from outside, fit to be printed.
pub fn clean(text: &str) -> String {
    sanitize(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(layers: usize) -> Transfer {
        let layer = |index: usize| LayerTransfer {
            digest: Digest::from_sha256(&[index as u8; 32]),
            state: match index % 3 {
                0 => LayerState::Done,
                1 => LayerState::Moving,
                _ => LayerState::Waiting,
            },
            moved_bytes: [10_000_000, 2_500_000, 0][index % 3],
            total_bytes: 10_000_000,
        };
        Transfer {
            id: 1,
            direction: Direction::Pull,
            reference: "debian:12".into(),
            phase: Phase::Moving,
            layers: (0..layers).map(layer).collect(),
            outcome: None,
        }
    }

    fn output(glyphs: Glyphs) -> Output {
        Output {
            width: Some(80),
            color: false,
            glyphs,
        }
    }

    #[test]
    fn each_layer_has_a_bar_and_there_is_a_total() {
        let second = Duration::from_secs(1);
        let lines = bars(&picture(3), 24, 80, &output(Glyphs::Ascii), second);
        assert_eq!(
            lines,
            [
                "000000000000 ######################## done      10MB",
                "010101010101 ######------------------ moving    2.5MB / 10MB",
                "020202020202 ------------------------ waiting   0B / 10MB",
                "total        ##########--------------           12.5MB / 30MB, 12.5MB/s",
            ]
        );
    }

    #[test]
    fn more_layers_than_rows_show_those_that_move() {
        let second = Duration::from_secs(1);
        let lines = bars(&picture(90), 10, 40, &output(Glyphs::Ascii), second);
        assert_eq!(lines.len(), 8);
        assert!(
            lines[..7].iter().all(|line| line.contains("moving")),
            "{lines:?}"
        );
        assert!(lines.iter().all(|line| line.len() < 40), "{lines:?}");
    }
}
