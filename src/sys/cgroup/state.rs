//! Freezing, killing and removing a group.

use std::{
    collections::BTreeSet,
    fs, io,
    os::fd::AsFd,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, Signal, kill_process},
};

use super::{
    Cgroup, Error, Result, file,
    group::{Member, children, failed, is_vanished},
    hierarchy::Version,
};

/// How long a frozen state, or an empty group, is awaited.
const PATIENCE: Duration = Duration::from_secs(10);

impl Cgroup {
    /// Stop all its processes where they are; returns once all stand still.
    pub fn freeze(&self) -> Result<()> {
        match self.freezer()? {
            Freezer::V2(member) => {
                self.put(member, "cgroup.freeze", "1")?;
                self.await_event(member, "frozen", 1, "freeze")
            }
            Freezer::V1(member) => self.set_v1_state(member, "FROZEN", "freeze"),
        }
    }

    /// Let them run on.
    pub fn thaw(&self) -> Result<()> {
        match self.freezer()? {
            Freezer::V2(member) => {
                self.put(member, "cgroup.freeze", "0")?;
                self.await_event(member, "frozen", 0, "thaw")
            }
            Freezer::V1(member) => self.set_v1_state(member, "THAWED", "thaw"),
        }
    }

    /// Whether it is frozen by a call of [`Cgroup::freeze`].
    pub fn is_frozen(&self) -> Result<bool> {
        match self.freezer()? {
            Freezer::V2(member) => Ok(self.text(member, "cgroup.freeze")?.trim() == "1"),
            Freezer::V1(member) => Ok(self.text(member, "freezer.state")?.trim() != "THAWED"),
        }
    }

    /// SIGKILL to every process in it and below it, frozen or not. Does not wait for
    /// their end.
    ///
    /// `cgroup.kill` (5.14) does it without a race. Elsewhere processes are signalled in
    /// rounds until a round finds only known ones: a process with SIGKILL pending can't
    /// fork any more, so a fork bomb ends too. Freezing first is not needed and would
    /// leave a frozen group behind if we died in between.
    pub fn kill(&self) -> Result<()> {
        let tracker = self.tracker();
        if self.hierarchy(tracker).version == Version::V2 {
            match file::write(tracker.dir.as_fd(), "cgroup.kill", "1") {
                Ok(()) => return self.thaw_for_kill(),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                // A threaded group can't be killed at once.
                Err(e) if e.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {}
                Err(e) if is_vanished(&e) => return Ok(()),
                Err(e) => return Err(self.io("write", tracker, "cgroup.kill", e)),
            }
        }
        let mut signalled = BTreeSet::new();
        loop {
            let mut is_new = false;
            for pid in self.pids()? {
                is_new |= signalled.insert(pid);
                // It may have ended since it was listed.
                let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
            }
            if !is_new {
                return self.thaw_for_kill();
            }
        }
    }

    /// Remove the group in every hierarchy, with groups that the container made below it,
    /// then the parents of ours that this leaves empty. Waits for processes that are
    /// still ending, up to ten seconds; one that lives on makes it fail.
    pub fn remove(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut first = None;
        for member in &self.members {
            if let Err(e) = self.remove_member(member, until) {
                first.get_or_insert(e);
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Remove it if no process and no other group is in it. What is in it is left as it is.
    pub fn remove_empty(&self) -> Result<()> {
        for member in &self.members {
            let leaf = self.dir_path(member);
            let is_used = !children(&leaf)?.is_empty()
                || !self.text(member, "cgroup.procs")?.trim().is_empty();
            if is_used {
                return Err(Error::NotEmpty { path: leaf });
            }
        }
        for member in &self.members {
            let leaf = self.dir_path(member);
            match fs::remove_dir(&leaf) {
                Ok(()) => {}
                Err(e) if is_vanished(&e) => {}
                Err(e) if e.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {
                    return Err(Error::NotEmpty { path: leaf });
                }
                Err(source) => return Err(failed("remove", leaf, source)),
            }
        }
        Ok(())
    }

    fn remove_member(&self, member: &Member, until: Instant) -> Result<()> {
        let leaf = self.dir_path(member);
        let mut pause = Duration::from_micros(200);
        while let Err(e) = remove_tree(&leaf) {
            let Error::Io { source, .. } = &e else {
                return Err(e);
            };
            if source.raw_os_error() != Some(Errno::BUSY.raw_os_error()) || Instant::now() > until {
                return Err(e);
            }
            // v2 says when the last process is gone. v1 has nothing to wait on.
            if self.hierarchy(member).version == Version::V2 {
                let left = until.saturating_duration_since(Instant::now());
                self.await_event_for(member, "populated", 0, left)?;
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        // Only what wharf made: a path given by an OCI caller keeps its parents.
        let mount = &self.hierarchy(member).mount;
        if self.path.starts_with("wharf/") {
            let parents = leaf.ancestors().skip(1).take_while(|dir| dir != mount);
            for parent in parents {
                // Others live in it, or another process was faster.
                if fs::remove_dir(parent).is_err() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// v1 keeps a signal from a frozen process until it is thawed; v2 doesn't.
    fn thaw_for_kill(&self) -> Result<()> {
        if let Some((member, Version::V1)) = self.controller("freezer", "freezer") {
            match file::read(member.dir.as_fd(), "freezer.state") {
                Ok(state) if state.trim() != "THAWED" => {
                    return self.put(member, "freezer.state", "THAWED");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn freezer(&self) -> Result<Freezer<'_>> {
        let tracker = self.tracker();
        let is_v2 = self.hierarchy(tracker).version == Version::V2;
        if is_v2 && file::exists(tracker.dir.as_fd(), "cgroup.freeze") {
            return Ok(Freezer::V2(tracker));
        }
        match self.controller("freezer", "freezer") {
            Some((member, Version::V1)) => Ok(Freezer::V1(member)),
            _ => Err(Error::Unsupported {
                field: "the frozen state".into(),
                why: "neither cgroup.freeze (Linux 5.2) nor the v1 freezer is there".into(),
            }),
        }
    }

    /// v1 answers FREEZING while processes are not yet in a place to stop; each read
    /// tries again, and a fork in between can need another write.
    fn set_v1_state(&self, member: &Member, state: &str, action: &'static str) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(100);
        loop {
            self.put(member, "freezer.state", state)?;
            if self.text(member, "freezer.state")?.trim() == state {
                return Ok(());
            }
            if Instant::now() > until {
                if state == "FROZEN" {
                    // Half-frozen is worse than running; the timeout is what is reported.
                    let _ = self.put(member, "freezer.state", "THAWED");
                }
                return Err(self.timeout(action, member));
            }
            sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    fn await_event(
        &self,
        member: &Member,
        key: &str,
        value: u64,
        action: &'static str,
    ) -> Result<()> {
        if self.await_event_for(member, key, value, PATIENCE)? {
            Ok(())
        } else {
            Err(self.timeout(action, member))
        }
    }

    /// Wait until `cgroup.events` says so. The kernel wakes a poll for POLLPRI with each
    /// change after the last read of that descriptor.
    fn await_event_for(
        &self,
        member: &Member,
        key: &str,
        value: u64,
        time: Duration,
    ) -> Result<bool> {
        const EVENTS: &str = "cgroup.events";
        let until = Instant::now() + time;
        let events = match file::open(member.dir.as_fd(), EVENTS) {
            Ok(events) => events,
            Err(e) if is_vanished(&e) => return Ok(true),
            Err(e) => return Err(self.io("open", member, EVENTS, e)),
        };
        loop {
            let mut buffer = [0; 256];
            let length = match rustix::io::pread(&events, &mut buffer, 0) {
                Ok(length) => length,
                Err(Errno::NODEV) => return Ok(true),
                Err(e) => return Err(self.io("read", member, EVENTS, e.into())),
            };
            let text = str::from_utf8(&buffer[..length]).unwrap_or_default();
            let now = text
                .lines()
                .find_map(|line| line.strip_prefix(key)?.trim().parse().ok());
            if now == Some(value) {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&events, PollFlags::PRI)], left.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(self.io("poll", member, EVENTS, e.into())),
            }
        }
    }

    fn timeout(&self, action: &'static str, member: &Member) -> Error {
        Error::Timeout {
            action,
            path: self.dir_path(member),
            seconds: PATIENCE.as_secs(),
        }
    }
}

/// What stops the processes.
enum Freezer<'a> {
    V1(&'a Member),
    V2(&'a Member),
}

/// Remove a group and all below it, deepest first.
fn remove_tree(dir: &Path) -> Result<()> {
    match fs::remove_dir(dir) {
        Ok(()) => return Ok(()),
        Err(e) if is_vanished(&e) => return Ok(()),
        // EBUSY is also the answer while there are children.
        Err(e) if e.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {}
        Err(source) => return Err(failed("remove", dir.into(), source)),
    }
    for child in children(dir)? {
        remove_tree(&child)?;
    }
    match fs::remove_dir(dir) {
        Ok(()) => Ok(()),
        Err(e) if is_vanished(&e) => Ok(()),
        Err(source) => Err(failed("remove", dir.into(), source)),
    }
}
