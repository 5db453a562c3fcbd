//! What `y` copies: what is selected where the arrows move.

use super::super::{Pick, Screen, State, Tab};
use crate::format::build::BuildEnd;

impl State {
    pub(super) fn copy_selected(&mut self) {
        let picks = match self.screen {
            Screen::Images => self.image_picks(),
            Screen::Networks => self.network_picks(),
            Screen::Volumes => self.volume_picks(),
            Screen::Explorer => self.file_picks(),
            Screen::Comparison => self.difference_picks(),
            Screen::Groups => self.group_picks(),
            Screen::Alerts => self.alert_picks(),
            Screen::Events => self.event_picks(),
            Screen::Activity => self.done_picks(),
            Screen::Builds if self.has_details_focus() => self.log_picks(),
            Screen::Builds => self.build_picks(),
            Screen::Containers if self.has_details_focus() => match self.details.tab {
                Tab::Logs => self.log_picks(),
                Tab::Processes => self.process_picks(),
                Tab::Inspect => self.details.tree.picks(),
                Tab::Stats | Tab::Changes | Tab::Network | Tab::Advice => self.container_picks(),
            },
            Screen::Containers => self.container_picks(),
        };
        self.copy_one_of(picks);
    }

    fn container_picks(&self) -> Vec<Pick> {
        let Some(row) = self.selected_container() else {
            return Vec::new();
        };
        let container = &row.container;
        let mut picks = vec![
            Pick::copy('n', "name", "name", container.name.clone()),
            Pick::copy('i', "id", "id", container.id.as_str().to_owned()),
            Pick::copy('m', "image", "image", container.config.image.clone()),
        ];
        let command: Vec<_> = container
            .argv
            .iter()
            .map(|word| super::super::activity::quoted(word))
            .collect();
        if !command.is_empty() {
            picks.push(Pick::copy('c', "command", "command", command.join(" ")));
        }
        if let Some(pid) = container.pid {
            picks.push(Pick::copy('p', "pid", "pid", pid.to_string()));
        }
        picks
    }

    fn build_picks(&self) -> Vec<Pick> {
        let Some((build, _)) = self.builds.selected() else {
            return Vec::new();
        };
        let mut picks = Vec::new();
        if let Some(Ok(command)) = build.form.as_ref().map(|form| form.command()) {
            picks.push(Pick::copy('c', "command", "command", command));
        }
        match &build.progress.end {
            Some(BuildEnd::Built(image)) => {
                let id = image.as_str().to_owned();
                picks.push(Pick::copy('i', "id", "image's id", id));
            }
            Some(BuildEnd::Failed(failure)) => {
                let told = build.progress.told(failure);
                picks.push(Pick::copy('e', "error", "error", told));
            }
            _ => {}
        }
        picks
    }

    fn group_picks(&self) -> Vec<Pick> {
        let path = self.selected_group().map(|row| row.group.path.to_string());
        let path = path.filter(|path| !path.is_empty());
        let pick = |path| Pick::copy('p', "path", "path", path);
        path.map(pick).into_iter().collect()
    }

    fn network_picks(&self) -> Vec<Pick> {
        let Some(row) = self.selected_network() else {
            return Vec::new();
        };
        let network = &row.network;
        let mut picks = vec![
            Pick::copy('n', "name", "name", network.name.clone()),
            Pick::copy('i', "id", "id", network.id.as_str().to_owned()),
        ];
        for (key, subnet) in "s6".chars().zip(&network.subnets) {
            let range = subnet.net.to_string();
            picks.push(Pick::copy(key, "subnet", "subnet", range));
        }
        if let Some(subnet) = network.subnets.first() {
            let gateway = subnet.gateway.to_string();
            picks.push(Pick::copy('g', "gateway", "gateway", gateway));
        }
        picks
    }

    fn volume_picks(&self) -> Vec<Pick> {
        let Some(volume) = self.selected_volume() else {
            return Vec::new();
        };
        let path = volume.mountpoint.to_string_lossy().into_owned();
        let mut picks = vec![Pick::copy('n', "name", "name", volume.name.clone())];
        if !path.is_empty() {
            picks.push(Pick::copy('p', "path of its files", "path", path));
        }
        picks
    }

    fn alert_picks(&self) -> Vec<Pick> {
        let Some(alert) = self.selected_alert() else {
            return Vec::new();
        };
        vec![
            Pick::copy('n', "name", "container", alert.container.clone()),
            Pick::copy('i', "id", "id", alert.id.as_str().to_owned()),
            Pick::copy('c', "condition", "condition", alert.rule.condition()),
        ]
    }

    fn image_picks(&self) -> Vec<Pick> {
        let Some(image) = self.selected_image() else {
            return Vec::new();
        };
        let name = image.references.first().cloned();
        let mut picks: Vec<_> = name
            .map(|name| Pick::copy('n', "name", "name", name))
            .into_iter()
            .collect();
        picks.push(Pick::copy('i', "id", "id", image.id.as_str().to_owned()));
        let manifest = image.manifest.as_str().to_owned();
        picks.push(Pick::copy('d', "digest", "digest", manifest));
        picks
    }
}
