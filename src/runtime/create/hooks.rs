//! Hooks: programs of the user that run at points of a container's life, with its state
//! as JSON on their standard input.
//!
//! ```text
//! prestart, createRuntime   us, after the namespaces, before the root is entered
//! createContainer           the child, in the namespaces, before the root is entered
//! startContainer            the child, in the container, before the program
//! poststart, poststop       us, after start, after the container is deleted
//! ```

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use oci_spec::runtime::{Hook, Spec};
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags, SeekFrom, memfd_create, openat, seek};
use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use serde_json::json;

use crate::sys::clone::{self, Clone};
use crate::sys::exec::{self, Strings};
use crate::sys::{pidfd, signal};

use super::error::{Error, Result, Trying};
use super::mounts::{c_path, c_text};

/// When hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookPoint {
    /// Deprecated name of the next.
    Prestart,
    /// After the namespaces were made, outside of them.
    CreateRuntime,
    /// After the namespaces were made, inside of them.
    CreateContainer,
    /// Inside the container, before its program.
    StartContainer,
    /// After its program was started.
    Poststart,
    /// After it was deleted.
    Poststop,
}

impl HookPoint {
    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prestart => "prestart",
            Self::CreateRuntime => "createRuntime",
            Self::CreateContainer => "createContainer",
            Self::StartContainer => "startContainer",
            Self::Poststart => "poststart",
            Self::Poststop => "poststop",
        }
    }

    fn hooks(self, spec: &Spec) -> &[Hook] {
        let Some(hooks) = spec.hooks() else {
            return &[];
        };
        #[allow(deprecated, reason = "older bundles still name it")]
        let list = match self {
            Self::Prestart => hooks.prestart(),
            Self::CreateRuntime => hooks.create_runtime(),
            Self::CreateContainer => hooks.create_container(),
            Self::StartContainer => hooks.start_container(),
            Self::Poststart => hooks.poststart(),
            Self::Poststop => hooks.poststop(),
        };
        list.as_deref().unwrap_or(&[])
    }
}

/// A hook, ready to run.
#[derive(Debug)]
pub(super) struct Planned {
    pub path: CString,
    args: Strings,
    env: Strings,
    timeout: Option<Duration>,
    directory: Option<CString>,
}

/// Read the hooks of one point. `directory` is where they run, if not where we are.
pub(super) fn plan(
    spec: &Spec,
    point: HookPoint,
    directory: Option<&Path>,
) -> Result<Vec<Planned>> {
    let field = format!("hooks.{}", point.name());
    let strings = |list: Option<&Vec<String>>| -> Result<Strings> {
        let list = list.into_iter().flatten();
        let list = list.map(|text| c_text(&field, text));
        Ok(Strings::new(list.collect::<Result<_>>()?))
    };
    let plan_one = |hook: &Hook| {
        if !hook.path().is_absolute() {
            return Err(Error::invalid(&field, "a path is not absolute"));
        }
        let timeout = match hook.timeout() {
            None => None,
            Some(seconds) if seconds > 0 => Some(Duration::from_secs(seconds as u64)),
            Some(_) => return Err(Error::invalid(&field, "a timeout is not positive")),
        };
        let path = c_path(hook.path())?;
        let args = match hook.args() {
            Some(args) if !args.is_empty() => strings(Some(args))?,
            _ => Strings::new(vec![path.clone()]),
        };
        Ok(Planned {
            path,
            args,
            env: strings(hook.env().as_ref())?,
            timeout,
            directory: directory.map(c_path).transpose()?,
        })
    };
    point.hooks(spec).iter().map(plan_one).collect()
}

/// The state of a container as hooks and `state` show it, around the place of its pid.
#[derive(Debug)]
pub(super) struct State {
    before: String,
    after: String,
}

impl State {
    /// The state with a pid still to come.
    pub fn new(spec: &Spec, id: &str, status: &str, bundle: &Path) -> Self {
        let after = json!({
            "bundle": bundle,
            "annotations": spec.annotations().clone().unwrap_or_default(),
        });
        let before = json!({"ociVersion": spec.version(), "id": id, "status": status});
        let (before, after) = (before.to_string(), after.to_string());
        // Two objects that will be one, with or without a pid between them.
        Self {
            before: before.trim_end_matches('}').to_owned(),
            after: format!(",{}", after.trim_start_matches('{')),
        }
    }

    /// A file that holds it, for a standard input. A file and not a pipe: no hook must
    /// read it for us to go on.
    fn file(&self, pid: Option<u32>) -> rustix::io::Result<OwnedFd> {
        let file = memfd_create(c"state", MemfdFlags::CLOEXEC)?;
        write_all(&file, self.before.as_bytes())?;
        if let Some(pid) = pid {
            write_all(&file, b",\"pid\":")?;
            write_all(&file, decimal(pid, &mut [0; 10]))?;
        }
        write_all(&file, self.after.as_bytes())?;
        seek(&file, SeekFrom::Start(0))?;
        Ok(file)
    }
}

impl Planned {
    /// Run it to its end. Allocates nothing: the child calls it too. A hook that fails
    /// is `ECANCELED`, one that takes too long `ETIMEDOUT`.
    pub fn run(&self, state: &State, pid: Option<u32>) -> rustix::io::Result<()> {
        let state = state.file(pid)?;
        let null = openat(
            CWD,
            c"/dev/null",
            OFlags::RDWR | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let child = clone::fork(Clone::default(), || {
            let errno = self.exec(&state, &null);
            errno.raw_os_error().min(127)
        })
        .map_err(|error| errno(&error))?;
        if !pidfd::wait_exit(&child.pidfd, self.timeout).map_err(|error| errno(&error))? {
            pidfd::send_signal(&child.pidfd, libc::SIGKILL)?;
            wait(&child.pidfd)?;
            return Err(Errno::TIMEDOUT);
        }
        match wait(&child.pidfd)? {
            Some(0) => Ok(()),
            _ => Err(Errno::CANCELED),
        }
    }

    fn exec(&self, state: &OwnedFd, null: &OwnedFd) -> Errno {
        let prepared = exec::set_stdio([state.as_fd(), null.as_fd(), null.as_fd()])
            .and_then(|()| exec::close_from_on_exec(3))
            .and_then(|()| match &self.directory {
                Some(directory) => rustix::process::chdir(directory.as_c_str()),
                None => Ok(()),
            })
            .and_then(|()| signal::reset());
        match prepared {
            Ok(()) => exec::execve(&self.path, &self.args, &self.env),
            Err(errno) => errno,
        }
    }
}

/// Run the hooks of one point here, in our own namespaces; the first that fails ends it.
pub fn run(
    spec: &Spec,
    point: HookPoint,
    id: &str,
    status: &str,
    pid: Option<u32>,
    bundle: &Path,
) -> Result<()> {
    let planned = plan(spec, point, Some(bundle))?;
    if planned.is_empty() {
        return Ok(());
    }
    let state = State::new(spec, id, status, bundle);
    for hook in &planned {
        let path = hook.path.to_string_lossy();
        match hook.run(&state, pid) {
            Ok(()) => {}
            Err(errno @ (Errno::CANCELED | Errno::TIMEDOUT)) => {
                return Err(Error::Hook {
                    kind: point.name(),
                    path: path.into_owned(),
                    reason: reason(errno).to_owned(),
                });
            }
            Err(errno) => return Err(errno).trying(|| format!("run the hook {path}")),
        }
    }
    Ok(())
}

fn reason(errno: Errno) -> &'static str {
    if errno == Errno::TIMEDOUT {
        "it took longer than its timeout and was killed"
    } else {
        "it failed"
    }
}

/// Child: our pid as the host's procfs spells it, `/proc/self` being a link to it.
pub(super) fn host_pid(path: &CStr) -> rustix::io::Result<u32> {
    let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 16];
    let (digits, _) = rustix::fs::readlinkat_raw(CWD, path, &mut buffer[..])?;
    let digits = std::str::from_utf8(digits).map_err(|_| Errno::INVAL)?;
    digits.parse().map_err(|_| Errno::INVAL)
}

fn wait(pidfd: &OwnedFd) -> rustix::io::Result<Option<i32>> {
    let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED)?;
    Ok(status.and_then(|status| status.exit_status()))
}

fn write_all(fd: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        let written = rustix::io::write(fd, bytes)?;
        bytes = &bytes[written..];
    }
    Ok(())
}

fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw_os_error(error.raw_os_error().unwrap_or(libc::EIO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(script: &str, timeout: &str) -> Spec {
        serde_json::from_value(json!({
            "ociVersion": "1.0.2",
            "hooks": {"poststart": [{
                "path": "/bin/sh",
                "args": ["sh", "-c", script],
                "env": [timeout],
                "timeout": 1,
            }]},
        }))
        .expect("spec")
    }

    #[test]
    fn hook_reads_the_state_and_its_failure_is_told() {
        let dir = tempfile::tempdir().expect("temp dir");
        let run = |script| {
            let spec = spec(script, "A=b");
            let bundle = dir.path();
            run(
                &spec,
                HookPoint::Poststart,
                "x",
                "running",
                Some(42),
                bundle,
            )
        };
        run("cat > state; test $A = b").expect("hook");
        let state = std::fs::read(dir.path().join("state")).expect("state");
        let state: serde_json::Value = serde_json::from_slice(&state).expect("json");
        assert_eq!((&state["id"], &state["pid"]), (&json!("x"), &json!(42)));
        assert!(run("exit 1").is_err());
        let error = run("sleep 10").expect_err("timeout").to_string();
        assert!(error.contains("timeout"), "{error}");
    }
}
