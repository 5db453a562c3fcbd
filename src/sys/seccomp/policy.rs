//! What a profile comes to: for each architecture, a verdict for each number.

use std::borrow::Cow;

use super::{Arch, Error, Filter, Result, capability, program, syscalls};

/// A profile whose conditions are still open: [`Profile::filter`] decides them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Verdict of what no rule matches, as the kernel encodes it.
    pub default: u32,
    pub arches: Cow<'static, [Arch]>,
    pub rules: Cow<'static, [Rule]>,
    /// Flags of seccomp(2).
    pub flags: u32,
}

/// System calls that get a verdict, all checks being true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Rows of the table of system calls.
    pub rows: Cow<'static, [u16]>,
    pub verdict: u32,
    pub checks: Cow<'static, [Check]>,
    pub when: When,
}

/// A comparison of one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub argument: u8,
    pub compare: Compare,
    /// What it is compared with; the mask of [`Compare::Masked`].
    pub value: u64,
    /// What the masked argument must be.
    pub second: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    NotEqual,
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
    Masked,
}

/// When a rule holds at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    /// Capabilities that the container must all have.
    pub with: u64,
    /// Capabilities of which it must have none.
    pub without: u64,
    /// Lowest kernel version, and from which on it holds no more; (0, 0) is not said.
    pub since: (u16, u16),
    pub until: (u16, u16),
}

impl When {
    pub const ALWAYS: Self = Self {
        with: 0,
        without: 0,
        since: (0, 0),
        until: (0, 0),
    };

    fn holds(&self, capabilities: u64, kernel: (u16, u16)) -> bool {
        capabilities & self.with == self.with
            && capabilities & self.without == 0
            && kernel >= self.since
            && (self.until == (0, 0) || kernel < self.until)
    }
}

/// The verdict of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// Whatever its arguments.
    Always(u32),
    /// That of the first rule whose checks are all true, or the default.
    Checked(Vec<&'a Rule>),
}

/// The verdicts of one architecture: each from its number on, the first from 0.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub arch: Arch,
    pub steps: Vec<(u32, Verdict<'a>)>,
}

impl Profile {
    pub fn filter(&self, capabilities: capability::Set) -> Result<Filter> {
        let kernel = kernel_version();
        let held: Vec<&Rule> = self
            .rules
            .iter()
            .filter(|rule| rule.when.holds(capabilities.0, kernel))
            .collect();
        let tables: Vec<Table<'_>> = self
            .arches
            .iter()
            .map(|&arch| self.table(arch, &held))
            .collect();
        let program = program::emit(&tables, self.default);
        if program.len() > libc::BPF_MAXINSNS as usize {
            return Err(Error::TooLong(program.len()));
        }
        Ok(Filter {
            program,
            flags: libc::c_ulong::from(self.flags),
        })
    }

    /// The verdicts of one architecture.
    ///
    /// As in libseccomp, a rule without checks beats those with checks, and of several
    /// the first counts; and as in runc, a rule that says what the default says anyway is
    /// no rule. Above the highest number that the profile knows, the answer of a
    /// restrictive profile is ENOSYS, not its default: a program that tries a system call
    /// newer than the profile must see "not there" and fall back, as runc arranges it.
    pub(super) fn table<'a>(&self, arch: Arch, rules: &[&'a Rule]) -> Table<'a> {
        let mut always: Vec<Option<u32>> = Vec::with_capacity(512);
        let mut checked: Vec<(u32, &'a Rule)> = Vec::new();
        for rule in rules {
            for &row in rule.rows.iter() {
                let Some(number) = syscalls::number(row, arch) else {
                    continue;
                };
                let index = number as usize;
                if always.len() <= index {
                    always.resize(index + 1, None);
                }
                if !rule.checks.is_empty() {
                    checked.push((number, rule));
                } else if rule.verdict != self.default {
                    always[index].get_or_insert(rule.verdict);
                }
            }
        }
        // Stable: rules of one number stay in their order.
        checked.sort_by_key(|&(number, _)| number);
        let mut checked = checked.as_slice();
        let mut steps: Vec<(u32, Verdict<'a>)> = Vec::new();
        for (number, always) in (0..).zip(&always) {
            let same = checked.iter().take_while(|&&(n, _)| n == number).count();
            let (mine, rest) = checked.split_at(same);
            checked = rest;
            let verdict = match always {
                None if !mine.is_empty() => {
                    Verdict::Checked(mine.iter().map(|&(_, rule)| rule).collect())
                }
                always => Verdict::Always(always.unwrap_or(self.default)),
            };
            if steps.last().is_none_or(|(_, last)| *last != verdict) {
                steps.push((number, verdict));
            }
        }
        let unknown = Verdict::Always(match is_permissive(self.default) {
            true => self.default,
            false => libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned(),
        });
        if steps.last().is_none_or(|(_, last)| *last != unknown) {
            steps.push((always.len() as u32, unknown));
        }
        Table { arch, steps }
    }
}

/// Whether a verdict lets the call happen (a tracer may).
pub(super) fn is_permissive(verdict: u32) -> bool {
    matches!(
        verdict & libc::SECCOMP_RET_ACTION_FULL,
        libc::SECCOMP_RET_ALLOW | libc::SECCOMP_RET_LOG | libc::SECCOMP_RET_TRACE
    )
}

/// This kernel's version, as far as profiles ask: `6.18`.
fn kernel_version() -> (u16, u16) {
    let parse = |release: &str| {
        let mut parts = release.split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    nix::sys::utsname::uname()
        .ok()
        .and_then(|names| parse(names.release().to_str()?))
        .unwrap_or((0, 0))
}
