//! create, start, run, kill, delete, pause, resume.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oci_spec::runtime::Spec;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::model::TerminalSize;
use crate::runtime::create::{
    Bundle, HookPoint, Running, Stdio, bundle_rootfs, create_behind_fifo, run_hooks,
};
use crate::sys::cgroup::{Cgroup, Cgroups};
use crate::sys::proc::Identity;
use crate::sys::seccomp::Filter;
use crate::sys::{pidfd, signal};

use super::args::{Create, Run};
use super::container::{Container, Draft, Record, Status, open};
use super::error::{Error, Result, Trying, refused};
use super::{console, resources};

/// Create a container, and leave its process behind the FIFO.
pub(super) fn create(root: &Path, options: &Create) -> Result<()> {
    let bundle = Opened::new(options.bundle.as_deref())?;
    let terminal = bundle.has_terminal();
    if terminal != options.console_socket.is_some() {
        return refused(if terminal {
            "process.terminal needs --console-socket: nobody else would hold the terminal"
        } else {
            "--console-socket without process.terminal"
        });
    }
    create_opened(root, options, &bundle).map(drop)
}

/// Start what was created.
pub(super) fn start(root: &Path, id: &str) -> Result<()> {
    start_loaded(&Container::load(root, id)?)
}

fn start_loaded(container: &Container) -> Result<()> {
    match container.status()? {
        Status::Created => {}
        Status::Stopped => return refused("cannot start a container that has stopped"),
        status => {
            return refused(format!(
                "cannot start a container that is {}",
                status.name()
            ));
        }
    }
    container.release()?;
    let record = &container.record;
    run_hooks(
        &record.spec,
        HookPoint::Poststart,
        &container.id,
        "running",
        Some(record.process.pid as u32),
        &record.bundle,
    )?;
    Ok(())
}

/// Create and start; then wait, hand signals and the terminal on, delete. The exit code
/// is the program's.
pub(super) fn run(root: &Path, options: &Run) -> Result<u8> {
    let bundle = Opened::new(options.create.bundle.as_deref())?;
    let terminal = bundle.has_terminal();
    if terminal && options.detach && options.create.console_socket.is_none() {
        return refused("a detached container with a terminal needs --console-socket");
    }
    // Before the container exists: a signal that arrives meanwhile waits for us.
    let signals = console::Signals::block()?;
    let (container, running) = create_opened(root, &options.create, &bundle)?;
    let code = start_loaded(&container).and_then(|()| {
        if options.detach {
            return Ok(0);
        }
        let master = running.terminal.as_ref();
        let master = master.filter(|_| options.create.console_socket.is_none());
        console::attend(&signals, &running.pidfd, master)?;
        exit_code(&running.pidfd)
    });
    if options.detach && code.is_ok() || options.keep {
        return code;
    }
    let deleted = end(container);
    let code = code?;
    deleted?;
    Ok(code)
}

/// Send a signal.
pub(super) fn kill(root: &Path, id: &str, word: &str, all: bool) -> Result<()> {
    let Some(number) = signal::parse(word) else {
        return refused(format!("unknown signal {word:?}"));
    };
    let container = Container::load(root, id)?;
    if all {
        let Some(cgroup) = container.cgroup()? else {
            return refused("container not running");
        };
        for pid in cgroup.pids()?.into_iter().filter_map(Pid::from_raw) {
            match signal::send(pid, number) {
                // It ended meanwhile.
                Err(rustix::io::Errno::SRCH) => {}
                result => result.trying(|| format!("signal process {pid:?}"))?,
            }
        }
        return Ok(());
    }
    let Some(process) = container.process()? else {
        return refused("container not running");
    };
    pidfd::send_signal(process, number).trying(|| format!("send {word}"))
}

/// Delete what has stopped, or with `force` what runs.
pub(super) fn delete(root: &Path, id: &str, force: bool) -> Result<()> {
    let container = match Container::load(root, id) {
        Err(Error::Missing(id)) => {
            Container::remove_leftover(root, &id)?;
            return if force {
                Ok(())
            } else {
                Err(Error::Missing(id))
            };
        }
        result => result?,
    };
    match container.status()? {
        Status::Stopped | Status::Created => {}
        _ if force => {}
        status => {
            return refused(format!(
                "cannot delete container {id:?}: it is not stopped but {}",
                status.name()
            ));
        }
    }
    end(container)
}

/// Freeze.
pub(super) fn pause(root: &Path, id: &str) -> Result<()> {
    let container = Container::load(root, id)?;
    match container.status()? {
        Status::Running | Status::Created => Ok(running_cgroup(&container)?.freeze()?),
        status => refused(format!(
            "cannot pause a container that is {}",
            status.name()
        )),
    }
}

/// Thaw.
pub(super) fn resume(root: &Path, id: &str) -> Result<()> {
    let container = Container::load(root, id)?;
    match container.status()? {
        Status::Paused => Ok(running_cgroup(&container)?.thaw()?),
        status => refused(format!(
            "cannot resume a container that is {}",
            status.name()
        )),
    }
}

pub(super) fn running_cgroup(container: &Container) -> Result<Cgroup> {
    match container.cgroup()? {
        Some(cgroup) => Ok(cgroup),
        None => refused("the container has no control groups any more"),
    }
}

/// A bundle whose specification was read.
struct Opened {
    directory: PathBuf,
    spec: Spec,
}

impl Opened {
    fn new(directory: Option<&Path>) -> Result<Self> {
        let directory = directory.unwrap_or(Path::new("."));
        let directory = fs::canonicalize(directory)
            .trying(|| format!("open the bundle {}", directory.display()))?;
        let path = directory.join("config.json");
        let spec = serde_json::from_reader(std::io::BufReader::new(open(&path)?));
        let spec = spec.map_err(|source| Error::Json {
            what: path.display().to_string(),
            source,
        })?;
        Ok(Self { directory, spec })
    }

    fn has_terminal(&self) -> bool {
        let process = self.spec.process().as_ref();
        process
            .and_then(|process| process.terminal())
            .unwrap_or(false)
    }
}

fn create_opened(root: &Path, options: &Create, bundle: &Opened) -> Result<(Container, Running)> {
    let Opened { directory, spec } = bundle;
    let draft = Draft::new(root, &options.id)?;
    let path = resources::cgroup_path(spec, &options.id)?;
    let cgroups = Cgroups::detect()?;
    let taken = cgroups.open(&path)?;
    if taken.map(|group| group.is_empty()).transpose()? == Some(false) {
        return refused(format!("the control group {path} has processes already"));
    }
    let cgroup = cgroups.create(&path)?;
    let made = make(options, directory, spec, &draft, &cgroup);
    let running = match made {
        Ok(running) => running,
        Err(error) => {
            // The failure is what matters; an empty group is taken over by the next.
            let _ = cgroup.remove();
            return Err(error);
        }
    };
    let pid = running.pid;
    let record = Record {
        process: Identity::of(pid, &running.pidfd).trying(|| "look at the process".to_owned())?,
        bundle: directory.clone(),
        created: Timestamp::now(),
        cgroup: path,
        spec: spec.clone(),
    };
    let container = draft.keep(record)?;
    if let Some(file) = &options.pid_file {
        write_pid(file, pid)?;
    }
    Ok((container, running))
}

fn make(
    options: &Create,
    directory: &Path,
    spec: &Spec,
    draft: &Draft,
    cgroup: &Cgroup,
) -> Result<Running> {
    cgroup.apply(&resources::with_default_devices(spec))?;
    let linux = spec.linux().as_ref();
    let seccomp = linux.and_then(|linux| linux.seccomp().as_ref());
    let process = spec.process().as_ref();
    let terminal = process
        .and_then(|process| process.terminal())
        .unwrap_or(false);
    let stdio = if terminal {
        let size = process.and_then(|process| process.console_size());
        let size = size.map(|size| TerminalSize {
            rows: size.height() as u16,
            cols: size.width() as u16,
        });
        Stdio::Terminal {
            size: size.or_else(console::size),
        }
    } else {
        inherited()?
    };
    let made = Bundle {
        id: &options.id,
        spec,
        dir: directory.to_owned(),
        rootfs: bundle_rootfs(spec, directory)?,
        trees: Vec::new(),
        seccomp: seccomp.map(Filter::from_oci).transpose()?,
        init: false,
    };
    let created = create_behind_fifo(
        made,
        Some(cgroup),
        stdio,
        draft.fifo()?,
        options.preserve_fds,
    )?;
    if let (Some(socket), Some(master)) = (&options.console_socket, created.terminal()) {
        console::send(socket, master)?;
    }
    Ok(created.leave())
}

/// Our own standard streams, for the container to have.
pub(super) fn inherited() -> Result<Stdio> {
    let copy = |fd: std::os::fd::BorrowedFd<'_>| {
        let fd = rustix::io::fcntl_dupfd_cloexec(fd, 3);
        fd.trying(|| "duplicate a standard stream".to_owned())
    };
    Ok(Stdio::Pipes {
        stdin: copy(std::io::stdin().as_fd())?,
        stdout: copy(std::io::stdout().as_fd())?,
        stderr: copy(std::io::stderr().as_fd())?,
    })
}

/// The code with which a process of ours ended: 128 and the number for a signal.
pub(super) fn exit_code(process: &OwnedFd) -> Result<u8> {
    let status = waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED)
        .trying(|| "wait for the process".to_owned())?;
    let code = status.and_then(|status| {
        let signal = status.terminating_signal().map(|signal| 128 + signal);
        status.exit_status().or(signal)
    });
    Ok(code.map_or(255, |code| code as u8))
}

/// Kill what is left, delete, run the last hooks.
fn end(container: Container) -> Result<()> {
    let id = container.id.clone();
    if let Some(process) = container.process()? {
        pidfd::send_signal(&process, libc::SIGKILL).trying(|| "kill the process".to_owned())?;
        if let Some(cgroup) = container.cgroup()? {
            // A frozen process takes no signal.
            cgroup.kill()?;
        }
        pidfd::wait_exit(&process, Some(std::time::Duration::from_secs(10)))
            .trying(|| "wait for the process".to_owned())?;
    }
    let record = container.remove()?;
    run_hooks(
        &record.spec,
        HookPoint::Poststop,
        &id,
        "stopped",
        None,
        &record.bundle,
    )?;
    Ok(())
}

/// Write a pid file whole: its reader waits for it to appear.
pub(super) fn write_pid(file: &Path, pid: Pid) -> Result<()> {
    let text = pid.as_raw_nonzero().to_string();
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = directory.join(file.file_name().unwrap_or_default());
    crate::sys::fs::write_atomically(&file, text.as_bytes(), crate::sys::fs::Durability::Unsynced)
        .trying(|| format!("write {}", file.display()))
}

/// Read a JSON file, `-` being standard input.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let read: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(open(path)?)
    };
    let reader: std::io::BufReader<Box<dyn std::io::Read>> = std::io::BufReader::new(read);
    serde_json::from_reader(reader).map_err(|source| Error::Json {
        what: path.display().to_string(),
        source,
    })
}

/// Whether a directory holds the file of a bundle already.
pub(super) fn write_new(path: &Path, text: &str) -> Result<()> {
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .open(path)
        .trying(|| format!("make {}", path.display()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .trying(|| format!("write {}", path.display()))
}
