//! Builds across processes: one that is under way tells whoever connects to its socket
//! what happened so far and what happens, and is stopped by one who says so.
//!
//! ```text
//! build      {"title":"shop:3"}, then a BuildEvent a line, until the last one
//! watcher    a byte S stops the build; a watcher that leaves stops nothing
//! ```

use std::{
    collections::{HashSet, VecDeque},
    io::{self, Write},
    net::Shutdown,
    os::{
        fd::AsFd,
        unix::net::{UnixListener, UnixStream},
    },
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::sys::inotify::AddWatchFlags;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    sync::mpsc,
};

use super::observe::{asynchronous, readable};
use crate::{
    engine::OtherBuild,
    model::BuildEvent,
    runtime::{
        builds::{self, Socket},
        paths::Root,
    },
    sys::notice::Notice,
};

/// How much output is kept for those who come late, in bytes.
const KEPT_BYTES: usize = 1 << 20;
/// What waits for a watcher that doesn't read; more, and it is left behind.
const WAITING_BYTES: usize = 16 << 20;
/// How long the last words wait for watchers.
const FAREWELL: Duration = Duration::from_millis(500);
/// What stops a build.
const STOP: u8 = b'S';
/// Events that wait for whoever watches.
const CHANNEL_EVENTS: usize = 256;

/// The first line of a build.
#[derive(Serialize, Deserialize)]
struct Title {
    title: String,
}

/// A build that others may watch.
#[derive(Debug)]
pub struct Announcement {
    told: Arc<Mutex<Told>>,
    _socket: Socket,
    accepting: tokio::task::AbortHandle,
}

/// What was told, and to whom.
#[derive(Debug, Default)]
struct Told {
    title: String,
    events: VecDeque<BuildEvent>,
    output_bytes: usize,
    watchers: Vec<Watcher>,
}

#[derive(Debug)]
struct Watcher {
    stream: UnixStream,
    /// What its socket had no room for.
    waiting: Vec<u8>,
}

impl Announcement {
    /// Lets others watch a build; `stop` is called by one of them.
    pub fn new(
        root: &Root,
        title: String,
        stop: impl Fn() + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let (listener, socket) = Socket::listen(root)?;
        let told = Arc::new(Mutex::new(Told {
            title,
            ..Told::default()
        }));
        let accepting = tokio::spawn(accept(listener, told.clone(), stop)).abort_handle();
        Ok(Self {
            told,
            _socket: socket,
            accepting,
        })
    }

    /// Tells something that happened.
    pub fn tell(&self, event: &BuildEvent) {
        lock(&self.told).tell(event);
    }
}

impl Drop for Announcement {
    /// It is over: the last words are waited for, a moment.
    fn drop(&mut self) {
        self.accepting.abort();
        for mut watcher in lock(&self.told).watchers.drain(..) {
            let farewell = watcher
                .stream
                .set_nonblocking(false)
                .and_then(|()| watcher.stream.set_write_timeout(Some(FAREWELL)));
            // One that has left or doesn't read misses them.
            let _ = farewell.and_then(|()| watcher.stream.write_all(&watcher.waiting));
            // The task that waits for its words has a descriptor of its own.
            let _ = watcher.stream.shutdown(Shutdown::Both);
        }
    }
}

fn lock(told: &Mutex<Told>) -> std::sync::MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("texts and numbers make JSON");
    line.push(b'\n');
    line
}

impl Told {
    fn tell(&mut self, event: &BuildEvent) {
        self.events.push_back(event.clone());
        if let BuildEvent::Output { bytes, .. } = event {
            self.output_bytes += bytes.len();
        }
        let is_output = |event: &BuildEvent| matches!(event, BuildEvent::Output { .. });
        while self.output_bytes > KEPT_BYTES
            && let Some(oldest) = self.events.iter().position(is_output)
            && let Some(BuildEvent::Output { bytes, .. }) = self.events.remove(oldest)
        {
            self.output_bytes -= bytes.len();
        }
        if !self.watchers.is_empty() {
            let line = line(event);
            self.watchers.retain_mut(|watcher| watcher.send(&line));
        }
    }

    fn add(&mut self, stream: UnixStream) {
        let mut all = line(&Title {
            title: self.title.clone(),
        });
        for event in &self.events {
            all.extend_from_slice(&line(event));
        }
        let mut watcher = Watcher {
            stream,
            waiting: Vec::new(),
        };
        if watcher.send(&all) {
            self.watchers.push(watcher);
        }
    }
}

impl Watcher {
    /// Sends as much as there is room for, and never waits; whether it is still there.
    fn send(&mut self, line: &[u8]) -> bool {
        self.waiting.extend_from_slice(line);
        let mut sent = 0;
        let is_there = loop {
            match self.stream.write(&self.waiting[sent..]) {
                Ok(0) => break true,
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
        };
        self.waiting.drain(..sent);
        is_there && self.waiting.len() <= WAITING_BYTES
    }
}

async fn accept(
    listener: UnixListener,
    told: Arc<Mutex<Told>>,
    stop: impl Fn() + Clone + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let stream = stream.into_std()?;
        let mut words = tokio::net::UnixStream::from_std(stream.try_clone()?)?;
        lock(&told).add(stream);
        let stop = stop.clone();
        tokio::spawn(async move {
            while let Ok(word) = words.read_u8().await {
                if word == STOP {
                    tokio::task::spawn_blocking(stop);
                    return;
                }
            }
        });
    }
}

/// Tells of the builds of other processes, those under way first, until nobody hears it.
pub async fn find(root: Root, found: mpsc::Sender<OtherBuild>) -> io::Result<()> {
    let mut notice = Notice::new()?;
    notice.add(&root.builds(), AddWatchFlags::IN_MOVED_TO)?;
    let woken = asynchronous(notice.as_fd())?;
    let mut seen = HashSet::new();
    loop {
        notice.take();
        let names: HashSet<String> = builds::others(&root).into_iter().collect();
        for name in names.difference(&seen) {
            // One that refuses is dead, or has just ended.
            if let Ok(stream) = builds::connect(&root, name) {
                stream.set_nonblocking(true)?;
                let stream = tokio::net::UnixStream::from_std(stream)?;
                tokio::spawn(follow(stream, found.clone()));
            }
        }
        seen = names;
        tokio::select! {
            () = found.closed() => return Ok(()),
            () = readable(&woken) => {}
        }
    }
}

/// Follows a build of another process to its end.
async fn follow(stream: tokio::net::UnixStream, found: mpsc::Sender<OtherBuild>) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let first = lines.next_line().await.ok()??;
    let Title { title } = serde_json::from_str(&first).ok()?;
    let (sender, events) = mpsc::channel(CHANNEL_EVENTS);
    let (stop, mut stopped) = mpsc::channel(1);
    let build = OtherBuild {
        title,
        events,
        stop,
    };
    found.send(build).await.ok()?;
    loop {
        tokio::select! {
            line = lines.next_line() => {
                // What another version tells and this one doesn't know is passed over.
                if let Ok(event) = serde_json::from_str(&line.ok()??) {
                    sender.send(event).await.ok()?;
                }
            }
            Some(()) = stopped.recv() => writer.write_all(&[STOP]).await.ok()?,
        }
    }
}
