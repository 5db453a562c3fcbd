//! What a container is now: its record, its live state and its exit record put together.

use std::{sync::OnceLock, thread};

use super::{
    paths::ContainerPaths,
    record::{ContainerRecord, ExitRecord},
    state::{self, LiveState},
    store::{self, ContainerStore},
};
use crate::{
    model::{Container, ContainerId, HealthCheck, MountKind, NetworkMode, State},
    sys::proc,
};

/// Reads one container afresh.
pub fn inspect(store: &ContainerStore, id: &ContainerId) -> store::Result<Container> {
    let record = store.load(id)?;
    // The exit record is read after the live state: the shim writes it first, so a live
    // state that says "exited" always finds it.
    let paths = store.root().container(id);
    let (live, exit) = ends(&paths)?;
    let mut container = container(&record, live.as_ref(), exit.as_ref());
    for mount in &mut container.config.mounts {
        if let MountKind::Volume(volume) = &mut mount.kind {
            let name = volume.name.as_deref().unwrap_or_default();
            volume.source = Some(super::volumes(store.root()).files(name));
        }
    }
    if container.state.has_process() && record.config.network == NetworkMode::Bridge {
        container.connectivity = store::read_json(&paths.network())?.unwrap_or_default();
    }
    let is_checked = |check: &HealthCheck| check.argv().is_some();
    if record.config.health.as_ref().is_some_and(is_checked) {
        container.health = super::shim::read_health(&paths).map(|known| known.health);
    }
    Ok(container)
}

/// From how many containers on a second thread reads them sooner than one alone.
const WORTH_A_THREAD: usize = 64;

/// Reads many containers afresh, by as many threads as there are processors: a `ps` of
/// hundreds spends nearly all of its time here, and its user waits for it.
pub fn inspect_all(
    store: &ContainerStore,
    ids: &[ContainerId],
) -> Vec<(ContainerId, store::Result<Container>)> {
    let threads = match ids.len() {
        ..WORTH_A_THREAD => 1,
        _ => thread::available_parallelism().map_or(1, usize::from),
    };
    let read = |id: &ContainerId| (id.clone(), inspect(store, id));
    let mut shares = ids.chunks(ids.len().div_ceil(threads).max(1));
    let own = shares.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = shares
            .map(|share| scope.spawn(move || share.iter().map(read).collect::<Vec<_>>()))
            .collect();
        let mut all: Vec<_> = own.iter().map(read).collect();
        for other in others {
            match other.join() {
                Ok(share) => all.extend(share),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

/// The live state, if it is of this boot, and the exit record.
pub fn ends(paths: &ContainerPaths) -> store::Result<(Option<LiveState>, Option<ExitRecord>)> {
    Ok((live(paths)?, store::read_json(&paths.exit())?))
}

/// The live state, if there is one and it was written since the machine booted.
pub fn live(paths: &ContainerPaths) -> store::Result<Option<LiveState>> {
    let live = state::read(paths).map_err(|source| store::Error::Io {
        operation: "read",
        path: paths.state(),
        source,
    })?;
    Ok(live.filter(|live| this_boot() == Some(live.boot_id.as_str())))
}

/// The id of this boot, asked for once.
pub fn this_boot() -> Option<&'static str> {
    static BOOT_ID: OnceLock<Option<String>> = OnceLock::new();
    BOOT_ID.get_or_init(|| proc::boot_id().ok()).as_deref()
}

/// The container that a record, a live state of this boot and an exit record make.
pub fn container(
    record: &ContainerRecord,
    live: Option<&LiveState>,
    exit: Option<&ExitRecord>,
) -> Container {
    let mut container = Container {
        id: record.id.clone(),
        name: record.name.clone(),
        image_id: record.image_id.clone(),
        config: record.config.clone(),
        argv: record.process.argv.clone(),
        created: record.created,
        // A program that never started leaves its container as it was made.
        state: match exit {
            Some(exit) if exit.started.is_some() => State::Exited,
            _ => State::Created,
        },
        pid: None,
        started: exit.and_then(|exit| exit.started),
        exit: exit.map(|exit| exit.exit),
        restarts: exit.map_or(0, |exit| exit.restarts),
        error: exit.and_then(|exit| exit.error.clone()),
        connectivity: Default::default(),
        health: None,
    };
    let Some(live) = live else {
        return container;
    };
    match live.state {
        State::Running | State::Paused | State::Restarting => {
            container.state = live.state;
            container.pid = live.pid();
            container.started = live.started.or(container.started);
            container.restarts = live.restarts;
            container.exit = live.exit.or(container.exit);
            container.error = live.error.clone();
        }
        // Its exit record is missing where it removes itself, or where the disk was full.
        State::Exited | State::Removing | State::Dead if is_newer(live, exit) => {
            container.state = match (live.state, live.started) {
                (State::Exited, None) => State::Created,
                (state, _) => state,
            };
            container.started = live.started.or(container.started);
            container.restarts = live.restarts;
            container.exit = live.exit;
            container.error = live.error.clone();
        }
        _ => {}
    }
    container
}

/// Whether the live state knows an exit that has no record.
pub fn is_newer(live: &LiveState, exit: Option<&ExitRecord>) -> bool {
    let known = exit.map(|exit| exit.exit.at);
    live.exit
        .is_some_and(|exit| known.is_none_or(|known| known < exit.at))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{ContainerConfig, Digest, Exit};

    fn record() -> ContainerRecord {
        ContainerRecord {
            id: ContainerId::from_bytes(&[1; 32]),
            name: "web".into(),
            created: Timestamp::UNIX_EPOCH,
            image_id: Digest::from_sha256(&[1; 32]),
            layers: vec![],
            config: ContainerConfig::default(),
            process: Default::default(),
        }
    }

    fn live(state: State) -> LiveState {
        LiveState {
            state,
            boot_id: "b".into(),
            process: None,
            shim_pid: 1,
            started: Some(Timestamp::MAX),
            restarts: 3,
            oom_killed: false,
            exit: None,
            error: None,
        }
    }

    fn exit(started: Option<Timestamp>) -> ExitRecord {
        ExitRecord {
            started,
            exit: Exit {
                code: Some(7),
                at: Timestamp::UNIX_EPOCH,
                oom_killed: false,
            },
            restarts: 2,
            error: None,
        }
    }

    #[test]
    fn record_alone_is_a_created_container() {
        assert_eq!(container(&record(), None, None).state, State::Created);
    }

    #[test]
    fn live_state_counts_while_it_runs_and_the_exit_record_afterwards() {
        let ended = exit(Some(Timestamp::UNIX_EPOCH));
        for state in [State::Running, State::Paused, State::Restarting] {
            let shown = container(&record(), Some(&live(state)), Some(&ended));
            assert_eq!((shown.state, shown.restarts), (state, 3));
        }
        let shown = container(&record(), Some(&live(State::Exited)), Some(&ended));
        assert_eq!((shown.state, shown.restarts), (State::Exited, 2));
        assert_eq!(shown.exit.and_then(|exit| exit.code), Some(7));
    }

    #[test]
    fn exit_that_only_the_live_state_knows_is_told() {
        let mut live = live(State::Removing);
        live.exit = Some(exit(None).exit);
        let shown = container(&record(), Some(&live), None);
        assert_eq!(shown.state, State::Removing);
        assert_eq!(shown.exit.and_then(|exit| exit.code), Some(7));
    }

    #[test]
    fn container_whose_program_never_started_is_still_created() {
        let shown = container(&record(), None, Some(&exit(None)));
        assert_eq!(shown.state, State::Created);
        assert_eq!(shown.exit.and_then(|exit| exit.code), Some(7));
    }
}
