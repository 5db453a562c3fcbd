//! A table that is drawn again and again in place, without flicker: each frame goes out
//! as one write in synchronized output, over the frame before it.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};

use super::output::print;

/// Draws what `frame` answers every `interval` until the user interrupts. In a pipe the
/// frames follow each other.
pub async fn repeat<E: From<io::Error>>(
    interval: Duration,
    mut frame: impl AsyncFnMut() -> Result<String, E>,
) -> Result<(), E> {
    let is_terminal = io::stdout().is_terminal();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The guard shows the cursor again however this ends.
    let _cursor = is_terminal.then(Cursor::hide).transpose()?;
    let mut height = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        }
        let text = frame().await?;
        if !is_terminal {
            print(&text)?;
            continue;
        }
        let rows = crossterm::terminal::size().map_or(24, |(_, rows)| usize::from(rows));
        let (drawn, lines) = over(&text, height, rows);
        print(&drawn)?;
        height = lines;
    }
}

/// The bytes that draw `text` over a frame of `height` lines on a screen of `rows`, and
/// how many lines that is.
fn over(text: &str, height: usize, rows: usize) -> (String, usize) {
    let lines: Vec<&str> = text.lines().take(rows.saturating_sub(1)).collect();
    let mut out = String::from("\x1b[?2026h");
    if height > 0 {
        out.push_str(&format!("\x1b[{height}A"));
    }
    for line in &lines {
        // Erase what the old line has beyond the new one; no blank moment in between.
        out.push_str(line);
        out.push_str("\x1b[K\r\n");
    }
    out.push_str("\x1b[J\x1b[?2026l");
    (out, lines.len())
}

struct Cursor;

impl Cursor {
    fn hide() -> io::Result<Self> {
        print("\x1b[?25l")?;
        Ok(Self)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // Nothing more can be done where even this fails.
        let _ = print("\x1b[?25h");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_goes_over_the_one_before_and_never_beyond_the_screen() {
        assert_eq!(
            over("a\nb\n", 0, 24),
            (
                "\x1b[?2026ha\x1b[K\r\nb\x1b[K\r\n\x1b[J\x1b[?2026l".into(),
                2
            )
        );
        let (text, lines) = over("a\nb\nc\n", 3, 3);
        assert!(text.starts_with("\x1b[?2026h\x1b[3A"));
        assert_eq!(lines, 2);
    }
}
