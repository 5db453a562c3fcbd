//! Runs a command of wharf under ptrace with everything that it starts, counts system
//! calls of the victim and kills it at a given one.
//!
//! The container's own program is let go as soon as it is executed. All calls to the
//! kernel about a tracee come from the thread that traces it; waiting with `__WNOTHREAD`
//! keeps tests that run side by side apart.

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::support::{
    Sandbox, eventually,
    process::{DEADLINE, status_field},
};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The command that the user typed.
    Command,
    /// The shim of the container or of the exec.
    Shim,
    /// Both at the same time.
    Both,
}

impl Victim {
    /// In the order of the sweep.
    pub const ALL: [Self; 3] = [Self::Command, Self::Shim, Self::Both];
}

/// What happened in one run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The phase at each system call of the victim, in order.
    pub phases: Vec<String>,
    /// The phase in which the victim was killed, if the run got that far.
    pub killed_in: Option<String>,
}

/// Runs wharf with `arguments` and kills `victim` when it enters its `n`-th system call.
pub fn run(sandbox: &Sandbox, arguments: &[&str], victim: Victim, n: usize) -> Outcome {
    Tracer::start(sandbox, arguments, victim).follow(|count, _| count == n)
}

/// The same, killed as soon as it is in `phase`.
pub fn run_until_phase(
    sandbox: &Sandbox,
    arguments: &[&str],
    victim: Victim,
    phase: &str,
) -> Outcome {
    Tracer::start(sandbox, arguments, victim).follow(|_, now| now == phase)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The shell that becomes the command.
    Starter,
    Command,
    Shim,
    /// Forked and not yet executing something of its own: a container's first steps.
    Child,
}

struct Tracee {
    group: i32,
    /// Between entry and exit of a system call.
    in_call: bool,
}

struct Tracer {
    victim: Victim,
    command: i32,
    /// The child's handle; reaped by the tracer, so never waited for.
    _child: std::process::Child,
    roles: BTreeMap<i32, Role>,
    tracees: BTreeMap<i32, Tracee>,
    phase: String,
    outcome: Outcome,
}

fn options() -> Options {
    Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
}

impl Tracer {
    fn start(sandbox: &Sandbox, arguments: &[&str], victim: Victim) -> Self {
        // Stopped until it is traced, so that not one system call is missed.
        let wharf = sandbox.command(arguments);
        let mut command = std::process::Command::new("/bin/sh");
        command
            .args(["-c", "kill -STOP $$; exec \"$@\"", "sh"])
            .arg(wharf.get_program())
            .args(wharf.get_args())
            .env_clear()
            .envs(wharf.get_envs().filter_map(|(k, v)| Some((k, v?))))
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        // Shims that run already take part in stop, update and rm.
        let shims: Vec<i32> = shims_of(sandbox);
        let child = command.spawn().unwrap();
        let pid = child.id() as i32;
        eventually("the command waits", || {
            status_field(pid, "State").is_some_and(|s| s.starts_with('T'))
        });
        let mut tracer = Self {
            victim,
            command: pid,
            _child: child,
            roles: BTreeMap::from([(pid, Role::Starter)]),
            tracees: BTreeMap::new(),
            phase: "its start".into(),
            outcome: Outcome::default(),
        };
        for shim in shims {
            tracer.seize(shim);
            tracer.roles.insert(shim, Role::Shim);
            // Makes it stop, from where it is resumed to its next system call.
            ptrace::interrupt(Pid::from_raw(shim)).unwrap();
        }
        tracer.seize(pid);
        kill(Pid::from_raw(pid), Signal::SIGCONT).unwrap();
        tracer
    }

    fn seize(&mut self, pid: i32) {
        ptrace::seize(Pid::from_raw(pid), options()).unwrap();
        self.tracees.insert(
            pid,
            Tracee {
                group: pid,
                in_call: false,
            },
        );
    }

    /// Until the command has ended, or `is_due` for the victim's count and phase.
    fn follow(mut self, is_due: impl Fn(usize, &str) -> bool) -> Outcome {
        loop {
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) => {
                    let pid = pid.as_raw();
                    self.tracees.remove(&pid);
                    if pid == self.command {
                        break;
                    }
                }
                Ok(WaitStatus::PtraceSyscall(pid)) => {
                    if self.syscall(pid, &is_due) {
                        self.kill_victim();
                        break;
                    }
                    resume(pid, None);
                }
                Ok(WaitStatus::PtraceEvent(pid, _, event)) => self.event(pid, event),
                Ok(WaitStatus::Stopped(pid, signal)) => {
                    self.adopt(pid.as_raw());
                    resume(pid, Some(signal));
                }
                Ok(_) | Err(Errno::EINTR | Errno::EINVAL) => {}
                Err(Errno::ECHILD) => break,
                Err(e) => panic!("waitpid: {e}"),
            }
        }
        self.release();
        self.outcome
    }

    /// A tracee entered or left a system call; whether the victim is due.
    fn syscall(&mut self, pid: Pid, is_due: &impl Fn(usize, &str) -> bool) -> bool {
        self.adopt(pid.as_raw());
        let Some(tracee) = self.tracees.get_mut(&pid.as_raw()) else {
            return false;
        };
        tracee.in_call = !tracee.in_call;
        let role = self.roles.get(&tracee.group).copied();
        let counts = match self.victim {
            Victim::Command => role == Some(Role::Command),
            Victim::Shim => role == Some(Role::Shim),
            Victim::Both => matches!(role, Some(Role::Command | Role::Shim | Role::Child)),
        };
        if !counts {
            return false;
        }
        let Ok(registers) = ptrace::getregs(pid) else {
            return false;
        };
        if tracee.in_call {
            self.outcome.phases.push(self.phase.clone());
            if is_due(self.outcome.phases.len(), &self.phase) {
                self.outcome.killed_in = Some(self.phase.clone());
                return true;
            }
        } else if (registers.rax as i64) >= 0 {
            // Done: from here on the world is another.
            if let Some(name) = changing(registers.orig_rax as i64, registers.rdx) {
                self.phase = name.into();
            }
        }
        false
    }

    fn event(&mut self, pid: Pid, event: i32) {
        self.adopt(pid.as_raw());
        self.adopt_child(pid, event);
        if event == libc::PTRACE_EVENT_EXEC {
            let raw = pid.as_raw();
            let name = fs::read(format!("/proc/{raw}/cmdline")).unwrap_or_default();
            let name = String::from_utf8_lossy(name.split(|b| *b == 0).next().unwrap_or_default())
                .into_owned();
            let name = name.rsplit('/').next().unwrap_or_default();
            let role = if raw == self.command {
                Some(Role::Command)
            } else if name.starts_with("wharf") {
                Some(Role::Shim)
            } else {
                None
            };
            match role {
                Some(role) => {
                    self.roles.insert(raw, role);
                    // The exit of the execve is still to come.
                    if let Some(tracee) = self.tracees.get_mut(&raw) {
                        tracee.in_call = true;
                    }
                }
                None => {
                    // The container's own program.
                    self.phase = "execve of the container's program".into();
                    self.tracees.remove(&raw);
                    // It may have been killed at this very moment.
                    let _ = ptrace::detach(pid, None);
                    return;
                }
            }
        }
        resume(pid, None);
    }

    /// Learns of a thread or process that the kernel attached by itself.
    fn adopt(&mut self, pid: i32) {
        if self.tracees.contains_key(&pid) {
            return;
        }
        let Some(group) = status_field(pid, "Tgid").and_then(|g| g.parse().ok()) else {
            return;
        };
        self.roles.entry(group).or_insert(Role::Child);
        self.tracees.insert(
            pid,
            Tracee {
                group,
                in_call: false,
            },
        );
    }

    /// Lets go of those that stopped without a report that could be read, asks the others
    /// once more, and forgets those that are gone.
    fn nudge(&mut self) {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::WNOHANG;
        self.tracees.retain(|raw, _| {
            let pid = Pid::from_raw(*raw);
            match status_field(*raw, "State")
                .unwrap_or_default()
                .chars()
                .next()
            {
                None => false,
                Some('t') => ptrace::detach(pid, None).is_err(),
                Some('Z' | 'X') => matches!(waitpid(pid, Some(flags)), Ok(WaitStatus::StillAlive)),
                Some(_) => {
                    // Not stopped yet, or about to end.
                    let _ = ptrace::interrupt(pid);
                    true
                }
            }
        });
    }

    /// Whether there are tracees that we were never told of: children of one that was
    /// killed before it could report their birth. They are known from here on.
    fn finds_unknown(&mut self) -> bool {
        let own = nix::unistd::gettid().to_string();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let pid = entry.file_name().to_str().and_then(|n| n.parse().ok());
            if let Some(pid) = pid
                && status_field(pid, "TracerPid").as_ref() == Some(&own)
            {
                self.adopt(pid);
            }
        }
        !self.tracees.is_empty()
    }

    /// The child of a clone is attached by the kernel and stops: it must be known, or it
    /// would stay stopped for ever where we end before its first report.
    fn adopt_child(&mut self, parent: Pid, event: i32) {
        let clones = [
            libc::PTRACE_EVENT_FORK,
            libc::PTRACE_EVENT_VFORK,
            libc::PTRACE_EVENT_CLONE,
        ];
        if clones.contains(&event)
            && let Ok(child) = ptrace::getevent(parent)
        {
            self.adopt(child as i32);
        }
    }

    fn kill_victim(&self) {
        for (group, role) in &self.roles {
            let dies = match self.victim {
                Victim::Command => *role == Role::Command,
                Victim::Shim => *role == Role::Shim,
                Victim::Both => matches!(role, Role::Command | Role::Shim),
            };
            if dies {
                // It may have ended before.
                let _ = kill(Pid::from_raw(*group), Signal::SIGKILL);
            }
        }
    }

    /// Lets everything that still lives run on by itself, and reaps what was killed.
    fn release(&mut self) {
        for pid in self.tracees.keys() {
            // A dead one can't be interrupted; its end is waited for below.
            let _ = ptrace::interrupt(Pid::from_raw(*pid));
        }
        // With only the shim killed, the command goes on to its end untraced.
        let mut command_lives = status_field(self.command, "State").is_some();
        let end = Instant::now() + DEADLINE;
        while !self.tracees.is_empty() || command_lives || self.finds_unknown() {
            assert!(
                Instant::now() < end,
                "never ended: {:?}",
                self.tracees
                    .keys()
                    .map(|pid| (pid, status_field(*pid, "State"), status_field(*pid, "Name")))
                    .collect::<Vec<_>>()
            );
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD | WaitPidFlag::WNOHANG;
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _)) => {
                    self.tracees.remove(&pid.as_raw());
                    if pid.as_raw() == self.command {
                        command_lives = false;
                    }
                }
                Ok(WaitStatus::PtraceEvent(pid, _, event)) => {
                    self.adopt_child(pid, event);
                    let _ = ptrace::detach(pid, None);
                    self.tracees.remove(&pid.as_raw());
                }
                Ok(WaitStatus::PtraceSyscall(pid)) => {
                    let _ = ptrace::detach(pid, None);
                    self.tracees.remove(&pid.as_raw());
                }
                Ok(WaitStatus::Stopped(pid, signal)) => {
                    let _ = ptrace::detach(pid, signal);
                    self.tracees.remove(&pid.as_raw());
                }
                Ok(WaitStatus::StillAlive) => {
                    // Threads that an execve of another thread ended are not reported.
                    self.nudge();
                    thread::sleep(Duration::from_millis(1));
                }
                Ok(_) | Err(Errno::EINTR | Errno::EINVAL) => {}
                Err(Errno::ECHILD) => break,
                Err(e) => panic!("waitpid: {e}"),
            }
        }
    }
}

fn resume(pid: Pid, signal: Option<Signal>) {
    // ESRCH: killed meanwhile; its end is reported by the next wait.
    let _ = ptrace::syscall(pid, signal);
}

fn shims_of(sandbox: &Sandbox) -> Vec<i32> {
    let list = sandbox.ok(&["ps", "-q"]);
    list.lines().map(|id| sandbox.shim(id)).collect()
}

/// The name of a system call that changes something outside its process.
fn changing(number: i64, third: u64) -> Option<&'static str> {
    Some(match number {
        libc::SYS_openat if third & libc::O_CREAT as u64 != 0 => "openat(O_CREAT)",
        libc::SYS_mkdir | libc::SYS_mkdirat => "mkdir",
        libc::SYS_rmdir => "rmdir",
        libc::SYS_unlink | libc::SYS_unlinkat => "unlink",
        libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => "rename",
        libc::SYS_symlink | libc::SYS_symlinkat => "symlink",
        libc::SYS_link | libc::SYS_linkat => "link",
        libc::SYS_mknod | libc::SYS_mknodat => "mknod",
        libc::SYS_write | libc::SYS_writev => "write",
        libc::SYS_pwrite64 => "pwrite",
        libc::SYS_fsync | libc::SYS_fdatasync => "fsync",
        libc::SYS_ftruncate => "ftruncate",
        libc::SYS_flock => "flock",
        libc::SYS_fork | libc::SYS_vfork | libc::SYS_clone | libc::SYS_clone3 => "clone",
        libc::SYS_execve | libc::SYS_execveat => "execve",
        libc::SYS_mount => "mount",
        libc::SYS_umount2 => "umount",
        libc::SYS_fsmount => "fsmount",
        libc::SYS_open_tree => "open_tree",
        libc::SYS_move_mount => "move_mount",
        libc::SYS_mount_setattr => "mount_setattr",
        libc::SYS_pivot_root => "pivot_root",
        libc::SYS_setns => "setns",
        libc::SYS_unshare => "unshare",
        libc::SYS_bind => "bind",
        libc::SYS_connect => "connect",
        libc::SYS_sendto | libc::SYS_sendmsg => "send",
        libc::SYS_kill | libc::SYS_tgkill | libc::SYS_pidfd_send_signal => "kill",
        libc::SYS_wait4 | libc::SYS_waitid => "wait",
        _ => return None,
    })
}
