//! The processes of a container, as /proc has them.

use std::{collections::HashMap, fs, time::Duration};

use jiff::Timestamp;

use crate::model::Process;

/// Those of `pids` that still exist, in their order.
pub fn list(pids: &[i32]) -> Vec<Process> {
    let users = users();
    let ticks = procfs::ticks_per_second();
    let boot_secs = procfs::boot_time_secs().unwrap_or(0);
    pids.iter()
        .filter_map(|&pid| one(pid, &users, ticks, boot_secs))
        .collect()
}

/// `None` if it ended meanwhile.
fn one(pid: i32, users: &HashMap<u32, String>, ticks: u64, boot_secs: u64) -> Option<Process> {
    let process = procfs::process::Process::new(pid).ok()?;
    let stat = process.stat().ok()?;
    let uid = process.uid().ok()?;
    let words = process.cmdline().unwrap_or_default();
    let started_ms = boot_secs * 1000 + stat.starttime * 1000 / ticks;
    Some(Process {
        pid,
        parent: stat.ppid,
        user: users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()),
        state: stat.state,
        threads: u32::try_from(stat.num_threads).unwrap_or(0),
        resident_bytes: stat.rss * procfs::page_size(),
        cpu_time: Duration::from_millis((stat.utime + stat.stime) * 1000 / ticks),
        started: Timestamp::from_millisecond(i64::try_from(started_ms).ok()?).ok()?,
        // A process without a command line of its own shows its name, as ps(1) does.
        command: match words.is_empty() {
            true => format!("[{}]", stat.comm),
            false => words.join(" "),
        },
    })
}

/// The host's users by their number. Read from the file itself: the C library would look
/// for plug-ins, which a static executable must not load.
fn users() -> HashMap<u32, String> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            Some((fields.nth(1)?.parse().ok()?, name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_listed_with_its_figures_and_a_dead_one_left_out() {
        let own = std::process::id() as i32;
        let found = list(&[own, i32::MAX]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].pid, own);
        assert!(found[0].resident_bytes > 0 && found[0].threads >= 1);
        let age = Timestamp::now().duration_since(found[0].started);
        assert!(age.as_secs() < 3600 * 24 && age.as_secs() >= -2, "{age:?}");
    }
}
