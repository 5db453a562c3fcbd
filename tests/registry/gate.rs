//! A gate before a registry: lets so many bytes through to the client, then holds them
//! until it is opened. So a test stands in the middle of a transfer as long as it likes.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

/// A gate on a port of its own.
pub struct Gate {
    pub port: u16,
    state: Arc<State>,
}

struct State {
    left: Mutex<Left>,
    changed: Condvar,
}

struct Left {
    /// Bytes that may still go to the client; `None` is all.
    down: Option<u64>,
    /// Bytes that may still go to the server before the connection is cut, once.
    up: Option<u64>,
}

impl Gate {
    /// A gate to a port, which lets `bytes` through to clients.
    pub fn before(port: u16, bytes: u64) -> Self {
        Self::new(port, Some(bytes), None)
    }

    /// A gate that cuts one connection after so many bytes to the server.
    pub fn cutting(port: u16, bytes: u64) -> Self {
        Self::new(port, None, Some(bytes))
    }

    fn new(target: u16, down: Option<u64>, up: Option<u64>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            left: Mutex::new(Left { down, up }),
            changed: Condvar::new(),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                    continue;
                };
                let (down, up) = (shared.clone(), shared.clone());
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || pass(from, to, |length| down.wait(length)));
                thread::spawn(move || pass(client, server, |length| up.may_go_up(length)));
            }
        });
        Self { port, state }
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.state.left.lock().unwrap().down = None;
        self.state.changed.notify_all();
    }

    /// Whether the one connection was cut.
    pub fn has_cut(&self) -> bool {
        self.state.left.lock().unwrap().up.is_none()
    }

    pub fn name(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }
}

impl State {
    /// How many of `length` bytes may go to the client; waits for the first.
    fn wait(&self, length: usize) -> Option<usize> {
        let mut left = self.left.lock().unwrap();
        loop {
            match &mut left.down {
                None => return Some(length),
                Some(0) => left = self.changed.wait(left).unwrap(),
                Some(some) => {
                    let now = length.min(usize::try_from(*some).unwrap());
                    *some -= now as u64;
                    return Some(now);
                }
            }
        }
    }

    fn may_go_up(&self, length: usize) -> Option<usize> {
        let mut left = self.left.lock().unwrap();
        match &mut left.up {
            None => Some(length),
            Some(some) if *some > length as u64 => {
                *some -= length as u64;
                Some(length)
            }
            Some(_) => {
                left.up = None;
                None
            }
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, allow: impl Fn(usize) -> Option<usize>) {
    let mut buffer = vec![0; 16 << 10];
    'connection: while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut rest = &buffer[..length];
        while !rest.is_empty() {
            let Some(now) = allow(rest.len()) else {
                break 'connection;
            };
            if to.write_all(&rest[..now]).is_err() {
                break 'connection;
            }
            rest = &rest[now..];
        }
    }
    // Either may be gone already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
