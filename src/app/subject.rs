//! What an action would be done to.

use super::{Looked, Screen, State, Target};
use crate::{
    action::{ActionSpec, Refusal, Subject},
    model::{ContainerRow, NetworkRow, Volume},
};

/// What actions would be done to: made once, asked for each of them.
#[derive(Debug)]
pub struct Subjects<'a> {
    /// The thing under the cursor.
    here: Subject<'a>,
    /// The marked ones, which come first where an action is done to many.
    marked: Vec<Subject<'a>>,
}

impl Subjects<'_> {
    /// Whether an action is possible on what is marked or else selected.
    pub fn verdict(&self, spec: &ActionSpec) -> Result<(), Refusal> {
        if !spec.is_bulk() || self.marked.is_empty() {
            return (spec.needs)(&self.here);
        }
        // One of them is enough; else the first one's reason is as good as any.
        let mut verdicts = self.marked.iter().map(spec.needs);
        let first = verdicts.next().unwrap_or(Ok(()));
        match first.is_ok() || verdicts.any(|verdict| verdict.is_ok()) {
            true => Ok(()),
            false => first,
        }
    }
}

impl State {
    /// What actions would be done to now.
    pub fn subjects(&self) -> Subjects<'_> {
        Subjects {
            here: self.subject(),
            marked: match self.screen {
                Screen::Containers => self.marked().map(|row| self.subject_of(row)).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// Whether an action is possible now, on what is marked or else selected.
    pub fn verdict(&self, spec: &ActionSpec) -> Result<(), Refusal> {
        self.subjects().verdict(spec)
    }

    /// What an action would be done to: the thing under the cursor.
    pub fn subject(&self) -> Subject<'_> {
        let mut subject = Subject::of(self.allowed());
        match self.screen {
            Screen::Containers => {
                if let Some(row) = self.selected_container() {
                    subject = self.subject_of(row);
                }
            }
            Screen::Images => subject.image = self.selected_image(),
            Screen::Networks => {
                if let Some(row) = self.selected_network() {
                    subject = self.subject_of_network(row);
                }
            }
            Screen::Volumes => {
                if let Some(volume) = self.selected_volume() {
                    subject = self.subject_of_volume(volume);
                }
            }
            Screen::Explorer => {
                subject.has_file = self.explorer.as_ref().is_some_and(|explorer| {
                    explorer.viewer.is_some()
                        || (!explorer.shows_waste && explorer.selected().is_some())
                });
                subject.is_in_container = self
                    .explorer
                    .as_ref()
                    .is_some_and(|explorer| matches!(explorer.what, Looked::Container(_)));
            }
            Screen::Groups => {
                subject.group = self.selected_group().map(|row| &*row.group);
                subject.has_group_undo = !self.groups.undo.is_empty();
                subject.is_busy = self.groups.deed.is_some();
            }
            Screen::Builds => {
                subject.build = self.builds.selected().map(|(build, _)| build.subject());
            }
            Screen::Alerts | Screen::Events | Screen::Activity | Screen::Comparison => {}
        }
        subject
    }

    /// What an action would be done to: this thing, if it is still there.
    pub(super) fn subject_of_target(&self, target: &Target) -> Option<Subject<'_>> {
        let world = self.world.as_deref()?;
        let networks = || world.networks.iter();
        Some(match target {
            Target::Container(id) => self.subject_of(world.container(id)?),
            Target::Image(id, _) => Subject {
                image: Some(world.images.iter().find(|image| image.id == *id)?),
                ..Subject::of(self.allowed())
            },
            Target::Network(id, _) => {
                self.subject_of_network(networks().find(|row| row.network.id == *id)?)
            }
            Target::Volume(name) => {
                self.subject_of_volume(world.volumes.iter().find(|of| of.name == *name)?)
            }
        })
    }

    /// What an action would be done to: this container.
    pub fn subject_of<'a>(&'a self, row: &'a ContainerRow) -> Subject<'a> {
        let id = &row.container.id;
        Subject {
            container: Some(&row.container),
            is_busy: self.operations.on_container(id).is_some(),
            ..Subject::of(self.allowed())
        }
    }

    /// What an action would be done to: this network.
    pub fn subject_of_network<'a>(&'a self, row: &'a NetworkRow) -> Subject<'a> {
        let network = &*row.network;
        let target = Target::Network(network.id.clone(), network.name.clone());
        let members = self.world.iter().flat_map(|world| world.members(network));
        let (users, running_users) = members.fold((0, 0), |(all, running), member| {
            (all + 1, running + usize::from(member.endpoint.is_some()))
        });
        Subject {
            network: Some(network),
            users,
            running_users,
            is_busy: self.operations.on(&target).is_some(),
            ..Subject::of(self.allowed())
        }
    }

    /// What an action would be done to: this volume.
    pub fn subject_of_volume<'a>(&'a self, volume: &'a Volume) -> Subject<'a> {
        let target = Target::Volume(volume.name.clone());
        let users = self
            .world
            .iter()
            .flat_map(|world| world.users(&volume.name));
        Subject {
            volume: Some(volume),
            users: users.count(),
            is_busy: self.operations.on(&target).is_some(),
            ..Subject::of(self.allowed())
        }
    }
}
