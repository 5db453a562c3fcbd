//! When an action is possible, as predicates that give the reason when it isn't.

use super::Refusal;
use crate::model::{
    Ability, Capabilities, Container, Group, GroupKind, Image, Network, NetworkDriver, State,
    Volume,
};

/// What an action would be done to.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the engine can do.
    pub capabilities: &'a Capabilities,
    /// The container under the cursor, if there is one.
    pub container: Option<&'a Container>,
    /// The image under the cursor, if there is one.
    pub image: Option<&'a Image>,
    /// Whether a file or a directory is under the cursor.
    pub has_file: bool,
    /// The network under the cursor, if there is one.
    pub network: Option<&'a Network>,
    /// The volume under the cursor, if there is one.
    pub volume: Option<&'a Volume>,
    /// How many containers are on that network or use that volume.
    pub users: usize,
    /// How many of these run.
    pub running_users: usize,
    /// Whether that is in a container, which is written to.
    pub is_in_container: bool,
    /// The control group under the cursor, if there is one.
    pub group: Option<&'a Group>,
    /// Whether a change of groups can be taken back.
    pub has_group_undo: bool,
    /// The build under the cursor, if there is one.
    pub build: Option<BuildSubject>,
    /// Whether an operation on it has not ended yet.
    pub is_busy: bool,
}

/// A build, as far as it matters to what can be done to it.
#[derive(Clone, Copy, Debug)]
pub struct BuildSubject {
    /// Whether it ended.
    pub is_over: bool,
    /// Whether it was begun here, so that the same can be begun again.
    pub is_ours: bool,
    /// Whether a step of it failed.
    pub has_failed: bool,
    /// Whether that step's container is kept.
    pub has_container: bool,
}

impl<'a> Subject<'a> {
    /// Nothing but an engine.
    pub fn of(capabilities: &'a Capabilities) -> Self {
        Self {
            capabilities,
            container: None,
            image: None,
            has_file: false,
            network: None,
            volume: None,
            users: 0,
            running_users: 0,
            is_in_container: false,
            group: None,
            has_group_undo: false,
            build: None,
            is_busy: false,
        }
    }
}

type Verdict = Result<(), Refusal>;

pub(super) fn nothing(_: &Subject<'_>) -> Verdict {
    Ok(())
}

/// Groups can be looked at.
pub(super) fn groups(subject: &Subject<'_>) -> Verdict {
    able(subject, Ability::Groups)
}

/// Networks can be looked at.
pub(super) fn networks(subject: &Subject<'_>) -> Verdict {
    able(subject, Ability::Networks)
}

/// Volumes can be looked at.
pub(super) fn volumes(subject: &Subject<'_>) -> Verdict {
    able(subject, Ability::Volumes)
}

pub(super) fn can_create_network(subject: &Subject<'_>) -> Verdict {
    writable(subject)?;
    networks(subject)
}

pub(super) fn can_connect(subject: &Subject<'_>) -> Verdict {
    let network = subject.network.ok_or("no network is selected")?;
    check(network.driver == NetworkDriver::Bridge, || {
        format!(
            "a container is on {} from its beginning or never",
            network.name
        )
        .into()
    })?;
    changeable_network(subject)
}

pub(super) fn can_disconnect(subject: &Subject<'_>) -> Verdict {
    can_connect(subject)?;
    check(subject.users > 0, || "nobody is on it".into())
}

pub(super) fn can_remove_network(subject: &Subject<'_>) -> Verdict {
    let network = subject.network.ok_or("no network is selected")?;
    check(!network.is_built_in(), || "it is always there".into())?;
    check(subject.running_users == 0, || match subject.running_users {
        1 => "one container is on it; disconnect it first".into(),
        n => format!("{n} containers are on it; disconnect them first").into(),
    })?;
    changeable_network(subject)
}

fn changeable_network(subject: &Subject<'_>) -> Verdict {
    can_create_network(subject)?;
    check(!subject.is_busy, || "an operation on it is running".into())
}

pub(super) fn can_create_volume(subject: &Subject<'_>) -> Verdict {
    writable(subject)?;
    volumes(subject)
}

pub(super) fn can_browse_volume(subject: &Subject<'_>) -> Verdict {
    check(subject.volume.is_some(), || "no volume is selected".into())?;
    able(subject, Ability::Files)
}

pub(super) fn can_remove_volume(subject: &Subject<'_>) -> Verdict {
    check(subject.volume.is_some(), || "no volume is selected".into())?;
    can_create_volume(subject)?;
    check(!subject.is_busy, || "an operation on it is running".into())?;
    check(subject.users == 0, || match subject.users {
        1 => "a container uses it; remove that first".into(),
        n => format!("{n} containers use it; remove them first").into(),
    })
}

/// Images go between here and registries.
pub(super) fn can_transfer(subject: &Subject<'_>) -> Verdict {
    writable(subject)?;
    able(subject, Ability::Registries)
}

pub(super) fn a_container(subject: &Subject<'_>) -> Verdict {
    container(subject).map(drop)
}

pub(super) fn can_start(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    if state.can_start() {
        return Ok(());
    }
    Err(match state {
        State::Paused => "it is paused; unpause it".into(),
        State::Running => "it runs already".into(),
        other => format!("it is {other}").into(),
    })
}

pub(super) fn can_stop(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    check(state.can_stop(), || "it isn't running".into())
}

pub(super) fn can_restart(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    check(state.can_stop() || state.can_start(), || {
        format!("it is {state}").into()
    })
}

pub(super) fn can_pause(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    able(subject, Ability::Pause)?;
    check(state.can_pause(), || match state {
        State::Paused => "it is paused already".into(),
        _ => "it isn't running".into(),
    })
}

pub(super) fn can_unpause(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    check(state.can_unpause(), || "it isn't paused".into())
}

pub(super) fn can_kill(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    check(state.can_kill(), || "it has no process".into())
}

pub(super) fn can_check_health(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    let is_checked = subject.container.is_some_and(|c| c.health.is_some());
    check(is_checked, || "it has no health check".into())?;
    check(state == State::Running, || match state {
        State::Paused => "it is paused; unpause it first".into(),
        _ => "it isn't running".into(),
    })
}

pub(super) fn can_remove(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    // A running one may be removed too: the dialog says that it will be killed.
    check(state != State::Removing, || "it is being removed".into())
}

pub(super) fn can_update(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    able(subject, Ability::Update)?;
    check(!matches!(state, State::Removing | State::Dead), || {
        format!("it is {state}").into()
    })
}

pub(super) fn can_exec(subject: &Subject<'_>) -> Verdict {
    let state = changeable(subject)?;
    check(state.can_exec(), || match state {
        State::Paused => "it is paused; unpause it first".into(),
        _ => "it isn't running; start it first".into(),
    })
}

pub(super) fn can_see_processes(subject: &Subject<'_>) -> Verdict {
    let container = container(subject)?;
    check(container.state.has_process(), || "it isn't running".into())
}

pub(super) fn can_see_changes(subject: &Subject<'_>) -> Verdict {
    container(subject)?;
    able(subject, Ability::Changes)
}

pub(super) fn can_change(subject: &Subject<'_>) -> Verdict {
    writable(subject)
}

pub(super) fn can_remove_image(subject: &Subject<'_>) -> Verdict {
    check(subject.image.is_some(), || "no image is selected".into())?;
    writable(subject)
}

pub(super) fn an_image(subject: &Subject<'_>) -> Verdict {
    check(subject.image.is_some(), || "no image is selected".into())?;
    able(subject, Ability::Files)
}

pub(super) fn has_image(subject: &Subject<'_>) -> Verdict {
    check(subject.image.is_some(), || "no image is selected".into())
}

pub(super) fn can_compare(subject: &Subject<'_>) -> Verdict {
    has_image(subject)?;
    able(subject, Ability::Upkeep)
}

pub(super) fn can_prune(subject: &Subject<'_>) -> Verdict {
    writable(subject)?;
    able(subject, Ability::Prune)
}

pub(super) fn can_browse(subject: &Subject<'_>) -> Verdict {
    container(subject)?;
    able(subject, Ability::Files)
}

pub(super) fn a_file(subject: &Subject<'_>) -> Verdict {
    check(subject.has_file, || "no file is selected".into())
}

pub(super) fn can_create_group(subject: &Subject<'_>) -> Verdict {
    writable(subject)?;
    check(!subject.is_busy, || "a change of groups is running".into())
}

pub(super) fn can_change_group(subject: &Subject<'_>) -> Verdict {
    let group = subject.group.ok_or("no group is selected")?;
    check(group.is_own(), || match &group.kind {
        GroupKind::Container(_) => "it is a container's; change the container instead".into(),
        GroupKind::Top => "groups are made below it".into(),
        _ => "it was not made here; foreign groups are only shown".into(),
    })?;
    can_create_group(subject)
}

pub(super) fn can_undo_group(subject: &Subject<'_>) -> Verdict {
    check(subject.has_group_undo, || {
        "no change of groups was made from here".into()
    })?;
    can_create_group(subject)
}

pub(super) fn a_group(subject: &Subject<'_>) -> Verdict {
    check(subject.group.is_some(), || "no group is selected".into())
}

pub(super) fn can_edit(subject: &Subject<'_>) -> Verdict {
    a_file(subject)?;
    check(subject.is_in_container, || {
        "only files of a container are edited".into()
    })?;
    writable(subject)?;
    able(subject, Ability::Archives)
}

pub(super) fn can_build(subject: &Subject<'_>) -> Verdict {
    writable(subject)?;
    able(subject, Ability::Build)
}

pub(super) fn a_build(subject: &Subject<'_>) -> Verdict {
    build(subject).map(drop)
}

pub(super) fn can_cancel_build(subject: &Subject<'_>) -> Verdict {
    let build = build(subject)?;
    check(!build.is_over, || "it has ended".into())
}

pub(super) fn can_retry_build(subject: &Subject<'_>) -> Verdict {
    let build = build(subject)?;
    check(build.is_ours, || "it was begun elsewhere".into())?;
    check(build.is_over, || "it has not ended".into())?;
    can_build(subject)
}

pub(super) fn can_open_step(subject: &Subject<'_>) -> Verdict {
    let build = build(subject)?;
    check(build.has_container, || {
        match (build.is_over, build.has_failed, build.is_ours) {
            (false, ..) => "it has not failed",
            (true, false, _) => "no step of it failed",
            (true, true, false) => "it was begun elsewhere",
            (true, true, true) => "nothing is kept of what failed",
        }
        .into()
    })
}

fn build(subject: &Subject<'_>) -> Result<BuildSubject, Refusal> {
    subject.build.ok_or_else(|| "no build is selected".into())
}

/// Whether the engine can do something; if not, why not.
fn able(subject: &Subject<'_>, ability: Ability) -> Verdict {
    let able = subject.capabilities.can(ability);
    able.map_err(|reason| reason.to_owned().into())
}

fn check(possible: bool, reason: impl FnOnce() -> Refusal) -> Verdict {
    if possible { Ok(()) } else { Err(reason()) }
}

fn container<'a>(subject: &Subject<'a>) -> Result<&'a Container, Refusal> {
    subject
        .container
        .ok_or_else(|| "no container is selected".into())
}

fn writable(subject: &Subject<'_>) -> Verdict {
    match &subject.capabilities.read_only_because {
        Some(reason) => Err(reason.clone().into()),
        None => Ok(()),
    }
}

/// The state of the selected container, if it may be changed at all right now.
fn changeable(subject: &Subject<'_>) -> Result<State, Refusal> {
    let container = container(subject)?;
    writable(subject)?;
    check(!subject.is_busy, || "an operation on it is running".into())?;
    Ok(container.state)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{ContainerConfig, ContainerId, Digest};

    pub fn container(state: State) -> Container {
        Container {
            id: ContainerId::from_bytes(&[1; 32]),
            name: "web".into(),
            image_id: Digest::from_sha256(&[2; 32]),
            config: ContainerConfig::default(),
            argv: vec!["true".into()],
            created: jiff::Timestamp::UNIX_EPOCH,
            state,
            pid: None,
            started: None,
            exit: None,
            restarts: 0,
            error: None,
            connectivity: Default::default(),
            health: None,
        }
    }

    fn subject<'a>(capabilities: &'a Capabilities, container: &'a Container) -> Subject<'a> {
        Subject {
            container: Some(container),
            ..Subject::of(capabilities)
        }
    }

    #[test]
    fn stopped_container_cannot_be_paused_and_the_reason_says_so() {
        let capabilities = Capabilities::default();
        let stopped = container(State::Exited);
        let refusal = can_pause(&subject(&capabilities, &stopped)).unwrap_err();
        assert_eq!(refusal, "it isn't running");
    }

    #[test]
    fn nothing_can_be_changed_without_root_or_while_an_operation_runs() {
        let poor = Capabilities {
            read_only_because: Some("needs root".into()),
            ..Capabilities::default()
        };
        let running = container(State::Running);
        assert_eq!(
            can_stop(&subject(&poor, &running)).unwrap_err(),
            "needs root"
        );
        let rich = Capabilities::default();
        let busy = Subject {
            is_busy: true,
            ..subject(&rich, &running)
        };
        assert!(can_stop(&busy).is_err());
        assert!(can_stop(&subject(&rich, &running)).is_ok());
    }

    #[test]
    fn nothing_selected_is_a_reason_of_its_own() {
        let capabilities = Capabilities::default();
        assert_eq!(
            can_stop(&Subject::of(&capabilities)).unwrap_err(),
            "no container is selected"
        );
    }
}
