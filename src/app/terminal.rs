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
    clipboard::CopyToClipboard,
    cursor,
    event::{DisableBracketedPaste, EnableBracketedPaste},
    queue, terminal,
};
use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
    layout::Rect,
};

/// Whether the terminal is in our hands, for the panic hook: it has no other way to
/// reach what the loop owns.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// A terminal that shows the dashboard.
///
/// In place of ratatui's own `Terminal`, which asks the terminal where its cursor is
/// before it clears (an answer that comes late, or never, or among the user's keys) and
/// writes something even where nothing changed.
pub struct Display {
    backend: CrosstermBackend<Pending>,
    pending: Pending,
    out: File,
    /// What the terminal shows.
    shown: Buffer,
    /// What is drawn next; kept, so that no frame allocates one.
    next: Buffer,
    /// Whether what the terminal shows is unknown.
    is_forgotten: bool,
    hears_mouse: bool,
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

/// Presses, wheel and drags, with coordinates of any size. Movements without a button
/// (1003, which crossterm asks for too) would be a flood of messages that mean nothing.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1002l\x1b[?1000l";

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

impl Display {
    /// Takes the terminal.
    pub fn enter(hears_mouse: bool) -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "standard input and output are not a terminal",
            ));
        }
        restore_on_panic();
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let pending = Pending::default();
        let mut display = Self {
            backend: CrosstermBackend::new(pending.clone()),
            pending,
            out,
            shown: Buffer::default(),
            next: Buffer::default(),
            is_forgotten: true,
            hears_mouse,
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
        if self.hears_mouse {
            self.out.write_all(MOUSE_ON)?;
        }
        self.forget();
        Ok(())
    }

    /// Takes the terminal again if the panic of a task gave it back; whether it did.
    pub fn take_back(&mut self) -> io::Result<bool> {
        if IS_OURS.load(Ordering::SeqCst) {
            return Ok(false);
        }
        self.resume()?;
        Ok(true)
    }

    /// Gives the terminal back as it was.
    pub fn suspend(&mut self) {
        restore();
    }

    /// Rings, and hands lines to the desktop (OSC 9; terminals that don't know it ignore
    /// it). The lines hold nothing that a terminal obeys.
    pub fn signal(&mut self, is_loud: bool, lines: &[String]) {
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(b"\x1b]9;");
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\x1b\\");
        }
        if is_loud {
            bytes.push(0x07);
        }
        // A terminal that is gone is noticed where its keys are read.
        let _ = self.out.write_all(&bytes);
    }

    /// Hears the mouse from now on, or leaves it to the terminal.
    pub fn hear_mouse(&mut self, is_heard: bool) -> io::Result<()> {
        self.hears_mouse = is_heard;
        self.out
            .write_all(if is_heard { MOUSE_ON } else { MOUSE_OFF })
    }

    /// Hands text to the clipboard of whoever looks at the terminal (OSC 52): that works
    /// through ssh, where no clipboard of this machine would be of use.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut sequence = Vec::new();
        queue!(sequence, CopyToClipboard::to_clipboard_from(text))?;
        self.out.write_all(&sequence)
    }

    /// Forgets what is on screen, so that the next frame draws all of it.
    pub fn forget(&mut self) {
        self.is_forgotten = true;
    }

    /// Draws a frame: only what changed goes out, and nothing if nothing did.
    pub fn draw(&mut self, area: Rect, render: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        if self.shown.area != area {
            self.shown.resize(area);
            self.next.resize(area);
            self.forget();
        }
        self.next.reset();
        render(&mut self.next);
        if self.is_forgotten {
            self.shown.reset();
            queue!(self.pending, terminal::Clear(terminal::ClearType::All))?;
        }
        let changed = self.shown.diff(&self.next);
        if !changed.is_empty() || self.is_forgotten {
            self.backend.draw(changed.into_iter())?;
            let mut frame = self.pending.0.borrow_mut();
            frame.splice(..0, BEGIN.iter().copied());
            frame.extend_from_slice(END);
            self.out.write_all(&frame)?;
            frame.clear();
        }
        self.is_forgotten = false;
        std::mem::swap(&mut self.shown, &mut self.next);
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
    // Where it was not asked for, taking it back changes nothing.
    let _ = out.write_all(MOUSE_OFF);
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
