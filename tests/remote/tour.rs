//! Everything that the dashboard does with an engine elsewhere, by keys.

use std::process::Command;

use crate::support::{
    Sandbox, eventually,
    process::{self, Finished},
    sandbox::{self, BUSYBOX},
    terminal::{Terminal, confirm},
};

/// An engine elsewhere, as its test sees it.
pub trait Far {
    /// What `-H` is told.
    fn address(&self) -> &str;
    /// What a wharf that drives it needs besides, as `NAME=value`.
    fn variables(&self) -> &[String];
    /// A container's state by another way than ours, if there is such a container.
    fn state(&self, name: &str) -> Option<String>;
    /// Cuts it off.
    fn kill(&mut self);
    /// Brings it back.
    fn again(&mut self);
    /// Words of why it can't be reached then, and of what helps.
    fn loss(&self) -> (&'static str, &'static str);
}

/// Runs a command of wharf's that drives it.
pub fn wharf(far: &impl Far, words: &[&str]) -> Finished {
    let mut command = Command::new(sandbox::wharf());
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("WHARF_CONFIG", "/dev/null")
        .args(["-H", far.address()])
        .args(words);
    for variable in far.variables() {
        let (name, value) = variable.split_once('=').unwrap();
        command.env(name, value);
    }
    process::finish(command, b"")
}

#[track_caller]
fn ok(far: &impl Far, words: &[&str]) -> String {
    let done = wharf(far, words);
    assert_eq!(done.code, 0, "wharf {words:?}: {done:?}");
    done.stdout.trim_end().to_owned()
}

#[track_caller]
fn is(far: &impl Far, name: &str, state: &str) {
    eventually(&format!("{name} is {state}"), || {
        far.state(name).as_deref() == Some(state)
    });
}

/// The number after the last `word ` on the screen.
fn last_number(screen: &str, word: &str) -> Option<u64> {
    let at = screen.rfind(word)? + word.len();
    let digits = screen[at..].split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// What stands in the box over the screen, in one line.
fn boxed(screen: &str) -> String {
    let inside = screen.lines().filter_map(|line| {
        let (_, rest) = line.split_once('│')?;
        Some(rest.rsplit_once('│')?.0)
    });
    let words: Vec<_> = inside.flat_map(str::split_whitespace).collect();
    words.join(" ")
}

/// Drives an engine with nothing but the image in it.
pub fn tour(far: &mut impl Far) {
    // The dashboard's own engine, which must stay as it is.
    let own = Sandbox::empty();
    let script = "trap 'exit 0' TERM; n=0; while :; do n=$((n+1)); echo tick $n; i=0; \
                  while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 0.1; done";
    let run = ["run", "-d", "--network", "none", "--name"];
    ok(
        far,
        &[&run[..], &["harbour", BUSYBOX, "sh", "-c", script]].concat(),
    );
    let t = Terminal::with(&own, 140, 40, far.variables());
    let program = sandbox::wharf().display().to_string();
    t.line(&format!(
        "{program} -H {} ; echo left with $?",
        far.address()
    ));
    t.until("harbour");
    t.until("1/1 running");
    // Whose containers these are: the place as far as there is room.
    t.until(&far.address()[..far.address().len().min(16)]);

    // What others do is seen, and logs are followed.
    ok(
        far,
        &[
            "create",
            "--network",
            "none",
            "--name",
            "late",
            BUSYBOX,
            "sleep",
            "600",
        ],
    );
    t.until("1/2 running");
    t.until("late");
    t.until("tick ");
    let ticks = || last_number(&t.screen(), "tick ").unwrap_or(0);
    let first = ticks();
    eventually("the log goes on", || ticks() > first + 3);

    // Figures move.
    let figures = || t.row("harbour");
    eventually("its row has figures", || {
        figures().contains("iB") && figures().contains('%')
    });
    let before = figures();
    eventually("its figures move", || figures() != before);
    t.keys(&["t"]);
    t.until("memory");

    // The life of a container.
    t.keys(&["p"]);
    is(far, "harbour", "paused");
    t.until("unpause");
    t.keys(&["p"]);
    is(far, "harbour", "running");
    t.until("e shell");
    t.keys(&["s"]);
    confirm(&t, || far.state("harbour").as_deref() == Some("exited"));
    t.until("S start");
    t.keys(&["S"]);
    is(far, "harbour", "running");
    t.until("ctrl-k kill");

    // A limit that Docker's API has no word for is refused with why, and changes nothing.
    let shaped = ["create", "--net-rate-in", "1m", "--name", "shaped", BUSYBOX];
    let refused = wharf(far, &shaped);
    assert_ne!(refused.code, 0, "{refused:?}");
    let why = "--net-rate-in: Docker's API has no such limit\n";
    assert!(refused.stderr.ends_with(why), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    assert_eq!(far.state("shaped"), None);
    t.keys(&["u"]);
    t.until("Limits of harbour");
    t.keys(&["End", "Up"]);
    t.until("net-rate-out: Docker's API has no such limit");
    t.line("10m");
    t.until("Limits of harbour");
    t.keys(&["Escape"]);

    // A shell, and what it leaves.
    t.keys(&["e"]);
    t.until("/ #");
    t.line("touch /made-here; echo in-$((40+2)); stty size");
    t.until("in-42");
    t.until("40 140");
    t.line("exit");
    t.until("e shell");
    t.keys(&["f"]);
    t.until("/made-here");
    t.keys(&["P"]);
    t.until("sleep 0.1");
    t.keys(&["i"]);
    t.until("trap 'exit 0' TERM");

    // The other screens.
    t.keys(&["2"]);
    t.until(BUSYBOX);
    t.keys(&["4"]);
    t.until("KIND");
    ok(far, &["start", "late"]);
    t.until("start");
    eventually("what happens is told", || t.row("late").contains("start"));
    t.keys(&["1", "l"]);
    t.until("2/2 running");
    t.until("tick ");

    // Cut off: what was tried, why it failed and what helps; then it goes on by itself.
    far.kill();
    let (why, help) = far.loss();
    t.until("does not answer");
    for told in [why, help, far.address()] {
        t.until_it(told, |screen| boxed(screen).contains(told));
    }
    t.keys(&["Escape"]);
    eventually("the last picture can be looked at", || {
        !t.screen().contains("does not answer") && t.screen().contains("harbour")
    });
    t.until("no new figures for");
    far.again();
    eventually("it goes on by itself", || {
        !t.screen().contains("no new figures")
    });
    t.until("2/2 running");
    let first = ticks();
    eventually("the log is followed again", || ticks() > first + 3);
    let before = figures();
    eventually("its figures move again", || figures() != before);

    // The end of both.
    t.keys(&["C-k"]);
    confirm(&t, || far.state("harbour").as_deref() == Some("exited"));
    t.until("S start");
    t.keys(&["d"]);
    confirm(&t, || far.state("harbour").is_none());
    t.until("1/1 running");
    t.keys(&["d"]);
    confirm(&t, || far.state("late").is_none());
    t.until("No containers");
    t.keys(&["q"]);
    t.until("left with 0");
    assert_eq!(own.ok(&["ps", "-aq"]), "");
}
