//! What is refused when a container is created, before anything is written: everything
//! that can be known to be wrong by then.

use std::{os::unix::fs::FileTypeExt, path::Path};

use oci_spec::runtime::Capability;

use super::{Error, Result, capability, device, mount, resources::resources, rlimits};
use crate::model::{ContainerConfig, DEFAULT_NETWORK, Limits, Naming, NetworkMode, PidMode};

/// Least rate of an interface, bytes a second.
const LEAST_NET_RATE: u64 = 1024;
/// Least memory limit, docker's.
const LEAST_MEMORY_BYTES: u64 = 6 << 20;

/// Refuses a config that could never run.
pub fn validate(config: &ContainerConfig) -> Result<()> {
    limits(&config.limits)?;
    mount::validate(config)?;
    capability::set(
        &config.cap_add,
        &config.cap_drop,
        config.privileged,
        &capability::available(),
    )?;
    rlimits(config)?;
    devices(config)?;
    sysctls(config)?;
    if let Some(hostname) = &config.hostname {
        host_name(hostname)?;
    }
    networks(config)?;
    if config.shared.uts && config.hostname.is_some() {
        return invalid("with the host's name it can't have one of its own".into());
    }
    if config.shared.pid != PidMode::Private && config.init {
        return invalid("an init needs a process namespace of its own".into());
    }
    if let Some(dir) = &config.working_dir
        && !dir.starts_with('/')
    {
        return invalid(format!("working directory {dir} must be an absolute path"));
    }
    for pair in &config.env {
        if pair.is_empty() || pair.starts_with('=') || pair.contains('\0') {
            return invalid(format!("{pair:?} is not KEY=value"));
        }
    }
    if let Some(score) = config.oom_score_adj
        && !(-1000..=1000).contains(&score)
    {
        return invalid(format!(
            "oom score adjustment goes from -1000 to 1000, not {score}"
        ));
    }
    if config.auto_remove && config.restart != crate::model::RestartPolicy::No {
        return invalid("a container that is removed at its exit can't be restarted".into());
    }
    if let Some(check) = &config.health {
        let times = [
            check.interval,
            check.timeout,
            check.start_period,
            check.start_interval,
        ];
        let least = std::time::Duration::from_millis(1);
        if times.into_iter().flatten().any(|time| time < least) {
            return invalid("times of a health check are at least 1ms".into());
        }
        if check
            .argv()
            .iter()
            .flatten()
            .any(|word| word.contains('\0'))
        {
            return invalid("an argument can't hold a zero byte".into());
        }
    }
    let words = config
        .command
        .iter()
        .chain(config.entrypoint.iter().flatten());
    if words.into_iter().any(|word| word.contains('\0')) {
        return invalid("an argument can't hold a zero byte".into());
    }
    Ok(())
}

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::Invalid(message))
}

/// Limits alone, as update has them.
pub fn limits(limits: &Limits) -> Result<()> {
    let memory = limits.memory_bytes.filter(|bytes| *bytes > 0);
    if memory.is_some_and(|bytes| bytes < LEAST_MEMORY_BYTES) {
        return invalid("the least memory limit is 6 MiB".into());
    }
    match (memory, limits.memory_swap_bytes) {
        (None, Some(swap)) if swap > 0 => {
            return invalid("a limit of memory and swap needs a memory limit".into());
        }
        (Some(memory), Some(swap)) if swap > 0 && (swap as u64) < memory => {
            return invalid("memory and swap together can't be less than memory alone".into());
        }
        (_, Some(swap)) if swap < -1 => {
            return invalid(format!("memory and swap can't be {swap}"));
        }
        _ => {}
    }
    if let (Some(memory), Some(reserved)) = (memory, limits.memory_reservation_bytes)
        && reserved > memory
    {
        return invalid("more memory can't be reserved than the memory limit".into());
    }
    if let (Some(memory), Some(least)) = (memory, limits.memory_min_bytes)
        && least > memory
    {
        return invalid("more memory can't be protected than the memory limit".into());
    }
    if let Some(high) = limits.memory_high_bytes
        && (1..LEAST_MEMORY_BYTES).contains(&high)
    {
        return invalid("the least mark to slow memory down at is 6 MiB".into());
    }
    if let Some(shares) = limits.cpu_shares
        && shares != 0
        && !(2..=262_144).contains(&shares)
    {
        return invalid(format!("CPU shares go from 2 to 262144, not {shares}"));
    }
    if let Some(weight) = limits.blkio_weight
        && weight != 0
        && !(10..=1000).contains(&weight)
    {
        return invalid(format!(
            "block IO weight goes from 10 to 1000, not {weight}"
        ));
    }
    if let Some(millis) = limits.cpu_millis {
        let online = std::thread::available_parallelism().map_or(u64::MAX, |n| n.get() as u64);
        // Less than a millisecond a period is what the kernel refuses.
        if millis != 0 && millis < 10 {
            return invalid("the least share of CPU is 0.01".into());
        }
        let all = processors().unwrap_or(online);
        if millis > all.saturating_mul(1000) {
            return invalid(format!(
                "CPUs go from 0.01 to {all}.00, as many as there are"
            ));
        }
    }
    for set in [&limits.cpuset_cpus, &limits.cpuset_mems]
        .into_iter()
        .flatten()
    {
        cpuset(set)?;
    }
    resources(limits).map(drop)
}

/// Processors of the machine, whatever this process itself may use.
fn processors() -> Option<u64> {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    let ranges = online.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u64>().ok()? - first.parse::<u64>().ok()? + 1)
    });
    ranges.sum()
}

/// The kernel's list form: `0-2,5`.
fn cpuset(set: &str) -> Result<()> {
    let is_range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse::<u32>(), last.parse::<u32>()), (Ok(a), Ok(b)) if a <= b)
    };
    if set.is_empty() || set.split(',').all(is_range) {
        Ok(())
    } else {
        invalid(format!("{set} is not a list of numbers such as 0-2,5"))
    }
}

fn devices(config: &ContainerConfig) -> Result<()> {
    for given in &config.devices {
        let letters = &given.permissions;
        if letters.is_empty() || !letters.bytes().all(|b| b"rwm".contains(&b)) {
            return invalid(format!(
                "device permissions are letters of rwm, not {letters:?}"
            ));
        }
        if !given.container.is_absolute() {
            return invalid(format!(
                "device target {} must be an absolute path",
                given.container.display()
            ));
        }
        let found = std::fs::metadata(&given.host).map_err(|source| Error::Io {
            operation: "use device",
            path: given.host.clone(),
            source,
        })?;
        let kind = found.file_type();
        if !(kind.is_char_device() || kind.is_block_device() || kind.is_dir()) {
            return invalid(format!("{} is not a device", given.host.display()));
        }
    }
    device::confined(&config.devices, &config.device_rules).map(drop)
}

/// Only what belongs to a namespace of the container's own: anything else would change
/// the host.
fn sysctls(config: &ContainerConfig) -> Result<()> {
    const OF_IPC: [&str; 8] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ];
    for name in config.sysctls.keys() {
        let dotted = name.replace('/', ".");
        let of_network = dotted.starts_with("net.");
        if of_network && !config.network.is_own() {
            return invalid(format!(
                "sysctl {name} would change a network that is not its own"
            ));
        }
        let of_ipc = dotted.starts_with("fs.mqueue.") || OF_IPC.contains(&dotted.as_str());
        let of_name = dotted == "kernel.domainname";
        let own =
            of_network || of_ipc && config.shared.ipc.is_own() || of_name && !config.shared.uts;
        if !own || name.contains("..") {
            return invalid(format!(
                "sysctl {name} is not one that a container has of its own"
            ));
        }
        if !Path::new("/proc/sys")
            .join(dotted.replace('.', "/"))
            .exists()
            && !name.contains('/')
            && !of_network
        {
            return invalid(format!("this kernel has no sysctl {name}"));
        }
    }
    Ok(())
}

/// What can't be combined, and names that nobody could ask for.
/// Rates are those of interfaces, which a container with the right to may change.
fn rates(config: &ContainerConfig) -> Result<()> {
    let (incoming, outgoing) = (config.limits.net_rate_in, config.limits.net_rate_out);
    if incoming.or(outgoing).is_none() {
        return Ok(());
    }
    if config.network != NetworkMode::Bridge {
        return invalid("a rate of the network needs a network of its own (--network)".into());
    }
    if incoming.is_some_and(|rate| rate < LEAST_NET_RATE)
        || outgoing.is_some_and(|rate| rate < LEAST_NET_RATE)
    {
        return invalid("the least rate of the network is 1 KiB a second".into());
    }
    let (add, drop) = (&config.cap_add, &config.cap_drop);
    let available = capability::available();
    let set = capability::set(add, drop, config.privileged, &available)?;
    if outgoing.is_some() && set.contains(&Capability::NetAdmin) {
        return invalid(
            "what it sends can't be limited: with CAP_NET_ADMIN it could lift that itself".into(),
        );
    }
    Ok(())
}

fn networks(config: &ContainerConfig) -> Result<()> {
    rates(config)?;
    let has_ports = !config.publish.is_empty() || config.publish_all;
    match &config.network {
        NetworkMode::None if has_ports => {
            return invalid("a port can't be published without a network".into());
        }
        NetworkMode::Container(_) if has_ports => {
            return invalid(
                "a port can't be published by a container that shares another's network: \
                 publish it by that one"
                    .into(),
            );
        }
        NetworkMode::Container(_) if config.hostname.is_some() => {
            return invalid("a container that shares another's network has its host name".into());
        }
        NetworkMode::Container(_) if config.naming != Naming::default() => {
            return invalid(
                "a container that shares another's network has its name servers and hosts".into(),
            );
        }
        NetworkMode::Bridge if config.networks.is_empty() => {
            return invalid("a network is needed".into());
        }
        mode if *mode != NetworkMode::Bridge && !config.networks.is_empty() => {
            return invalid("host and none can't be combined with networks".into());
        }
        _ => {}
    }
    for attachment in &config.networks {
        for alias in &attachment.aliases {
            if host_name(alias).is_err() {
                return invalid(format!("{alias:?} is not a valid alias"));
            }
        }
        if attachment.network == DEFAULT_NETWORK && !attachment.aliases.is_empty() {
            return invalid(
                "the default network knows no names: make one of your own for aliases".into(),
            );
        }
    }
    for (name, _) in &config.naming.hosts {
        if host_name(name).is_err() {
            return invalid(format!("{name:?} is not a valid host name"));
        }
    }
    let words = config.naming.search.iter().chain(&config.naming.options);
    for word in words {
        if word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return invalid(format!("{word:?} can't stand in resolv.conf"));
        }
    }
    Ok(())
}

fn host_name(name: &str) -> Result<()> {
    let fits = (1..=64).contains(&name.len());
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if fits && name.split('.').all(is_label) {
        Ok(())
    } else {
        invalid(format!("{name:?} is not a valid host name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, RestartPolicy, Ulimit};

    fn refused(change: impl FnOnce(&mut ContainerConfig)) -> String {
        let mut config = ContainerConfig::default();
        change(&mut config);
        validate(&config).unwrap_err().to_string()
    }

    #[test]
    fn empty_config_is_valid() {
        validate(&ContainerConfig::default()).unwrap();
    }

    #[test]
    fn senseless_limits_are_refused() {
        for change in [
            (|l| l.memory_bytes = Some(1 << 20)) as fn(&mut Limits),
            |l| l.memory_swap_bytes = Some(1 << 30),
            |l| (l.memory_bytes, l.memory_swap_bytes) = (Some(64 << 20), Some(32 << 20)),
            |l| (l.memory_bytes, l.memory_reservation_bytes) = (Some(64 << 20), Some(65 << 20)),
            |l| (l.memory_bytes, l.memory_min_bytes) = (Some(64 << 20), Some(65 << 20)),
            |l| l.memory_high_bytes = Some(1 << 20),
            |l| l.cpu_shares = Some(1),
            |l| l.blkio_weight = Some(5),
            |l| l.cpu_millis = Some(100_000_000),
            |l| l.cpuset_cpus = Some("0-".into()),
            |l| l.cpuset_cpus = Some("3-1".into()),
        ] {
            let mut asked = Limits::default();
            change(&mut asked);
            assert!(limits(&asked).is_err(), "{asked:?}");
        }
        let sensible = Limits {
            memory_bytes: Some(64 << 20),
            memory_swap_bytes: Some(-1),
            cpu_millis: Some(500),
            cpuset_cpus: Some("0".into()),
            ..Limits::default()
        };
        limits(&sensible).unwrap();
    }

    #[test]
    fn senseless_settings_are_refused_in_words() {
        refused(|c| c.cap_add = vec!["FLY".into()]);
        refused(|c| c.working_dir = Some("tmp".into()));
        refused(|c| c.env = vec!["=x".into()]);
        refused(|c| c.hostname = Some("a b".into()));
        refused(|c| c.oom_score_adj = Some(2000));
        refused(|c| {
            c.sysctls.insert("kernel.panic".into(), "1".into());
        });
        refused(|c| {
            c.auto_remove = true;
            c.restart = RestartPolicy::Always;
        });
        refused(|c| {
            c.ulimits.push(Ulimit {
                name: "patience".into(),
                soft: 1,
                hard: 1,
            })
        });
        refused(|c| {
            c.devices.push(Device {
                host: "/dev/null".into(),
                container: "/dev/null".into(),
                permissions: "x".into(),
            })
        });
    }

    #[test]
    fn sysctl_of_the_hosts_network_is_refused_with_it_only() {
        let mut config = ContainerConfig::default();
        config
            .sysctls
            .insert("net.core.somaxconn".into(), "9".into());
        validate(&config).unwrap();
        config.network = NetworkMode::Host;
        assert!(validate(&config).is_err());
    }
}
