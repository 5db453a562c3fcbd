//! Verdicts as instructions of classic BPF.
//!
//! ```text
//! load the architecture; one of ours? else kill
//!   load the number
//!   binary search by number -> return, or
//!     per rule: load the argument's two halves, compare -> return, else the next rule
//!     return the default
//! ```
//!
//! No load of an argument lies on the way to a verdict that needs none: see the folder's
//! page for why that matters.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET,
    BPF_W, sock_filter,
};

use super::{
    Arch,
    policy::{Check, Compare, Rule, Table, Verdict},
    syscalls,
};

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Marks the numbers of x32.
const X32_BIT: u32 = 0x4000_0000;

/// A call by an architecture that the profile doesn't list. Not only the thread: a
/// process that lost a thread would hang.
const FOREIGN: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// The whole program.
pub(super) fn emit(tables: &[Table<'_>], default: u32) -> Vec<sock_filter> {
    let mut program = Vec::with_capacity(1024);
    program.push(load(ARCHITECTURE));
    let x32 = tables.iter().find(|table| table.arch == Arch::X32);
    for table in tables {
        let audit = match table.arch {
            Arch::X86_64 => 0xc000_003e,
            Arch::X86 => 0x4000_0003,
            Arch::Aarch64 => 0xc000_00b7,
            // The same to the kernel as X86_64, and decided there.
            Arch::X32 => continue,
        };
        let mut body = vec![load(NUMBER)];
        let search = search(&table.steps, 0, default);
        if table.arch == Arch::X86_64 {
            let above = x32.map_or_else(
                || vec![give(FOREIGN)],
                |x32| self::search(&x32.steps, X32_BIT, default),
            );
            split(&mut body, X32_BIT, search, above);
        } else {
            body.extend(search);
        }
        // A jump by the condition itself reaches 255 instructions, BPF_JA any.
        program.push(jump(BPF_JEQ, audit, 1, 0));
        program.push(stride(body.len()));
        program.extend(body);
    }
    program.push(give(FOREIGN));
    program
}

/// The search among verdicts, each holding from its number on.
fn search(steps: &[(u32, Verdict<'_>)], base: u32, default: u32) -> Vec<sock_filter> {
    let [(_, verdict)] = steps else {
        let (below, from) = steps.split_at(steps.len() / 2);
        let mut code = Vec::new();
        split(
            &mut code,
            from[0].0 + base,
            search(below, base, default),
            search(from, base, default),
        );
        return code;
    };
    match verdict {
        Verdict::Always(verdict) => vec![give(*verdict)],
        Verdict::Checked(rules) => {
            let mut code = Vec::new();
            for rule in rules {
                code.extend(checks(rule));
            }
            code.push(give(default));
            code
        }
    }
}

/// Go to `from` if the accumulator is `number` or more, else to `below`.
fn split(
    code: &mut Vec<sock_filter>,
    number: u32,
    below: Vec<sock_filter>,
    from: Vec<sock_filter>,
) {
    if let Ok(near) = u8::try_from(below.len()) {
        code.push(jump(BPF_JGE, number, near, 0));
    } else {
        code.push(jump(BPF_JGE, number, 0, 1));
        code.push(stride(below.len()));
    }
    code.extend(below);
    code.extend(from);
}

/// A rule's checks and its verdict; falls out at the end if one of them is false.
fn checks(rule: &Rule) -> Vec<sock_filter> {
    // Where a comparison leads; the next check is where the code just goes on.
    const FAIL: u8 = u8::MAX;
    let is_int = |argument| {
        let is_socket = |&row: &u16| syscalls::name(row) == "socket";
        argument < 3 && rule.rows.iter().all(is_socket)
    };
    let mut code = Vec::new();
    for check in rule.checks.iter() {
        code.extend(compare(check, is_int(check.argument), FAIL));
    }
    code.push(give(rule.verdict));
    let length = code.len();
    for (index, step) in code.iter_mut().enumerate() {
        let to_end = length - index - 1;
        let to_end = u8::try_from(to_end).expect("six checks are far less than 255 instructions");
        for target in [&mut step.jt, &mut step.jf] {
            if *target == FAIL {
                *target = to_end;
            }
        }
    }
    code
}

/// One comparison of 64 bits in two halves. Jumps to `fail` if false, goes on if true.
///
/// `is_int`: the kernel takes only the lower half of the argument, so the upper half must
/// not decide: `socket(1 << 32 | AF_VSOCK)` is AF_VSOCK.
fn compare(check: &Check, is_int: bool, fail: u8) -> Vec<sock_filter> {
    let low_at = ARGUMENTS + 8 * u32::from(check.argument);
    let high_at = low_at + 4;
    let (high, low) = halves(check.value);
    let mut code = Vec::new();
    match check.compare {
        Compare::Masked => {
            let (high_is, low_is) = halves(check.second);
            let parts = [(high_at, high, high_is), (low_at, low, low_is)];
            for (at, mask, value) in parts {
                // A half without mask decides nothing, unless it can never be true.
                if mask == 0 && value == 0 {
                    continue;
                }
                code.push(load(at));
                code.push(statement(BPF_ALU | BPF_AND | BPF_K, mask));
                code.push(jump(BPF_JEQ, value, 0, fail));
            }
        }
        Compare::Equal => {
            if !is_int {
                code.push(load(high_at));
                code.push(jump(BPF_JEQ, high, 0, fail));
            }
            code.push(load(low_at));
            code.push(jump(BPF_JEQ, low, 0, fail));
        }
        Compare::NotEqual => {
            if !is_int {
                code.push(load(high_at));
                code.push(jump(BPF_JEQ, high, 0, 2));
            }
            code.push(load(low_at));
            code.push(jump(BPF_JEQ, low, fail, 0));
        }
        Compare::Greater | Compare::GreaterOrEqual => {
            let last = match check.compare {
                Compare::Greater => BPF_JGT,
                _ => BPF_JGE,
            };
            if !is_int {
                code.push(load(high_at));
                code.push(jump(BPF_JGT, high, 3, 0));
                code.push(jump(BPF_JEQ, high, 0, fail));
            }
            code.push(load(low_at));
            code.push(jump(last, low, 0, fail));
        }
        Compare::Less | Compare::LessOrEqual => {
            // Not "greater or equal", not "greater".
            let last = match check.compare {
                Compare::Less => BPF_JGE,
                _ => BPF_JGT,
            };
            if !is_int {
                code.push(load(high_at));
                code.push(jump(BPF_JGT, high, fail, 0));
                code.push(jump(BPF_JEQ, high, 0, 2));
            }
            code.push(load(low_at));
            code.push(jump(last, low, fail, 0));
        }
    }
    code
}

fn halves(value: u64) -> (u32, u32) {
    ((value >> 32) as u32, value as u32)
}

fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn give(verdict: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, verdict)
}

fn stride(length: usize) -> sock_filter {
    let length = u32::try_from(length).expect("a program is shorter than 4 GiB");
    statement(BPF_JMP | BPF_JA, length)
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

fn jump(test: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter {
        code: (BPF_JMP | test | BPF_K) as u16,
        jt,
        jf,
        k,
    }
}
