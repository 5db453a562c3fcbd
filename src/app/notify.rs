//! Tells others of alerts: runs a command without a shell, posts to an HTTP server. Each
//! has a time limit, few run at once, and none can hold the dashboard up.

use std::{
    io::{self, Read},
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

use super::{Failure, alerts::Notice};
use crate::{config::alert::Channel, format::text::sanitize};

/// How long a command or a server may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a command's output that are kept.
const OUTPUT: usize = 4 << 10;

/// Tells one notice through one channel; blocks until that is done.
///
/// What a command said last, safe to draw.
pub fn tell(notice: &Notice, channel: Channel) -> Result<Option<String>, Failure> {
    let rule = &notice.rule;
    let (what, result) = match (channel, &rule.webhook) {
        (Channel::Command, _) => {
            let what = rule.command.first().cloned().unwrap_or_default();
            (what, run(&rule.command, notice, PATIENCE))
        }
        (Channel::Webhook, Some(url)) => (url.clone(), post(url, notice, PATIENCE).map(|()| None)),
        // The terminal's own are the loop's to write.
        (Channel::Webhook, None) | (Channel::Bell | Channel::Osc9, _) => return Ok(None),
    };
    let said = result.map(|said| said.map(|line| sanitize(&line).into_owned()));
    said.map_err(|error| Failure {
        message: sanitize(&format!("tell of alert {} by {what}: {error}", rule.name)).into_owned(),
        hint: Some("it is told once, until it works again".into()),
    })
}

fn run(command: &[String], notice: &Notice, patience: Duration) -> io::Result<Option<String>> {
    let [program, arguments @ ..] = command else {
        return Err(io::Error::other("the command is empty"));
    };
    let (reader, writer) = io::pipe()?;
    let facts = notice.facts().into_iter();
    let child = Command::new(program)
        .args(arguments)
        .envs(facts.map(|(name, value)| {
            // A NUL can't stand in an environment.
            let name = format!("WHARF_ALERT_{}", name.to_ascii_uppercase());
            (name, value.replace('\0', ""))
        }))
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        // A group of its own: what it began ends with it, and no key reaches it.
        .process_group(0)
        .spawn()?;
    wait(child, reader.into(), patience)
}

/// Waits for a command and reads what it says; when its time is up its group is killed.
fn wait(mut child: Child, output: OwnedFd, patience: Duration) -> io::Result<Option<String>> {
    let deadline = Instant::now() + patience;
    let pid = Pid::from_child(&child);
    let watched = pidfd_open(pid, PidfdFlags::empty());
    let mut said = Said::new(output);
    let is_over = match &watched {
        Ok(pidfd) => said.read_until(pidfd, deadline),
        Err(error) => Err((*error).into()),
    };
    if !matches!(is_over, Ok(true)) {
        // It may have ended by itself just now.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let status = child.wait()?;
    match is_over {
        Ok(true) if status.success() => Ok(said.last_line()),
        Ok(true) => Err(io::Error::other(match said.last_line() {
            Some(line) => format!("{status}: {line}"),
            None => status.to_string(),
        })),
        Ok(false) => Err(io::Error::other(format!(
            "no end after {} s",
            patience.as_secs()
        ))),
        Err(error) => Err(error),
    }
}

/// What a command says, as far as it is kept; more is read and dropped, so that it never
/// waits for us.
struct Said {
    output: Option<std::fs::File>,
    kept: Vec<u8>,
}

impl Said {
    fn new(output: OwnedFd) -> Self {
        Self {
            output: Some(output.into()),
            kept: Vec::new(),
        }
    }

    /// Reads until the process has ended; false if that takes too long.
    fn read_until(&mut self, pidfd: &OwnedFd, deadline: Instant) -> io::Result<bool> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            let mut fds = vec![PollFd::new(pidfd, PollFlags::IN)];
            if let Some(output) = &self.output {
                fds.push(PollFd::new(output, PollFlags::IN));
            }
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let has_ended = !fds[0].revents().is_empty();
            let has_said = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
            if has_said {
                self.read();
            } else if has_ended {
                // What it left behind may hold the pipe; nobody waits for that.
                return Ok(true);
            }
        }
    }

    fn read(&mut self) {
        let mut buffer = [0; 4096];
        let count = match &mut self.output {
            Some(output) => output.read(&mut buffer).unwrap_or(0),
            None => 0,
        };
        if count == 0 {
            self.output = None;
        }
        // The end says what went wrong.
        self.kept.extend_from_slice(&buffer[..count]);
        let surplus = self.kept.len().saturating_sub(OUTPUT);
        self.kept.drain(..surplus);
    }

    fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.kept);
        let line = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        line.map(str::to_owned)
    }
}

fn post(url: &str, notice: &Notice, patience: Duration) -> io::Result<()> {
    let facts = notice.facts().into_iter();
    let facts: serde_json::Map<_, _> = facts
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let body = serde_json::Value::from(facts).to_string();
    // Whoever was first has set the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let send = async {
        let base = || {
            reqwest::Client::builder()
                .timeout(patience)
                .redirect(reqwest::redirect::Policy::none())
        };
        // A host without any authorities of its own can still be told in plain HTTP.
        let client = base().build();
        let client = client.or_else(|_| base().tls_certs_only([]).build())?;
        let request = client
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, "application/json");
        request.body(body).send().await
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let response = runtime.block_on(send).map_err(|error| {
        // The outermost says only that it failed; the innermost says why.
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        io::Error::other(cause.to_string())
    })?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(io::Error::other(format!("it answered {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{TcpListener, TcpStream},
        sync::Arc,
        thread,
    };

    use super::*;
    use crate::{app::alerts::Phase, config::Config, model::ContainerId};

    fn notice(command: &[&str], webhook: Option<String>) -> Notice {
        let mut rule = Config::default().alerts[3].clone();
        rule.command = command.iter().map(|part| (*part).to_owned()).collect();
        rule.webhook = webhook;
        Notice {
            rule: Arc::new(rule),
            phase: Phase::Firing,
            id: ContainerId::from_bytes(&[7; 32]),
            container: "web\u{1b}[31m\0".into(),
            image: "img".into(),
            value: 0.97,
            at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn command_gets_the_facts_and_no_shell() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let script = format!(
            "env | grep ^WHARF_ALERT_ | sort > {}; echo \"$0\" >> {}",
            out.display(),
            out.display()
        );
        let notice = notice(&["sh", "-c", &script, "$(id) ; x"], None);
        tell(&notice, Channel::Command).unwrap();
        let text = std::fs::read_to_string(out).unwrap();
        for line in [
            "WHARF_ALERT_NAME=memory",
            "WHARF_ALERT_STATE=firing",
            "WHARF_ALERT_VALUE=97%",
            "WHARF_ALERT_CONDITION=memory_share > 95% for 30s",
            "$(id) ; x",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn failing_command_is_told_with_its_last_words() {
        let failure =
            |command: &[&str]| tell(&notice(command, None), Channel::Command).unwrap_err();
        let failed = failure(&["sh", "-c", "echo a; echo no such host >&2; exit 3"]).message;
        assert!(failed.ends_with("exit status: 3: no such host"), "{failed}");
        let missing = failure(&["/nonexistent/program"]).message;
        assert!(missing.contains("No such file"), "{missing}");
    }

    #[test]
    fn command_without_an_end_is_killed_with_all_it_began() {
        let began = Instant::now();
        let notice = notice(&[], None);
        let endless = ["sh".into(), "-c".into(), "yes & sleep 1000".into()];
        let error = run(&endless, &notice, Duration::from_millis(300)).unwrap_err();
        assert!(error.to_string().starts_with("no end"), "{error}");
        assert!(began.elapsed() < Duration::from_secs(25));
        // One that leaves something behind is not waited for.
        let leaving = ["sh".into(), "-c".into(), "sleep 30 & exit 0".into()];
        run(&leaving, &notice, Duration::from_secs(9)).unwrap();
        let talks = ["sh", "-c", "echo first; echo 'the \x1b[31mlast'; echo"].map(str::to_owned);
        let said = run(&talks, &notice, Duration::from_secs(30)).unwrap();
        assert_eq!(said.as_deref(), Some("the \u{1b}[31mlast"));
        assert!(began.elapsed() < Duration::from_secs(25));
    }

    /// A server for one request that answers `answer`; what it was sent.
    fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let text = request(&mut stream);
            stream.write_all(answer.as_bytes()).unwrap();
            text
        });
        (url, served)
    }

    fn request(stream: &mut TcpStream) -> String {
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.ends_with('}') {
            let count = stream.read(&mut buffer).unwrap();
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        text
    }

    #[test]
    fn webhook_is_posted_as_json() {
        let (url, served) = server("HTTP/1.1 204 No Content\r\n\r\n");
        tell(&notice(&[], Some(url)), Channel::Webhook).unwrap();
        let text = served.join().unwrap();
        assert!(text.starts_with("POST /hook HTTP/1.1\r\n"), "{text}");
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["name"], "memory");
        assert_eq!(body["state"], "firing");
        assert_eq!(
            body["summary"].as_str().map(|text| text.contains('\u{1b}')),
            Some(false)
        );
    }

    #[test]
    fn refusing_and_silent_servers_are_failures_in_time() {
        let (url, _served) = server("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n");
        let failure = tell(&notice(&[], Some(url)), Channel::Webhook).unwrap_err();
        assert!(failure.message.contains("500"), "{failure:?}");
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let began = Instant::now();
        assert!(post(&url, &notice(&[], None), Duration::from_millis(300)).is_err());
        assert!(began.elapsed() < Duration::from_secs(3));
        drop(silent);
        assert!(post(&url, &notice(&[], None), Duration::from_secs(3)).is_err());
    }
}
