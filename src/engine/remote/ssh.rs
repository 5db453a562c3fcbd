//! ssh(1) as a connection: a command on another machine that speaks for the engine there,
//! with the user's own configuration and keys.

use std::{
    io,
    pin::Pin,
    process::Stdio,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::connect::{SILENCE, Unreachable, unreachable};
use crate::model::Address;

/// Connections that may be under way at once: a server drops some of those that have not
/// logged in once there are ten (sshd_config(5), MaxStartups), and others dial too.
pub const DIALING: usize = 4;
/// What is kept of an ssh's complaints, in bytes.
const COMPLAINTS: usize = 2048;

/// Starts an ssh for each connection, a few at a time.
#[derive(Debug)]
pub struct Dialer {
    turns: Arc<Semaphore>,
}

impl Default for Dialer {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(DIALING)),
        }
    }
}

impl Dialer {
    /// One connection. It asks nothing: there is nobody to answer while a dashboard is on
    /// the screen. That it failed is told by the first read.
    pub async fn dial(&self, address: &Address) -> Result<Ssh, Unreachable> {
        let Address::Ssh {
            user,
            host,
            port,
            socket,
        } = address
        else {
            return Err(unreachable("it is no ssh address", "write ssh://HOST"));
        };
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let program = std::env::var_os("WHARF_SSH").unwrap_or_else(|| "ssh".into());
        let mut command = Command::new(&program);
        let (silence, count, _) = SILENCE;
        command.args(["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]);
        command.args(["-o", &format!("ServerAliveInterval={silence}")]);
        command.args(["-o", &format!("ServerAliveCountMax={count}")]);
        if let Some(user) = user {
            command.args(["-l", user]);
        }
        if let Some(port) = port {
            command.args(["-p", &port.to_string()]);
        }
        let host = host.trim_matches(['[', ']']);
        command.arg("--").arg(host);
        command
            .arg(speaker(socket.as_deref()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What the terminal sends to us is not meant for it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            unreachable(
                format!("run {}: {error}", program.to_string_lossy()),
                "install an ssh client",
            )
        })?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unreachable("ssh has no pipes", "try again"));
        };
        Ok(Ssh {
            host: host.to_owned(),
            input: Some(input),
            output,
            errors: Some(errors),
            said: String::new(),
            is_heard: false,
            turn: turn.ok(),
            _child: child,
        })
    }
}

/// What the other machine is told: whichever of the two speaks for the engine there.
fn speaker(socket: Option<&str>) -> String {
    let quoted = |path: &str| shlex::try_quote(path).map(|text| text.into_owned()).ok();
    match socket.and_then(quoted) {
        // Docker's client takes an engine's address, and so do we.
        Some(socket) => format!(
            "if command -v wharf >/dev/null 2>&1; then exec wharf --host unix://{socket} system \
             dial-stdio; else exec docker --host unix://{socket} system dial-stdio; fi"
        ),
        None => "if command -v wharf >/dev/null 2>&1; then exec wharf system dial-stdio; else \
                 exec docker system dial-stdio; fi"
            .into(),
    }
}

/// The pipes of an ssh that runs.
#[derive(Debug)]
pub struct Ssh {
    host: String,
    /// Closed by taking it.
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// Read once the output ended: what it says is why.
    errors: Option<ChildStderr>,
    said: String,
    /// Whether the other end spoke: what ssh says later is no reason.
    is_heard: bool,
    /// Held until then.
    turn: Option<OwnedSemaphorePermit>,
    /// Ends with us.
    _child: Child,
}

impl AsyncRead for Ssh {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.is_heard = true;
            self.turn = None;
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        let Some(errors) = this.errors.as_mut().filter(|_| !this.is_heard) else {
            return Poll::Ready(Ok(()));
        };
        let mut piece = [0; 512];
        loop {
            let mut room = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut *errors).poll_read(cx, &mut room))?;
            if room.filled().is_empty() || this.said.len() > COMPLAINTS {
                break;
            }
            this.said += &String::from_utf8_lossy(room.filled());
        }
        this.errors = None;
        this.turn = None;
        let why = complaint(&this.said, &this.host);
        Poll::Ready(Err(io::Error::other(why)))
    }
}

/// What ssh said, its last line, and what helps against it.
fn complaint(said: &str, host: &str) -> Unreachable {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut last = lines.next_back();
    // A wharf there has said what to do already.
    let told = last.and_then(|line| line.strip_prefix("hint: "));
    if told.is_some() {
        last = lines.next_back();
    }
    let Some(line) = last else {
        return unreachable(
            "ssh: the connection was closed",
            "look whether the engine there still runs",
        );
    };
    let words = line.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    let hint = if let Some(told) = told {
        format!("on {host}: {told}")
    } else if says(&["host key verification failed"]) {
        format!("run `ssh {host}` once and look whether the key that it shows is the right one")
    } else if says(&["permission denied"]) {
        format!(
            "nothing is asked here: `ssh {host} true` must work without a password; `ssh-copy-id \
             {host}` or ssh-add bring it there"
        )
    } else if says(&["could not resolve"]) {
        "look at the host's name, or give it one in ~/.ssh/config".into()
    } else if says(&["not found"]) && says(&["docker"]) {
        format!("install wharf or docker on {host}")
    } else if says(&["connection refused", "timed out", "no route", "unreachable"]) {
        "look whether that machine is up, its ssh server runs and a firewall lets it through".into()
    } else {
        format!("look whether the engine runs on {host}: `ssh {host} wharf version`")
    };
    // Who speaks there names itself.
    let line = line
        .trim_start_matches("ssh: ")
        .trim_start_matches("wharf: ");
    unreachable(format!("ssh: {line}"), hint)
}

impl AsyncWrite for Ssh {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let is_heard = self.is_heard;
        match &mut self.input {
            Some(input) => match ready!(Pin::new(input).poll_write(cx, bytes)) {
                // It ended before it spoke: what is read then says why, and this doesn't.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe && !is_heard => {
                    Poll::Ready(Ok(bytes.len()))
                }
                written => Poll::Ready(written),
            },
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_ssh_have_a_way_out() {
        let of = |said| complaint(said, "build-1");
        let denied = of("root@build-1: Permission denied (publickey).\r\n");
        assert_eq!(
            denied.reason,
            "ssh: root@build-1: Permission denied (publickey)."
        );
        assert!(denied.hint.contains("ssh-copy-id build-1"));
        let missing = of("sh: 1: exec: docker: not found\n");
        assert_eq!(missing.hint, "install wharf or docker on build-1");
        let refused = of("ssh: connect to host build-1 port 22: Connection refused\n");
        assert_eq!(
            refused.reason,
            "ssh: connect to host build-1 port 22: Connection refused"
        );
        assert!(refused.hint.contains("ssh server"));
        let key = of("@@@@@\nwarning\nHost key verification failed.\n");
        assert!(key.hint.contains("`ssh build-1` once"));
        let told = of("wharf: dial-stdio: no engine at unix:///s: gone\nhint: start it\n");
        assert_eq!(told.reason, "ssh: dial-stdio: no engine at unix:///s: gone");
        assert_eq!(told.hint, "on build-1: start it");
        assert!(of(" \n").reason.contains("closed"));
    }
}
