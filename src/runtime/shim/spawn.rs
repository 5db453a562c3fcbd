//! The starter's side: everything that must exist before the shim does, then the shim,
//! then its answer.
//!
//! The `alive` lock is taken here and handed over with its descriptor (a flock belongs
//! to the open file, not to a process), so at no instant does a container that is being
//! started look dead.

use std::{
    ffi::CString,
    fs::{self, DirBuilder, File},
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::DirBuilderExt, fs::OpenOptionsExt, net::UnixStream},
    },
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{MemfdFlags, memfd_create};

use super::{Answer, Error, NAME, face};
use crate::{
    model::{AttachStreams, ContainerId, ExecConfig, ExecId},
    network::Reservation,
    runtime::{attach::Frame, paths::Root, state},
    sys::{detached, exe},
};

/// How long a shim whose process has ended may take for its last steps.
const LAST_STEPS: Duration = Duration::from_secs(20);

/// A process that a shim has started.
#[derive(Debug)]
pub struct Started {
    /// The process on the host.
    pub pid: i32,
    /// The control socket, attached since before the first instruction, if asked for.
    pub control: Option<UnixStream>,
}

/// The network namespace that a container is to live in.
#[derive(Debug)]
pub struct Plugged {
    /// Itself.
    pub namespace: OwnedFd,
    /// The host's ports that lead there.
    pub reservation: Option<Reservation>,
}

/// Which work a shim is for.
enum Work<'a> {
    Start(Option<&'a Plugged>),
    Adopt,
    Exec(&'a ExecId, &'a ExecConfig),
}

/// Starts a container. Called with its lock held; returns once its program runs, or
/// says why it doesn't, with nothing of the run left but its recorded failure. Removing
/// a `--rm` container whose start failed is left to the caller, who has its lock.
pub fn spawn(
    root: &Root,
    id: &ContainerId,
    attach: Option<AttachStreams>,
    plugged: Option<&Plugged>,
) -> Result<Started, Error> {
    let run = root.container(id).run;
    make_directory(&run)?;
    run_shim(root, id, &Work::Start(plugged), &run, attach)
}

/// Gives a running container whose shim has died a new one. Called with its lock held.
pub fn adopt(root: &Root, id: &ContainerId) -> Result<Started, Error> {
    run_shim(root, id, &Work::Adopt, &root.container(id).run, None)
}

/// Runs one more process in a running container, attached as its config says.
pub fn spawn_exec(
    root: &Root,
    id: &ContainerId,
    exec: &ExecId,
    config: &ExecConfig,
) -> Result<Started, Error> {
    let directory = root.container(id).exec(exec).directory;
    make_directory(&directory)?;
    let started = run_shim(
        root,
        id,
        &Work::Exec(exec, config),
        &directory,
        config.attach,
    );
    if started.is_err() {
        // Nobody has heard of it; what can't be removed goes with the container's run.
        let _ = fs::remove_dir_all(&directory);
    }
    started
}

fn run_shim(
    root: &Root,
    id: &ContainerId,
    work: &Work<'_>,
    run: &Path,
    attach: Option<AttachStreams>,
) -> Result<Started, Error> {
    let alive = take_life(run, work)?;
    let (mut answer, report) = UnixStream::pair().map_err(failed("make a socket pair"))?;
    let client = attach.map(client_socket).transpose()?;
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(failed("open /dev/null"))?;
    let executable = exe::sealed().map_err(failed("seal our executable"))?;

    let config = match work {
        Work::Exec(_, config) => Some(pass_on(config)?),
        _ => None,
    };
    let mut descriptors = vec![
        config.as_ref().unwrap_or(&null).as_fd(),
        null.as_fd(),
        null.as_fd(),
        report.as_fd(),
        alive.as_fd(),
    ];
    let mut handed = Vec::new();
    let mut hand = |word: &'static str, fd| {
        descriptors.push(fd);
        handed.push(word);
    };
    if let Some((_, theirs)) = &client {
        hand(face::CLIENT, theirs.as_fd());
    }
    if let Work::Start(Some(plugged)) = work {
        hand(face::NETWORK, plugged.namespace.as_fd());
        if let Some(reservation) = &plugged.reservation {
            hand(face::PORTS, reservation.as_fd());
        }
    }
    let arguments = arguments(root, id, work, &handed)?;
    detached::spawn(executable.as_fd(), arguments, &descriptors)
        .map_err(failed("start the shim"))?;
    // From here on the shim alone keeps these open: its end is the end of the file.
    drop((report, alive));
    let control = client.map(|(ours, _)| ours);

    let mut text = Vec::new();
    answer
        .read_to_end(&mut text)
        .map_err(failed("hear from the shim"))?;
    match serde_json::from_slice(&text) {
        Ok(Answer::Running { pid }) => Ok(Started { pid, control }),
        Ok(Answer::Failed(failure)) => Err(Error::Failed(failure)),
        Err(_) => Err(Error::Lost),
    }
}

/// Takes the lock that the shim will hold. Who calls holds the container's lock, so
/// nobody else starts one: the lock is busy because a shim runs, because one whose
/// process has ended does its last steps, or for the instant in which somebody asks
/// whether it is busy.
fn take_life(run: &Path, work: &Work<'_>) -> Result<File, Error> {
    let path = run.join("alive");
    let alive = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("open the shim's lock"))?;
    let deadline = Instant::now() + LAST_STEPS;
    loop {
        match alive.try_lock() {
            Ok(()) => return Ok(alive),
            Err(fs::TryLockError::Error(error)) => return Err(failed("lock")(error)),
            Err(fs::TryLockError::WouldBlock) => {
                let state = state::read_file(&run.join("state")).ok().flatten();
                // The state of a run that is to be adopted says that it runs.
                let runs = !matches!(work, Work::Adopt)
                    && state.is_some_and(|state| state.state.can_stop());
                if runs || Instant::now() > deadline {
                    return Err(Error::AlreadyRunning);
                }
                // It has only a few system calls left, and no event tells their end.
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

/// What an exec is to run, as its shim's standard input: in memory, so that a command to
/// find out what fills a disk needs no room on it.
fn pass_on(config: &ExecConfig) -> Result<File, Error> {
    let write = || {
        let mut file = File::from(memfd_create(c"wharf-exec", MemfdFlags::CLOEXEC)?);
        file.write_all(&serde_json::to_vec(config)?)?;
        file.rewind()?;
        Ok(file)
    };
    write().map_err(failed("pass the exec's config on"))
}

/// Both ends of an attachment; the request waits in the shim's.
fn client_socket(streams: AttachStreams) -> Result<(UnixStream, UnixStream), Error> {
    let (mut ours, theirs) = UnixStream::pair().map_err(failed("make a socket pair"))?;
    let mut request = Vec::new();
    Frame::Attach(streams).encode(&mut request);
    ours.write_all(&request)
        .map_err(failed("ask for an attachment"))?;
    Ok((ours, theirs))
}

/// `wharf-shim start|adopt DATA RUN ID HANDED` or `wharf-shim exec DATA RUN ID HANDED EXEC`.
fn arguments(
    root: &Root,
    id: &ContainerId,
    work: &Work<'_>,
    handed: &[&str],
) -> Result<Vec<CString>, Error> {
    let (verb, exec) = match work {
        Work::Start(_) => ("start", None),
        Work::Adopt => ("adopt", None),
        Work::Exec(exec, _) => ("exec", Some(exec.as_str())),
    };
    // The shim's working directory is the root: relative paths would lead elsewhere.
    let absolute =
        |path: &Path| std::path::absolute(path).map(|p| p.as_os_str().as_bytes().to_vec());
    let data = absolute(&root.data).map_err(failed("find the working directory"))?;
    let run = absolute(&root.run).map_err(failed("find the working directory"))?;
    let handed = handed.join(",").into_bytes();
    let words = [
        NAME.into(),
        verb.into(),
        data,
        run,
        id.as_str().into(),
        handed,
    ];
    words
        .into_iter()
        .chain(exec.map(Into::into))
        .map(|word| CString::new(word).map_err(|e| failed("pass a path on")(e.into())))
        .collect()
}

fn make_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("make the run directory"))
}

fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { operation, source }
}
