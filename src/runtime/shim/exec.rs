//! The shim of an exec: one more process in a running container, its streams and its
//! exit code, for as long as it runs.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use jiff::Timestamp;
use oci_spec::runtime::{Linux, Spec};
use rustix::process::Pid;

use super::{Failure, face::Inheritance, failure::Describe, relay::Relay, run, stdio};
use crate::{
    model::{ContainerId, Event, ExecConfig, ExecId, Exit, State},
    runtime::{
        attach::Frame,
        create::{self, ExecRequest, Running, Stdio},
        events,
        paths::{ContainerPaths, ExecPaths, Root},
        record::ContainerRecord,
        spec,
        state::{self, LiveState},
        store::ContainerStore,
    },
    sys::{
        cgroup::Cgroups,
        heap, pidfd,
        proc::{self, Identity},
    },
};

/// As in [`super::container`].
const SETTLES_AFTER: Duration = Duration::from_millis(50);
/// Ended execs whose exit code can still be asked for.
const REMEMBERED: usize = 32;

/// One process of an exec.
struct Exec {
    relay: Relay,
    state: state::Writer,
    live: LiveState,
    cgroups: Cgroups,
    running: Running,
    /// What is told when it has ended, without its exit code.
    die: Event,
}

/// Runs an exec to its end.
pub(super) fn run(inheritance: Inheritance, id: &ExecId) -> io::Result<()> {
    let Inheritance {
        root,
        id: container,
        starter,
        alive,
        client,
        ..
    } = inheritance;
    let paths = root.container(&container);
    let files = paths.exec(id);
    let started = start(&root, (&container, id), &files, client);
    match started {
        Ok(exec) => {
            starter.succeed(exec.running.pid.as_raw_nonzero().get());
            forget_old(&paths.execs(), &files.directory);
            let result = exec.serve(&root);
            drop(alive);
            result
        }
        Err(failure) => {
            starter.fail(&failure);
            Ok(())
        }
    }
}

fn start(
    root: &Root,
    (container, id): (&ContainerId, &ExecId),
    files: &ExecPaths,
    client: Option<UnixStream>,
) -> Result<Exec, Failure> {
    let paths = root.container(container);
    let record = ContainerStore::new(root.clone())
        .load(container)
        .describe("read the container's record")?;
    // Whoever starts an exec hands its config over as our standard input.
    let config: ExecConfig =
        serde_json::from_reader(io::stdin().lock()).describe("read the exec's config")?;
    let (init_pid, init_pidfd) = init_process(&paths)?;
    let cgroups = Cgroups::detect().describe("find the control groups")?;
    let cgroup = cgroups
        .open(&ContainerPaths::cgroup(container))
        .describe("open the control group")?;

    let mut relay = Relay::new(&files.directory, None).describe("listen on the control socket")?;
    let attach = client
        .map(|client| relay.add_starter(client))
        .transpose()
        .describe("take over the starter's connection")?
        .unwrap_or_default();
    let mut state = state::Writer::open(files.state()).describe("open the live state")?;

    let overlay = run::overlay(root, &record)?;
    let process = spec::oci_exec(&record, &root.container(container), &config, &overlay)
        .describe("prepare the process")?;
    let seccomp = run::filter(Some(&process), &spec::seccomp(&record.config))?;
    let (stdio, streams) = if config.tty {
        (Stdio::Terminal { size: attach.size }, None)
    } else {
        let (ends, streams) = stdio::pipes(attach).describe("make the process's streams")?;
        (ends.into(), Some(streams))
    };
    let created = create::exec(ExecRequest {
        init_pid,
        init_pidfd: init_pidfd.as_fd(),
        spec: &namespaces_of(&record),
        preserved: 0,
        process: &process,
        seccomp,
        cgroup: cgroup.as_ref(),
        stdio,
    })
    .describe("create the process")?;
    let live = LiveState {
        state: State::Running,
        boot_id: proc::boot_id().describe("read the id of this boot")?,
        process: Identity::of(created.pid(), created.pidfd()).ok(),
        shim_pid: std::process::id() as i32,
        started: Some(Timestamp::now()),
        restarts: 0,
        oom_killed: false,
        exit: None,
        error: None,
    };
    // A full disk has no room for it: then its exit is told to who is attached only.
    let _ = state.write(&live);
    let mut running = created.start().describe("start the program")?;
    relay.set_streams(match (streams, running.terminal.take()) {
        (Some(streams), _) => streams,
        (None, Some(master)) => stdio::terminal(master).describe("set up the terminal")?,
        (None, None) => return Err(Failure::internal("the process has no terminal")),
    });
    // Told from here, so that no end is told before its beginning.
    let action = format!("exec_start: {}", config.argv.join(" "));
    let about = [("execID", id.to_string())];
    // History is a convenience.
    let _ = events::append(root, &events::of_container(&record, &action, &about));
    Ok(Exec {
        die: events::of_container(&record, "exec_die", &about),
        relay,
        state,
        live,
        cgroups,
        running,
    })
}

/// The part of the container's specification that says what is to be joined.
pub(super) fn namespaces_of(record: &ContainerRecord) -> Spec {
    let mut linux = Linux::default();
    linux.set_namespaces(Some(spec::namespaces(&record.config)));
    let mut spec = Spec::default();
    spec.set_linux(Some(linux));
    spec
}

/// The container's init process, if it runs.
fn init_process(paths: &ContainerPaths) -> Result<(Pid, OwnedFd), Failure> {
    let not_running = || Failure::internal("the container is not running");
    let identity = state::read(paths)
        .describe("read the live state")?
        .and_then(|live| live.process)
        .ok_or_else(not_running)?;
    let pidfd = identity
        .open()
        .describe("open the container's process")?
        .ok_or_else(not_running)?;
    let pid = Pid::from_raw(identity.pid).ok_or_else(not_running)?;
    Ok((pid, pidfd))
}

impl Exec {
    /// Serves until the process has ended, then tells its exit.
    fn serve(mut self, root: &Root) -> io::Result<()> {
        let settle_at = Instant::now() + SETTLES_AFTER;
        let mut until = Some(settle_at);
        loop {
            let turn = self.relay.turn(&[self.running.pidfd.as_fd()], until)?;
            for (client, request) in turn.requests {
                let result = match request {
                    Frame::Signal(number) => {
                        pidfd::send_signal(&self.running.pidfd, number).map_err(|e| e.to_string())
                    }
                    _ => Err("that can't be asked of an exec".into()),
                };
                self.relay.answer(client, result);
            }
            if turn.ready[0] {
                break;
            }
            if until.is_some_and(|at| Instant::now() >= at) {
                until = None;
                // As in the shim of a container.
                let _ = self.cgroups.leave();
                let _ = run::protect();
                heap::trim();
            }
        }
        let pid = self.running.pid.as_raw_nonzero().get();
        let code = run::exit_code(pid, &self.running.pidfd);
        let exit = Exit {
            code,
            at: Timestamp::now(),
            oom_killed: false,
        };
        self.relay.drain()?;
        self.live.state = State::Exited;
        self.live.process = None;
        self.live.exit = Some(exit);
        // The container may have been removed meanwhile, and its run directory too.
        let _ = self.state.write(&self.live);
        self.die.at = exit.at;
        let code = code.map_or_else(|| "?".to_owned(), |code| code.to_string());
        self.die.attributes.insert("exitCode".into(), code);
        // History is a convenience.
        let _ = events::append(root, &self.die);
        self.relay.dismiss(exit)
    }
}

/// Removes the records of all but the newest ended execs: a health check that runs for
/// a year must not fill the run directory.
fn forget_old(execs: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(execs) else {
        return;
    };
    let mut ended: Vec<(SystemTime, PathBuf)> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path != own)
        .filter_map(|path| {
            let files = ExecPaths {
                directory: path.clone(),
            };
            let at = fs::metadata(files.state()).ok()?.modified().ok()?;
            let live = state::read_file(&files.state()).ok()??;
            (live.state == State::Exited).then_some((at, path))
        })
        .collect();
    if ended.len() <= REMEMBERED {
        return;
    }
    ended.sort();
    for (_, path) in &ended[..ended.len() - REMEMBERED] {
        // What stays is tried again by the next exec.
        let _ = fs::remove_dir_all(path);
    }
}
