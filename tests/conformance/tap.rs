//! Stands between an engine and who drives it, and hears what is asked.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

/// A socket before a socket.
pub struct Tap {
    /// Where it is.
    pub socket: PathBuf,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// One before `engine`, beside it.
    pub fn before(engine: &Path) -> Self {
        let socket = engine.with_extension("tap");
        let listener = UnixListener::bind(&socket).unwrap();
        let asked: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (engine, heard) = (engine.to_owned(), asked.clone());
        // Ends with this program.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&engine) else {
                    continue;
                };
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let heard = heard.clone();
                thread::spawn(move || pass(from, to, |_| {}));
                thread::spawn(move || {
                    pass(client, server, |bytes| {
                        heard.lock().unwrap().extend_from_slice(bytes);
                    });
                });
            }
        });
        Self { socket, asked }
    }

    /// Forgets what it heard.
    pub fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }

    /// The first lines of the requests that it heard.
    pub fn requests(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let text = String::from_utf8_lossy(&asked);
        let first = text.lines().filter(|line| line.contains(" HTTP/1.1"));
        first.map(str::to_owned).collect()
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, hear: impl Fn(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        hear(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other direction goes on: an end of input is no end of output.
    let _ = to.shutdown(Shutdown::Write);
}
