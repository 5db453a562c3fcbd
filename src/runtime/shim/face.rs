//! A shim's first steps: from whatever its starter's process was to a process of its
//! own, then to the work that its arguments name.

use std::{
    ffi::OsString,
    io::{self, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::ExitCode,
};

use rustix::{
    fs::Mode,
    process::{chdir, setsid, umask},
};

use super::{Answer, Failure, FailureKind, container, exec};
use crate::{
    model::{ContainerId, ExecId},
    runtime::paths::Root,
    sys::{detached::inherited, signal},
};

/// Descriptors as [`super::spawn`] hands them over, after three that lead nowhere.
const REPORT: i32 = 3;
const ALIVE: i32 = 4;
/// Those that come next are named by an argument, in order.
const NAMED: i32 = 5;
/// The starter's own attachment.
pub(super) const CLIENT: &str = "client";
/// The container's network namespace.
pub(super) const NETWORK: &str = "network";
/// What holds the host's ports of the container.
pub(super) const PORTS: &str = "ports";

/// What a shim has from its starter.
#[derive(Debug)]
pub(super) struct Inheritance {
    pub root: Root,
    pub id: ContainerId,
    /// Told once how the start went.
    pub starter: Starter,
    /// Holds the lock that shows that we live.
    pub alive: OwnedFd,
    /// The starter's own attachment.
    pub client: Option<UnixStream>,
    /// The network namespace to live in.
    pub network: Option<OwnedFd>,
    /// To be kept open while the container lives.
    pub ports: Option<OwnedFd>,
}

/// The one who waits for our answer.
#[derive(Debug)]
pub(super) struct Starter(UnixStream);

impl Starter {
    /// Tells it that the process runs. That it may be gone is no concern of ours.
    pub fn succeed(self, pid: i32) {
        self.tell(&Answer::Running { pid });
    }

    /// Tells it why the process doesn't run.
    pub fn fail(self, failure: &Failure) {
        self.tell(&Answer::Failed(failure.clone()));
    }

    fn tell(mut self, answer: &Answer) {
        let json = serde_json::to_vec(answer).expect("an answer has no map");
        // A starter that was killed doesn't read it.
        let _ = self.0.write_all(&json);
    }
}

/// Runs a shim, for a process that was started as one. Returns when its work is done.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Seen only by someone who runs a shim by hand: its stderr leads nowhere.
            eprintln!("{}: {error}", super::NAME);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[OsString]) -> io::Result<()> {
    let [verb, data, run, id, handed, rest @ ..] = arguments else {
        return Err(io::Error::other(
            "this face of wharf is started by wharf only",
        ));
    };
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
    let id = id
        .to_str()
        .and_then(ContainerId::parse)
        .ok_or_else(|| invalid("not a container's id"))?;
    settle()?;
    let handed = handed.to_str().unwrap_or_default();
    let named = |name: &str| {
        let place = handed.split(',').position(|known| known == name)?;
        inherited(NAMED + i32::try_from(place).ok()?).ok()
    };
    let inheritance = Inheritance {
        root: Root {
            data: PathBuf::from(data),
            run: PathBuf::from(run),
        },
        id,
        starter: Starter(inherited(REPORT)?.into()),
        alive: inherited(ALIVE)?,
        client: named(CLIENT).map(UnixStream::from),
        network: named(NETWORK),
        ports: named(PORTS),
    };
    match (verb.to_str(), rest) {
        (Some("start"), []) => container::start(inheritance),
        (Some("adopt"), []) => container::adopt(inheritance),
        (Some("exec"), [exec]) => {
            let exec = exec
                .to_str()
                .and_then(ExecId::parse)
                .ok_or_else(|| invalid("not an exec's id"))?;
            exec::run(inheritance, &exec)
        }
        _ => {
            inheritance.starter.fail(&Failure {
                kind: FailureKind::Internal,
                message: "the shim was asked for an unknown work".into(),
            });
            Err(invalid("unknown work"))
        }
    }
}

/// Leaves the starter's session, directory and signal settings behind.
fn settle() -> io::Result<()> {
    signal::settle()?;
    setsid()?;
    chdir("/")?;
    // What a container makes is not masked by whoever started it.
    umask(Mode::WGRP | Mode::WOTH);
    // execveat by descriptor leaves its number as the name.
    rustix::thread::set_name(c"wharf-shim")?;
    Ok(())
}
