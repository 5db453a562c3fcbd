//! The dashboard in a real terminal (tmux), driven by keys alone: starts, pauses, execs
//! into and removes a container, and leaves the terminal as it was.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{
    Cgroup, Sandbox, eventually, process,
    sandbox::BUSYBOX,
    terminal::{Terminal, confirm},
};

/// The dashboard over the sandbox, in place of the shell.
fn shown(sandbox: &Sandbox) -> Terminal {
    let terminal = Terminal::new(sandbox, 140, 40);
    terminal.line(&format!("exec {}", support::sandbox::wharf().display()));
    terminal.until("running");
    terminal
}

/// Types limits into the editor: each after so many lines down.
fn change_limits(t: &Terminal, name: &str, values: &[(usize, &str)]) {
    t.keys(&["u"]);
    t.until(&format!("Limits of {name}"));
    for (down, value) in values {
        for _ in 0..*down {
            t.keys(&["Down"]);
        }
        t.types(value);
    }
    t.keys(&["Enter"]);
}

#[test]
fn container_is_started_paused_entered_stopped_and_removed_by_keys() {
    let s = Sandbox::new();
    s.ok(&["create", "--name", "harbour", BUSYBOX, "sleep", "1000"]);
    let t = Terminal::new(&s, 140, 40);
    let before = modes(&t);
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
    assert_eq!(modes(&t), before, "the terminal is as it was");
}

/// A dashboard that runs in a terminal, and its process.
fn dashboard(t: &Terminal) -> i32 {
    t.line(&format!(
        "{} ; echo left with $?",
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
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// Modes of the terminal that a dashboard changes.
fn modes(t: &Terminal) -> String {
    let modes = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{mouse_sgr_flag}";
    t.tmux(&["display-message", "-p", modes]).trim().to_owned()
}

#[test]
fn log_is_searched_copied_and_without_effect_on_the_terminal() {
    let s = Sandbox::new();
    let script = "printf 'first \\033]0;owned\\007\\033[2J\\033[31mred\\033[0m\\n'; \
                  for n in 1 2 3; do echo plain $n; done; echo a needle; echo last; sleep 1000";
    s.ok(&["run", "-d", "--name", "talker", BUSYBOX, "sh", "-c", script]);
    let t = Terminal::new(&s, 120, 40);
    t.tmux(&["set-option", "-s", "set-clipboard", "on"]);
    let title = t.tmux(&["display-message", "-p", "#{pane_title}"]);
    dashboard(&t);
    t.until("plain 3");
    t.until("first red");
    assert_eq!(t.tmux(&["display-message", "-p", "#{pane_title}"]), title);
    t.keys(&["Tab", "/"]);
    t.types("needle");
    t.keys(&["Enter"]);
    t.until("/needle 1/1");
    t.keys(&["y"]);
    t.until("Copy");
    t.keys(&["l"]);
    // What tmux takes from OSC 52 is what a terminal would.
    eventually("tmux has what was copied", || {
        let buffers = t.tmux(&["list-buffers", "-F", "#{buffer_sample}"]);
        buffers.lines().any(|sample| sample == "a needle")
    });
    t.keys(&["q"]);
    t.until("left with 0");
}

#[test]
fn process_gets_a_signal_by_keys() {
    let s = Sandbox::new();
    let script = "trap 'echo got usr1' USR1; echo ready; while :; do sleep 0.1; done";
    s.ok(&[
        "run", "-d", "--name", "trapper", BUSYBOX, "sh", "-c", script,
    ]);
    eventually("its trap is set", || {
        s.ok(&["logs", "trapper"]).contains("ready")
    });
    let t = Terminal::new(&s, 120, 40);
    dashboard(&t);
    t.until("trapper");
    t.keys(&["P", "Tab"]);
    t.until("COMMAND");
    t.keys(&["C-s"]);
    t.until("Send to process");
    t.keys(&["u"]);
    t.until("sent USR1");
    eventually("the signal arrived", || {
        s.ok(&["logs", "trapper"]).contains("got usr1")
    });
    t.keys(&["6"]);
    t.until("wharf kill --signal USR1 trapper");
}

#[test]
fn container_is_run_by_the_form_and_what_happens_is_told() {
    let s = Sandbox::new();
    let t = Terminal::new(&s, 120, 40);
    dashboard(&t);
    t.until("No containers yet");
    t.keys(&["R"]);
    t.until("Run a container");
    t.types(BUSYBOX);
    t.keys(&["Down"]);
    t.types("sh -c 'sleep 1000'");
    t.keys(&["Down"]);
    t.types("formed");
    t.keys(&["Down", "Down"]);
    t.types("1k");
    t.keys(&["Enter"]);
    t.until("--memory");
    t.keys(&["C-u"]);
    t.types("32m");
    t.until("--memory 32m");
    t.keys(&["Enter"]);
    t.until("started formed");
    s.until("formed", "running");
    assert_eq!(s.inspect("formed", "{{.HostConfig.Memory}}"), "33554432");
    t.keys(&["4"]);
    t.until("KIND");
    s.ok(&["pause", "formed"]);
    t.until("container  pause");
    t.keys(&["6"]);
    t.until("wharf run -d --name formed --memory 32m");
}

#[test]
fn mouse_is_heard_let_go_and_given_back_at_the_end() {
    let s = Sandbox::new();
    s.ok(&["create", "--name", "one", BUSYBOX, "true"]);
    let t = Terminal::new(&s, 120, 40);
    let before = modes(&t);
    dashboard(&t);
    t.until("one");
    let has_mouse = || modes(&t).ends_with("1 1");
    eventually("the mouse is heard", has_mouse);
    t.keys(&["M"]);
    eventually("the mouse is the terminal's", || modes(&t).ends_with("0 0"));
    t.keys(&["M"]);
    eventually("the mouse is heard again", has_mouse);
    // A press on the name of the images screen, as a terminal tells it.
    let header = t.screen().lines().next().unwrap().to_owned();
    let column = header.find(" 2").unwrap() + 2;
    let press = format!("\x1b[<0;{column};1M\x1b[<0;{column};1m");
    let hex: Vec<String> = press.bytes().map(|b| format!("{b:02x}")).collect();
    let mut arguments = vec!["send-keys", "-H"];
    arguments.extend(hex.iter().map(String::as_str));
    t.tmux(&arguments);
    t.until("2 images");
    t.keys(&["q"]);
    t.until("left with 0");
    assert_eq!(modes(&t), before);
}

#[test]
fn terminal_is_given_back_when_it_hangs_up_and_while_the_dashboard_is_stopped() {
    let s = Sandbox::new();
    let t = Terminal::new(&s, 80, 24);
    let before = modes(&t);
    let pid = dashboard(&t);
    process::signal(pid, libc::SIGTSTP);
    t.until("Stopped");
    assert_eq!(modes(&t), before);
    t.line("fg");
    eventually("it has the screen again", || modes(&t).starts_with("1 0"));
    t.until("No containers yet");
    // Stopped in a way that cannot be caught, it finds its way back all the same.
    process::signal(pid, libc::SIGSTOP);
    process::signal(pid, libc::SIGCONT);
    t.until("No containers yet");
    process::signal(pid, libc::SIGHUP);
    eventually("the terminal is as before", || modes(&t) == before);
}

#[test]
#[cfg(debug_assertions)]
fn terminal_is_given_back_when_the_dashboard_panics() {
    let s = Sandbox::new();
    s.ok(&["create", "--name", "witness", BUSYBOX, "true"]);
    let t = Terminal::new(&s, 120, 40);
    let before = modes(&t);
    // Typed lines are echoed again only if the terminal is in its ordinary mode.
    let echoes = |word: &str| {
        t.line(&format!("echo {word}-$((40+2))"));
        t.until(&format!("echo {word}-$"));
        t.until(&format!("{word}-42"));
    };
    let wharf = support::sandbox::wharf();
    t.line(&format!(
        "RUST_BACKTRACE=0 WHARF_TEST_PANIC=loop {} ; echo left with $?",
        wharf.display()
    ));
    t.until("left with 101");
    t.until("asked to panic in the loop");
    assert_eq!(modes(&t), before);
    echoes("after");
    // A part that falls over takes neither the screen nor the keys with it.
    t.line("clear");
    t.line(&format!(
        "RUST_BACKTRACE=0 WHARF_TEST_PANIC=task {} ; echo left with $?",
        wharf.display()
    ));
    t.until("a part of wharf failed");
    t.until("witness");
    eventually("it has the screen", || modes(&t).starts_with("1 0"));
    t.keys(&["q"]);
    t.until("left with 0");
    t.until("asked to panic in a task");
    assert_eq!(modes(&t), before);
    echoes("again");
}

#[test]
fn terminal_is_restored_when_the_dashboard_is_asked_to_end() {
    let s = Sandbox::new();
    let t = Terminal::new(&s, 80, 24);
    let pid = dashboard(&t);
    process::signal(pid, libc::SIGTERM);
    t.until_it("left with a code", |screen| {
        let codes = screen
            .lines()
            .filter_map(|line| line.strip_prefix("left with "));
        codes.flat_map(str::parse::<u8>).count() == 1
    });
    assert!(modes(&t).starts_with("0 1"));
}

/// How much of the first gauge in a row is full.
fn gauge(row: &str) -> f64 {
    let is_gauge = |c: &char| "━╾─".contains(*c);
    let gauge: Vec<char> = row
        .chars()
        .skip_while(|c| !is_gauge(c))
        .take_while(is_gauge)
        .collect();
    let full = gauge.iter().filter(|c| **c != '─').count();
    full as f64 / gauge.len().max(1) as f64
}

#[test]
fn raised_quota_ends_the_throttling_at_once_and_undo_brings_it_back() {
    let s = Sandbox::new();
    let endless = "while :; do :; done";
    let id = s.start(&[
        "--name", "burner", "--cpus", "0.05", BUSYBOX, "sh", "-c", endless,
    ]);
    let cgroup = Cgroup::of(&id);
    let t = shown(&s);
    eventually("it is held back at its quota", || {
        let row = t.row("burner");
        row.contains("held ") && gauge(&row) > 0.6
    });

    let all = std::thread::available_parallelism().unwrap().to_string();
    change_limits(&t, "burner", &[(0, &all)]);
    eventually("the kernel has the new quota", || {
        cgroup.cpu_limit() == Some(all.parse().unwrap())
    });
    let follows = || {
        let began = Instant::now();
        eventually("the row follows", || {
            let row = t.row("burner");
            row.contains("burner") && !row.contains("held ") && gauge(&row) <= 0.6
        });
        began.elapsed()
    };
    let goes_back = || {
        t.keys(&["U"]);
        eventually("the old quota is back", || {
            cgroup.cpu_limit() == Some(0.05) && t.row("burner").contains("held ")
        });
    };
    // It must follow within two seconds. A machine that is busy with other things can
    // make one attempt late, but not each.
    let mut took = vec![follows()];
    goes_back();
    while took.iter().all(|took| *took >= Duration::from_secs(2)) {
        assert!(took.len() < 5, "it took {took:?}");
        change_limits(&t, "burner", &[(0, &all)]);
        eventually("the kernel has the new quota", || {
            cgroup.cpu_limit() == Some(all.parse().unwrap())
        });
        took.push(follows());
        goes_back();
    }
    t.keys(&["!"]);
    t.until("it wants more than its 0.05");
}

#[test]
fn memory_is_refused_raised_lowered_and_its_end_is_told_in_words() {
    let s = Sandbox::new();
    // It holds 16 MiB and more, then waits to be told to take all there is.
    let script = "x=0123456789abcdef; while [ ${#x} -lt 16000000 ]; do x=$x$x; done
        echo holding; while [ ! -e /go ]; do sleep 0.1; done
        echo taking all; while :; do x=$x$x; done";
    let id = s.start(&[
        "--name",
        "eater",
        "-m",
        "64m",
        "--memory-swap",
        "64m",
        BUSYBOX,
        "sh",
        "-c",
        script,
    ]);
    let cgroup = Cgroup::of(&id);
    let is_limit = |mib: u64| cgroup.memory_limit() == Some(mib << 20);
    eventually("it holds its memory", || {
        s.ok(&["logs", "eater"]).contains("holding")
    });
    let t = shown(&s);
    t.until("MiB/64MiB");

    // Less than it holds, and memory that grows past memory and swap: both refused.
    change_limits(&t, "eater", &[(3, "8m")]);
    t.until("that can't be given back");
    t.keys(&["C-u"]);
    t.types("128m");
    t.keys(&["Enter"]);
    t.until("counts memory and swap together");
    assert!(is_limit(64));
    t.keys(&["Down"]);
    t.types("128m");
    t.keys(&["Enter"]);
    eventually("it is raised", || is_limit(128));
    t.until("MiB/128MiB");
    t.keys(&["U"]);
    eventually("it is as before", || is_limit(64));
    t.until("MiB/64MiB");

    change_limits(&t, "eater", &[(3, "56m"), (1, "56m")]);
    eventually("it is lowered", || is_limit(56));
    s.ok(&["exec", "eater", "touch", "/go"]);
    s.until("eater", "exited");
    eventually("the badge is there", || t.row("eater").contains(" oom "));
    t.keys(&["!"]);
    t.until("killed by the kernel: out of memory at its 56MiB limit");
    t.until("taking all");
}

#[test]
fn image_is_looked_into_filtered_read_and_extracted() {
    let s = Sandbox::new();
    let t = shown(&s);
    t.keys(&["2"]);
    t.until(BUSYBOX);
    t.keys(&["Enter"]);
    t.until("layer 1 of 1");
    t.until("bin/");
    t.keys(&["/"]);
    t.types("/busybox");
    t.until("-rwxr-xr-x");
    t.keys(&["Enter", "G", "e"]);
    t.until("extract to ./busybox");
    t.keys(&["C-u"]);
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("taken");
    t.line(target.to_str().unwrap());
    t.until("extracted");
    assert!(std::fs::read(&target).unwrap().starts_with(b"\x7fELF"));
    t.keys(&["Escape"]);
    eventually("the message is gone", || !t.screen().contains("extracted"));
    // A program is shown as bytes.
    t.keys(&["Enter"]);
    t.until("7f 45 4c 46");
    t.keys(&["w"]);
    t.until("Nothing is wasted");
}

#[test]
fn file_of_a_container_is_edited_on_a_copy_and_never_over_another_change() {
    let s = Sandbox::new();
    let aside = tempfile::tempdir().unwrap();
    let script = "echo one >/srv.conf; chown 5:6 /srv.conf; chmod 4640 /srv.conf; \
                  ln -s /srv.conf /srv.link; sleep 1000";
    s.start(&["--name", "harbour", BUSYBOX, "sh", "-c", script]);
    let shown = || {
        s.ok(&[
            "exec",
            "harbour",
            "sh",
            "-c",
            "cat /srv.conf; stat -c %u:%g:%a /srv.conf",
        ])
    };
    let wharf = support::sandbox::wharf();
    // What it does is what the file of this name says.
    let editor = aside.path().join("editor");
    let does = |what: &str| {
        std::fs::write(&editor, format!("set -e\necho \"edits $1\"\n{what}\n")).unwrap();
    };
    let t = Terminal::new(&s, 140, 40);
    let place = aside.path().display();
    t.line(&format!(
        "TMPDIR={place} EDITOR='sh {place}/editor' exec {}",
        wharf.display()
    ));
    t.until("harbour");
    t.keys(&["B"]);
    t.until("all its files");
    t.keys(&["/"]);
    t.types("srv.conf");
    // Its row, and no other.
    t.until("5:6");
    t.keys(&["Enter", "G"]);
    t.until("E edit");

    // The rows may be asked for anew when the key comes, and then it does nothing.
    let edit = |is_done: &dyn Fn() -> bool| t.press_until("E", "it is edited", |_| is_done());
    let says = |text: &str| t.screen().contains(text);
    does("true");
    edit(&|| says("srv.conf was not changed"));
    does("echo two >>\"$1\"");
    edit(&|| says("put srv.conf back"));
    assert_eq!(shown(), "one\ntwo\n5:6:4640");
    // One that writes a file of its own in place of the old, as many do.
    does("echo three >\"$1.new\"; mv \"$1.new\" \"$1\"");
    edit(&|| shown() == "three\n5:6:4640");
    does("false");
    edit(&|| says("exit status: 1"));
    let kept = || {
        let entries = std::fs::read_dir(aside.path()).unwrap().flatten();
        let copies = entries.filter(|e| e.file_name().to_string_lossy().starts_with("wharf-edit-"));
        copies.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    eventually("no copy stays", || kept().is_empty());

    does(&format!(
        "{} exec harbour sh -c 'echo other >/srv.conf'; echo mine >\"$1\"",
        wharf.display()
    ));
    edit(&|| says("was changed meanwhile"));
    assert_eq!(shown(), "other\n5:6:4640");
    let copy = kept().pop().unwrap().join("edited/srv.conf");
    assert_eq!(std::fs::read_to_string(copy).unwrap(), "mine\n");

    // A link is not followed, wherever it leads.
    t.keys(&["/", "C-u"]);
    t.types("srv.link");
    t.until("srv.link → ");
    t.keys(&["Enter", "G"]);
    t.until("E edit");
    edit(&|| says("only files can be edited"));
}

#[test]
fn build_is_begun_watched_entered_where_it_failed_and_cancelled_by_keys() {
    let s = Sandbox::new();
    let context = tempfile::tempdir().unwrap();
    let dockerfile = |last: &str| {
        let text = format!(
            "FROM {BUSYBOX} AS files\nWORKDIR /src\nRUN echo made > made && chown -R 7:7 /src\n\
             FROM {BUSYBOX} AS other\nRUN echo other\n\
             FROM {BUSYBOX}\nCOPY --from=files --chown=7:7 /src /src\nCOPY --from=other /etc /e\n\
             WORKDIR /src\nENV HUE=blue\nUSER 7:7\n{last}\n"
        );
        std::fs::write(context.path().join("Dockerfile"), text).unwrap();
    };
    let failing = "RUN printf 'go \\033]0;owned\\007\\033[2J\\033[31mred\\033[0m\\n' \
                   && echo $HUE > hue && false";
    dockerfile(failing);
    let t = shown(&s);
    let title = t.tmux(&["display-message", "-p", "#{pane_title}"]);

    // Paths are completed: half of the directory's name is typed.
    t.keys(&["I"]);
    t.until("Build an image");
    t.keys(&["C-u"]);
    let path = context.path().to_str().unwrap();
    t.types(&path[..path.len() - 2]);
    t.until(&format!("{path}/"));
    t.keys(&["Right", "Down"]);
    t.types("shop:1");
    t.until(&format!("wharf build --tag=shop:1 {path}/"));
    t.keys(&["Enter"]);

    // All three stages are listed, and why the last failed, with its line.
    t.until("exit 1");
    t.until(">   12 | RUN printf");
    t.until("go red");
    for line in ["✗ shop:1", "files  from", "other  from", "1/2 WORKDIR /src"] {
        t.until(line);
    }
    assert_eq!(t.tmux(&["display-message", "-p", "#{pane_title}"]), title);

    // A shell where it failed: its files, directory, user and environment; twice, as what
    // it left stays until it is forgotten.
    t.keys(&["e"]);
    t.until("/src $");
    t.line("echo $(cat made hue) $(pwd) $(id -u) $HUE-$((6*7)) | tee noted; exit");
    t.until("✗ shop:1");
    t.keys(&["e"]);
    t.until("/src $");
    t.line("cat noted; exec sleep 1");
    t.until("made blue /src 7 blue-42");
    t.until("✗ shop:1");
    assert_eq!(s.ok(&["ps", "-aq"]).lines().count(), 1);
    t.keys(&["d"]);
    t.until("No builds yet");
    eventually("what the step left is gone", || {
        s.ok(&["ps", "-aq"]).is_empty()
    });

    // Another is cancelled in the middle, and nothing of it runs on.
    dockerfile("RUN echo waiting; sleep 1000");
    t.keys(&["I"]);
    t.until("Build an image");
    t.keys(&["C-u"]);
    t.types(path);
    t.keys(&["Down"]);
    t.types("shop:2");
    t.keys(&["Enter"]);
    t.until("waiting");
    t.until("7 builds 1");
    // It goes on while one looks at something else, and leaving asks for it.
    t.keys(&["1", "q"]);
    t.until("Quit while one build goes on?");
    t.keys(&["n", "7"]);
    t.until("waiting");
    t.keys(&["c"]);
    t.until("stopped");
    eventually("its container is gone", || s.ok(&["ps", "-aq"]).is_empty());

    // The same again, mended.
    dockerfile("RUN echo mended");
    t.keys(&["r"]);
    t.until("the image is sha256:");
    t.keys(&["q"]);
    assert_eq!(s.leaks(), [""; 0]);
    s.ok(&["rmi", "shop:2"]);
    s.ok(&["builder", "prune", "-af"]);
}

#[test]
fn network_and_volume_are_made_seen_with_their_containers_and_pruned_by_keys() {
    let _host = support::host::Host::enter();
    let s = Sandbox::new();
    let t = shown(&s);

    // A form makes the network; what it will do is the command that it shows.
    t.keys(&["8"]);
    t.until("always there");
    t.keys(&["n"]);
    t.until("Make a network");
    t.types("quay");
    t.keys(&["Down"]);
    t.types("10.7.0.0/24");
    t.until("wharf network create --subnet=10.7.0.0/24 quay");
    t.keys(&["Enter"]);
    t.until("made the network quay");
    let range = "{{(index .IPAM.Config 0).Subnet}}";
    assert_eq!(
        s.ok(&["network", "inspect", "quay", "--format", range]),
        "10.7.0.0/24"
    );

    // Whoever joins from elsewhere is seen; one is connected here.
    s.ok(&["network", "create", "pier"]);
    let volume = ["-v", "cargo:/srv/cargo"];
    let flags = ["--network", "quay", "--name", "crane"];
    s.start(&[&flags[..], &volume, &[BUSYBOX, "sleep", "1000"]].concat());
    t.until("10.7.0.2");
    t.until("pier");
    t.keys(&["c"]);
    t.until("Connect a container");
    t.keys(&["Up", "C-u"]);
    t.types("pier");
    t.keys(&["Down", "Right", "Enter"]);
    t.until("connected crane to pier");
    // One line for it, with a knot on each of its two networks.
    eventually("both networks have a knot in its line", || {
        t.row("10.7.0.2").matches('●').count() == 2
    });
    t.keys(&["x"]);
    t.until("Disconnect crane from quay?");
    t.keys(&["n"]);
    t.keys(&["d"]);
    t.until("can't remove quay: one container is on it");

    // The volume that came with it, and one that is made here.
    t.keys(&["9"]);
    t.until("/srv/cargo");
    t.until("read and write");
    t.keys(&["n"]);
    t.until("Make a volume");
    t.types("spare");
    t.keys(&["Enter"]);
    t.until("made the volume spare");
    s.ok(&[
        "exec",
        "crane",
        "dd",
        "if=/dev/zero",
        "of=/srv/cargo/bale",
        "bs=1M",
        "count=3",
    ]);
    t.keys(&["m"]);
    t.until("2 volumes take 3.1MB");
    t.keys(&["g", "Enter"]);
    t.until("bale");
    // Escape would first take away what was told of the measuring.
    t.keys(&["9"]);
    t.until("MEASURED");

    // What a prune would remove is shown with its bytes before anything goes.
    t.keys(&["p"]);
    t.until("no container left an unnamed volume behind");
    t.keys(&["n"]);
    s.ok(&["rm", "-f", "crane"]);
    t.until("no container uses it");
    t.keys(&["p", "a"]);
    t.until("3.1MB will be free");
    t.keys(&["y"]);
    t.until("removed 2 volumes, 3.1MB are free again");
    assert_eq!(s.ok(&["volume", "ls", "-q"]), "");
    t.keys(&["8", "p"]);
    t.until("Remove these 2 networks?");
    t.keys(&["y"]);
    t.until("removed 2 networks");
    let left = s.ok(&["network", "ls", "--format", "{{.Name}}"]);
    assert_eq!(left.lines().collect::<Vec<_>>(), ["bridge", "host", "none"]);
    // What was done first stands last.
    t.keys(&["6", "G"]);
    t.until("wharf network create --subnet=10.7.0.0/24 quay");
}

#[test]
fn builds_of_other_processes_are_seen_from_their_beginning_and_stopped() {
    let s = Sandbox::new();
    let context = tempfile::tempdir().unwrap();
    let text = format!("FROM {BUSYBOX}\nRUN echo counting; sleep 2; echo late; sleep 1000\n");
    std::fs::write(context.path().join("Dockerfile"), text).unwrap();
    let path = context.path().to_str().unwrap();
    let build = |name: &str| s.spawn(&["build", "-t", name, path]);

    // One that began before the dashboard, one after.
    let mut early = build("early:1");
    eventually("it runs", || !s.ok(&["ps", "-q"]).is_empty());
    let t = shown(&s);
    t.until("7 builds 1");
    t.keys(&["7"]);
    t.until("early:1");
    t.until("counting");
    t.until("RUN echo counting");
    t.until("late");
    let mut stopped = build("stopped:1");
    t.until("stopped:1");
    t.until("7 builds 2");

    // Its dashboard stops it as ctrl-c would; what it began is gone.
    t.keys(&["g", "c"]);
    let code = stopped.0.wait().unwrap().code();
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
    t.until("■ stopped:1");
    t.until("7 builds 1");
    t.keys(&["r"]);
    t.until("it was begun elsewhere");

    // One whose process is killed ends too, and the next command removes what it left.
    early.0.kill().unwrap();
    t.until("■ early:1");
    t.keys(&["d", "q"]);
    eventually("what it left is gone", || s.ok(&["ps", "-aq"]).is_empty());
    s.ok(&["builder", "prune", "-af"]);
}
