//! The shim of a container, from its first start to its last exit.
//!
//! ```text
//! start    record, specification, streams, cgroup, process; live state, then "go"
//! watch    relay, exit, OOM kills, requests
//! finish   output drained, cgroup removed, exit record, live state, event
//! then     wait and start again, or tell the clients and end; --rm: remove it
//! ```
//!
//! What is recorded is recorded before it is told: a client that hears of an exit finds
//! its record on disk.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use oci_spec::runtime::{LinuxNamespaceType, Spec};

use super::{
    Failure,
    face::Inheritance,
    failure::{Describe, chain},
    health::{self, Monitor},
    joined::{self, Joined},
    relay::Relay,
    restart::{self, Backoff},
    run, stdio,
};
use crate::{
    layer::Overlay,
    model::{AttachStreams, ContainerId, Exit, State},
    network::{loopback::Loopback, resolver::Resolver},
    runtime::{
        attach::Frame,
        create::{self, Bundle, Created, Rootfs, Stdio},
        events, logs,
        paths::{ContainerPaths, Root},
        record::ContainerRecord,
        spec,
        state::{self, LiveState},
        store::ContainerStore,
        volumes,
    },
    sys::{
        cgroup::{Cgroup, Cgroups, OomWatch},
        heap, pidfd,
        proc::{self, Identity},
        seccomp::Filter,
    },
};

/// How soon the shim leaves its starter's cgroup, and raises its own protection. Not at
/// once: a program that is done before spares both.
const SETTLES_AFTER: Duration = Duration::from_millis(50);

/// Starts a container and stays with it until its last exit.
pub(super) fn start(inheritance: Inheritance) -> io::Result<()> {
    let Inheritance {
        root,
        id,
        starter,
        alive,
        client,
        network,
        ports,
    } = inheritance;
    let prepared = Shim::new(root, id, alive).and_then(|mut shim| {
        (shim.network, shim.ports) = (network, ports);
        let attach = client
            .map(|client| shim.relay.add_starter(client))
            .transpose()
            .describe("take over the starter's connection")?;
        let run = shim.start(attach)?;
        Ok((shim, run))
    });
    match prepared {
        Ok((shim, run)) => {
            starter.succeed(run.pid);
            shim.event("start", &[]);
            shim.live_on(run)
        }
        Err(failure) => {
            starter.fail(&failure);
            Ok(())
        }
    }
}

/// Takes over a container whose shim has died.
pub(super) fn adopt(inheritance: Inheritance) -> io::Result<()> {
    let Inheritance {
        root,
        id,
        starter,
        alive,
        ..
    } = inheritance;
    let adopted = Shim::new(root, id, alive).and_then(|mut shim| {
        let run = shim.adopt()?;
        Ok((shim, run))
    });
    match adopted {
        Ok((shim, run)) => {
            starter.succeed(run.pid);
            shim.live_on(run)
        }
        Err(failure) => {
            starter.fail(&failure);
            Ok(())
        }
    }
}

/// Where its output is kept, if it is.
fn open_log(record: &ContainerRecord, paths: &ContainerPaths) -> io::Result<Option<logs::Writer>> {
    let asked = &record.config.log;
    let default = logs::Limits::default();
    let limits = logs::Limits {
        file_bytes: asked.max_size_bytes.unwrap_or(default.file_bytes),
        rotated_files: match asked.max_files {
            Some(files) => files.saturating_sub(1),
            None => default.rotated_files,
        },
    };
    let is_kept = asked.driver.is_kept();
    is_kept
        .then(|| logs::Writer::open(&paths.log(), limits))
        .transpose()
}

/// A shim and all that it keeps from one run to the next.
pub(super) struct Shim {
    pub(super) root: Root,
    pub(super) id: ContainerId,
    pub(super) paths: ContainerPaths,
    pub(super) store: ContainerStore,
    pub(super) record: ContainerRecord,
    cgroups: Cgroups,
    state: state::Writer,
    pub(super) live: LiveState,
    pub(super) relay: Relay,
    backoff: Backoff,
    /// The container's network namespace, kept for its restarts.
    pub(super) network: Option<OwnedFd>,
    /// Holds the host's ports that lead there.
    pub(super) ports: Option<OwnedFd>,
    /// Knows the names on its networks.
    pub(super) resolver: Option<Resolver>,
    /// Serves those ports where they can't be redirected.
    pub(super) loopback: Option<Loopback>,
    has_settled: bool,
    /// Its lock is our sign of life.
    _alive: OwnedFd,
}

/// One run of the container's program.
struct Run {
    pid: i32,
    pidfd: OwnedFd,
    cgroup: Option<Cgroup>,
    oom: Option<OomWatch>,
    began: Instant,
    health: Option<Monitor>,
}

impl Shim {
    fn new(root: Root, id: ContainerId, alive: OwnedFd) -> Result<Self, Failure> {
        let paths = root.container(&id);
        let store = ContainerStore::new(root.clone());
        let record = store.load(&id).describe("read the container's record")?;
        let log = open_log(&record, &paths).describe("open the container's log")?;
        Ok(Self {
            relay: Relay::new(&paths.run, log).describe("listen on the control socket")?,
            state: state::Writer::open(paths.state()).describe("open the live state")?,
            cgroups: Cgroups::detect().describe("find the control groups")?,
            live: LiveState {
                state: State::Created,
                boot_id: proc::boot_id().describe("read the id of this boot")?,
                process: None,
                shim_pid: std::process::id() as i32,
                started: None,
                restarts: 0,
                oom_killed: false,
                exit: None,
                error: None,
            },
            root,
            id,
            paths,
            store,
            record,
            backoff: Backoff::default(),
            network: None,
            ports: None,
            resolver: None,
            loopback: None,
            has_settled: false,
            _alive: alive,
        })
    }

    /// Starts the program. If that fails, what was made for it is gone again and the
    /// failure is recorded.
    fn start(&mut self, attach: Option<AttachStreams>) -> Result<Run, Failure> {
        let group = ContainerPaths::cgroup(&self.id);
        let last_started = self.live.started;
        let result = self.try_start(attach);
        if let Err(failure) = &result {
            self.relay.set_streams(Default::default());
            if let Ok(Some(cgroup)) = self.cgroups.open(&group) {
                // The failure itself is what is told; a group that stays is taken over
                // by the next start or removed with the container.
                let _ = cgroup.kill().and_then(|()| cgroup.remove());
            }
            self.live.started = last_started;
            self.record_failure(failure);
        }
        result
    }

    fn try_start(&mut self, attach: Option<AttachStreams>) -> Result<Run, Failure> {
        let overlay = run::overlay(&self.root, &self.record)?;
        let volumes = volumes(&self.root);
        // The sources are held until the container is made.
        let (mut spec, seccomp, _sources) =
            spec::oci_spec(&self.record, &self.paths, &overlay, &volumes)
                .describe("prepare the container")?;
        if let Some(network) = &self.network {
            joined::join(&mut spec, LinuxNamespaceType::Network, network);
        }
        let joined = Joined::open(&self.root, &self.record.config.shared)?;
        joined.write(&mut spec);
        self.open_resolver()?;
        self.open_loopback();
        let seccomp = run::filter(spec.process().as_ref(), &seccomp)?;
        let cgroup = self
            .cgroups
            .create(&ContainerPaths::cgroup(&self.id))
            .describe("make the control group")?;
        if let Some(resources) = spec.linux().as_ref().and_then(|l| l.resources().as_ref()) {
            cgroup.apply(resources).describe("set the limits")?;
        }
        // Without the memory controller there is nothing to watch.
        let oom = cgroup.oom_watch().ok();
        let created = self.create(&spec, overlay, joined, seccomp, &cgroup, attach)?;

        self.live = LiveState {
            state: State::Running,
            process: Identity::of(created.pid(), created.pidfd()).ok(),
            started: Some(Timestamp::now()),
            oom_killed: false,
            error: None,
            ..self.live.clone()
        };
        // Before the program runs: were we killed between the two, the next command
        // would find a process that nobody recorded.
        self.write_state();
        let running = created.start().describe("start the program")?;
        if let Some(master) = running.terminal {
            let streams = stdio::terminal(master).describe("set up the terminal")?;
            self.relay.set_streams(streams);
        }
        Ok(Run {
            pid: running.pid.as_raw_nonzero().get(),
            pidfd: running.pidfd,
            cgroup: Some(cgroup),
            oom,
            began: Instant::now(),
            health: Monitor::begin(&self.record, &self.paths, self.began()),
        })
    }

    /// Makes the process with its streams; it waits before its execve.
    fn create(
        &mut self,
        spec: &Spec,
        overlay: Overlay,
        mut joined: Joined,
        seccomp: Option<Filter>,
        cgroup: &Cgroup,
        attach: Option<AttachStreams>,
    ) -> Result<Created, Failure> {
        let bundle = Bundle {
            id: self.id.as_str(),
            spec,
            dir: self.paths.data.clone(),
            rootfs: Rootfs::Overlay(overlay),
            trees: joined.take_trees(),
            seccomp,
            init: self.record.config.init,
        };
        let create = |stdio| create::create(bundle, Some(cgroup), stdio);
        if self.record.config.tty {
            let size = attach.and_then(|attach| attach.size);
            return create(Stdio::Terminal { size }).describe("create the container");
        }
        let (ends, streams) = stdio::fifos(&self.paths, self.record.config.open_stdin)
            .describe("make the container's streams")?;
        self.relay.set_streams(streams);
        create(ends.into()).describe("create the container")
    }

    /// Takes over what runs.
    fn adopt(&mut self) -> Result<Run, Failure> {
        let live = state::read(&self.paths)
            .describe("read the live state")?
            .ok_or_else(|| Failure::internal("the container has no live state"))?;
        let process = live
            .process
            .clone()
            .ok_or_else(|| Failure::internal("the container has no process"))?;
        let pidfd = process
            .open()
            .describe("open the container's process")?
            .ok_or_else(|| Failure::internal("the container's process has ended"))?;
        let streams = stdio::reopen(&self.paths).describe("open the container's streams")?;
        self.relay.set_streams(streams);
        let cgroup = self
            .cgroups
            .open(&ContainerPaths::cgroup(&self.id))
            .describe("open the control group")?;
        let pid = process.pid;
        self.live = LiveState {
            shim_pid: std::process::id() as i32,
            ..live
        };
        self.write_state();
        self.keep_network(pid);
        self.adopt_network();
        Ok(Run {
            pid,
            pidfd,
            oom: cgroup.as_ref().and_then(|cgroup| cgroup.oom_watch().ok()),
            cgroup,
            // Only its length up to ten seconds matters, and adoption came later.
            began: Instant::now(),
            health: Monitor::resume(&self.record, &self.paths, self.began()),
        })
    }

    /// When this run began.
    fn began(&self) -> Timestamp {
        self.live.started.unwrap_or_else(Timestamp::now)
    }

    /// The shim's life after the first start: runs, waits and restarts.
    fn live_on(mut self, mut run: Run) -> io::Result<()> {
        loop {
            self.keep_network(run.pid);
            self.watch(&mut run)?;
            let lasted = run.began.elapsed();
            let exit = self.finish(run)?;
            let stopped = self.paths.stopped().exists();
            // Its policy may have been changed meanwhile.
            if let Ok(record) = self.store.load(&self.id) {
                self.record = record;
            }
            let again = restart::restarts(
                self.record.config.restart,
                exit.code,
                self.live.restarts,
                stopped,
            );
            if !again {
                return self.end(exit);
            }
            self.record_exit(exit, State::Restarting);
            self.relay.dismiss(exit)?;
            let wait = self.backoff.after(lasted);
            match self.restart_after(wait)? {
                Some(next) => run = next,
                None => return self.end(exit),
            }
        }
    }

    /// Serves until the process has ended.
    fn watch(&mut self, run: &mut Run) -> io::Result<()> {
        let settle_at = Instant::now() + SETTLES_AFTER;
        loop {
            let oom = run.oom.as_ref().map(AsFd::as_fd);
            let resolver = self.resolver.as_ref().map(Resolver::fd);
            let loopback = self.loopback.as_ref().map(Loopback::fd);
            let mut watched: Vec<BorrowedFd<'_>> = vec![run.pidfd.as_fd()];
            watched.extend(oom);
            let resolver_at = resolver.map(|_| watched.len());
            watched.extend(resolver);
            let loopback_at = loopback.map(|_| watched.len());
            watched.extend(loopback);
            let has_oom = oom.is_some();
            let is_paused = self.live.state == State::Paused;
            let mut health = None;
            if let Some(monitor) = &run.health {
                watched.extend(monitor.watched());
                health = monitor.deadline(is_paused);
            }
            let settle = (!self.has_settled).then_some(settle_at);
            let until = [settle, health].into_iter().flatten().min();
            let turn = self.relay.turn(&watched, until)?;
            if resolver_at.is_some_and(|at| turn.ready[at])
                && let Some(resolver) = &mut self.resolver
            {
                resolver.serve();
            }
            if loopback_at.is_some_and(|at| turn.ready[at])
                && let Some(loopback) = &mut self.loopback
            {
                loopback.serve();
            }
            if has_oom && turn.ready[1] {
                self.note_oom(run);
            }
            for (client, request) in turn.requests {
                let result = self.serve(run, &request);
                self.relay.answer(client, result);
            }
            if turn.ready[0] {
                return Ok(());
            }
            self.check_health(run);
            if !self.has_settled && Instant::now() >= settle_at {
                self.settle();
            }
        }
    }

    /// What the shim does for its own long life, once that it will be long.
    fn settle(&mut self) {
        self.has_settled = true;
        // Each is a protection and none a need: where it is not allowed (a nested
        // container, no CAP_SYS_RESOURCE) the shim lives without.
        let _ = self.cgroups.leave();
        let _ = run::protect();
        heap::trim();
    }

    /// Does what is due of its health checks.
    fn check_health(&mut self, run: &mut Run) {
        let Some(mut monitor) = run.health.take() else {
            return;
        };
        let told = monitor.turn(self.live.state == State::Paused, |config| {
            let overlay = run::overlay(&self.root, &self.record)?;
            let init = (run.pid, &run.pidfd);
            let cgroup = run.cgroup.as_ref();
            health::start(&self.record, &self.paths, &overlay, cgroup, init, config)
        });
        run.health = Some(monitor);
        for event in told {
            self.event(&event.action, &event.details);
        }
    }

    fn serve(&mut self, run: &mut Run, request: &Frame) -> Result<(), String> {
        let cgroup = || run.cgroup.as_ref().ok_or("it has no control group");
        match request {
            Frame::Signal(number) => {
                pidfd::send_signal(&run.pidfd, *number).map_err(|e| e.to_string())
            }
            Frame::Pause if self.live.state == State::Paused => Err("it is paused already".into()),
            Frame::Pause => {
                cgroup()?.freeze().map_err(|e| chain(&e))?;
                self.live.state = State::Paused;
                self.write_state();
                self.event("pause", &[]);
                Ok(())
            }
            Frame::Unpause if self.live.state != State::Paused => Err("it is not paused".into()),
            Frame::Unpause => {
                cgroup()?.thaw().map_err(|e| chain(&e))?;
                self.live.state = State::Running;
                self.write_state();
                if let Some(monitor) = &mut run.health {
                    monitor.thawed();
                }
                self.event("unpause", &[]);
                Ok(())
            }
            // Nothing waits: it runs. Its networks may have changed.
            Frame::Settle => self.open_resolver().map_err(|failure| failure.message),
            Frame::Check => match &mut run.health {
                Some(_) if self.live.state == State::Paused => Err("it is paused".into()),
                Some(monitor) => {
                    monitor.hurry();
                    Ok(())
                }
                None => Err("it has no health check".into()),
            },
            _ => Err("that is no request to a shim".into()),
        }
    }

    fn note_oom(&mut self, run: &mut Run) {
        let Some(oom) = &run.oom else { return };
        match oom.kills() {
            Ok(0) => {}
            Ok(_) if self.live.oom_killed => {}
            Ok(_) => {
                self.live.oom_killed = true;
                self.write_state();
                self.event("oom", &[]);
            }
            // The group is gone, and its counter with it.
            Err(_) => run.oom = None,
        }
    }

    /// After the end of the process: its last output, its exit, its cgroup.
    fn finish(&mut self, mut run: Run) -> io::Result<Exit> {
        let code = run::exit_code(run.pid, &run.pidfd);
        let at = Timestamp::now();
        if let Some(monitor) = run.health.take() {
            monitor.finish();
        }
        self.relay.drain()?;
        self.note_oom(&mut run);
        if let Some(cgroup) = run.cgroup.take() {
            // All of its processes died with its first, unless one came in by another
            // way. What can't be removed now is removed with the container.
            if cgroup.remove().is_err() {
                let _ = cgroup.kill().and_then(|()| cgroup.remove());
            }
        }
        self.live.process = None;
        let exit = Exit {
            code,
            at,
            oom_killed: self.live.oom_killed,
        };
        let shown = code.map_or_else(|| "?".to_owned(), |code| code.to_string());
        self.event("die", &[("exitCode", shown)]);
        Ok(exit)
    }

    /// Waits and starts again. `None` if the user wants it stopped, or if it can't be
    /// started.
    fn restart_after(&mut self, wait: Duration) -> io::Result<Option<Run>> {
        let at = Instant::now() + wait;
        while Instant::now() < at && !self.paths.stopped().exists() {
            let turn = self.relay.turn(&[], Some(at))?;
            for (client, request) in turn.requests {
                let result = match request {
                    // The loop looks for the user's wish again.
                    Frame::Settle => Ok(()),
                    _ => Err("it is not running".into()),
                };
                self.relay.answer(client, result);
            }
        }
        if self.paths.stopped().exists() {
            return Ok(None);
        }
        self.live.restarts += 1;
        // The failure is recorded, and the policy ends with it, as docker's does.
        let Ok(run) = self.start(None) else {
            return Ok(None);
        };
        self.event("start", &[]);
        Ok(Some(run))
    }

    /// The live state takes no new room on a disk once it exists; should it fail, the
    /// next command finds the state before, and the process's end by itself.
    pub(super) fn write_state(&mut self) {
        let _ = self.state.write(&self.live);
    }

    /// Tells those who follow events; history is a convenience and may fail.
    pub(super) fn event(&self, action: &str, details: &[(&str, String)]) {
        // It may have been renamed, and it may be gone.
        let now = self.store.load(&self.id).ok();
        let record = now.as_ref().unwrap_or(&self.record);
        let event = events::of_container(record, action, details);
        let _ = events::append(&self.root, &event);
    }
}
