//! Child: the order in which a container comes to be, between clone and execve.
//!
//! ```text
//! parent                                   child
//! clone -------------------------------->  (id maps awaited)
//!                                          control groups, namespaces, root, mounts,
//!                                          devices, terminal
//!          <----- 'T' the terminal's master
//!          <----- 'H' hooks may run
//! prestart, createRuntime   'h' -------->  createContainer, masks, root entered
//! limits   <----- 'R' ready                stdio, user, capabilities
//!          's' start ------------------->  filter, startContainer, execve
//!          <----- 'F' what failed, or the line closes: the program runs
//! ```
//!
//! Nothing here allocates or takes a lock.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::fs::{Gid, Uid};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, set_dumpable_behavior, setsid, umask};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::model::TerminalSize;
use crate::sys::beneath::{self, Kind};
use crate::sys::channel::Channel;
use crate::sys::mount::{attach, clone_tree, set_attributes};
use crate::sys::{net, process, pty};

use super::ContainerPlan;
use super::error::{At, Failure, Stage};
use super::process::{Plan, PlannedStdio};
use super::program::{Gate, exit_code};
use super::{devices, hooks, mounts, rootfs};

type Result<T> = std::result::Result<T, Failure>;

/// Words of the parent.
pub(super) const MAPPED: u8 = b'm';
pub(super) const HOOKS_DONE: u8 = b'h';
pub(super) const START: u8 = b's';
/// Words of the child.
pub(super) const TERMINAL: u8 = b'T';
pub(super) const HOOKS: u8 = b'H';
pub(super) const READY: u8 = b'R';
pub(super) const FAILED: u8 = b'F';

/// A failure as it goes over the line.
pub(super) fn failed(failure: Failure) -> [u8; 1 + Failure::LENGTH] {
    let mut bytes = [FAILED; 1 + Failure::LENGTH];
    bytes[1..].copy_from_slice(&failure.encode());
    bytes
}

/// The whole child of a container. Returns only if it could not become its program.
pub(super) fn run(plan: &ContainerPlan, channel: &Channel, gate: &Gate) -> i32 {
    let terminal = match set_up(plan, channel) {
        Ok(terminal) => terminal,
        Err(failure) => return tell(channel, failure),
    };
    finish(&plan.process, channel, gate, terminal)
}

/// What is the same for a container and an exec: the last steps, and the wait.
pub(super) fn finish(
    plan: &Plan,
    channel: &Channel,
    gate: &Gate,
    terminal: Option<OwnedFd>,
) -> i32 {
    let (channel, gate) = match plan.prepare(channel, gate, terminal) {
        Ok(kept) => kept,
        Err(failure) => return tell(channel, failure),
    };
    let released = match &gate {
        Gate::Parent => channel
            .send(&[READY], None)
            .and_then(|()| expect(&channel, START))
            .at(Stage::Talk),
        // Whoever creates it is gone by the start, so what can be known is told now.
        Gate::Fifo(fifo) => plan
            .find_command()
            .and_then(|()| channel.send(&[READY], None).at(Stage::Talk))
            .and_then(|()| wait_for_word(fifo).at(Stage::Talk)),
    };
    drop(gate);
    match released {
        Ok(()) => {
            let spare = match rustix::io::fcntl_dupfd_cloexec(&channel, 3) {
                Ok(fd) => Channel::from(fd),
                Err(errno) => return tell(&channel, failure(Stage::Talk, errno)),
            };
            let failure = plan.run(spare);
            tell(&channel, failure)
        }
        Err(failure) => tell(&channel, failure),
    }
}

fn failure(stage: Stage, errno: Errno) -> Failure {
    Failure {
        stage,
        item: 0,
        errno,
    }
}

pub(super) fn tell(channel: &Channel, failure: Failure) -> i32 {
    // If nobody listens any more, the exit code still tells.
    let _ = channel.send(&failed(failure), None);
    exit_code(failure)
}

fn set_up(plan: &ContainerPlan, channel: &Channel) -> Result<Option<OwnedFd>> {
    if !plan.namespaces.has_new_pid() {
        // Others can see us already, and must not look into what a copy of the host's
        // process still holds (CVE-2016-9962).
        set_dumpable_behavior(DumpableBehavior::NotDumpable).at(Stage::Talk)?;
    }
    if plan.namespaces.needs_maps() {
        expect(channel, MAPPED).at(Stage::Talk)?;
    }
    if plan.namespaces.has_user() {
        become_root().at(Stage::IdMap)?;
    }
    if let Some(entrance) = &plan.entrance {
        entrance.enter().at(Stage::ControlGroups)?;
    }
    plan.namespaces.enter()?;
    // What is made below gets the mode that it is made with.
    umask(0.into());
    begin_session()?;
    if plan.namespaces.has_new_network() {
        net::loopback_up().at(Stage::Loopback)?;
    }
    if let Some(name) = &plan.host_name {
        process::set_host_name(name).at(Stage::HostName)?;
    }
    if let Some(name) = &plan.domain_name {
        process::set_domain_name(name).at(Stage::DomainName)?;
    }
    plan.root.attach()?;
    let root = plan.root.tree.as_fd();
    for (item, mount) in plan.mounts.iter().enumerate() {
        mount.attach(root, item)?;
    }
    if plan.sets_up_dev {
        set_up_dev(plan)?;
    }
    let terminal = match plan.process.stdio {
        PlannedStdio::Terminal(size) => Some(open_console(plan, channel, size)?),
        PlannedStdio::Descriptors(_) => None,
    };
    for (item, sysctl) in plan.sysctls.iter().enumerate() {
        super::namespaces::write_file(&sysctl.path, sysctl.value.as_bytes())
            .at_item(Stage::Sysctl, item)?;
    }
    run_hooks(plan, channel)?;
    rootfs::make_working_directory(root, &plan.process.cwd);
    plan.covers.apply(root)?;
    for (item, mount) in plan.mounts.iter().enumerate() {
        mount.seal().at_item(Stage::ReadOnly, item)?;
    }
    if plan.root.read_only {
        set_attributes(root, false, mounts::read_only()).at(Stage::ReadOnly)?;
    }
    plan.root.enter()?;
    Ok(terminal)
}

/// Wait for one word of the parent. If it died, so must we.
pub(super) fn expect(channel: &Channel, word: u8) -> rustix::io::Result<()> {
    let mut bytes = [0];
    match channel.receive(&mut bytes)?.0 {
        0 => crate::sys::clone::exit(125),
        _ if bytes[0] == word => Ok(()),
        _ => Err(Errno::PROTO),
    }
}

fn wait_for_word(fifo: &OwnedFd) -> rustix::io::Result<()> {
    loop {
        match rustix::io::read(fifo, &mut [0; 1]) {
            Err(Errno::INTR) => {}
            Ok(0) => return Err(Errno::PIPE),
            result => return result.map(drop),
        }
    }
}

/// In a new user namespace we are nobody until we say who we are.
pub(super) fn become_root() -> rustix::io::Result<()> {
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT)?;
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    match set_thread_groups(&[]) {
        // A joined namespace may have given that right up (`setgroups` is "deny").
        Err(Errno::PERM) => Ok(()),
        result => result,
    }
}

/// A session and a keyring of our own: the terminal and the keys of whoever started us
/// are not the container's.
pub(super) fn begin_session() -> Result<()> {
    setsid().at(Stage::Session)?;
    match process::new_session_keyring() {
        // A kernel without keyrings has none to hide.
        Err(Errno::NOSYS) => Ok(()),
        result => result.at(Stage::Keyring),
    }
}

fn set_up_dev(plan: &ContainerPlan) -> Result<()> {
    let root = plan.root.tree.as_fd();
    let may_make = !plan.namespaces.has_user();
    for (item, device) in plan.devices.iter().enumerate() {
        device.make(root, may_make).at_item(Stage::Device, item)?;
    }
    for (item, (target, path)) in plan.links.iter().enumerate() {
        devices::link(root, target, path).at_item(Stage::DeviceLink, item)?;
    }
    devices::link_ptmx(root).at(Stage::DeviceLink)
}

/// A terminal of the container's own devpts, its other end for the parent, and its name
/// in the container, `/dev/console`.
fn open_console(
    plan: &ContainerPlan,
    channel: &Channel,
    size: Option<TerminalSize>,
) -> Result<OwnedFd> {
    let root = plan.root.tree.as_fd();
    let terminal = open_terminal(root, channel, size)?;
    let mount = || {
        let target = beneath::make(root, c"/dev/console", Kind::File)?;
        let tree = clone_tree(&terminal, c"", false)?;
        attach(&tree, &target)
    };
    mount().at(Stage::Console)?;
    Ok(terminal)
}

/// Open a terminal below `root` and send its master to the parent.
pub(super) fn open_terminal(
    root: impl AsFd,
    channel: &Channel,
    size: Option<TerminalSize>,
) -> Result<OwnedFd> {
    let open = || {
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let master = beneath::open(root, c"/dev/pts/ptmx", flags)?;
        if !devices::is_device(&master, (5, 2))? {
            return Err(Errno::NOTTY);
        }
        let terminal = pty::open_peer(&master)?;
        if let Some(size) = size {
            pty::resize(&terminal, size.rows, size.cols)?;
        }
        channel.send(&[TERMINAL], Some(master.as_fd()))?;
        Ok(terminal)
    };
    open().at(Stage::Console)
}

fn run_hooks(plan: &ContainerPlan, channel: &Channel) -> Result<()> {
    if plan.has_runtime_hooks {
        channel.send(&[HOOKS], None).at(Stage::Talk)?;
        expect(channel, HOOKS_DONE).at(Stage::Talk)?;
    }
    if plan.container_hooks.is_empty() {
        return Ok(());
    }
    let pid = hooks::host_pid(c"/proc/self").at(Stage::HookState)?;
    for (item, hook) in plan.container_hooks.iter().enumerate() {
        hook.run(&plan.hook_state, Some(pid))
            .at_item(Stage::CreateContainerHook, item)?;
    }
    Ok(())
}
