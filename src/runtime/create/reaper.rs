//! `--init`: a pid 1 of ours in the container, which reaps what is orphaned there and
//! hands signals on.
//!
//! A program written as any other does badly as pid 1: the kernel does not apply a
//! signal's default action to it, and it does not expect children that it never made.
//! This process is a copy of the shim's image that has given up everything the program
//! gave up too (user, capabilities, seccomp), and has closed all descriptors.

use rustix::process::{Pid, WaitOptions, WaitStatus, wait};

use crate::sys::signal;

/// Stay until `child` ends; its code, 128 and the number for a signal.
pub(super) fn run(child: Pid) -> i32 {
    loop {
        if let Some(code) = reap(child) {
            return code;
        }
        let Ok(arrived) = signal::next() else {
            continue;
        };
        // The kernel's own SIGCHLD is for us; one that a process sent is for the program.
        if arrived.signal == libc::SIGCHLD && !arrived.from_process {
            continue;
        }
        forward(child, arrived.signal);
    }
}

/// Collect all that ended.
fn reap(child: Pid) -> Option<i32> {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == child {
            return Some(code(status));
        }
    }
    None
}

fn code(status: WaitStatus) -> i32 {
    status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal))
        .unwrap_or(255)
}

fn forward(child: Pid, number: i32) {
    // It may have ended meanwhile; the next turn of the loop sees that.
    let _ = signal::send(child, number);
}
