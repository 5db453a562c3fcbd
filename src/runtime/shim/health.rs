//! The health checks of a run: when the next is due, the one that runs, and what they
//! said. A check is one more process in the container, with the container's confinement
//! and in its groups; the shim starts it, reads its output and ends it in time, in its
//! one loop. Where it stands is a file in the run directory, which the next shim goes on
//! from.

use std::{
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use nix::{sys::signal, unistd::Pid};
use serde::{Deserialize, Serialize};

use super::{Failure, exec, failure::Describe, run, stdio};
use crate::{
    layer::Overlay,
    model::{ExecConfig, ExecId, HEALTH_OUTPUT_BYTES, Health, HealthCheck, HealthResult},
    runtime::{
        create::{self, ExecRequest, Running},
        paths::ContainerPaths,
        record::ContainerRecord,
        spec,
    },
    sys::{
        cgroup::Cgroup,
        fs::{Durability, write_atomically},
        proc::Identity,
    },
};

/// What the file in the run directory holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// Where it stands.
    pub health: Health,
    /// The check that runs, so that one whose shim died can be ended.
    #[serde(default)]
    pub running: Option<Identity>,
}

/// The checks of one run.
pub(super) struct Monitor {
    check: HealthCheck,
    argv: Vec<String>,
    started: Timestamp,
    record: HealthRecord,
    path: std::path::PathBuf,
    next: Instant,
    probe: Option<Probe>,
}

/// One check that runs.
struct Probe {
    exec: ExecId,
    running: Running,
    output: OwnedFd,
    text: Vec<u8>,
    has_output: bool,
    began: Timestamp,
    deadline: Instant,
    is_late: bool,
}

/// Something that those who follow events are told.
pub(super) struct Told {
    pub action: String,
    pub details: Vec<(&'static str, String)>,
}

impl Told {
    fn about(action: String, exec: &ExecId) -> Self {
        Self {
            action,
            details: vec![("execID", exec.to_string())],
        }
    }
}

impl Monitor {
    /// Of a run that begins; `None` if nothing is to be checked.
    pub fn begin(
        record: &ContainerRecord,
        paths: &ContainerPaths,
        started: Timestamp,
    ) -> Option<Self> {
        let mut monitor = Self::new(record, paths, started, HealthRecord::default())?;
        monitor.plan(Duration::ZERO);
        Some(monitor)
    }

    /// Of a run whose shim has died: goes on from where that was. A check of it that may
    /// still run, and that nobody would end in time, is ended.
    pub fn resume(
        record: &ContainerRecord,
        paths: &ContainerPaths,
        started: Timestamp,
    ) -> Option<Self> {
        let known = read(paths).unwrap_or_default();
        if let Some(left) = &known.running
            && let Ok(Some(pidfd)) = left.open()
        {
            // It may end by itself just now.
            let _ = crate::sys::pidfd::send_signal(&pidfd, libc::SIGKILL);
        }
        let mut monitor = Self::new(record, paths, started, known)?;
        monitor.record.running = None;
        let running = Timestamp::now().duration_since(started);
        monitor.plan(Duration::try_from(running).unwrap_or_default());
        Some(monitor)
    }

    fn new(
        record: &ContainerRecord,
        paths: &ContainerPaths,
        started: Timestamp,
        known: HealthRecord,
    ) -> Option<Self> {
        let check = record.config.health.clone()?;
        Some(Self {
            argv: check.argv()?,
            check,
            started,
            record: known,
            path: paths.health(),
            next: Instant::now(),
            probe: None,
        })
    }

    /// When the loop must look at it again; never while it is frozen.
    pub fn deadline(&self, is_paused: bool) -> Option<Instant> {
        match &self.probe {
            _ if is_paused => None,
            Some(probe) if probe.is_late => None,
            Some(probe) => Some(probe.deadline),
            None => Some(self.next),
        }
    }

    /// What the loop must wait for: the process and, until its end, its output.
    pub fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let probe = self.probe.as_ref();
        let process = probe.map(|probe| probe.running.pidfd.as_fd());
        let output = probe.filter(|probe| probe.has_output);
        process
            .into_iter()
            .chain(output.map(|probe| probe.output.as_fd()))
    }

    /// The next check is due now. Whether one is awaited already.
    pub fn hurry(&mut self) {
        self.next = Instant::now();
    }

    /// A frozen container's check has all its time once that goes on.
    pub fn thawed(&mut self) {
        if let Some(probe) = &mut self.probe {
            probe.deadline = Instant::now() + self.check.patience();
        }
    }

    /// Does what is due. `start` makes the process of a check.
    pub fn turn(
        &mut self,
        is_paused: bool,
        start: impl FnOnce(&ExecConfig) -> Result<(Running, OwnedFd), Failure>,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        let now = Instant::now();
        if let Some(probe) = &mut self.probe {
            probe.read();
            if probe.has_ended() {
                self.end(&mut told);
            } else if now >= probe.deadline && !is_paused && !probe.is_late {
                probe.is_late = true;
                probe.kill();
            }
            return told;
        }
        if is_paused || now < self.next {
            return told;
        }
        self.start(start, &mut told);
        told
    }

    fn start(
        &mut self,
        start: impl FnOnce(&ExecConfig) -> Result<(Running, OwnedFd), Failure>,
        told: &mut Vec<Told>,
    ) {
        let mut random = [0; 32];
        // Without randomness the id is only less unique.
        let _ = getrandom::fill(&mut random);
        let exec = ExecId::from_bytes(&random);
        let command = self.argv.join(" ");
        told.push(Told::about(format!("exec_create: {command}"), &exec));
        told.push(Told::about(format!("exec_start: {command}"), &exec));
        let config = ExecConfig {
            argv: self.argv.clone(),
            ..ExecConfig::default()
        };
        let began = Timestamp::now();
        match start(&config) {
            Ok((running, output)) => {
                self.record.running = Identity::of(running.pid, &running.pidfd).ok();
                self.record.health.next = None;
                self.probe = Some(Probe {
                    exec,
                    running,
                    output,
                    text: Vec::new(),
                    has_output: true,
                    began,
                    deadline: Instant::now() + self.check.patience(),
                    is_late: false,
                });
                self.write();
            }
            // Its program is not there, for one: as docker has it, that is a failure of
            // the check, and no other is better.
            Err(failure) => {
                let result = HealthResult {
                    start: began,
                    end: Timestamp::now(),
                    exit_code: -1,
                    output: failure.message,
                };
                self.note(result, told);
            }
        }
    }

    /// Takes the result of the check that ended.
    fn end(&mut self, told: &mut Vec<Told>) {
        let Some(mut probe) = self.probe.take() else {
            return;
        };
        probe.read();
        let code = run::exit_code(
            probe.running.pid.as_raw_nonzero().get(),
            &probe.running.pidfd,
        );
        let shown = code.map_or_else(|| "?".to_owned(), |code| code.to_string());
        let mut die = Told::about("exec_die".into(), &probe.exec);
        die.details.push(("exitCode", shown));
        told.push(die);
        let mut output = String::from_utf8_lossy(&probe.text).into_owned();
        let mut exit_code = code.unwrap_or(-1);
        if probe.is_late {
            exit_code = -1;
            let patience = self.check.patience().as_secs_f64();
            let late = format!("Health check exceeded timeout ({patience}s)");
            output = match output.trim_end() {
                "" => late,
                said => format!("{late}: {said}"),
            };
        }
        let result = HealthResult {
            start: probe.began,
            end: Timestamp::now(),
            exit_code,
            output,
        };
        self.record.running = None;
        self.note(result, told);
    }

    fn note(&mut self, result: HealthResult, told: &mut Vec<Told>) {
        let running = result.end.duration_since(self.started);
        if self.record.health.note(result, &self.check, self.started) {
            told.push(Told {
                action: format!("health_status: {}", self.record.health.status),
                details: Vec::new(),
            });
        }
        self.plan(Duration::try_from(running).unwrap_or_default());
    }

    /// Plans the next check of a container that has run so long.
    fn plan(&mut self, running: Duration) {
        let pause = self.check.pause(running, self.record.health.status);
        self.next = Instant::now() + pause;
        self.record.health.next = Timestamp::now().checked_add(pause).ok();
        self.write();
    }

    /// Without room on the disk it stands where it stood for others, and goes on.
    fn write(&self) {
        let json = serde_json::to_vec(&self.record).expect("a health record has no map");
        let _ = write_atomically(&self.path, &json, Durability::Unsynced);
    }

    /// The run has ended, and a check of it with it: nothing more will come.
    pub fn finish(mut self) {
        if let Some(probe) = self.probe.take() {
            probe.kill();
            // The kernel ended it with the container; were it not yet so, it is reaped
            // with this process.
            let _ = run::exit_code(
                probe.running.pid.as_raw_nonzero().get(),
                &probe.running.pidfd,
            );
        }
        self.record.running = None;
        self.record.health.next = None;
        self.write();
    }
}

impl Probe {
    /// Takes what it wrote; what is too much is thrown away, so that it never waits.
    fn read(&mut self) {
        let mut chunk = [0; 4096];
        while self.has_output {
            let Ok(output) = self.output.try_clone() else {
                return;
            };
            match std::fs::File::from(output).read(&mut chunk) {
                Ok(0) => self.has_output = false,
                Ok(read) => {
                    let room = HEALTH_OUTPUT_BYTES.saturating_sub(self.text.len());
                    self.text.extend_from_slice(&chunk[..read.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.has_output = false,
            }
        }
    }

    /// Whether its process is done; what that left behind may hold the output open.
    fn has_ended(&self) -> bool {
        crate::sys::pidfd::wait_exit(&self.running.pidfd, Some(Duration::ZERO)).unwrap_or(true)
    }

    /// Ends it and what it started: it leads a session of its own, and as nobody has
    /// reaped it, its number is nobody else's.
    fn kill(&self) {
        let leader = Pid::from_raw(self.running.pid.as_raw_nonzero().get());
        let _ = signal::killpg(leader, signal::Signal::SIGKILL);
    }
}

/// Where a container's checks stand; nothing before the first start.
pub fn read(paths: &ContainerPaths) -> Option<HealthRecord> {
    let text = std::fs::read(paths.health()).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Makes the process of a check in a container that runs.
pub(super) fn start(
    record: &ContainerRecord,
    paths: &ContainerPaths,
    overlay: &Overlay,
    cgroup: Option<&Cgroup>,
    init: (i32, &OwnedFd),
    config: &ExecConfig,
) -> Result<(Running, OwnedFd), Failure> {
    let process = spec::oci_exec(record, paths, config, overlay).describe("prepare the check")?;
    let seccomp = run::filter(Some(&process), &spec::seccomp(&record.config))?;
    let (ends, output) = stdio::one_pipe().describe("make the check's streams")?;
    let init_pid = rustix::process::Pid::from_raw(init.0)
        .ok_or_else(|| Failure::internal("the container has no process"))?;
    let created = create::exec(ExecRequest {
        init_pid,
        init_pidfd: init.1.as_fd(),
        spec: &exec::namespaces_of(record),
        preserved: 0,
        process: &process,
        seccomp,
        cgroup,
        stdio: ends.into(),
    })
    .describe("run the check")?;
    let running = created.start().describe("run the check")?;
    Ok((running, output))
}
