//! Which rows the lists show and in which order, after a new picture, filter or order.

use std::collections::HashMap;

use super::{Screen, Sort, State, columns::is_live};
use crate::{
    format::{
        columns::{
            self, CONTAINERS,
            images::{IMAGES, ImageItem},
            list::{self, ListColumn, Listed},
            networks::{self, NETWORKS, NetworkItem},
            volumes::{VOLUMES, VolumeItem},
        },
        text::width,
        totals::Totals,
        trouble,
    },
    model::{Digest, World},
};

impl State {
    /// Arranges the lists anew, because the user asked for another filter or order.
    pub(super) fn arrange(&mut self) {
        self.table.order.forget();
        self.groups.forget_order();
        self.rearrange();
    }

    /// Arranges the lists for a new picture: rows stay where they are for a while.
    pub(super) fn rearrange(&mut self) {
        let Some(world) = self.world.clone() else {
            return;
        };
        let rows = self.container_rows(&world);
        let rows = self.table.groups.divide(rows, &world);
        self.containers
            .arrange(rows, |row| world.containers[row].container.id.clone());
        self.settle_heading();
        // The others are arranged when one goes to them.
        match self.screen {
            Screen::Images => {
                let rows = self.image_rows(&world);
                let list = &mut self.images;
                list.arrange(rows, |row| world.images[row].id.clone());
            }
            Screen::Networks => {
                let rows = self.network_rows(&world);
                let list = &mut self.networks.list;
                list.arrange(rows, |row| world.networks[row].network.id.clone());
            }
            Screen::Volumes => {
                let rows = self.volume_rows(&world);
                let list = &mut self.volumes.list;
                list.arrange(rows, |row| world.volumes[row].name.clone());
            }
            Screen::Groups => self.groups.arrange(&world, self.clock),
            _ => {}
        }
    }

    fn container_rows(&mut self, world: &World) -> Vec<usize> {
        let mut rows = Vec::with_capacity(world.containers.len());
        let mut totals = Totals::default();
        let mut is_troubled = false;
        let mut widest = (0, 0);
        for (n, row) in world.containers.iter().enumerate() {
            widest.0 = widest.0.max(width(&row.container.name));
            widest.1 = widest.1.max(width(&row.container.config.image));
            let item = self.table.item(row, world);
            let is_live = row.container.state.can_stop();
            if !(self.shows_all || is_live) || !self.table.terms.matches(&item) {
                continue;
            }
            totals.add(&item);
            is_troubled = is_troubled
                || trouble::troubles(&item)
                    .iter()
                    .any(|trouble| trouble.is_urgent(&item));
            rows.push(n);
        }
        self.table.totals = totals;
        self.table.widest = (widest.0 as u16, widest.1 as u16);
        if is_troubled {
            self.table.note_trouble(self.clock);
        }
        self.sorted(rows, world)
    }

    fn sorted(&mut self, mut rows: Vec<usize>, world: &World) -> Vec<usize> {
        let sort = self.containers.sort;
        let table = &self.table;
        let id = |row: usize| &world.containers[row].container.id;
        if is_live(sort.column) && table.order.is_calm(self.clock) {
            // Those that came since stand at the end, in the order of the engine.
            rows.sort_by_cached_key(|&row| table.order.place(id(row)));
            return rows;
        }
        let key = |id| columns::find(CONTAINERS, id).map(|column| column.key);
        let (Some(key), Some(name)) = (key(sort.column), key("name")) else {
            return rows;
        };
        // Each key is made once: the comparison would make it log n times.
        let mut keyed: Vec<_> = rows
            .iter()
            .map(|&row| {
                let item = table.item(&world.containers[row], world);
                (key(&item), name(&item), row)
            })
            .collect();
        keyed.sort_by(|a, b| {
            a.0.compare(&b.0, sort.is_descending)
                .then_with(|| a.1.compare(&b.1, false))
        });
        rows.clear();
        rows.extend(keyed.into_iter().map(|(_, _, row)| row));
        if is_live(sort.column) {
            self.table
                .order
                .set(rows.iter().map(|&row| id(row)), self.clock);
        }
        rows
    }

    /// Notes which counters rose since the last picture.
    pub(super) fn note_rises(&mut self, world: &World) {
        let Some(before) = self.present() else {
            return;
        };
        let same = |n: usize, row: &crate::model::ContainerRow| {
            let old = before.containers.get(n)?;
            (old.container.id == row.container.id).then_some(old)
        };
        // Pictures have mostly the same containers in the same places; else they are
        // looked up.
        let mut by_id = None;
        for (n, row) in world.containers.iter().enumerate() {
            let Some(now) = &row.usage else { continue };
            let old = same(n, row).or_else(|| {
                let map = by_id.get_or_insert_with(|| {
                    let pairs = before.containers.iter().map(|row| (&row.container.id, row));
                    pairs.collect::<HashMap<_, _>>()
                });
                map.get(&row.container.id).copied()
            });
            let Some(usage) = old.and_then(|old| old.usage.as_ref()) else {
                continue;
            };
            let mut seen = self
                .table
                .seen
                .get(&row.container.id)
                .copied()
                .unwrap_or_default();
            if seen.note(usage, now, world.at) {
                self.table.seen.insert(row.container.id.clone(), seen);
            }
        }
        if self.table.seen.len() > world.containers.len() {
            self.table
                .seen
                .retain(|id, _| world.container(id).is_some());
        }
    }

    fn image_rows(&self, world: &World) -> Vec<usize> {
        let wanted = self.images.filter.to_lowercase();
        let rows = (0..world.images.len()).filter(|&row| {
            let image = &world.images[row];
            wanted.is_empty()
                || image.id.hex().starts_with(&wanted)
                || image
                    .references
                    .iter()
                    .any(|reference| reference.to_lowercase().contains(&wanted))
        });
        let mut users: HashMap<&Digest, usize> = HashMap::new();
        for row in &world.containers {
            *users.entry(&row.container.image_id).or_default() += 1;
        }
        let item = |row: usize| {
            let image = &world.images[row];
            let users = users.get(&image.id).copied().unwrap_or(0);
            ImageItem::new(image, users, world.at)
        };
        in_order(IMAGES, self.images.sort, rows.collect(), item)
    }

    /// Networks by name, id, range, or who is on them.
    fn network_rows(&self, world: &World) -> Vec<usize> {
        let wanted = self.networks.list.filter.to_lowercase();
        let rows = (0..world.networks.len()).filter(|&row| {
            let network = &world.networks[row].network;
            wanted.is_empty()
                || network.name.to_lowercase().contains(&wanted)
                || network.id.as_str().starts_with(&wanted)
                || networks::subnets(network).is_some_and(|text| text.contains(&wanted))
                || world.members(network).any(|member| {
                    let name = &member.row.container.name;
                    name.to_lowercase().contains(&wanted)
                })
        });
        let item = |row: usize| NetworkItem::new(&world.networks[row], world);
        in_order(NETWORKS, self.networks.list.sort, rows.collect(), item)
    }

    /// Volumes by name, label, or who uses them.
    fn volume_rows(&self, world: &World) -> Vec<usize> {
        let wanted = self.volumes.list.filter.to_lowercase();
        let rows = (0..world.volumes.len()).filter(|&row| {
            let volume = &world.volumes[row];
            let labels = || volume.labels.iter();
            wanted.is_empty()
                || volume.name.to_lowercase().contains(&wanted)
                || labels().any(|(key, value)| {
                    let label = format!("{key}={value}");
                    label.to_lowercase().contains(&wanted)
                })
                || world.users(&volume.name).any(|(row, _)| {
                    let name = &row.container.name;
                    name.to_lowercase().contains(&wanted)
                })
        });
        let item = |row: usize| VolumeItem::new(&world.volumes[row], world);
        in_order(VOLUMES, self.volumes.list.sort, rows.collect(), item)
    }
}

/// Rows as a column orders them. Those that are equal stay as they are.
fn in_order<'a, L: Listed>(
    columns: &'static [ListColumn<L>],
    sort: Sort,
    mut rows: Vec<usize>,
    item: impl Fn(usize) -> L::Item<'a>,
) -> Vec<usize> {
    let Some(column) = list::find(columns, sort.column) else {
        return rows;
    };
    let descending = column.is_largest_first != sort.is_descending;
    let key = |row| (column.key)(&item(row));
    let mut keyed: Vec<_> = rows.iter().map(|&row| (key(row), row)).collect();
    keyed.sort_by(|a, b| a.0.compare(&b.0, descending));
    rows.clear();
    rows.extend(keyed.into_iter().map(|(_, row)| row));
    rows
}
