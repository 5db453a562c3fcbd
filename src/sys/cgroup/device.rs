//! Which device nodes a group may open or make.
//!
//! The specification's list is a sequence of "allow" and "deny" in the manner of v1's
//! `devices.allow` and `devices.deny`. [`Rules`] is what such a sequence amounts to: one
//! default and the exceptions from it. v1 gets it as the shortest way from the rules it
//! has; v2 as a program (see [`crate::sys::bpf`]).

use std::{collections::BTreeMap, os::fd::AsFd};

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType};

use super::{
    Cgroup, Error, Result,
    hierarchy::Version,
    resources::{invalid, unsupported},
};
use crate::sys::bpf::{self, Instruction};

const FIELD: &str = "linux.resources.devices";

/// The kernel's access bits, the same in v1's code and in the program's context.
const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;
const ALL: u32 = MKNOD | READ | WRITE;

/// A kind of device with its numbers; `None` is any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Device {
    is_char: bool,
    major: Option<u32>,
    minor: Option<u32>,
}

/// What a list of rules amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules {
    allows_by_default: bool,
    /// Access that differs from the default.
    exceptions: BTreeMap<Device, u32>,
}

impl Cgroup {
    pub(super) fn set_devices(&self, rules: &[LinuxDeviceCgroup], is_new: bool) -> Result<()> {
        let rules = Rules::from_oci(rules)?;
        if let Some((member, Version::V1)) = self.controller("devices", "devices") {
            let present = if is_new {
                // A new group has its parent's rules; those of `wharf` are the host's.
                Rules::everything()
            } else {
                Rules::from_v1(&self.text(member, "devices.list")?)
            };
            for (name, line) in rules.v1_steps(&present) {
                self.put(member, name, &line)?;
            }
            return Ok(());
        }
        let member = self
            .cgroups
            .unified()
            .and_then(|index| self.member(index))
            .ok_or_else(|| unsupported(FIELD, "neither v1's devices controller nor v2 is there"))?;
        bpf::set_device_program(member.dir.as_fd(), &rules.program()).map_err(|source| {
            Error::Devices {
                path: self.dir_path(member),
                source,
            }
        })
    }
}

impl Rules {
    fn everything() -> Self {
        Self {
            allows_by_default: true,
            exceptions: BTreeMap::new(),
        }
    }

    /// Go through the list as v1's kernel code does. It begins with nothing allowed.
    fn from_oci(list: &[LinuxDeviceCgroup]) -> Result<Self> {
        let mut rules = Self::default();
        for rule in list {
            let access = access_bits(rule.access().as_deref())?;
            let number = |value: Option<i64>| match value {
                // runc's spelling of "any".
                None | Some(-1) => Ok(None),
                Some(n) => u32::try_from(n)
                    .map(Some)
                    .map_err(|_| invalid(FIELD, format!("{n} is no device number"))),
            };
            let (major, minor) = (number(rule.major())?, number(rule.minor())?);
            let is_char = match rule.typ().unwrap_or(LinuxDeviceType::A) {
                LinuxDeviceType::A => {
                    if (major, minor, access) != (None, None, ALL) {
                        let why = "a rule of type a is for all devices and all access";
                        return Err(invalid(FIELD, why));
                    }
                    rules = Self {
                        allows_by_default: rule.allow(),
                        exceptions: BTreeMap::new(),
                    };
                    continue;
                }
                LinuxDeviceType::B => false,
                LinuxDeviceType::C | LinuxDeviceType::U => true,
                LinuxDeviceType::P => return Err(invalid(FIELD, "a FIFO is no device")),
            };
            let device = Device {
                is_char,
                major,
                minor,
            };
            rules.change(device, access, rule.allow());
        }
        Ok(rules)
    }

    fn change(&mut self, device: Device, access: u32, allow: bool) {
        if allow == self.allows_by_default {
            if let Some(bits) = self.exceptions.get_mut(&device) {
                *bits &= !access;
                if *bits == 0 {
                    self.exceptions.remove(&device);
                }
            }
        } else {
            *self.exceptions.entry(device).or_default() |= access;
        }
    }

    /// `devices.list` of v1: `a *:* rwm` while all is allowed, else the allowed ones.
    fn from_v1(text: &str) -> Self {
        let mut rules = Self::default();
        for line in text.lines() {
            let mut words = line.split([' ', ':']);
            let (Some(kind), Some(major), Some(minor), Some(access)) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            if kind == "a" {
                return Self::everything();
            }
            let device = Device {
                is_char: kind == "c",
                major: major.parse().ok(),
                minor: minor.parse().ok(),
            };
            rules.change(device, access_bits(Some(access)).unwrap_or(0), true);
        }
        rules
    }

    /// Writes that lead from `present` to these rules. What is allowed before and after
    /// is never denied in between.
    fn v1_steps(&self, present: &Self) -> Vec<(&'static str, String)> {
        const ALLOW: &str = "devices.allow";
        const DENY: &str = "devices.deny";
        let mut steps = Vec::new();
        let except = if self.allows_by_default { DENY } else { ALLOW };
        if self.allows_by_default || present.allows_by_default {
            // devices.list does not show exceptions from "all", so those start afresh.
            let all = if self.allows_by_default { ALLOW } else { DENY };
            steps.push((all, "a".to_owned()));
            steps.extend(
                self.exceptions
                    .iter()
                    .map(|(device, &bits)| (except, device.line(bits))),
            );
            return steps;
        }
        for (device, &bits) in &self.exceptions {
            let has = present.exceptions.get(device).copied().unwrap_or(0);
            if bits & !has != 0 {
                steps.push((ALLOW, device.line(bits & !has)));
            }
        }
        for (device, &bits) in &present.exceptions {
            let keeps = self.exceptions.get(device).copied().unwrap_or(0);
            if bits & !keeps != 0 {
                steps.push((DENY, device.line(bits & !keeps)));
            }
        }
        steps
    }

    /// The same as a v2 program. The kernel calls it with the request in r1's struct:
    /// type and access in one word, major, minor; its r0 is 1 to allow.
    ///
    /// As in v1, an allowed exception must cover the whole request, and a denied one
    /// needs only to touch it.
    fn program(&self) -> Vec<Instruction> {
        const TYPE_BLOCK: i32 = 1;
        const TYPE_CHAR: i32 = 2;
        let verdict = |allow: bool| [op(MOV_K, 0, 0, 0, i32::from(allow)), op(EXIT, 0, 0, 0, 0)];
        let mut program = vec![
            op(LOAD_WORD, 2, 1, 0, 0), // r2 = access << 16 | type
            op(MOV_X, 3, 2, 0, 0),
            op(AND_K, 3, 0, 0, 0xffff), // r3 = type
            op(RSH_K, 2, 0, 0, 16),     // r2 = access
            op(LOAD_WORD, 4, 1, 4, 0),  // r4 = major
            op(LOAD_WORD, 5, 1, 8, 0),  // r5 = minor
        ];
        for (device, &bits) in &self.exceptions {
            let kind = if device.is_char {
                TYPE_CHAR
            } else {
                TYPE_BLOCK
            };
            let mut tests = vec![op(JNE_K, 3, 0, 0, kind)];
            if self.allows_by_default {
                tests.push(op(MOV_X, 6, 2, 0, 0));
                tests.push(op(AND_K, 6, 0, 0, bits.cast_signed()));
                tests.push(op(JEQ_K, 6, 0, 0, 0));
            } else if bits != ALL {
                tests.push(op(MOV_X, 6, 2, 0, 0));
                tests.push(op(AND_K, 6, 0, 0, (ALL & !bits).cast_signed()));
                tests.push(op(JNE_K, 6, 0, 0, 0));
            }
            for (register, number) in [(4, device.major), (5, device.minor)] {
                if let Some(number) = number {
                    tests.push(op(JNE32_K, register, 0, 0, number.cast_signed()));
                }
            }
            tests.extend(verdict(!self.allows_by_default));
            // Each failed test jumps behind this exception.
            let length = tests.len();
            for (index, test) in tests.iter_mut().enumerate() {
                if matches!(test.code, JNE_K | JEQ_K | JNE32_K) {
                    test.offset = i16::try_from(length - index - 1).expect("an exception is short");
                }
            }
            program.extend(tests);
        }
        program.extend(verdict(self.allows_by_default));
        program
    }
}

impl Device {
    /// As v1's files spell it.
    fn line(&self, bits: u32) -> String {
        let number = |n: Option<u32>| n.map_or_else(|| "*".to_owned(), |n| n.to_string());
        let mut line = format!(
            "{} {}:{} ",
            if self.is_char { 'c' } else { 'b' },
            number(self.major),
            number(self.minor),
        );
        for (letter, bit) in [('r', READ), ('w', WRITE), ('m', MKNOD)] {
            if bits & bit != 0 {
                line.push(letter);
            }
        }
        line
    }
}

fn access_bits(access: Option<&str>) -> Result<u32> {
    let Some(access) = access.filter(|access| !access.is_empty()) else {
        return Ok(ALL);
    };
    access.chars().try_fold(0, |bits, letter| match letter {
        'r' => Ok(bits | READ),
        'w' => Ok(bits | WRITE),
        'm' => Ok(bits | MKNOD),
        _ => Err(invalid(
            FIELD,
            format!("access {access:?} has letters beyond rwm"),
        )),
    })
}

const LOAD_WORD: u8 = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const MOV_K: u8 = 0xb7;
const MOV_X: u8 = 0xbf;
const AND_K: u8 = 0x57;
const RSH_K: u8 = 0x77;
const JEQ_K: u8 = 0x15;
const JNE_K: u8 = 0x55;
const JNE32_K: u8 = 0x56; // compares 32 bits, so that big numbers are not sign-extended
const EXIT: u8 = 0x95;

fn op(code: u8, destination: u8, source: u8, offset: i16, immediate: i32) -> Instruction {
    Instruction {
        code,
        registers: source << 4 | destination,
        offset,
        immediate,
    }
}
