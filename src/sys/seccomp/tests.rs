//! The emitted programs, run by a small interpreter and by the kernel itself.

use std::{fmt::Write as _, path::Path};

use super::{
    Arch, Error, Filter, capability, docker,
    policy::{Check, Compare, Profile, Rule},
    syscalls,
};

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
/// What a container has by default.
const DEFAULT_CAPABILITIES: capability::Set = capability::Set(0xa804_25fb);
const EVERY_CAPABILITY: capability::Set = capability::Set(u64::MAX);

fn errno(number: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | number.cast_unsigned()
}

fn source() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/seccomp.json"))
        .unwrap()
}

/// Classic BPF as seccomp defines it. Says also whether an argument was loaded.
fn run(filter: &Filter, audit: u32, number: u32, args: [u64; 6]) -> (u32, bool) {
    let mut data = [0_u32; 16];
    data[0] = number;
    data[1] = audit;
    for (index, arg) in args.into_iter().enumerate() {
        data[4 + 2 * index] = arg as u32;
        data[5 + 2 * index] = (arg >> 32) as u32;
    }
    let (mut at, mut a, mut looked) = (0, 0_u32, false);
    loop {
        let step = filter.program[at];
        at += 1;
        let mut branch = |holds| at += usize::from(if holds { step.jt } else { step.jf });
        match u32::from(step.code) {
            0x20 => {
                looked |= step.k >= 16;
                a = data[step.k as usize / 4];
            }
            0x54 => a &= step.k,
            0x05 => at += step.k as usize,
            0x15 => branch(a == step.k),
            0x25 => branch(a > step.k),
            0x35 => branch(a >= step.k),
            0x06 => return (step.k, looked),
            other => panic!("instruction {other:#x}"),
        }
    }
}

const X86_64: u32 = 0xc000_003e;
const X86: u32 = 0x4000_0003;
const X32_BIT: u32 = 0x4000_0000;

fn call(filter: &Filter, name: &str, args: [u64; 6]) -> u32 {
    let row = syscalls::find(name).unwrap();
    let number = syscalls::number(row, Arch::X86_64).unwrap();
    run(filter, X86_64, number, args).0
}

fn holds(check: &Check, args: [u64; 6]) -> bool {
    let arg = args[usize::from(check.argument)];
    match check.compare {
        Compare::NotEqual => arg != check.value,
        Compare::Less => arg < check.value,
        Compare::LessOrEqual => arg <= check.value,
        Compare::Equal => arg == check.value,
        Compare::GreaterOrEqual => arg >= check.value,
        Compare::Greater => arg > check.value,
        Compare::Masked => arg & check.value == check.second,
    }
}

/// What a profile means, written down as plainly as can be.
fn meaning(profile: &Profile, arch: Arch, number: u32, args: [u64; 6]) -> u32 {
    let names = |rule: &Rule, wanted: u32| {
        let numbers = rule
            .rows
            .iter()
            .filter_map(|&row| syscalls::number(row, arch));
        numbers.into_iter().any(|n| n == wanted)
    };
    let highest = profile.rules.iter().flat_map(|rule| rule.rows.iter());
    let highest = highest.filter_map(|&row| syscalls::number(row, arch)).max();
    if highest.is_none_or(|highest| number > highest) {
        return match profile.default {
            ALLOW => ALLOW,
            _ => errno(libc::ENOSYS),
        };
    }
    let of_number = || profile.rules.iter().filter(|rule| names(rule, number));
    let plain = of_number().find(|rule| rule.checks.is_empty() && rule.verdict != profile.default);
    let checked = of_number()
        .filter(|rule| !rule.checks.is_empty())
        .find(|rule| rule.checks.iter().all(|check| holds(check, args)));
    plain
        .or(checked)
        .map_or(profile.default, |rule| rule.verdict)
}

#[test]
fn every_system_call_gets_the_verdict_that_the_profile_means() {
    let profile = docker::parse(&source()).unwrap();
    for capabilities in [DEFAULT_CAPABILITIES, EVERY_CAPABILITY] {
        let filter = profile.filter(capabilities).unwrap();
        let held = Profile {
            rules: profile
                .rules
                .iter()
                .filter(|rule| rule.when.with & capabilities.0 == rule.when.with)
                .filter(|rule| rule.when.without & capabilities.0 == 0)
                .cloned()
                .collect(),
            ..profile.clone()
        };
        let args = [
            0,
            8,
            40,
            41,
            0x20008,
            0x7e02_0000,
            0x0100_0000,
            0xffff_ffff,
            1 << 63,
        ];
        for number in 0..700 {
            for first in args {
                let args = [first, 1, 2, 3, 4, 5];
                for (arch, audit, bit) in [
                    (Arch::X86_64, X86_64, 0),
                    (Arch::X32, X86_64, X32_BIT),
                    (Arch::X86, X86, 0),
                ] {
                    let (found, _) = run(&filter, audit, number | bit, args);
                    let meant = meaning(&held, arch, number, args);
                    assert_eq!(found, meant, "{arch:?} {number} {first:#x}");
                }
            }
        }
    }
}

#[test]
fn emitted_comparisons_agree_with_their_meaning() {
    let values = [
        0,
        1,
        40,
        0xffff_ffff,
        0x1_0000_0000,
        0x1_0000_0028,
        0x1_0000_0029,
        0x2_0000_0000,
        u64::MAX,
    ];
    let compares = [
        Compare::NotEqual,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Equal,
        Compare::GreaterOrEqual,
        Compare::Greater,
        Compare::Masked,
    ];
    for compare in compares {
        for value in values {
            for second in [0, 0x28, 0x1_0000_0000] {
                let check = Check {
                    argument: 3,
                    compare,
                    value,
                    second,
                };
                let row = syscalls::find("write").unwrap();
                let profile = Profile {
                    default: errno(1),
                    arches: vec![Arch::X86_64].into(),
                    rules: vec![Rule {
                        rows: vec![row].into(),
                        verdict: ALLOW,
                        checks: vec![check].into(),
                        when: super::policy::When::ALWAYS,
                    }]
                    .into(),
                    flags: 0,
                };
                let filter = profile.filter(capability::Set::default()).unwrap();
                for arg in values {
                    let args = [9, 9, 9, arg, 9, 9];
                    let wanted = if holds(&check, args) { ALLOW } else { errno(1) };
                    assert_eq!(
                        run(&filter, X86_64, 1, args).0,
                        wanted,
                        "{check:?} {arg:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn default_profile_has_dockers_known_verdicts() {
    let filter = Filter::default_profile(DEFAULT_CAPABILITIES).unwrap();
    let zero = [0; 6];
    let with = |first| [first, 0, 0, 0, 0, 0];
    for allowed in ["read", "execve", "ptrace", "chroot", "mseal", "exit_group"] {
        assert_eq!(call(&filter, allowed, zero), ALLOW, "{allowed}");
    }
    for refused in [
        "mount",
        "bpf",
        "reboot",
        "unshare",
        "setns",
        "keyctl",
        "io_uring_setup",
    ] {
        assert_eq!(
            call(&filter, refused, zero),
            errno(libc::EPERM),
            "{refused}"
        );
    }
    assert_eq!(call(&filter, "clone3", zero), errno(libc::ENOSYS));
    assert_eq!(call(&filter, "clone", with(libc::SIGCHLD as u64)), ALLOW);
    for flag in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWNET] {
        assert_eq!(
            call(&filter, "clone", with(flag as u64)),
            errno(libc::EPERM)
        );
    }
    assert_eq!(call(&filter, "socket", with(2)), ALLOW);
    assert_eq!(call(&filter, "socket", with(40)), errno(libc::EPERM));
    assert_eq!(call(&filter, "personality", with(0xffff_ffff)), ALLOW);
    assert_eq!(
        call(&filter, "personality", with(0x0040_0000)),
        errno(libc::EPERM)
    );
    let privileged = Filter::default_profile(EVERY_CAPABILITY).unwrap();
    for allowed in ["mount", "clone3", "bpf", "reboot"] {
        assert_eq!(call(&privileged, allowed, zero), ALLOW, "{allowed}");
    }
}

#[test]
fn vsock_is_refused_whatever_is_in_the_upper_half_of_the_argument() {
    let filter = Filter::default_profile(DEFAULT_CAPABILITIES).unwrap();
    let sneaky = [1 << 32 | 40, 0, 0, 0, 0, 0];
    assert_eq!(call(&filter, "socket", sneaky), errno(libc::EPERM));
}

#[test]
fn calls_that_are_always_allowed_are_decided_without_their_arguments() {
    let filter = Filter::default_profile(DEFAULT_CAPABILITIES).unwrap();
    let mut looking = Vec::new();
    for number in 0..512 {
        if run(&filter, X86_64, number, [0; 6]).1 {
            looking.push(number);
        }
    }
    let number =
        |name: &str| syscalls::number(syscalls::find(name).unwrap(), Arch::X86_64).unwrap();
    let mut wanted = ["clone", "socket", "personality"].map(number).to_vec();
    wanted.sort_unstable();
    assert_eq!(looking, wanted);
}

#[test]
fn foreign_architectures_are_killed_and_unknown_numbers_are_not_there() {
    let filter = Filter::default_profile(DEFAULT_CAPABILITIES).unwrap();
    assert_eq!(run(&filter, 0xc000_00b7, 0, [0; 6]).0, KILL);
    assert_eq!(run(&filter, X86_64, 4000, [0; 6]).0, errno(libc::ENOSYS));
    let only_native = r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
        {"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#;
    let filter = Filter::from_docker_json(only_native, EVERY_CAPABILITY).unwrap();
    assert_eq!(run(&filter, X86, 3, [0; 6]).0, KILL);
    assert_eq!(run(&filter, X86_64, X32_BIT, [0; 6]).0, KILL);
}

fn refusal(json: &str) -> String {
    let error = Filter::from_docker_json(json, DEFAULT_CAPABILITIES).unwrap_err();
    error.to_string()
}

#[test]
fn refusals_name_the_rule() {
    let allow = r#""defaultAction":"SCMP_ACT_ALLOW","syscalls":"#;
    let cases = [
        (
            format!(r#"{{{allow}[{{"names":["mkdirr"],"action":"SCMP_ACT_ERRNO"}}]}}"#),
            "seccomp profile, syscalls[0] (mkdirr): \"mkdirr\" is no system call",
        ),
        (
            format!(r#"{{{allow}[{{"names":["read"],"action":"SCMP_ACT_NOTIFY"}}]}}"#),
            "seccomp profile, syscalls[0] (read): SCMP_ACT_NOTIFY is not supported",
        ),
        (
            format!(r#"{{{allow}[{{"names":["read"],"action":"SCMP_ACT_KILL","errnoRet":1}}]}}"#),
            "seccomp profile, syscalls[0] (read): errnoRet is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE",
        ),
        (
            format!(
                r#"{{{allow}[{{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{{"index":6,"value":0,"op":"SCMP_CMP_EQ"}}]}}]}}"#
            ),
            "seccomp profile, syscalls[0] (read): a system call has no argument 6",
        ),
        (
            format!(
                r#"{{{allow}[{{"names":["read"],"action":"SCMP_ACT_ERRNO","includes":{{"caps":["CAP_NO"]}}}}]}}"#
            ),
            "seccomp profile, syscalls[0]: \"CAP_NO\" is no capability",
        ),
        (
            format!(
                r#"{{{allow}[{{"name":"read","names":["write"],"action":"SCMP_ACT_ERRNO"}}]}}"#
            ),
            "seccomp profile, syscalls[0]: only one of name and names can be given",
        ),
    ];
    for (json, wanted) in cases {
        assert_eq!(refusal(&json), wanted);
    }
    assert!(matches!(
        Filter::from_docker_json("{", DEFAULT_CAPABILITIES),
        Err(Error::Syntax(_))
    ));
}

#[test]
fn oci_profile_keeps_every_action_and_or_of_one_argument() {
    let json = r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],
        "flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[
        {"names":["read"],"action":"SCMP_ACT_KILL_PROCESS"},
        {"names":["write"],"action":"SCMP_ACT_ERRNO","errnoRet":7},
        {"names":["open"],"action":"SCMP_ACT_TRAP"},
        {"names":["close"],"action":"SCMP_ACT_LOG"},
        {"names":["stat"],"action":"SCMP_ACT_TRACE","errnoRet":9},
        {"names":["kill"],"action":"SCMP_ACT_ERRNO","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]},
        {"names":["dup2"],"action":"SCMP_ACT_ERRNO","args":[
            {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]}]}"#;
    let filter = Filter::from_oci(&serde_json::from_str(json).unwrap()).unwrap();
    let verdict = |name: &str, a, b| call(&filter, name, [a, b, 0, 0, 0, 0]);
    assert_eq!(verdict("read", 0, 0), KILL);
    assert_eq!(verdict("write", 0, 0), errno(7));
    assert_eq!(verdict("open", 0, 0), libc::SECCOMP_RET_TRAP);
    assert_eq!(verdict("close", 0, 0), libc::SECCOMP_RET_LOG);
    assert_eq!(verdict("stat", 0, 0), libc::SECCOMP_RET_TRACE | 9);
    assert_eq!(verdict("kill", 1, 0), errno(1));
    assert_eq!(verdict("kill", 2, 0), errno(1));
    assert_eq!(verdict("kill", 3, 0), ALLOW);
    assert_eq!(verdict("dup2", 1, 2), errno(1));
    assert_eq!(verdict("dup2", 1, 3), ALLOW);
    assert_eq!(filter.flags, libc::SECCOMP_FILTER_FLAG_LOG as libc::c_ulong);
}

#[test]
fn compiled_default_profile_is_that_of_its_source() {
    let profile = docker::parse(&source()).unwrap();
    if std::env::var_os("WHARF_RENEW").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sys/seccomp/default.rs");
        std::fs::write(path, as_source(&profile)).unwrap();
        return;
    }
    assert_eq!(
        super::default::PROFILE,
        profile,
        "stale: renew it by WHARF_RENEW=1 cargo test --lib sys::seccomp && cargo fmt"
    );
}

/// The file that holds a profile as constants.
fn as_source(profile: &Profile) -> String {
    let mut text = String::from(
        "//! Docker's default profile, compiled from `assets/seccomp.json`, so that a start parses\n\
         //! no JSON. A test holds it against its source; after a change there:\n\
         //! `WHARF_RENEW=1 cargo test --lib sys::seccomp && cargo fmt`.\n\n\
         use std::borrow::Cow::Borrowed;\n\n\
         use super::{Arch, policy::{Check, Compare, Profile, Rule, When}};\n\n",
    );
    writeln!(
        text,
        "pub(super) const PROFILE: Profile = Profile {{ default: {:#x}, arches: Borrowed(&{:?}), \
         rules: Borrowed(RULES), flags: {} }};\n",
        profile.default, profile.arches, profile.flags
    )
    .unwrap();
    text = text.replace("X86_64, X86, X32", "Arch::X86_64, Arch::X86, Arch::X32");
    text += "const RULES: &[Rule] = &[\n";
    for rule in profile.rules.iter() {
        let names: Vec<_> = rule
            .rows
            .iter()
            .take(4)
            .map(|&row| syscalls::name(row))
            .collect();
        let more = if rule.rows.len() > 4 { " …" } else { "" };
        writeln!(
            text,
            "// {}{more}\nRule {{ rows: Borrowed(&{:?}), verdict: {:#x}, checks: Borrowed(&[",
            names.join(" "),
            rule.rows,
            rule.verdict
        )
        .unwrap();
        for check in rule.checks.iter() {
            writeln!(
                text,
                "Check {{ argument: {}, compare: Compare::{:?}, value: {:#x}, second: {:#x} }},",
                check.argument, check.compare, check.value, check.second
            )
            .unwrap();
        }
        writeln!(
            text,
            "]), when: When {{ with: {:#x}, without: {:#x}, since: {:?}, until: {:?} }} }},",
            rule.when.with, rule.when.without, rule.when.since, rule.when.until
        )
        .unwrap();
    }
    text + "];\n"
}

/// Run a function in a child under the filter; its exit code, or 128 and the signal.
fn in_child(filter: &Filter, child: fn() -> i32) -> i32 {
    // SAFETY: the child calls only what is async-signal-safe: prctl, seccomp and the raw
    // system calls of `child`, then _exit.
    unsafe {
        let pid = libc::fork();
        assert!(pid >= 0);
        if pid == 0 {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let code = if filter.install().is_ok() {
                child()
            } else {
                99
            };
            libc::_exit(code);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(pid, &raw mut status, 0), pid);
        match libc::WIFEXITED(status) {
            true => libc::WEXITSTATUS(status),
            false => 128 + libc::WTERMSIG(status),
        }
    }
}

/// The error number of a call, 0 if it worked.
fn errno_of(number: libc::c_long, first: libc::c_long) -> i32 {
    // SAFETY: used with calls that take no pointers.
    match unsafe { libc::syscall(number, first, 0, 0, 0, 0, 0) } {
        -1 => nix::errno::Errno::last_raw(),
        _ => 0,
    }
}

#[test]
fn kernel_takes_the_default_profile_and_answers_by_it() {
    let filter = Filter::default_profile(DEFAULT_CAPABILITIES).unwrap();
    assert_eq!(in_child(&filter, || errno_of(libc::SYS_getpid, 0)), 0);
    assert_eq!(
        in_child(&filter, || errno_of(libc::SYS_clone3, 0)),
        libc::ENOSYS
    );
    assert_eq!(
        in_child(&filter, || errno_of(libc::SYS_unshare, 0)),
        libc::EPERM
    );
    assert_eq!(
        in_child(&filter, || errno_of(
            libc::SYS_socket,
            libc::AF_VSOCK.into()
        )),
        libc::EPERM
    );
    assert_eq!(in_child(&filter, || errno_of(600, 0)), libc::ENOSYS);
}

#[test]
fn kernel_kills_and_signals_where_a_profile_says_so() {
    let json = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["getppid"],"action":"SCMP_ACT_KILL_PROCESS"},
        {"names":["getuid"],"action":"SCMP_ACT_TRAP"}]}"#;
    let filter = Filter::from_docker_json(json, DEFAULT_CAPABILITIES).unwrap();
    let sigsys = 128 + libc::SIGSYS;
    assert_eq!(in_child(&filter, || errno_of(libc::SYS_getppid, 0)), sigsys);
    assert_eq!(in_child(&filter, || errno_of(libc::SYS_getuid, 0)), sigsys);
    assert_eq!(in_child(&filter, || errno_of(libc::SYS_getgid, 0)), 0);
}
