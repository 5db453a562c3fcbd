//! Terminals of this command line: handed to a socket, or shown on our own.

use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

use crate::model::TerminalSize;
use crate::sys::channel::Channel;
use crate::sys::{pidfd, pty};

use super::error::{Result, Trying};

/// The size of our own terminal.
pub(super) fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(std::io::stdin()).ok()?;
    Some(TerminalSize {
        rows: size.ws_row,
        cols: size.ws_col,
    })
}

/// Give a terminal's master to whoever listens at `socket`.
pub(super) fn send(socket: &Path, master: &OwnedFd) -> Result<()> {
    let step = || format!("send the terminal to {}", socket.display());
    let stream = UnixStream::connect(socket).trying(step)?;
    Channel::from(OwnedFd::from(stream))
        .send(b"/dev/ptmx", Some(master.as_fd()))
        .trying(step)
}

/// All signals, to be read from a descriptor.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

impl Signals {
    /// Block them from now on. The container's process gets none of that: it resets its
    /// signals before its program.
    pub fn block() -> Result<Self> {
        let all = SigSet::all();
        let step = || "take signals".to_owned();
        all.thread_block().trying(step)?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&all, flags).map(Self).trying(step)
    }
}

/// Our terminal in raw mode, until this is dropped.
struct Raw(Termios);

impl Raw {
    fn new() -> Option<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Flush, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to restore.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Stay until the process ends: hand on signals, and show its terminal as ours.
pub(super) fn attend(signals: &Signals, process: &OwnedFd, master: Option<&OwnedFd>) -> Result<()> {
    let step = || "attend the process".to_owned();
    let _raw = master
        .filter(|_| std::io::stdin().is_terminal())
        .and_then(|_| Raw::new());
    let stdin = std::io::stdin();
    let mut input_open = master.is_some();
    let mut output_open = master.is_some();
    let mut ended = false;
    // The terminal closes with its last user, so output that comes after the end of the
    // process is shown, but a child left behind keeps us no longer than it writes.
    while !ended || output_open {
        let mut fds = vec![
            PollFd::new(process, PollFlags::IN),
            PollFd::new(&signals.0, PollFlags::IN),
        ];
        if let Some(master) = master.filter(|_| output_open) {
            fds.push(PollFd::new(master, PollFlags::IN));
            if input_open {
                fds.push(PollFd::new(&stdin, PollFlags::IN));
            }
        }
        let none = rustix::event::Timespec::default();
        let timeout = ended.then_some(&none);
        match poll(&mut fds, timeout) {
            Err(rustix::io::Errno::INTR) => continue,
            result => result.trying(step)?,
        };
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if ready[1] {
            hand_on(signals, process, master);
        }
        if let (Some(master), Some(true)) = (master, ready.get(2)) {
            output_open = copy(master, std::io::stdout());
        } else if ended {
            break;
        }
        if let (Some(master), Some(true)) = (master, ready.get(3)) {
            input_open = copy(&stdin, master);
        }
        ended = ready[0];
    }
    Ok(())
}

fn hand_on(signals: &Signals, process: &OwnedFd, master: Option<&OwnedFd>) {
    while let Ok(Some(arrived)) = signals.0.read_signal() {
        match (arrived.ssi_signo as i32, master) {
            (libc::SIGCHLD, _) => {}
            (libc::SIGWINCH, Some(master)) => {
                if let Some(size) = size() {
                    // The program may have closed it just now.
                    let _ = pty::resize(master, size.rows, size.cols);
                }
            }
            // It may have ended just now.
            (number, _) => drop(pidfd::send_signal(process, number)),
        }
    }
}

/// Copy what there is; false at the end.
fn copy(from: impl AsFd, to: impl AsFd) -> bool {
    let mut buffer = [0; 8192];
    let Ok(length @ 1..) = rustix::io::read(from, &mut buffer) else {
        return false;
    };
    let mut rest = &buffer[..length];
    while !rest.is_empty() {
        match rustix::io::write(&to, rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}
