//! A terminal for programs that need one: a tmux server of a test's own, driven by keys.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::{Sandbox, eventually, process};

/// A terminal of its own, on a tmux server of its own.
#[derive(Debug)]
pub struct Terminal {
    socket: String,
}

impl Terminal {
    /// A shell in one of so many columns and rows, told where the sandbox's engine is.
    pub fn new(sandbox: &Sandbox, columns: u16, rows: u16) -> Self {
        Self::with(sandbox, columns, rows, &[])
    }

    /// The same with further variables, as `NAME=value`.
    pub fn with(sandbox: &Sandbox, columns: u16, rows: u16, variables: &[String]) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let terminal = Self {
            socket: format!(
                "wharf-test-{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            ),
        };
        let root = format!("WHARF_ROOT={}", sandbox.root().display());
        // What the user of this machine keeps must not decide what a test sees.
        let state = format!("XDG_STATE_HOME={}", sandbox.root().display());
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut arguments = vec!["-f", "/dev/null", "new-session", "-d"];
        arguments.extend(["-x", &columns, "-y", &rows]);
        let own = [
            &root,
            "WHARF_CONFIG=/dev/null",
            "WHARF_NETWORK=none",
            &state,
        ];
        let further = variables.iter().map(String::as_str);
        for variable in own.into_iter().chain(further) {
            arguments.extend(["-e", variable]);
        }
        arguments.push("exec env PS1='prompt> ' sh");
        terminal.tmux(&arguments);
        terminal.until("prompt>");
        terminal
    }

    /// Tells the server something; its answer.
    pub fn tmux(&self, arguments: &[&str]) -> String {
        let out = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .output()
            .expect("tmux is installed by tests/run");
        assert!(out.status.success(), "tmux {arguments:?}: {out:?}");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Presses keys, by tmux's names.
    pub fn keys(&self, keys: &[&str]) {
        let mut arguments = vec!["send-keys"];
        arguments.extend(keys);
        self.tmux(&arguments);
    }

    /// Types a text.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Types a line and ends it.
    pub fn line(&self, text: &str) {
        self.types(text);
        self.keys(&["Enter"]);
    }

    /// The row of a container.
    pub fn row(&self, name: &str) -> String {
        let screen = self.screen();
        let row = screen.lines().find(|line| line.contains(name));
        row.unwrap_or_default().to_owned()
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub fn until(&self, text: &str) {
        self.until_it(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is as it should be, which `text` names.
    #[track_caller]
    pub fn until_it(&self, text: &str, mut is_so: impl FnMut(&str) -> bool) {
        let mut screen = String::new();
        let is_there = process::comes_true(|| {
            screen = self.screen();
            is_so(&screen)
        });
        assert!(is_there, "{text:?} is not on the screen:\n{screen}");
    }

    /// Presses a key until it is heard: what it is for may not be on the screen yet, and
    /// then it does nothing. `text` names what comes of it.
    #[track_caller]
    pub fn press_until(&self, key: &str, text: &str, mut is_heard: impl FnMut(&str) -> bool) {
        let mut pressed: Option<Instant> = None;
        self.until_it(text, |screen| {
            if pressed.is_none_or(|at| at.elapsed() > Duration::from_secs(3)) {
                self.keys(&[key]);
                pressed = Some(Instant::now());
                return false;
            }
            is_heard(screen)
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let tmux = |args: &[&str]| {
            let socket = ["-L", self.socket.as_str()];
            Command::new("tmux").args(socket).args(args).output()
        };
        // The server may have ended with its last window.
        let panes = tmux(&["list-panes", "-a", "-F", "#{pane_pid}"]);
        let panes = panes.map(|output| output.stdout).unwrap_or_default();
        let panes = String::from_utf8_lossy(&panes).into_owned();
        let _ = tmux(&["kill-server"]);
        // Its programs are told by a hang-up, which nobody waits for.
        let is_over = || !panes.lines().any(session_lives);
        process::comes_true(is_over);
    }
}

/// Whether a process is left in the session that a pane's first process leads.
fn session_lives(leader: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("proc").flatten();
    processes.into_iter().any(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // proc_pid_stat(5): after the name come state, parent, group and session.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(3) == Some(leader)
    })
}

/// Answers a question with yes until what was asked for has happened.
#[track_caller]
pub fn confirm(terminal: &Terminal, mut done: impl FnMut() -> bool) {
    let mut asked = false;
    terminal.until_it("what was confirmed", |screen| {
        if !asked && screen.contains("y  yes") {
            terminal.keys(&["y"]);
            asked = true;
        }
        done()
    });
}
