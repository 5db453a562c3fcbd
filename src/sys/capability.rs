//! Capability sets as bits, and what gives them up.

use rustix::io::{Errno, Result};

use super::exec::check;

/// A set of capabilities, bit n for capability number n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(pub u64);

/// The five sets of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// Limits what execve can ever give.
    pub bounding: Set,
    /// Checked by the kernel.
    pub effective: Set,
    /// May be made effective.
    pub permitted: Set,
    /// Kept over execve of a file that has them inheritable too.
    pub inheritable: Set,
    /// Kept over execve of an ordinary file.
    pub ambient: Set,
}

/// CAP_SYS_ADMIN.
pub const SYS_ADMIN: u32 = 21;
/// CAP_SYS_RESOURCE.
pub const SYS_RESOURCE: u32 = 24;

impl Set {
    /// Whether it holds capability `number`.
    pub fn has(self, number: u32) -> bool {
        self.0 >> number & 1 == 1
    }

    /// With capability `number` added.
    #[must_use]
    pub fn with(self, number: u32) -> Self {
        Self(self.0 | 1 << number)
    }
}

const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The effective set of this thread.
pub fn effective() -> Result<Set> {
    let (header, mut data) = (header(), [Data::default(); 2]);
    // SAFETY: version 3 takes a header and two data blocks.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr()) })?;
    Ok(Set(
        u64::from(data[0].effective) | u64::from(data[1].effective) << 32
    ))
}

/// Set effective, permitted and inheritable of this thread.
pub fn set(sets: &Sets) -> Result<()> {
    let half = |shift: u32| Data {
        effective: (sets.effective.0 >> shift) as u32,
        permitted: (sets.permitted.0 >> shift) as u32,
        inheritable: (sets.inheritable.0 >> shift) as u32,
    };
    let (header, data) = (header(), [half(0), half(32)]);
    // SAFETY: version 3 takes a header and two data blocks.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) }).map(drop)
}

/// Drop from the bounding set all that `keep` lacks.
pub fn limit_bounding(keep: Set) -> Result<()> {
    for number in 0..64 {
        if keep.has(number) {
            continue;
        }
        // SAFETY: plain integers.
        let result = check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) }.into());
        match result {
            // The first number that this kernel does not know: there are no more.
            Err(Errno::INVAL) => break,
            result => drop(result?),
        }
    }
    Ok(())
}

/// Make the ambient set exactly `set`: needs each permitted and inheritable.
pub fn set_ambient(set: Set) -> Result<()> {
    ambient(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0)?;
    for number in (0..64).filter(|number| set.has(*number)) {
        ambient(libc::PR_CAP_AMBIENT_RAISE, number)?;
    }
    Ok(())
}

/// The capabilities that this kernel knows.
pub fn known() -> Set {
    let known = |number: &u32| {
        // SAFETY: plain integers.
        unsafe { libc::prctl(libc::PR_CAPBSET_READ, *number, 0, 0, 0) >= 0 }
    };
    Set((0..64).take_while(known).fold(0, |set, n| set | 1 << n))
}

fn ambient(operation: libc::c_int, number: u32) -> Result<()> {
    // SAFETY: plain integers.
    check(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, operation, number, 0, 0) }.into()).map(drop)
}

fn header() -> Header {
    Header {
        version: VERSION_3,
        pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_set_is_what_proc_says() {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        let expected = u64::from_str_radix(line.expect("line").trim(), 16).expect("hex");
        assert_eq!(effective().expect("capget"), Set(expected));
        assert_eq!(known().0 & expected, expected);
    }
}
