//! The dashboard in a real terminal (tmux), driven by keys alone: starts, pauses, execs
//! into and removes a container, and leaves the terminal as it was.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
mod support;

use std::process::Command;

use support::{Sandbox, eventually, sandbox::BUSYBOX};

/// A terminal of its own, on a tmux server of its own.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn new(sandbox: &Sandbox, columns: u16, rows: u16) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let terminal = Self {
            socket: format!(
                "wharf-test-{}-{}",
                std::process::id(),
                COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            ),
        };
        let root = format!("WHARF_ROOT={}", sandbox.root().display());
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns.to_string(),
            "-y",
            &rows.to_string(),
            "-e",
            &root,
            "exec env PS1='prompt> ' sh",
        ]);
        terminal.until("prompt>");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
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

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    fn keys(&self, keys: &[&str]) {
        let mut arguments = vec!["send-keys"];
        arguments.extend(keys);
        self.tmux(&arguments);
    }

    fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
        self.keys(&["Enter"]);
    }

    #[track_caller]
    fn until(&self, text: &str) {
        let mut screen = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(&format!("{text:?} is on the screen"), || {
                screen = self.screen();
                screen.contains(text)
            });
        }));
        assert!(
            found.is_ok(),
            "{text:?} is not on the screen:\n{}",
            self.screen()
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The server may have ended with its last window.
        let _ = Command::new("tmux")
            .args(["-L", &self.socket, "kill-server"])
            .output();
    }
}

#[test]
fn container_is_started_paused_entered_stopped_and_removed_by_keys() {
    let s = Sandbox::new();
    s.ok(&["create", "--name", "harbour", BUSYBOX, "sleep", "1000"]);
    let t = Terminal::new(&s, 140, 40);
    let before = t.tmux(&[
        "display-message",
        "-p",
        "#{alternate_on} #{cursor_flag} #{mouse_any_flag}",
    ]);
    t.line(&format!(
        "exec 3>&1; {} ; echo left with $?",
        support::sandbox::wharf().display()
    ));

    t.until("harbour");
    // Only what is possible now is offered: the hints tell when the dashboard knows.
    t.keys(&["S"]);
    s.until("harbour", "running");
    t.until("ctrl-k kill");

    t.keys(&["p"]);
    s.until("harbour", "paused");
    t.until("unpause");
    t.keys(&["p"]);
    s.until("harbour", "running");
    t.until("e shell");

    // Two keys typed at once are two keys.
    t.keys(&["j", "k"]);
    t.keys(&["e"]);
    t.until("/ #");
    t.line("echo in-$((40+2)) on $(hostname)");
    let hostname = s.inspect("harbour", "{{.Config.Hostname}}");
    t.until(&format!("in-42 on {hostname}"));
    t.line("exit");
    t.until("harbour");

    t.until("e shell");
    t.keys(&["s"]);
    confirm(&t, || s.state("harbour") == "exited");
    t.until("S start");
    t.keys(&["d"]);
    confirm(&t, || s.ok(&["ps", "-aq"]).is_empty());

    t.keys(&["q"]);
    t.until("left with 0");
    let after = t.tmux(&[
        "display-message",
        "-p",
        "#{alternate_on} #{cursor_flag} #{mouse_any_flag}",
    ]);
    assert_eq!(before, after, "the terminal is as it was");
}

/// Answers a question with yes until what was asked for has happened.
fn confirm(terminal: &Terminal, mut done: impl FnMut() -> bool) {
    let mut asked = false;
    eventually("it was confirmed and done", || {
        if !asked && (terminal.screen().contains("y ") || terminal.screen().contains("[y]")) {
            terminal.keys(&["y"]);
            asked = true;
        }
        done()
    });
}

#[test]
fn terminal_is_restored_when_the_dashboard_is_asked_to_end() {
    let s = Sandbox::new();
    let t = Terminal::new(&s, 80, 24);
    t.line(&format!(
        "{} ; echo left",
        support::sandbox::wharf().display()
    ));
    eventually("the dashboard has the screen", || {
        t.tmux(&["display-message", "-p", "#{alternate_on}"]).trim() == "1"
    });
    let pane: i32 = t
        .tmux(&["display-message", "-p", "#{pane_pid}"])
        .trim()
        .parse()
        .unwrap();
    let children = std::fs::read_to_string(format!("/proc/{pane}/task/{pane}/children")).unwrap();
    let pid: i32 = children.split_whitespace().next().unwrap().parse().unwrap();
    support::process::signal(pid, libc::SIGTERM);
    t.until("left");
    assert_eq!(
        t.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"])
            .trim(),
        "0 1"
    );
}
