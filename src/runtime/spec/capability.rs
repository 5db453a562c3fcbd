//! Which capabilities a container has: docker's default set, with the user's additions
//! and removals.

use std::str::FromStr;

use oci_spec::runtime::{Capabilities, Capability};

use super::Error;

/// Docker's default set.
const DEFAULT: &[Capability] = &[
    Capability::Chown,
    Capability::DacOverride,
    Capability::Fsetid,
    Capability::Fowner,
    Capability::Mknod,
    Capability::NetRaw,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setfcap,
    Capability::Setpcap,
    Capability::NetBindService,
    Capability::SysChroot,
    Capability::Kill,
    Capability::AuditWrite,
];

/// All capabilities; each at the index that is its number in the kernel.
const ALL: &[Capability] = &[
    Capability::Chown,
    Capability::DacOverride,
    Capability::DacReadSearch,
    Capability::Fowner,
    Capability::Fsetid,
    Capability::Kill,
    Capability::Setgid,
    Capability::Setuid,
    Capability::Setpcap,
    Capability::LinuxImmutable,
    Capability::NetBindService,
    Capability::NetBroadcast,
    Capability::NetAdmin,
    Capability::NetRaw,
    Capability::IpcLock,
    Capability::IpcOwner,
    Capability::SysModule,
    Capability::SysRawio,
    Capability::SysChroot,
    Capability::SysPtrace,
    Capability::SysPacct,
    Capability::SysAdmin,
    Capability::SysBoot,
    Capability::SysNice,
    Capability::SysResource,
    Capability::SysTime,
    Capability::SysTtyConfig,
    Capability::Mknod,
    Capability::Lease,
    Capability::AuditWrite,
    Capability::AuditControl,
    Capability::Setfcap,
    Capability::MacOverride,
    Capability::MacAdmin,
    Capability::Syslog,
    Capability::WakeAlarm,
    Capability::BlockSuspend,
    Capability::AuditRead,
    Capability::Perfmon,
    Capability::Bpf,
    Capability::CheckpointRestore,
];

/// The capability that a user names, in any case and with or without `CAP_`; `None` for
/// `ALL`.
pub fn parse(name: &str) -> Result<Option<Capability>, Error> {
    let upper = name.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if bare == "ALL" {
        return Ok(None);
    }
    Capability::from_str(bare)
        .map(Some)
        .map_err(|_| Error::Invalid(format!("there is no capability {name}")))
}

/// The set that docker gives for these wishes, out of those that `available` holds: we
/// can't hand on what we don't have ourselves.
pub fn set(
    add: &[String],
    drop: &[String],
    privileged: bool,
    available: &Capabilities,
) -> Result<Capabilities, Error> {
    let known = |names: &[String]| -> Result<Vec<Option<Capability>>, Error> {
        names.iter().map(|name| parse(name)).collect()
    };
    let (add, drop) = (known(add)?, known(drop)?);
    if privileged {
        return Ok(available.clone());
    }
    let asked = add.iter().flatten().copied();
    let mut set: Capabilities = if add.contains(&None) {
        available.clone()
    } else if drop.contains(&None) {
        Capabilities::new()
    } else {
        let usual = DEFAULT.iter().copied();
        usual.filter(|one| available.contains(one)).collect()
    };
    set.retain(|one| !drop.contains(&Some(*one)));
    // As docker has it, what is both added and dropped is there, but for `--cap-add ALL`.
    if !add.contains(&None) {
        set.extend(asked);
    }
    if let Some(lacking) = set.iter().find(|one| !available.contains(one)) {
        return Err(Error::Invalid(format!(
            "CAP_{lacking} can't be given: this process doesn't have it itself"
        )));
    }
    Ok(set)
}

/// What this process may hand on: its bounding set.
pub fn available() -> Capabilities {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        // A /proc that can't be read says nothing; the kernel will then.
        .unwrap_or(u64::MAX);
    let held = |number: &usize| mask & (1 << number) != 0;
    (0..ALL.len()).filter(held).map(|n| ALL[n]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(set: &Capabilities) -> u64 {
        let bit = |one| 1 << ALL.iter().position(|known| known == one).unwrap();
        set.iter().map(bit).sum()
    }

    fn all() -> Capabilities {
        ALL.iter().copied().collect()
    }

    fn ask(add: &[&str], drop: &[&str]) -> u64 {
        let own = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        mask(&set(&own(add), &own(drop), false, &all()).unwrap())
    }

    #[test]
    fn default_set_is_dockers() {
        assert_eq!(ask(&[], &[]), 0xa804_25fb);
    }

    #[test]
    fn additions_and_removals_follow_docker() {
        let everything = (1 << 41) - 1;
        assert_eq!(ask(&["ALL"], &[]), everything);
        assert_eq!(ask(&["all"], &["cap_chown"]), everything - 1);
        assert_eq!(ask(&[], &["ALL"]), 0);
        assert_eq!(ask(&["CHOWN"], &["ALL"]), 1);
        assert_eq!(ask(&["SYS_ADMIN"], &[]), 0xa804_25fb | 1 << 21);
        assert_eq!(ask(&[], &["CHOWN", "KILL"]), 0xa804_25fb & !(1 | 1 << 5));
    }

    #[test]
    fn unknown_name_and_a_capability_that_we_lack_are_refused() {
        assert!(parse("NET_ADMINN").is_err());
        let mut fewer = all();
        fewer.remove(&Capability::SysResource);
        let asked = ["SYS_RESOURCE".to_owned()];
        assert!(set(&asked, &[], false, &fewer).is_err());
        assert_eq!(set(&[], &[], true, &fewer).unwrap().len(), 40);
    }
}
