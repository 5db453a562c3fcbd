//! exec: a further process in a running container.

use std::os::fd::AsFd;
use std::path::Path;

use oci_spec::runtime::{Capability, LinuxCapabilities, Process};
use rustix::process::Pid;

use crate::model::TerminalSize;
use crate::runtime::create::{self, ExecRequest, Stdio};
use crate::sys::seccomp::Filter;

use super::args::Exec;
use super::console;
use super::container::{Container, Status};
use super::error::{Error, Result, refused};
use super::lifecycle::{exit_code, inherited, read_json, running_cgroup, write_pid};

/// Run it; its exit code, 0 if nobody waits for it.
pub(super) fn exec(root: &Path, options: &Exec) -> Result<u8> {
    let container = Container::load(root, &options.id)?;
    match container.status()? {
        Status::Running => {}
        Status::Paused if options.ignore_paused => {}
        Status::Created => {}
        status => {
            return refused(format!(
                "cannot exec in a container that is {}",
                status.name()
            ));
        }
    }
    let record = &container.record;
    let process = match &options.process {
        Some(file) => read_json(file)?,
        None => process(options, record.spec.process().as_ref())?,
    };
    let terminal = process.terminal().unwrap_or(false);
    if terminal && options.detach && options.console_socket.is_none() {
        return refused("a detached process with a terminal needs --console-socket");
    }
    let (Some(pidfd), Some(pid)) = (container.process()?, Pid::from_raw(record.process.pid)) else {
        return refused("container not running");
    };
    let cgroup = running_cgroup(&container)?;
    let linux = record.spec.linux().as_ref();
    let seccomp = linux.and_then(|linux| linux.seccomp().as_ref());
    let stdio = if terminal {
        let size = process.console_size().map(|size| TerminalSize {
            rows: size.height() as u16,
            cols: size.width() as u16,
        });
        Stdio::Terminal {
            size: size.or_else(console::size),
        }
    } else {
        inherited()?
    };
    let signals = console::Signals::block()?;
    let created = create::exec(ExecRequest {
        init_pid: pid,
        init_pidfd: pidfd.as_fd(),
        spec: &record.spec,
        process: &process,
        seccomp: seccomp.map(Filter::from_oci).transpose()?,
        cgroup: Some(&cgroup),
        stdio,
        preserved: options.preserve_fds,
    })?;
    // Others may act on the container while this process runs.
    drop(container);
    let running = created.start()?;
    if let (Some(socket), Some(master)) = (&options.console_socket, &running.terminal) {
        console::send(socket, master)?;
    }
    if let Some(file) = &options.pid_file {
        write_pid(file, running.pid)?;
    }
    if options.detach {
        return Ok(0);
    }
    let master = running.terminal.as_ref();
    let master = master.filter(|_| options.console_socket.is_none());
    console::attend(&signals, &running.pidfd, master)?;
    exit_code(&running.pidfd)
}

/// The process that the flags describe, the container's own being what they change.
fn process(options: &Exec, container: Option<&Process>) -> Result<Process> {
    let Some(mut process) = container.cloned() else {
        return refused("the container's specification has no process");
    };
    if options.args.is_empty() {
        return refused("exec needs a program, or --process");
    }
    process.set_args(Some(options.args.clone()));
    process.set_terminal(Some(options.tty));
    process.set_console_size(None);
    if let Some(cwd) = &options.cwd {
        process.set_cwd(cwd.clone());
    }
    if let Some(env) = process.env_mut() {
        env.extend(options.env.iter().cloned());
    } else {
        process.set_env(Some(options.env.clone()));
    }
    if options.no_new_privs {
        process.set_no_new_privileges(Some(true));
    }
    if let Some(user) = &options.user {
        let (uid, gid) = user.split_once(':').unwrap_or((user, ""));
        let number = |text: &str, before: u32| match text {
            "" => Ok(before),
            text => text
                .parse()
                .map_err(|_| Error::Refused(format!("--user {user:?}: not UID[:GID]"))),
        };
        let (uid, gid) = (number(uid, 0)?, number(gid, process.user().gid())?);
        process.user_mut().set_uid(uid);
        process.user_mut().set_gid(gid);
    }
    if !options.additional_gids.is_empty() {
        let gids = options.additional_gids.clone();
        process.user_mut().set_additional_gids(Some(gids));
    }
    add_capabilities(&mut process, &options.cap)?;
    Ok(process)
}

fn add_capabilities(process: &mut Process, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let mut sets = process.capabilities().clone().unwrap_or_else(|| {
        let mut none = LinuxCapabilities::default();
        none.set_bounding(None)
            .set_effective(None)
            .set_permitted(None)
            .set_inheritable(None)
            .set_ambient(None);
        none
    });
    for name in names {
        let upper = name.to_ascii_uppercase();
        let upper = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let Ok(capability) = upper.parse::<Capability>() else {
            return refused(format!("--cap {name:?}: no such capability"));
        };
        let with = |set: &Option<std::collections::HashSet<Capability>>| {
            let mut set = set.clone().unwrap_or_default();
            set.insert(capability);
            Some(set)
        };
        let (bounding, effective) = (with(sets.bounding()), with(sets.effective()));
        let permitted = with(sets.permitted());
        sets.set_bounding(bounding)
            .set_effective(effective)
            .set_permitted(permitted);
    }
    process.set_capabilities(Some(sets));
    Ok(())
}
