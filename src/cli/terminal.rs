//! Our terminal while a container's is shown in it: raw mode, its keys, its size, and
//! everything as it was afterwards.

use std::{
    io::{self, IsTerminal, Read},
    os::fd::{AsFd, OwnedFd},
    thread,
};

use bytes::Bytes;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::mpsc;

use super::values::Parsed;

/// The keys that detach: `ctrl-p,ctrl-q` unless others are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys(Vec<u8>);

impl Default for DetachKeys {
    fn default() -> Self {
        Self(vec![0x10, 0x11])
    }
}

/// Reads docker's form: keys apart by commas, each a character or `ctrl-` and one of
/// `a` to `z`, `@`, `[`, `\`, `]`, `^`, `_`.
pub fn detach_keys(text: &str) -> Parsed<DetachKeys> {
    let key = |name: &str| match (name.strip_prefix("ctrl-"), name.as_bytes()) {
        (Some(rest), _) => match rest.as_bytes() {
            [c @ b'a'..=b'z'] => Ok(c - b'a' + 1),
            [c @ (b'@' | b'['..=b'_')] => Ok(c - b'@'),
            _ => Err(format!("no such key: {name:?}")),
        },
        (None, [byte]) if byte.is_ascii_graphic() => Ok(*byte),
        _ => Err(format!(
            "{name:?} is no key: a character, or ctrl-a to ctrl-z"
        )),
    };
    text.split(',')
        .map(key)
        .collect::<Parsed<Vec<u8>>>()
        .map(DetachKeys)
}

/// Finds the detach keys in what is typed. A part of them is held back until it is known
/// whether the rest follows.
#[derive(Debug)]
struct Detector {
    keys: Vec<u8>,
    held: usize,
}

impl Detector {
    /// What to pass on of `typed`, and whether the keys were in it.
    fn feed(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(typed.len() + self.held);
        for byte in typed {
            if self.keys.get(self.held) == Some(byte) {
                self.held += 1;
                if self.held == self.keys.len() {
                    return (out, true);
                }
                continue;
            }
            out.extend_from_slice(&self.keys[..self.held]);
            self.held = usize::from(self.keys.first() == Some(byte));
            if self.held == 0 {
                out.push(*byte);
            }
        }
        (out, false)
    }
}

/// Reads our stdin on a thread of its own until its end, until the detach keys, or until
/// this value is dropped. It never takes a byte after that: the next reader gets it.
#[derive(Debug)]
pub struct Typist {
    /// Ends with the detach keys, and only with them.
    pub detached: mpsc::Receiver<()>,
    // The thread's poll(2) sees this end go.
    _stop: OwnedFd,
}

impl Typist {
    /// Begins to read, into `input`, which is dropped at the end of our stdin.
    pub fn start(input: mpsc::Sender<Bytes>, keys: &DetachKeys) -> io::Result<Self> {
        let (stopped, stop) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let (report, detached) = mpsc::channel(1);
        // Keys are only meant where somebody types; a pipe's bytes are all data.
        let keys = match io::stdin().is_terminal() {
            true => keys.0.clone(),
            false => Vec::new(),
        };
        let mut detector = Detector { keys, held: 0 };
        thread::Builder::new().name("stdin".into()).spawn(move || {
            let mut buffer = vec![0; 32 << 10];
            let mut stdin = io::stdin().lock();
            while let Some(count) = read_unless(&stopped, &mut stdin, &mut buffer) {
                let (typed, detach) = detector.feed(&buffer[..count]);
                if !typed.is_empty() && input.blocking_send(typed.into()).is_err() {
                    break;
                }
                if detach {
                    // Nobody listens if the session ended at the same time.
                    let _ = report.blocking_send(());
                    return;
                }
            }
            // `detached` must not end with our stdin: only the keys may say so.
            drop(input);
            let mut gone = [PollFd::new(stopped.as_fd(), PollFlags::empty())];
            let _ = poll(&mut gone, PollTimeout::NONE);
        })?;
        Ok(Self {
            detached,
            _stop: stop,
        })
    }
}

/// Bytes read, or `None` at the end of `stdin` or once `stopped` has lost its other end.
fn read_unless(
    stopped: &OwnedFd,
    stdin: &mut (impl Read + AsFd),
    buffer: &mut [u8],
) -> Option<usize> {
    loop {
        let mut ready = [
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => return None,
            Ok(_) => {}
        }
        if ready[0].any().unwrap_or(true) {
            return None;
        }
        // Straight from the descriptor: std's buffer would hide bytes from poll.
        match nix::unistd::read(stdin.as_fd(), buffer) {
            Ok(0) => return None,
            Ok(count) => return Some(count),
            Err(nix::errno::Errno::EINTR | nix::errno::Errno::EAGAIN) => {}
            Err(_) => return None,
        }
    }
}

/// Raw mode, until dropped.
#[derive(Debug)]
pub struct Raw;

impl Raw {
    /// Begins raw mode.
    pub fn begin() -> io::Result<Self> {
        crossterm::terminal::enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Nothing more can be done where even this fails.
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys_are_written_as_docker_writes_them() {
        assert_eq!(detach_keys("ctrl-p,ctrl-q"), Ok(DetachKeys::default()));
        assert_eq!(detach_keys("ctrl-@,a"), Ok(DetachKeys(vec![0, b'a'])));
        for bad in ["", "ctrl-", "ctrl-pp", "ab", "ctrl-1", "a,,b"] {
            assert!(detach_keys(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn part_of_the_keys_is_passed_on_once_the_rest_does_not_follow() {
        let detector = || Detector {
            keys: vec![0x10, 0x11],
            held: 0,
        };
        let mut one = detector();
        assert_eq!(one.feed(b"a\x10"), (b"a".to_vec(), false));
        assert_eq!(one.feed(b"b"), (b"\x10b".to_vec(), false));
        assert_eq!(one.feed(b"\x10\x10"), (b"\x10".to_vec(), false));
        assert_eq!(one.feed(b"\x11rest"), (vec![], true));
        let mut none = Detector {
            keys: vec![],
            held: 0,
        };
        assert_eq!(none.feed(b"\x10\x11"), (b"\x10\x11".to_vec(), false));
        assert_eq!(detector().feed(b"x\x10\x11"), (b"x".to_vec(), true));
    }
}
