//! The profile of an OCI bundle.

use std::borrow::Cow;

use oci_spec::runtime::{
    Arch as OciArch, LinuxSeccomp, LinuxSeccompAction as Action, LinuxSeccompArg,
    LinuxSeccompFilterFlag as Flag, LinuxSeccompOperator as Operator,
};

use super::{
    Arch, Error, Filter, Result, capability,
    policy::{Check, Compare, Profile, Rule, When, is_permissive},
    syscalls,
};

/// EPERM: what a refused call answers if nothing else is said.
const DEFAULT_ERRNO: u32 = libc::EPERM.cast_unsigned();

pub(super) fn filter(seccomp: &LinuxSeccomp) -> Result<Filter> {
    if seccomp.listener_path().is_some() || seccomp.listener_metadata().is_some() {
        return Err(Error::Field {
            field: "listenerPath",
            why: "agents that are asked by SCMP_ACT_NOTIFY are not supported".into(),
        });
    }
    let default =
        verdict(seccomp.default_action(), seccomp.default_errno_ret()).map_err(|why| {
            Error::Field {
                field: "defaultAction",
                why,
            }
        })?;
    let mut rules = Vec::new();
    for (index, syscall) in seccomp.syscalls().iter().flatten().enumerate() {
        let request = Request {
            index,
            names: syscall.names(),
            action: syscall.action(),
            errno: syscall.errno_ret(),
            args: syscall.args().as_deref().unwrap_or_default(),
            when: When::ALWAYS,
        };
        request.push_to(&mut rules, default)?;
    }
    Profile {
        default,
        arches: arches(seccomp.architectures().as_deref().unwrap_or_default()),
        rules: rules.into(),
        flags: flags(seccomp.flags().as_deref()),
    }
    .filter(capability::Set::default())
}

/// A rule as both notations have it.
pub(super) struct Request<'a> {
    /// Its place in the profile's list.
    pub index: usize,
    pub names: &'a [String],
    pub action: Action,
    pub errno: Option<u32>,
    pub args: &'a [LinuxSeccompArg],
    pub when: When,
}

impl Request<'_> {
    /// Check it and add what it comes to.
    ///
    /// Names that no architecture knows are skipped where the default refuses them
    /// anyway: profiles list calls of newer kernels. A rule that should refuse more than
    /// the default must not be lost to a misspelt name.
    pub fn push_to(&self, rules: &mut Vec<Rule>, default: u32) -> Result<()> {
        if self.names.is_empty() {
            return Err(self.refuse("it names no system call".into()));
        }
        let verdict = verdict(self.action, self.errno).map_err(|why| self.refuse(why))?;
        let mut rows = Vec::with_capacity(self.names.len());
        for name in self.names {
            match syscalls::find(name) {
                Some(row) => rows.push(row),
                None if is_permissive(default) && !is_permissive(verdict) => {
                    return Err(self.refuse(format!("{name:?} is no system call")));
                }
                None => {}
            }
        }
        let mut checks = Vec::with_capacity(self.args.len());
        for arg in self.args {
            checks.push(check(arg).map_err(|why| self.refuse(why))?);
        }
        let mut push = |checks: Vec<Check>| {
            rules.push(Rule {
                rows: Cow::Owned(rows.clone()),
                verdict,
                checks: Cow::Owned(checks),
                when: self.when,
            });
        };
        // As in runc: comparisons of different arguments must all be true; when one
        // argument is compared twice, each comparison stands for itself.
        let repeats = checks
            .iter()
            .enumerate()
            .any(|(i, c)| checks[..i].iter().any(|b| b.argument == c.argument));
        if repeats {
            checks.into_iter().for_each(|check| push(vec![check]));
        } else {
            push(checks);
        }
        Ok(())
    }

    fn refuse(&self, why: String) -> Error {
        let name = self.names.first().map_or("", String::as_str);
        Error::Rule {
            rule: format!("syscalls[{}] ({name})", self.index),
            why,
        }
    }
}

/// An action as the kernel encodes it.
pub(super) fn verdict(action: Action, errno: Option<u32>) -> std::result::Result<u32, String> {
    let data = || match errno.unwrap_or(DEFAULT_ERRNO) {
        errno if errno <= libc::SECCOMP_RET_DATA => Ok(errno),
        errno => Err(format!("errnoRet {errno} is more than 65535")),
    };
    let plain = |verdict| match errno {
        None => Ok(verdict),
        Some(_) => Err("errnoRet is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE".to_owned()),
    };
    match action {
        Action::ScmpActKill | Action::ScmpActKillThread => plain(libc::SECCOMP_RET_KILL_THREAD),
        Action::ScmpActKillProcess => plain(libc::SECCOMP_RET_KILL_PROCESS),
        Action::ScmpActTrap => plain(libc::SECCOMP_RET_TRAP),
        Action::ScmpActErrno => Ok(libc::SECCOMP_RET_ERRNO | data()?),
        Action::ScmpActTrace => Ok(libc::SECCOMP_RET_TRACE | data()?),
        Action::ScmpActLog => plain(libc::SECCOMP_RET_LOG),
        Action::ScmpActAllow => plain(libc::SECCOMP_RET_ALLOW),
        Action::ScmpActNotify => Err("SCMP_ACT_NOTIFY is not supported".into()),
    }
}

fn check(arg: &LinuxSeccompArg) -> std::result::Result<Check, String> {
    let argument = u8::try_from(arg.index())
        .ok()
        .filter(|&index| index < 6)
        .ok_or_else(|| format!("a system call has no argument {}", arg.index()))?;
    Ok(Check {
        argument,
        compare: match arg.op() {
            Operator::ScmpCmpNe => Compare::NotEqual,
            Operator::ScmpCmpLt => Compare::Less,
            Operator::ScmpCmpLe => Compare::LessOrEqual,
            Operator::ScmpCmpEq => Compare::Equal,
            Operator::ScmpCmpGe => Compare::GreaterOrEqual,
            Operator::ScmpCmpGt => Compare::Greater,
            Operator::ScmpCmpMaskedEq => Compare::Masked,
        },
        value: arg.value(),
        second: arg.value_two().unwrap_or(0),
    })
}

/// Those of a list that this machine can run; its own always. Calls of an architecture
/// that isn't listed kill.
pub(super) fn arches(list: &[OciArch]) -> Cow<'static, [Arch]> {
    let mut found = vec![Arch::NATIVE];
    for arch in list {
        let arch = match arch {
            OciArch::ScmpArchX86_64 => Arch::X86_64,
            OciArch::ScmpArchX86 => Arch::X86,
            OciArch::ScmpArchX32 => Arch::X32,
            OciArch::ScmpArchAarch64 => Arch::Aarch64,
            // Native, or one whose calls this kernel can't receive.
            _ => continue,
        };
        let is_own = arch == Arch::NATIVE;
        let is_cousin = Arch::NATIVE == Arch::X86_64 && arch != Arch::Aarch64;
        if (is_own || is_cousin) && !found.contains(&arch) {
            found.push(arch);
        }
    }
    found.into()
}

/// SPEC_ALLOW if nothing is said, as runc does: without it some kernels slow the whole
/// process down by a mitigation that was meant for the first users of seccomp.
pub(super) fn flags(list: Option<&[Flag]>) -> u32 {
    let Some(list) = list else {
        return libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW as u32;
    };
    let bit = |flag: &Flag| match flag {
        Flag::SeccompFilterFlagLog => libc::SECCOMP_FILTER_FLAG_LOG as u32,
        Flag::SeccompFilterFlagTsync => libc::SECCOMP_FILTER_FLAG_TSYNC as u32,
        Flag::SeccompFilterFlagSpecAllow => libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW as u32,
        // Only means something with a listener, which is refused.
        Flag::SeccompFilterFlagWaitKillableRecv => 0,
    };
    list.iter().map(bit).fold(0, |flags, bit| flags | bit)
}
