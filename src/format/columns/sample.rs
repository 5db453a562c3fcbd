//! Containers for tests, with nothing in them that changes from run to run.

use jiff::Timestamp;

use crate::model::{Container, ContainerConfig, ContainerId, Digest, Exit, State};

/// A container whose id is made from its name, created at the epoch.
pub fn container(name: &str, state: State) -> Container {
    let mut bytes = [0x11; 32];
    for (slot, byte) in bytes.iter_mut().zip(name.bytes()) {
        *slot = byte;
    }
    Container {
        id: ContainerId::from_bytes(&bytes),
        name: name.into(),
        image_id: Digest::from_sha256(&[0xab; 32]),
        config: ContainerConfig {
            image: "debian:12".into(),
            ..ContainerConfig::default()
        },
        argv: vec!["sleep".into(), "infinity".into()],
        created: Timestamp::UNIX_EPOCH,
        state,
        pid: state.has_process().then_some(4711),
        started: None,
        exit: None,
        restarts: 0,
        error: None,
        connectivity: Default::default(),
        health: None,
    }
}

/// An exit at the epoch.
pub fn exit(code: i32) -> Exit {
    Exit {
        code: Some(code),
        at: Timestamp::UNIX_EPOCH,
        oom_killed: false,
    }
}
