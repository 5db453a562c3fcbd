//! Child: from a process of ours, in its namespaces and root, to the program.
//!
//! The order is the point. Descriptors are closed before a path of the specification is
//! looked at, the user is changed after what only root may, capabilities fall last, and
//! the seccomp filter comes after all that it might forbid.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Access, AtFlags, CWD, FileType, accessat, fchown, fstat, statat};
use rustix::io::Errno;
use rustix::process::{Uid, chdir, ioctl_tiocsctty, umask};
use rustix::termios::tcsetpgrp;
use rustix::thread::{
    set_keep_capabilities, set_no_new_privs, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};

use crate::sys::capability::{self, SYS_ADMIN, Sets};
use crate::sys::channel::Channel;
use crate::sys::clone::{self, Clone};
use crate::sys::{exec, process, signal};

use super::error::{At, Failure, Stage};
use super::process::{Plan, PlannedStdio};
use super::reaper;

type Result<T> = std::result::Result<T, Failure>;

/// How the child learns that it may go on.
pub(super) enum Gate {
    /// The parent says so over the channel.
    Parent,
    /// A FIFO that anybody may write to, long after the parent is gone.
    Fifo(OwnedFd),
}

impl Plan {
    /// Everything up to the wait before execve. Returns the channel and the gate, which
    /// alone stay open beside what the program is to have.
    pub fn prepare(
        &self,
        channel: &Channel,
        gate: &Gate,
        terminal: Option<OwnedFd>,
    ) -> Result<(Channel, Gate)> {
        if let Some(personality) = self.personality {
            process::set_personality(personality).at(Stage::Personality)?;
        }
        if let Some(scheduling) = self.scheduling {
            process::set_scheduling(scheduling).at(Stage::Scheduling)?;
        }
        if let Some(priority) = self.io_priority {
            process::set_io_priority(priority).at(Stage::IoPriority)?;
        }
        self.set_stdio(terminal).at(Stage::Stdio)?;
        let kept = self.close_others(channel, gate).at(Stage::Descriptors)?;
        // First as root, who can enter any directory; where even that is not enough
        // (a network file system, a user namespace), once more as the user.
        let entered = match chdir(self.cwd.as_c_str()) {
            Err(Errno::ACCESS | Errno::PERM) => false,
            result => {
                result.at(Stage::ChangeDirectory)?;
                true
            }
        };
        capability::limit_bounding(self.capabilities.bounding).at(Stage::BoundingSet)?;
        self.become_user().at(Stage::User)?;
        if !entered {
            chdir(self.cwd.as_c_str()).at(Stage::ChangeDirectory)?;
        }
        // A descriptor that leaked in, or a working directory that is a link to one,
        // could make this a directory of the host (CVE-2024-21626).
        if !process::is_inside_root().at(Stage::OutsideRoot)? {
            return Err(Errno::NOENT).at(Stage::OutsideRoot);
        }
        capability::set(&self.last_sets()).at(Stage::Capabilities)?;
        capability::set_ambient(self.capabilities.ambient).at(Stage::Ambient)?;
        if self.no_new_privileges {
            set_no_new_privs(true).at(Stage::NoNewPrivileges)?;
        }
        umask(self.umask.into());
        Ok(kept)
    }

    /// Whether the program can be found and run, before anybody waits for it. The answer
    /// may be another by the time of execve, which then says so itself.
    pub fn find_command(&self) -> Result<()> {
        self.each_candidate(|path| {
            let stat = statat(CWD, path, AtFlags::empty())?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                return Err(Errno::ACCESS);
            }
            accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
        })
        .at(Stage::FindCommand)
    }

    /// The hooks inside, the filter, the program. Returns only if it fails.
    pub fn run(&self, channel: Channel) -> Failure {
        match self.try_run(channel) {
            Ok(never) => match never {},
            Err(failure) => failure,
        }
    }

    fn try_run(&self, channel: Channel) -> Result<std::convert::Infallible> {
        if let Some(area) = self.reaper {
            // Others must not read the memory that this copy of the shim still holds.
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
                .at(Stage::Fork)?;
            process::hide_arguments(area);
        }
        if let Some(filter) = &self.seccomp {
            filter
                .install()
                .map_err(|error| Errno::from_raw_os_error(error.raw_os_error().unwrap_or(0)))
                .at(Stage::Seccomp)?;
        }
        if let Some(state) = &self.hook_state {
            let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
            for (item, hook) in self.hooks.iter().enumerate() {
                hook.run(state, Some(pid))
                    .at_item(Stage::StartContainerHook, item)?;
            }
        }
        if self.reaper.is_some() {
            return self.run_under_reaper(channel);
        }
        signal::reset().at(Stage::Execve)?;
        self.execute()
    }

    fn run_under_reaper(&self, channel: Channel) -> Result<std::convert::Infallible> {
        signal::block_all().at(Stage::Fork)?;
        let child = clone::fork(Clone::default(), || {
            let failure = match self.lead().and_then(|()| self.execute()) {
                Ok(never) => match never {},
                Err(failure) => failure,
            };
            // If nobody listens any more, the exit code still tells.
            let _ = channel.send(&super::child::failed(failure), None);
            exit_code(failure)
        })
        .map_err(|error| Errno::from_raw_os_error(error.raw_os_error().unwrap_or(0)))
        .at(Stage::Fork)?;
        let _ = rustix::thread::set_name(c"init");
        let pid = child.pid;
        // The channel's end tells the parent that the program runs, so it must go.
        let _ = exec::close_from(0);
        clone::exit(reaper::run(pid))
    }

    /// In the program's process under a reaper: a process group of its own, in front
    /// on the terminal, so that ctrl-c reaches it once and not by pid 1 too.
    fn lead(&self) -> Result<()> {
        let in_front = rustix::process::setpgid(None, None).and_then(|()| match self.stdio {
            PlannedStdio::Terminal(_) => {
                tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid())
            }
            PlannedStdio::Descriptors(_) => Ok(()),
        });
        in_front.at(Stage::Session)?;
        signal::reset().at(Stage::Execve)
    }

    fn execute(&self) -> Result<std::convert::Infallible> {
        let result = self.each_candidate(|path| Err(exec::execve(path, &self.args, &self.env)));
        match result {
            Ok(()) | Err(Errno::NOENT) => Err(Errno::NOENT).at(Stage::Execve),
            Err(errno) => Err(errno).at(Stage::Execve),
        }
    }

    /// As execvp: what is missing is passed over, what is forbidden remembered.
    fn each_candidate(
        &self,
        attempt: impl Fn(&std::ffi::CStr) -> rustix::io::Result<()>,
    ) -> rustix::io::Result<()> {
        let mut worst = Errno::NOENT;
        for path in &self.candidates {
            match attempt(path) {
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(Errno::ACCESS) => worst = Errno::ACCESS,
                result => return result,
            }
        }
        Err(worst)
    }

    fn set_stdio(&self, terminal: Option<OwnedFd>) -> rustix::io::Result<()> {
        let descriptors = match (&self.stdio, &terminal) {
            (_, Some(terminal)) => {
                ioctl_tiocsctty(terminal)?;
                [terminal.as_fd(); 3]
            }
            (PlannedStdio::Descriptors([stdin, stdout, stderr]), None) => {
                [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()]
            }
            (PlannedStdio::Terminal(_), None) => return Err(Errno::NOTTY),
        };
        for fd in descriptors {
            give(fd, self.uid)?;
        }
        exec::set_stdio(descriptors)
    }

    /// Not only marked to be closed by execve: a path of the specification, its working
    /// directory or the program's own, could go through `/proc/self/fd`.
    fn close_others(&self, channel: &Channel, gate: &Gate) -> rustix::io::Result<(Channel, Gate)> {
        let first = 3 + self.preserved as i32;
        Ok(match gate {
            Gate::Parent => {
                let [channel] = exec::keep_only(first, [channel.as_fd()])?;
                (channel.into(), Gate::Parent)
            }
            Gate::Fifo(fifo) => {
                let [channel, fifo] = exec::keep_only(first, [channel.as_fd(), fifo.as_fd()])?;
                (channel.into(), Gate::Fifo(fifo))
            }
        })
    }

    /// By the system calls themselves: the C library's functions would also signal
    /// threads that this copy does not have.
    fn become_user(&self) -> rustix::io::Result<()> {
        set_keep_capabilities(true)?;
        set_thread_groups(&self.groups)?;
        set_thread_res_gid(self.gid, self.gid, self.gid)?;
        set_thread_res_uid(self.uid, self.uid, self.uid)?;
        set_keep_capabilities(false)
    }

    /// The sets at the time of execve. Installing a filter needs no_new_privs or
    /// CAP_SYS_ADMIN; the latter is kept until then, and gone with execve, which computes
    /// all sets anew from the bounding, inheritable and ambient ones.
    fn last_sets(&self) -> Sets {
        let mut sets = self.capabilities;
        if self.seccomp.is_some() && !self.no_new_privileges {
            sets.effective = sets.effective.with(SYS_ADMIN);
            sets.permitted = sets.permitted.with(SYS_ADMIN);
        }
        sets
    }
}

/// A stream must belong to the user, or `/dev/stdout` could not be opened by name.
fn give(fd: BorrowedFd<'_>, uid: Uid) -> rustix::io::Result<()> {
    let stat = fstat(fd)?;
    let is_null = super::devices::is_device(fd, (1, 3))?;
    if is_null || stat.st_uid == uid.as_raw() {
        return Ok(());
    }
    match fchown(fd, Some(uid), None) {
        // Read-only file systems, ids that are not mapped, sockets: it works without.
        Err(Errno::INVAL | Errno::PERM | Errno::ROFS | Errno::NOSYS) => Ok(()),
        result => result,
    }
}

/// The code with which a child ends that could not become the program.
pub(super) fn exit_code(failure: Failure) -> i32 {
    match (failure.stage, failure.errno) {
        (Stage::Execve | Stage::FindCommand, Errno::NOENT | Errno::NOTDIR) => 127,
        (Stage::Execve | Stage::FindCommand, _) => 126,
        _ => 125,
    }
}
