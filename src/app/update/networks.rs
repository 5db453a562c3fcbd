//! Keys of the networks screen.

use super::super::{
    Form, Job, Menu, Modal, Pick, Picked, Prune, Pruned, Question, State, activity::quoted,
};
use crate::{
    action::Action,
    format::{picture::Picture, text::sanitize},
    model::{ContainerId, NetworkMode},
};

impl State {
    pub(super) fn perform_on_network(&mut self, action: Action) {
        match action {
            Action::CreateNetwork => self.open(Box::new(Form::network())),
            Action::PruneNetworks => self.ask_to_prune(Pruned::Networks),
            Action::NetworkMap => {
                self.networks.is_map = !self.networks.is_map;
                self.networks.scroll = 0;
            }
            Action::Connect => {
                let name = self.selected_network().map(|row| row.network.name.clone());
                if let Some(name) = name {
                    self.open(Box::new(Form::connection(&name)));
                }
            }
            Action::Disconnect => self.ask_whom_to_disconnect(),
            _ => {}
        }
    }

    /// Who can be taken off the selected network; asked at once if there is one.
    fn ask_whom_to_disconnect(&mut self) {
        let (Some(world), Some(row)) = (self.world.clone(), self.selected_network()) else {
            return;
        };
        // In the order in which they are drawn.
        let lines = Picture::of(&world, row).lines.into_iter();
        let own = lines.filter(|line| line.member.shares.is_none());
        let picks: Vec<_> = own
            .zip(('1'..='9').map(Some).chain(std::iter::repeat(None)))
            .map(|(line, key)| {
                let container = &line.member.row.container;
                Pick {
                    key,
                    label: sanitize(&container.name).into_owned(),
                    note: line.address,
                    picked: Picked::Disconnect(container.id.clone()),
                }
            })
            .collect();
        match picks.as_slice() {
            [] => self.say("nobody is on it"),
            [one] => {
                let picked = one.picked.clone();
                self.pick(picked);
            }
            _ => {
                let title = format!("Disconnect from {}", sanitize(&row.network.name));
                self.modal = Some(Modal::Menu(Menu {
                    title,
                    picks,
                    cursor: 0,
                }));
            }
        }
    }

    /// Asks before a container is taken off the selected network, and says what it loses.
    pub(super) fn ask_to_disconnect(&mut self, id: &ContainerId) {
        let (Some(world), Some(row)) = (self.world.clone(), self.selected_network()) else {
            return;
        };
        let network = row.network.clone();
        let member = world
            .members(&network)
            .find(|member| member.row.container.id == *id);
        let Some(member) = member else {
            return self.say("it is gone from there already");
        };
        let container = &member.row.container;
        let (name, from) = (sanitize(&container.name), sanitize(&network.name));
        let mut lines = vec![match member.endpoint.and_then(|endpoint| endpoint.ip) {
            Some((ip, _)) => format!("{name} gives {ip} back, and its connections there end."),
            None => format!("{name} doesn't run, and won't be on {from} when it starts."),
        }];
        let sharing = world.containers.iter().filter(|other| {
            let mode = &other.container.config.network;
            matches!(mode, NetworkMode::Container(of) if of == id.as_str())
        });
        lines.extend(sharing.map(|other| {
            let other = sanitize(&other.container.name);
            format!("{other} shares its networks, and leaves with it.")
        }));
        let others = container.config.networks.len().saturating_sub(1);
        lines.push(match others {
            0 => "It is on no other network, and reaches nobody then.".to_owned(),
            1 => "It stays on one other network.".to_owned(),
            n => format!("It stays on {n} other networks."),
        });
        let command = format!(
            "wharf network disconnect {} {}",
            quoted(&network.name),
            quoted(&container.name)
        );
        let question = Question {
            title: format!("Disconnect {name} from {from}?"),
            lines,
            what: format!("disconnect {name} from {from}"),
            command: Some(command),
            job: Job::Disconnect {
                id: id.clone(),
                name: container.name.clone(),
                network: network.name.clone(),
            },
        };
        self.modal = self.ask_or_begin(Action::Disconnect, question);
    }

    /// Shows what a prune would remove.
    pub(super) fn ask_to_prune(&mut self, what: Pruned) {
        self.looks += 1;
        let prune = Prune::new(self, what, self.looks);
        if let (Pruned::Networks, true) = (what, prune.items.is_empty()) {
            return self.say("every network is named by a container, or is always there");
        }
        self.measure(&prune);
        self.modal = Some(Modal::Prune(prune));
    }
}
