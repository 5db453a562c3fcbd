//! Signals by name, and a clean slate for a new program.

use rustix::io::Result;

use super::exec::check;

/// Signals of every Linux architecture that we build for, without their `SIG`.
const NAMES: [(&str, i32); 34] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("IOT", libc::SIGIOT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("POLL", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
];

/// First and last real-time signal that the C library leaves to programs.
const REAL_TIME: (i32, i32) = (34, 64);

/// The number of a signal as users write it: `TERM`, `sigterm`, `15`, `RTMIN+3`.
pub fn parse(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (1..=REAL_TIME.1).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*number);
    }
    let number = match name.strip_prefix("RTMIN") {
        Some("") => REAL_TIME.0,
        Some(rest) => REAL_TIME.0 + rest.strip_prefix('+')?.parse::<i32>().ok()?,
        None => match name.strip_prefix("RTMAX")? {
            "" => REAL_TIME.1,
            rest => REAL_TIME.1 - rest.strip_prefix('-')?.parse::<i32>().ok()?,
        },
    };
    (REAL_TIME.0..=REAL_TIME.1)
        .contains(&number)
        .then_some(number)
}

/// `SIGTERM` for 15; `None` for numbers without a name.
pub fn name(number: i32) -> Option<String> {
    NAMES
        .iter()
        .find(|(_, known)| *known == number)
        .map(|(name, _)| format!("SIG{name}"))
}

/// Give signals the state that a program expects at its start: none blocked, SIGPIPE
/// not ignored (Rust's runtime ignores it, and execve keeps what is ignored).
pub fn reset() -> Result<()> {
    // SAFETY: the set is initialised by sigemptyset before it is read; SIG_DFL is
    // always a valid disposition.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()).into())?;
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    Ok(())
}

/// The state in which a process of ours that was started by anyone goes on: every signal
/// does what it does by default and none is blocked, but SIGPIPE is ignored, as Rust's
/// library expects. Only for a process with one thread and no handlers yet.
pub fn settle() -> Result<()> {
    for signal in 1..libc::SIGSYS + 1 {
        if !matches!(signal, libc::SIGKILL | libc::SIGSTOP | libc::SIGPIPE) {
            // SAFETY: SIG_DFL is always a valid disposition.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    // SAFETY: the set is initialised by sigemptyset before it is read.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()).into())
    }
    .map(drop)
}

/// Block every signal, so that [`next`] gets them.
pub fn block_all() -> Result<()> {
    // SAFETY: the set is initialised by sigfillset before it is read.
    check(
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut())
        }
        .into(),
    )
    .map(drop)
}

/// A signal that arrived, and who sent it: the kernel (`from_process` false) or a
/// process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its number.
    pub signal: i32,
    /// Whether a process sent it.
    pub from_process: bool,
}

/// Wait for the next blocked signal.
pub fn next() -> Result<Arrived> {
    // SAFETY: set and info are valid; the set is initialised before it is read.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let signal = check(libc::sigwaitinfo(&raw const all, &raw mut info).into())?;
        Ok(Arrived {
            signal: signal as i32,
            // SI_USER, SI_TKILL, SI_QUEUE and the rest that processes make are <= 0.
            from_process: info.si_code <= 0,
        })
    }
}

/// Send a signal by number, real-time ones too.
pub fn send(pid: rustix::process::Pid, signal: i32) -> Result<()> {
    // SAFETY: plain integers.
    check(unsafe { libc::kill(pid.as_raw_nonzero().get(), signal) }.into()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read_as_users_write_them() {
        for (text, number) in [
            ("TERM", Some(15)),
            ("sigterm", Some(15)),
            ("9", Some(9)),
            ("RTMIN+3", Some(37)),
            ("SIGRTMAX-1", Some(63)),
            ("RTMIN+99", None),
            ("0", None),
            ("65", None),
            ("NOPE", None),
            ("", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
        assert_eq!(name(9).as_deref(), Some("SIGKILL"));
    }
}
