//! Pseudo-terminals.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Result;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Open the other end of the pseudo-terminal whose master this is. By ioctl and not by
/// path: in whoever's mount namespace, it is this terminal's own (Linux 4.13).
pub fn open_peer(master: impl AsFd) -> Result<OwnedFd> {
    unlockpt(&master)?;
    ioctl_tiocgptpeer(
        &master,
        OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC,
    )
}

/// Set the size that programs on this terminal see; they get SIGWINCH.
pub fn resize(terminal: impl AsFd, rows: u16, cols: u16) -> Result<()> {
    tcsetwinsize(
        terminal,
        Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )
}
