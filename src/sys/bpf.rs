//! bpf(2), as far as a v2 group needs it: load a device program, attach it in place of
//! the one before.
//!
//! cgroup v2 has no device controller. A program of type CGROUP_DEVICE, attached to the
//! group's directory, is asked at each open and mknod of a device node. The few
//! instructions are written out by the caller; libbpf would be a C dependency for this.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

/// One instruction, as the kernel lays it out.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u8,
    /// Destination register in the low half, source in the high half.
    pub registers: u8,
    /// Offset of a jump or of a memory access.
    pub offset: i16,
    /// Constant operand.
    pub immediate: i32,
}

const PROG_LOAD: libc::c_long = 5;
const PROG_ATTACH: libc::c_long = 8;
const PROG_DETACH: libc::c_long = 9;
const PROG_GET_FD_BY_ID: libc::c_long = 13;
const PROG_QUERY: libc::c_long = 16;

const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 1 << 1;
const REPLACE: u32 = 1 << 2;

/// `union bpf_attr` for PROG_LOAD, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// The same for PROG_ATTACH and PROG_DETACH.
#[repr(C)]
#[derive(Default)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
}

/// The same for PROG_QUERY.
#[repr(C)]
#[derive(Default)]
struct Query {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
}

/// The same for PROG_GET_FD_BY_ID.
#[repr(C)]
#[derive(Default)]
struct ById {
    prog_id: u32,
    next_id: u32,
    open_flags: u32,
}

/// Make a program the only device program of ours on a group, in one step for those in
/// it: at no moment is the group without one.
pub fn set_device_program(group: BorrowedFd<'_>, program: &[Instruction]) -> io::Result<()> {
    let program = load(program)?;
    let before = attached(group)?;
    let mut request = Attach {
        target_fd: number(group.as_raw_fd()),
        attach_bpf_fd: number(program.as_raw_fd()),
        attach_type: ATTACH_CGROUP_DEVICE,
        attach_flags: ALLOW_MULTI,
        replace_bpf_fd: 0,
    };
    if let [only] = before.as_slice() {
        request.attach_flags |= REPLACE;
        request.replace_bpf_fd = number(only.as_raw_fd());
        return call(PROG_ATTACH, &mut request).map(drop);
    }
    call(PROG_ATTACH, &mut request)?;
    for old in &before {
        call(
            PROG_DETACH,
            &mut Attach {
                target_fd: number(group.as_raw_fd()),
                attach_bpf_fd: number(old.as_raw_fd()),
                attach_type: ATTACH_CGROUP_DEVICE,
                ..Attach::default()
            },
        )?;
    }
    Ok(())
}

fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    let license = c"Apache-2.0";
    let mut request = Load {
        prog_type: TYPE_CGROUP_DEVICE,
        insn_cnt: u32::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        insns: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        expected_attach_type: ATTACH_CGROUP_DEVICE,
        ..Load::default()
    };
    request.prog_name[..13].copy_from_slice(b"wharf_devices");
    descriptor(call(PROG_LOAD, &mut request)?)
}

/// The device programs attached to a group itself.
fn attached(group: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let mut ids = [0_u32; 64];
    let mut request = Query {
        target_fd: number(group.as_raw_fd()),
        attach_type: ATTACH_CGROUP_DEVICE,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: ids.len() as u32,
        ..Query::default()
    };
    call(PROG_QUERY, &mut request)?;
    ids.iter()
        .take(request.prog_cnt as usize)
        .map(|&prog_id| {
            let mut request = ById {
                prog_id,
                ..ById::default()
            };
            descriptor(call(PROG_GET_FD_BY_ID, &mut request)?)
        })
        .collect()
}

fn number(fd: i32) -> u32 {
    u32::try_from(fd).expect("an open descriptor is not negative")
}

fn descriptor(result: libc::c_long) -> io::Result<OwnedFd> {
    let fd = i32::try_from(result).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel just made this descriptor for us (close-on-exec, as bpf(2) does),
    // and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn call<T>(command: libc::c_long, request: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: `request` is one of the structs above, which are leading parts of the
    // kernel's union bpf_attr, passed with its own size: the kernel reads no more and
    // takes the rest as zero. Pointers inside point to slices that live across the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(request),
            size_of::<T>(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
