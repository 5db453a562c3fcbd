//! What is counted of one container, read once.

use std::fs;

use crate::{
    engine::usage::monotonic_ns,
    model::{ContainerId, Counters, InterfaceCounters},
    runtime::{
        lifecycle::{Error, Lifecycle},
        paths::ContainerPaths,
    },
};

/// Of a container that runs.
pub fn read(lifecycle: &Lifecycle, id: &ContainerId) -> Result<Counters, Error> {
    let container = lifecycle.inspect(id)?;
    let state = container.state;
    let not_running = || Error::State {
        state,
        hint: "start it first",
    };
    let pid = container.pid.ok_or_else(not_running)?;
    let cgroups = lifecycle.cgroups()?;
    let mut sampler = cgroups
        .sampler(&ContainerPaths::cgroup(id))?
        .ok_or_else(not_running)?;
    let sample = sampler.sample(monotonic_ns())?;
    let network = fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default();
    let interfaces = match container.config.network.is_own() {
        true => interfaces(&network),
        // The counters would be those of others.
        false => Vec::new(),
    };
    Ok(Counters {
        sample,
        host_cpu_ns: host_cpu_ns(),
        interfaces,
    })
}

/// The first line of /proc/stat, guests left out: they are counted as their host's.
fn host_cpu_ns() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: u64 = fields
        .split_whitespace()
        .take(8)
        .map(|field| field.parse::<u64>().unwrap_or(0))
        .sum();
    Some(ticks * (1_000_000_000 / procfs::ticks_per_second()))
}

/// The lines of /proc/PID/net/dev.
fn interfaces(text: &str) -> Vec<InterfaceCounters> {
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers
            .split_whitespace()
            .map_while(|number| number.parse().ok())
            .collect();
        Some(InterfaceCounters {
            name: name.trim().to_owned(),
            received: numbers.get(..4)?.try_into().ok()?,
            sent: numbers.get(8..12)?.try_into().ok()?,
        })
    };
    let found = text.lines().filter_map(interface);
    found.filter(|interface| interface.name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_without_loopback() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n \
               lo:     9  1 0 0 0 0 0 0  9 1 0 0 0 0 0 0\n \
             eth0:  1046  13 1 2 0 0 0 0  516  6 3 4 0 0 0 0\n";
        let wanted = InterfaceCounters {
            name: "eth0".into(),
            received: [1046, 13, 1, 2],
            sent: [516, 6, 3, 4],
        };
        assert_eq!(interfaces(text), [wanted]);
    }
}
