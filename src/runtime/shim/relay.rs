//! The shim's one wait: bytes between a process and whoever is attached to it, the log,
//! the control socket, and the descriptors that its owner watches beside.
//!
//! Memory is bounded: while one attached client is behind, no further output is read
//! (the process then meets a full pipe, as with any reader), and a client that takes
//! nothing for longer than [`super::client`]'s patience is dropped. So a client can slow
//! a process down, and can't stop it.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::client::Client;
use crate::{
    model::{AttachStreams, Exit, Stream, TerminalSize},
    runtime::{attach::Frame, logs},
    sys::pty,
};

const CHUNK_BYTES: usize = 32 * 1024;
const MOST_CLIENTS: usize = 64;
/// Most that is still read once the process is gone: a pipe's largest buffer and more.
const MOST_DRAINED_BYTES: usize = 4 << 20;
/// What a terminal's line discipline takes for the end of input.
const END_OF_INPUT: u8 = 4;

/// Our ends of a process's streams, all non-blocking.
#[derive(Debug, Default)]
pub(super) struct Streams {
    /// Writes to its stdin.
    pub stdin: Option<OwnedFd>,
    /// Reads from its stdout, or from its terminal.
    pub stdout: Option<OwnedFd>,
    /// Reads from its stderr.
    pub stderr: Option<OwnedFd>,
    /// Whether stdin and stdout are a terminal's master.
    pub is_terminal: bool,
}

/// A client, until it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientId(u64);

/// What one wait brought.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Which of the watched descriptors are ready, by their order.
    pub ready: Vec<bool>,
    /// What clients ask for beyond streams; each gets one answer.
    pub requests: Vec<(ClientId, Frame)>,
}

/// Carries bytes and requests.
#[derive(Debug)]
pub(super) struct Relay {
    listener: Option<UnixListener>,
    clients: Vec<(ClientId, Client)>,
    next_id: u64,
    streams: Streams,
    /// Bytes for stdin that it had no room for.
    input: Vec<u8>,
    log: Option<logs::Writer>,
    chunk: Vec<u8>,
}

enum Tag {
    Listener,
    Client(ClientId),
    Stdin,
    Output(Stream),
    Watched(usize),
}

impl Relay {
    /// A relay without streams that listens in `directory`.
    pub fn new(directory: &Path, log: Option<logs::Writer>) -> io::Result<Self> {
        Ok(Self {
            listener: Some(listen(directory)?),
            clients: Vec::new(),
            next_id: 0,
            streams: Streams::default(),
            input: Vec::new(),
            log,
            chunk: Vec::new(),
        })
    }

    /// Takes the connection of the starter and reads what it wants to be attached to.
    pub fn add_starter(&mut self, stream: UnixStream) -> io::Result<AttachStreams> {
        let mut client = Client::new(stream)?;
        client.receive();
        if let Some(Frame::Attach(streams)) = client.next_frame() {
            client.streams = streams;
        }
        client.is_starter = true;
        let streams = client.streams;
        self.add(client);
        Ok(streams)
    }

    /// The streams of a process that is about to run.
    pub fn set_streams(&mut self, streams: Streams) {
        self.input.clear();
        self.streams = streams;
    }

    /// Waits until something happens to the watched descriptors or a client asks for
    /// something, or until the time given; serves the streams meanwhile.
    pub fn turn(&mut self, watched: &[BorrowedFd<'_>], until: Option<Instant>) -> io::Result<Turn> {
        let mut turn = Turn {
            ready: vec![false; watched.len()],
            requests: Vec::new(),
        };
        loop {
            self.take_frames(&mut turn.requests);
            self.drop_clients();
            if !turn.requests.is_empty() {
                return Ok(turn);
            }
            let timed_out = self.wait(watched, until, &mut turn.ready)?;
            if timed_out || turn.ready.contains(&true) {
                self.take_frames(&mut turn.requests);
                return Ok(turn);
            }
        }
    }

    /// Answers a request.
    pub fn answer(&mut self, id: ClientId, result: Result<(), String>) {
        if let Some((_, client)) = self.clients.iter_mut().find(|(known, _)| *known == id) {
            client.send(&match result {
                Ok(()) => Frame::Done,
                Err(why) => Frame::Refused(why),
            });
        }
    }

    /// Carries what the process left behind when it ended, and lets go of its streams.
    pub fn drain(&mut self) -> io::Result<()> {
        let mut left = MOST_DRAINED_BYTES;
        for stream in [Stream::Stdout, Stream::Stderr] {
            while self.output(stream).is_some() && left > 0 {
                if self.is_held_back() {
                    self.wait(&[], None, &mut [])?;
                    self.drop_clients();
                    continue;
                }
                match self.carry(stream) {
                    0 => break,
                    len => left = left.saturating_sub(len),
                }
            }
        }
        self.streams = Streams::default();
        self.input = Vec::new();
        if let Some(log) = &mut self.log {
            log.finish(Timestamp::now());
        }
        Ok(())
    }

    /// Tells every client of the end, and lets go of them.
    pub fn dismiss(&mut self, exit: Exit) -> io::Result<()> {
        for (_, client) in &mut self.clients {
            client.send(&Frame::Exited(exit));
        }
        self.drop_clients();
        while self.is_held_back() {
            self.wait(&[], None, &mut [])?;
            self.drop_clients();
        }
        self.clients.clear();
        Ok(())
    }

    /// Whether output must not be read now.
    fn is_held_back(&self) -> bool {
        self.clients.iter().any(|(_, client)| client.is_behind())
    }

    fn output(&self, stream: Stream) -> Option<&OwnedFd> {
        match stream {
            Stream::Stdout => self.streams.stdout.as_ref(),
            Stream::Stderr => self.streams.stderr.as_ref(),
        }
    }

    /// One poll(2) and what it brought. True if the time is over.
    fn wait(
        &mut self,
        watched: &[BorrowedFd<'_>],
        until: Option<Instant>,
        ready: &mut [bool],
    ) -> io::Result<bool> {
        let deadlines = self.clients.iter().filter_map(|(_, c)| c.deadline());
        let timeout = deadlines.chain(until).min().map(|at| {
            let left = at.saturating_duration_since(Instant::now());
            // Rounded up, or the last millisecond would be spent in a busy loop.
            let left = left + Duration::from_micros(1);
            Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let happened: Vec<(Tag, PollFlags)> = {
            let (tags, mut fds): (Vec<Tag>, Vec<PollFd<'_>>) = self.interests(watched).unzip();
            match poll(&mut fds, timeout.as_ref()) {
                Err(Errno::INTR) => return Ok(false),
                result => result?,
            };
            tags.into_iter()
                .zip(fds.iter().map(PollFd::revents))
                .filter(|(_, flags)| !flags.is_empty())
                .collect()
        };
        for (tag, flags) in happened {
            match tag {
                Tag::Listener => self.accept(),
                Tag::Client(id) => {
                    if let Some((_, client)) = self.clients.iter_mut().find(|(c, _)| *c == id) {
                        if flags.contains(PollFlags::OUT) {
                            client.flush();
                        }
                        if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                            client.receive();
                        }
                    }
                }
                Tag::Stdin => self.feed(),
                Tag::Output(stream) => {
                    self.carry(stream);
                }
                Tag::Watched(index) => ready[index] = true,
            }
        }
        Ok(until.is_some_and(|until| Instant::now() >= until))
    }

    fn interests<'a>(
        &'a self,
        watched: &'a [BorrowedFd<'a>],
    ) -> impl Iterator<Item = (Tag, PollFd<'a>)> {
        let held_back = self.is_held_back();
        let listener = self.listener.iter().map(|l| {
            (
                Tag::Listener,
                PollFd::from_borrowed_fd(l.as_fd(), PollFlags::IN),
            )
        });
        // Bytes for stdin are not read while some wait, so that they stay bounded.
        let present = self.clients.iter().filter(|(_, c)| !c.is_gone());
        let clients = present.map(|(id, client)| {
            let mut flags = PollFlags::empty();
            if client.is_behind() {
                flags |= PollFlags::OUT;
            }
            if self.input.is_empty() || !client.streams.stdin {
                flags |= PollFlags::IN;
            }
            (
                Tag::Client(*id),
                PollFd::from_borrowed_fd(client.fd(), flags),
            )
        });
        let stdin = self
            .streams
            .stdin
            .iter()
            .filter(|_| !self.input.is_empty())
            .map(|fd| {
                (
                    Tag::Stdin,
                    PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::OUT),
                )
            });
        let outputs = [Stream::Stdout, Stream::Stderr]
            .into_iter()
            .filter(move |_| !held_back)
            .filter_map(|stream| {
                let fd = self.output(stream)?.as_fd();
                Some((
                    Tag::Output(stream),
                    PollFd::from_borrowed_fd(fd, PollFlags::IN),
                ))
            });
        let watched = watched.iter().enumerate().map(|(index, fd)| {
            (
                Tag::Watched(index),
                PollFd::from_borrowed_fd(*fd, PollFlags::IN),
            )
        });
        listener
            .chain(clients)
            .chain(stdin)
            .chain(outputs)
            .chain(watched)
    }

    /// Serves frames about streams; hands the rest on.
    fn take_frames(&mut self, requests: &mut Vec<(ClientId, Frame)>) {
        let has_streams = self.has_streams();
        for index in 0..self.clients.len() {
            loop {
                let (id, client) = &mut self.clients[index];
                if client.streams.stdin && !self.input.is_empty() {
                    break;
                }
                let Some(frame) = client.next_frame() else {
                    break;
                };
                match frame {
                    Frame::Attach(_) if !has_streams => {
                        client.send(&Frame::Refused("it is not running".into()));
                    }
                    Frame::Attach(streams) => {
                        client.streams = streams;
                        client.send(&Frame::Done);
                        if let Some(size) = streams.size {
                            self.resize(size);
                        }
                    }
                    // Answered by its end.
                    Frame::Wait => {}
                    Frame::Stdin(bytes) if client.streams.stdin => {
                        self.input = bytes;
                        self.feed();
                    }
                    // As docker: an attachment that came later doesn't close what was
                    // opened to stay open.
                    Frame::CloseStdin if client.streams.stdin && client.is_starter => {
                        self.close_stdin();
                    }
                    Frame::Stdin(_) | Frame::CloseStdin => {}
                    Frame::Resize(size) => self.resize(size),
                    request => requests.push((*id, request)),
                }
            }
        }
    }

    fn has_streams(&self) -> bool {
        self.streams.stdin.is_some()
            || self.streams.stdout.is_some()
            || self.streams.stderr.is_some()
    }

    /// Sets the terminal's size; without a terminal there is nothing to set.
    pub fn resize(&self, size: TerminalSize) {
        if let (true, Some(master)) = (self.streams.is_terminal, &self.streams.stdout) {
            // It fails only while the terminal hangs up.
            let _ = pty::resize(master, size.rows, size.cols);
        }
    }

    fn close_stdin(&mut self) {
        if self.streams.is_terminal {
            self.input = vec![END_OF_INPUT];
            self.feed();
        } else {
            self.streams.stdin = None;
        }
    }

    /// Writes to stdin what there is room for.
    fn feed(&mut self) {
        let Some(stdin) = &self.streams.stdin else {
            self.input.clear();
            return;
        };
        while !self.input.is_empty() {
            match rustix::io::write(stdin, &self.input) {
                Ok(len) => {
                    self.input.drain(..len);
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => {
                    // The process closed it.
                    self.input.clear();
                    self.streams.stdin = None;
                    return;
                }
            }
        }
        self.input = Vec::new();
    }

    /// Reads a chunk of output and hands it to clients and log; 0 if there was none.
    fn carry(&mut self, stream: Stream) -> usize {
        let output = match stream {
            Stream::Stdout => &mut self.streams.stdout,
            Stream::Stderr => &mut self.streams.stderr,
        };
        let Some(fd) = output else { return 0 };
        self.chunk.resize(CHUNK_BYTES, 0);
        let len = match rustix::io::read(&*fd, &mut self.chunk) {
            Ok(len) => len,
            Err(Errno::AGAIN | Errno::INTR) => return 0,
            // EIO: the other side of the terminal is closed.
            Err(_) => 0,
        };
        if len == 0 {
            *output = None;
            return 0;
        }
        let now = Timestamp::now();
        for (_, client) in &mut self.clients {
            client.send_output(stream, &self.chunk[..len]);
        }
        if let Some(log) = &mut self.log {
            log.write(now, stream, &self.chunk[..len]);
        }
        len
    }

    fn accept(&mut self) {
        let Some((stream, _)) = self.listener.as_ref().and_then(|l| l.accept().ok()) else {
            return;
        };
        // The directory keeps others out; this keeps them out even of a socket whose
        // descriptor they were handed.
        let is_trusted = rustix::net::sockopt::socket_peercred(&stream)
            .is_ok_and(|peer| peer.uid.is_root() || peer.uid == rustix::process::geteuid());
        if is_trusted
            && self.clients.len() < MOST_CLIENTS
            && let Ok(client) = Client::new(stream)
        {
            self.add(client);
        }
    }

    fn add(&mut self, client: Client) {
        self.clients.push((ClientId(self.next_id), client));
        self.next_id += 1;
    }

    fn drop_clients(&mut self) {
        let now = Instant::now();
        let input_waits = !self.input.is_empty();
        self.clients.retain(|(_, client)| {
            // One that went away after its last bytes for stdin has them still here.
            let is_needed = !client.is_gone() || (input_waits && client.streams.stdin);
            is_needed && client.deadline().is_none_or(|deadline| now < deadline)
        });
    }
}

/// Listens on `control` in a directory, through its descriptor: a socket's path may be
/// 107 bytes long only. What a dead shim left there is replaced.
fn listen(directory: &Path) -> io::Result<UnixListener> {
    let directory = File::open(directory)?;
    let path = format!("/proc/self/fd/{}/control", directory.as_raw_fd());
    let listener = UnixListener::bind(&path).or_else(|error| {
        if error.kind() != io::ErrorKind::AddrInUse {
            return Err(error);
        }
        std::fs::remove_file(&path)?;
        UnixListener::bind(&path)
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        thread,
    };

    use super::*;
    use crate::{
        model::LogsRequest,
        runtime::attach::{self, Decoder},
    };

    /// A relay over two pipes, with our hands on the process's ends.
    struct Scene {
        dir: tempfile::TempDir,
        relay: Relay,
        stdin: File,
        stdout: File,
    }

    fn scene() -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let log = logs::Writer::open(&dir.path().join("log"), logs::Limits::default()).unwrap();
        let mut relay = Relay::new(dir.path(), Some(log)).unwrap();
        let (stdin, stdin_writer) = io::pipe().unwrap();
        let (stdout_reader, stdout) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&stdin_writer, true).unwrap();
        rustix::io::ioctl_fionbio(&stdout_reader, true).unwrap();
        relay.set_streams(Streams {
            stdin: Some(stdin_writer.into()),
            stdout: Some(stdout_reader.into()),
            stderr: None,
            is_terminal: false,
        });
        Scene {
            dir,
            relay,
            stdin: OwnedFd::from(stdin).into(),
            stdout: OwnedFd::from(stdout).into(),
        }
    }

    fn exit() -> Exit {
        Exit {
            code: Some(3),
            at: Timestamp::UNIX_EPOCH,
            oom_killed: false,
        }
    }

    fn starter(scene: &mut Scene) -> UnixStream {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut request = Vec::new();
        Frame::Attach(ALL).encode(&mut request);
        ours.write_all(&request).unwrap();
        assert_eq!(scene.relay.add_starter(theirs).unwrap(), ALL);
        ours
    }

    const ALL: AttachStreams = AttachStreams {
        stdin: true,
        stdout: true,
        stderr: true,
        size: None,
    };

    /// Serves for a while.
    fn serve(relay: &mut Relay, for_ms: u64) {
        let until = Instant::now() + Duration::from_millis(for_ms);
        while Instant::now() < until {
            assert!(relay.turn(&[], Some(until)).unwrap().requests.is_empty());
        }
    }

    fn frames(stream: &mut UnixStream) -> Vec<Frame> {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
    }

    #[test]
    fn starter_gets_every_byte_and_the_exit_last() {
        let mut scene = scene();
        let mut client = starter(&mut scene);
        scene.stdout.write_all(b"hello\n").unwrap();
        serve(&mut scene.relay, 20);
        scene.stdout.write_all(b"bye").unwrap();
        scene.relay.drain().unwrap();
        scene.relay.dismiss(exit()).unwrap();
        assert_eq!(
            frames(&mut client),
            [
                Frame::Output(Stream::Stdout, b"hello\n".to_vec()),
                Frame::Output(Stream::Stdout, b"bye".to_vec()),
                Frame::Exited(exit()),
            ]
        );
        let log = std::fs::read_to_string(scene.dir.path().join("log")).unwrap();
        assert!(log.contains(" F hello\n") && log.ends_with(" P bye\n"));
    }

    #[test]
    fn stdin_arrives_whole_through_a_full_pipe_and_then_ends() {
        let mut scene = scene();
        let mut client = starter(&mut scene);
        let sent = vec![b'x'; 1 << 20];
        let mut bytes = Vec::new();
        attach::encode_stdin(&sent, &mut bytes);
        Frame::CloseStdin.encode(&mut bytes);
        // The client goes away as soon as it has sent all.
        let writer = thread::spawn(move || client.write_all(&bytes).unwrap());
        let mut stdin = scene.stdin;
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            stdin.read_to_end(&mut got).unwrap();
            got
        });
        while !reader.is_finished() {
            serve(&mut scene.relay, 10);
        }
        writer.join().unwrap();
        assert!(reader.join().unwrap() == sent);
    }

    #[test]
    fn slow_client_is_waited_for_and_a_stuck_one_dropped() {
        let mut scene = scene();
        let mut slow = starter(&mut scene);
        let dir = scene.dir.path().to_owned();
        let stuck = thread::spawn(move || attach::connect(&dir, ALL).unwrap());
        while !stuck.is_finished() {
            serve(&mut scene.relay, 10);
        }
        let stuck = stuck.join().unwrap();
        let lines = 10_000_000 / 100;
        let mut stdout = scene.stdout;
        let producer = thread::spawn(move || {
            let line = [&[b'a'; 99][..], b"\n"].concat();
            (0..lines).for_each(|_| stdout.write_all(&line).unwrap());
        });
        let reader = thread::spawn(move || {
            let mut total = 0;
            let mut bytes = vec![0; 300_000];
            loop {
                match slow.read(&mut bytes).unwrap() {
                    0 => return total,
                    n => total += n,
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        let begun = Instant::now();
        while !producer.is_finished() {
            serve(&mut scene.relay, 10);
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
        producer.join().unwrap();
        scene.relay.drain().unwrap();
        scene.relay.dismiss(exit()).unwrap();
        assert!(reader.join().unwrap() > 10_000_000);
        drop(stuck);
        let mut reader = logs::Reader::open(
            &scene.dir.path().join("log"),
            LogsRequest {
                id: crate::model::ContainerId::from_bytes(&[0; 32]),
                follow: false,
                tail: None,
                since: None,
                until: None,
                stdout: true,
                stderr: true,
            },
            &[],
        )
        .unwrap();
        let mut count = 0;
        while reader.next_line().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, lines);
    }

    #[test]
    fn requests_are_handed_on_and_answered_and_waits_end_with_the_exit() {
        let mut scene = scene();
        let dir = scene.dir.path().to_owned();
        let asker = thread::spawn({
            let dir = dir.clone();
            move || {
                let done = attach::request(&dir, &Frame::Pause);
                let refused = attach::request(&dir, &Frame::Pause);
                (done, refused)
            }
        });
        let waiter = thread::spawn(move || attach::wait(&dir));
        let mut answers = [Ok(()), Err("it is paused already".to_owned())].into_iter();
        while !asker.is_finished() {
            let until = Instant::now() + Duration::from_millis(10);
            for (client, frame) in scene.relay.turn(&[], Some(until)).unwrap().requests {
                assert_eq!(frame, Frame::Pause);
                scene.relay.answer(client, answers.next().unwrap());
            }
        }
        let (done, refused) = asker.join().unwrap();
        done.unwrap();
        assert_eq!(refused.unwrap_err().to_string(), "it is paused already");
        serve(&mut scene.relay, 20);
        scene.relay.dismiss(exit()).unwrap();
        assert_eq!(waiter.join().unwrap().unwrap(), exit());
    }

    #[test]
    fn malformed_bytes_end_a_connection_and_nothing_else() {
        let mut scene = scene();
        let mut good = starter(&mut scene);
        let directory = File::open(scene.dir.path()).unwrap();
        let path = format!("/proc/self/fd/{}/control", directory.as_raw_fd());
        let mut bad = UnixStream::connect(path).unwrap();
        bad.write_all(&[0xff; 100]).unwrap();
        serve(&mut scene.relay, 30);
        // A reset, as its bytes were not all read, or the end.
        assert!(!matches!(bad.read(&mut [0; 10]), Ok(1..)));
        scene.relay.dismiss(exit()).unwrap();
        assert_eq!(frames(&mut good), [Frame::Exited(exit())]);
    }
}
