//! The program of a container or an exec: read from the specification by the parent,
//! put on by the child.

use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use oci_spec::runtime::{
    Capability, IOPriorityClass, LinuxCapabilities, LinuxPersonalityDomain, LinuxSchedulerFlag,
    LinuxSchedulerPolicy, PosixRlimitType, Process, Scheduler, Spec,
};
use rustix::fs::OFlags;
use rustix::process::{Gid, Pid, Resource, Rlimit, Uid, prlimit};

use crate::model::TerminalSize;
use crate::sys::beneath;
use crate::sys::capability::{self, Set, Sets};
use crate::sys::exec::Strings;
use crate::sys::process::{ArgumentArea, Scheduling};
use crate::sys::seccomp::Filter;

use super::error::{Error, Result, Trying};
use super::hooks;
use super::mounts::{c_path, c_text};

/// Where the program's standard streams lead.
#[derive(Debug)]
pub enum Stdio {
    /// Descriptors of the caller.
    Pipes {
        /// Standard input.
        stdin: OwnedFd,
        /// Standard output.
        stdout: OwnedFd,
        /// Standard error.
        stderr: OwnedFd,
    },
    /// A new terminal of the container's own devpts.
    Terminal {
        /// Its first size.
        size: Option<TerminalSize>,
    },
}

/// All that the last steps before execve need.
#[derive(Debug)]
pub(super) struct Plan {
    /// The first argument, for an error's words.
    pub command: String,
    /// Where the program may be, in the order of PATH.
    pub candidates: Vec<CString>,
    pub args: Strings,
    pub env: Strings,
    pub cwd: CString,
    pub uid: Uid,
    pub gid: Gid,
    pub groups: Vec<Gid>,
    pub umask: u32,
    pub capabilities: Sets,
    pub no_new_privileges: bool,
    pub seccomp: Option<Filter>,
    pub oom_score_adj: Option<String>,
    pub personality: Option<u64>,
    pub scheduling: Option<Scheduling>,
    pub io_priority: Option<i32>,
    pub rlimits: Vec<(Resource, Rlimit)>,
    pub stdio: PlannedStdio,
    /// Descriptors from 3 on that the program inherits.
    pub preserved: u32,
    /// pid 1 stays ours: where its arguments lie, to be wiped.
    pub reaper: Option<ArgumentArea>,
    /// The startContainer hooks.
    pub hooks: Vec<hooks::Planned>,
    /// The state that they read.
    pub hook_state: Option<hooks::State>,
}

/// [`Stdio`], ready for the child.
#[derive(Debug)]
pub(super) enum PlannedStdio {
    /// Above 2, so that none is overwritten before it is used.
    Descriptors([OwnedFd; 3]),
    Terminal(Option<TerminalSize>),
}

impl PlannedStdio {
    fn new(stdio: Stdio) -> Result<Self> {
        match stdio {
            Stdio::Terminal { size } => Ok(Self::Terminal(size)),
            Stdio::Pipes {
                stdin,
                stdout,
                stderr,
            } => Ok(Self::Descriptors([
                high(stdin)?,
                high(stdout)?,
                high(stderr)?,
            ])),
        }
    }
}

fn high(fd: OwnedFd) -> Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    rustix::io::fcntl_dupfd_cloexec(&fd, 3).trying(|| "duplicate a standard stream".to_owned())
}

impl Plan {
    /// Read it. `root` is the container's root file system, where its users are found.
    pub fn new(
        spec: &Spec,
        process: &Process,
        root: Option<BorrowedFd<'_>>,
        seccomp: Option<Filter>,
        stdio: Stdio,
    ) -> Result<Self> {
        let args = process.args().clone().unwrap_or_default();
        let Some(command) = args.first().filter(|command| !command.is_empty()) else {
            return Err(Error::invalid("process.args", "there is no program"));
        };
        if !process.cwd().is_absolute() {
            return Err(Error::invalid("process.cwd", "the path is not absolute"));
        }
        let mut env = process.env().clone().unwrap_or_default();
        if let Some(entry) = env.iter().find(|entry| !entry.contains('=')) {
            return Err(Error::invalid(
                "process.env",
                format!("{entry:?} is not NAME=value"),
            ));
        }
        let user = process.user();
        if !env.iter().any(|entry| entry.starts_with("HOME=")) {
            let home = root.and_then(|root| home(root, user.uid()));
            env.push(format!("HOME={}", home.as_deref().unwrap_or("/")));
        }
        let path = env
            .iter()
            .rev()
            .find_map(|entry| entry.strip_prefix("PATH="));
        let additional = user.additional_gids().iter().flatten();
        Ok(Self {
            candidates: candidates(command, path)?,
            command: command.clone(),
            args: strings("process.args", &args)?,
            env: strings("process.env", &env)?,
            cwd: c_path(process.cwd())?,
            uid: Uid::from_raw(user.uid()),
            gid: Gid::from_raw(user.gid()),
            groups: additional.map(|gid| Gid::from_raw(*gid)).collect(),
            umask: user.umask().unwrap_or(0o022),
            capabilities: capabilities(process.capabilities().as_ref())?,
            no_new_privileges: process.no_new_privileges().unwrap_or(false),
            seccomp,
            oom_score_adj: process.oom_score_adj().map(|score| score.to_string()),
            personality: personality(spec)?,
            scheduling: process.scheduler().as_ref().map(scheduling).transpose()?,
            io_priority: io_priority(process)?,
            rlimits: rlimits(process)?,
            stdio: PlannedStdio::new(stdio)?,
            preserved: 0,
            reaper: None,
            hooks: Vec::new(),
            hook_state: None,
        })
    }

    /// Parent: set how soon the child is killed when memory is short. One that we may not
    /// set (below the lowest this process tree ever had, without CAP_SYS_RESOURCE) is
    /// left at what the child inherited, the nearest that is allowed.
    pub fn set_oom_score(&self, pid: Pid) -> Result<()> {
        let Some(score) = &self.oom_score_adj else {
            return Ok(());
        };
        let path = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
        match std::fs::write(path, score) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
            result => result.trying(|| format!("set oom_score_adj to {score}")),
        }
    }

    /// Parent: set the resource limits of the child that waits. Here and not there: in a
    /// user namespace nobody may raise one, and a low one would hinder the set-up.
    pub fn set_rlimits(&self, pid: Pid) -> Result<()> {
        for (resource, limit) in &self.rlimits {
            prlimit(Some(pid), *resource, *limit).trying(|| {
                format!(
                    "set the limit {resource:?} to {}, at most {}",
                    number(limit.current),
                    number(limit.maximum)
                )
            })?;
        }
        Ok(())
    }
}

fn number(limit: Option<u64>) -> String {
    limit.map_or("unlimited".to_owned(), |limit| limit.to_string())
}

fn strings(field: &str, texts: &[String]) -> Result<Strings> {
    let texts = texts.iter().map(|text| c_text(field, text));
    Ok(Strings::new(texts.collect::<Result<_>>()?))
}

/// Where execvp would look. Relative directories in PATH are left out: they would find
/// whatever lies in the working directory.
fn candidates(command: &str, path: Option<&str>) -> Result<Vec<CString>> {
    if command.contains('/') {
        return Ok(vec![c_text("process.args", command)?]);
    }
    let directories = path.unwrap_or("").split(':');
    directories
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| c_text("process.args", &format!("{directory}/{command}")))
        .collect()
}

/// The home directory that the container's own passwd gives this user.
fn home(root: BorrowedFd<'_>, uid: u32) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let passwd = beneath::open(root.as_fd(), c"/etc/passwd", flags).ok()?;
    let lines = BufReader::new(std::fs::File::from(passwd)).lines();
    lines.map_while(|line| line.ok()).find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let matches = fields.next()?.parse() == Ok(uid);
        let home = fields.nth(2)?;
        (matches && !home.is_empty()).then(|| home.to_owned())
    })
}

/// The five sets, without what we do not have ourselves: the kernel would let us give
/// it to nobody, and `--privileged` means all there is.
fn capabilities(sets: Option<&LinuxCapabilities>) -> Result<Sets> {
    let Some(sets) = sets else {
        return Ok(Sets::default());
    };
    let ours = capability::effective().trying(|| "read our capabilities".to_owned())?;
    let set = |names: &Option<std::collections::HashSet<Capability>>| {
        let names = names.iter().flatten();
        let wanted = names.fold(Set::default(), |set, name| {
            set.with(capability_number(*name))
        });
        Set(wanted.0 & ours.0)
    };
    let sets = Sets {
        bounding: set(sets.bounding()),
        effective: set(sets.effective()),
        permitted: set(sets.permitted()),
        inheritable: set(sets.inheritable()),
        ambient: set(sets.ambient()),
    };
    let within = |inner: Set, outer: Set| inner.0 & !outer.0 == 0;
    if !within(sets.effective, sets.permitted) {
        let reason = "effective holds more than permitted";
        return Err(Error::invalid("process.capabilities", reason));
    }
    Ok(sets)
}

/// The kernel's number of a capability.
pub(in crate::runtime) fn capability_number(capability: Capability) -> u32 {
    use Capability::*;
    match capability {
        Chown => 0,
        DacOverride => 1,
        DacReadSearch => 2,
        Fowner => 3,
        Fsetid => 4,
        Kill => 5,
        Setgid => 6,
        Setuid => 7,
        Setpcap => 8,
        LinuxImmutable => 9,
        NetBindService => 10,
        NetBroadcast => 11,
        NetAdmin => 12,
        NetRaw => 13,
        IpcLock => 14,
        IpcOwner => 15,
        SysModule => 16,
        SysRawio => 17,
        SysChroot => 18,
        SysPtrace => 19,
        SysPacct => 20,
        SysAdmin => 21,
        SysBoot => 22,
        SysNice => 23,
        SysResource => 24,
        SysTime => 25,
        SysTtyConfig => 26,
        Mknod => 27,
        Lease => 28,
        AuditWrite => 29,
        AuditControl => 30,
        Setfcap => 31,
        MacOverride => 32,
        MacAdmin => 33,
        Syslog => 34,
        WakeAlarm => 35,
        BlockSuspend => 36,
        AuditRead => 37,
        Perfmon => 38,
        Bpf => 39,
        CheckpointRestore => 40,
    }
}

fn personality(spec: &Spec) -> Result<Option<u64>> {
    let linux = spec.linux().as_ref();
    let Some(personality) = linux.and_then(|linux| linux.personality().as_ref()) else {
        return Ok(None);
    };
    let flags = personality.flags().as_ref();
    if flags.is_some_and(|flags| !flags.is_empty()) {
        return Err(Error::unsupported("linux.personality.flags"));
    }
    Ok(Some(match personality.domain() {
        LinuxPersonalityDomain::PerLinux => 0,
        LinuxPersonalityDomain::PerLinux32 => 8,
    }))
}

fn scheduling(scheduler: &Scheduler) -> Result<Scheduling> {
    use LinuxSchedulerPolicy::*;
    let mut flags = 0;
    for flag in scheduler.flags().iter().flatten() {
        flags |= match flag {
            LinuxSchedulerFlag::SchedResetOnFork => 0x01,
            LinuxSchedulerFlag::SchedFlagReclaim => 0x02,
            LinuxSchedulerFlag::SchedFlagDLOverrun => 0x04,
            LinuxSchedulerFlag::SchedFlagKeepPolicy => 0x08,
            LinuxSchedulerFlag::SchedFlagKeepParams => 0x10,
            other => {
                let field = format!("process.scheduler.flags: {other:?}");
                return Err(Error::unsupported(field));
            }
        };
    }
    Ok(Scheduling {
        policy: match scheduler.policy() {
            SchedOther => 0,
            SchedFifo => 1,
            SchedRr => 2,
            SchedBatch => 3,
            SchedIso => return Err(Error::unsupported("process.scheduler.policy: SCHED_ISO")),
            SchedIdle => 5,
            SchedDeadline => 6,
        },
        flags,
        nice: scheduler.nice().unwrap_or(0),
        priority: scheduler.priority().unwrap_or(0).unsigned_abs(),
        runtime: scheduler.runtime().unwrap_or(0),
        deadline: scheduler.deadline().unwrap_or(0),
        period: scheduler.period().unwrap_or(0),
        ..Scheduling::default()
    })
}

fn io_priority(process: &Process) -> Result<Option<i32>> {
    let Some(priority) = process.io_priority() else {
        return Ok(None);
    };
    let class = match priority.class() {
        IOPriorityClass::IoprioClassRt => 1,
        IOPriorityClass::IoprioClassBe => 2,
        IOPriorityClass::IoprioClassIdle => 3,
    };
    match priority.priority() {
        level @ 0..=7 => Ok(Some(class << 13 | level as i32)),
        _ => Err(Error::invalid("process.ioPriority.priority", "not 0 to 7")),
    }
}

fn rlimits(process: &Process) -> Result<Vec<(Resource, Rlimit)>> {
    let mut plan: Vec<(Resource, Rlimit)> = Vec::new();
    for limit in process.rlimits().iter().flatten() {
        let resource = resource(limit.typ());
        let field = || format!("process.rlimits: {}", limit.typ());
        if plan.iter().any(|(other, _)| *other == resource) {
            return Err(Error::invalid(field(), "given twice"));
        }
        if limit.soft() > limit.hard() {
            return Err(Error::invalid(field(), "soft is above hard"));
        }
        let value = |value| (value != u64::MAX).then_some(value);
        plan.push((
            resource,
            Rlimit {
                current: value(limit.soft()),
                maximum: value(limit.hard()),
            },
        ));
    }
    Ok(plan)
}

fn resource(kind: PosixRlimitType) -> Resource {
    use PosixRlimitType::*;
    match kind {
        RlimitCpu => Resource::Cpu,
        RlimitFsize => Resource::Fsize,
        RlimitData => Resource::Data,
        RlimitStack => Resource::Stack,
        RlimitCore => Resource::Core,
        RlimitRss => Resource::Rss,
        RlimitNproc => Resource::Nproc,
        RlimitNofile => Resource::Nofile,
        RlimitMemlock => Resource::Memlock,
        RlimitAs => Resource::As,
        RlimitLocks => Resource::Locks,
        RlimitSigpending => Resource::Sigpending,
        RlimitMsgqueue => Resource::Msgqueue,
        RlimitNice => Resource::Nice,
        RlimitRtprio => Resource::Rtprio,
        RlimitRttime => Resource::Rttime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_searched_in_absolute_directories_of_path() {
        let found = candidates("sh", Some("/a:.::b:/c")).expect("plan");
        assert_eq!(found, [c"/a/sh".to_owned(), c"/c/sh".to_owned()]);
        assert_eq!(
            candidates("./x", Some("/a")).expect("plan"),
            [c"./x".to_owned()]
        );
        assert!(candidates("sh", None).expect("plan").is_empty());
    }
}
