//! The terminal: ours while the dashboard is up, as it was before and after, whatever
//! ends it.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    panic,
    rc::Rc,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor,
    event::{DisableBracketedPaste, EnableBracketedPaste},
    queue, terminal,
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};

/// Whether the terminal is in our hands, for the panic hook: it has no other way to
/// reach what the loop owns.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// A terminal that shows the dashboard.
pub struct Display {
    terminal: Terminal<CrosstermBackend<Pending>>,
    pending: Pending,
    out: File,
}

/// What a frame writes, until all of it is there: it goes to the terminal by one
/// write, between the marks of a synchronized update.
#[derive(Clone, Default)]
struct Pending(Rc<RefCell<Vec<u8>>>);

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

impl Display {
    /// Takes the terminal.
    pub fn enter() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        restore_on_panic();
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let pending = Pending::default();
        let terminal = Terminal::new(CrosstermBackend::new(pending.clone()))?;
        let mut display = Self {
            terminal,
            pending,
            out,
        };
        display.resume()?;
        Ok(display)
    }

    /// Takes the terminal again after [`Display::suspend`]; all of it must be drawn.
    pub fn resume(&mut self) -> io::Result<()> {
        terminal::enable_raw_mode()?;
        IS_OURS.store(true, Ordering::SeqCst);
        queue!(
            self.out,
            terminal::EnterAlternateScreen,
            EnableBracketedPaste,
            cursor::Hide
        )?;
        self.forget()
    }

    /// Gives the terminal back as it was.
    pub fn suspend(&mut self) {
        restore();
    }

    /// Forgets what is on screen, so that the next frame draws all of it.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()?;
        // The clearing goes out with that frame, or the screen would blink.
        Ok(())
    }

    /// Draws a frame: only what changed goes out, and nothing if nothing did.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.draw(render)?;
        let mut bytes = self.pending.0.borrow_mut();
        // A frame that changes any cell, or clears, moves the cursor or erases first;
        // what is left without that are resets of attributes.
        if bytes.iter().any(|byte| matches!(byte, b'H' | b'J')) {
            let mut frame = Vec::with_capacity(bytes.len() + BEGIN.len() + END.len());
            frame.extend_from_slice(BEGIN);
            frame.extend_from_slice(&bytes);
            frame.extend_from_slice(END);
            self.out.write_all(&frame)?;
        }
        bytes.clear();
        Ok(())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        restore();
    }
}

fn restore_on_panic() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
    });
}

/// Gives the terminal back, once.
fn restore() {
    if !IS_OURS.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    // A terminal that is gone can't be restored, and needn't be.
    let _ = queue!(
        out,
        DisableBracketedPaste,
        terminal::LeaveAlternateScreen,
        cursor::Show
    );
    let _ = out.flush();
    let _ = terminal::disable_raw_mode();
}
