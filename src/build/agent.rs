//! `RUN --mount=type=ssh`: a socket in the step's container behind which the user's ssh
//! agent answers.
//!
//! The agent's own socket is the user's alone. So the step gets one of its own, with the
//! owner and mode that the mount says, and what is said there is passed on. It goes with
//! the step. Keys never come into the container.

use std::{
    fs, io,
    net::Shutdown,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            fs::{PermissionsExt, chown},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

/// A socket of one step. Nobody answers any more once it is dropped.
pub(super) struct Agent {
    listener: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Listens at `name` in a directory.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn new(
        directory: &Path,
        name: &str,
        agent: PathBuf,
        mode: u32,
        owner: (u32, u32),
    ) -> io::Result<Self> {
        let held = fs::File::open(directory)?;
        // An address has room for 108 bytes, which a path may not fit into.
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/{name}", held.as_raw_fd()))?;
        let path = directory.join(name);
        chown(&path, Some(owner.0), Some(owner.1))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o777))?;
        let handle = listener.try_clone()?;
        let thread = thread::Builder::new()
            .name("wharf-agent".into())
            .spawn(move || {
                let mut open = Vec::new();
                for client in listener.incoming() {
                    let Ok(client) = client else { break };
                    let Ok(agent) = UnixStream::connect(&agent) else {
                        continue;
                    };
                    open.extend(client.try_clone());
                    open.extend(agent.try_clone());
                    pass_on(&client, &agent);
                    pass_on(&agent, &client);
                }
                // The step is over: what still waits for an answer gets none.
                for stream in open {
                    // One that is closed already needs nothing.
                    let _ = stream.shutdown(Shutdown::Both);
                }
            })?;
        Ok(Self {
            listener: Some(handle.into()),
            thread: Some(thread),
        })
    }
}

fn pass_on(from: &UnixStream, to: &UnixStream) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else {
        return;
    };
    thread::spawn(move || {
        // However it ends, the other side is told that no more comes.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take() {
            // Wakes whoever waits in accept(2), with EINVAL.
            let _ = rustix::net::shutdown(&listener, rustix::net::Shutdown::Both);
        }
        if let Some(thread) = self.thread.take() {
            // A panic there is no business of the step's.
            let _ = thread.join();
        }
    }
}
