//! The columns of the lists of images, networks and volumes: which there is room for and
//! where each stands, for drawing and for the mouse.

use super::{Screen, State};
use crate::{
    format::{
        columns::{
            images::{IMAGES, ImageItem, OfImages},
            list::{self, ListColumn, Listed},
            networks::{NETWORKS, NetworkItem, OfNetworks},
            volumes::{OfVolumes, VOLUMES, VolumeItem},
        },
        text::{Align, width},
    },
    model::World,
};

/// Columns before the first.
const GUTTER: u16 = 2;
/// Columns between two.
const GAP: u16 = 2;
/// Columns of the gauge that compares sizes, where there is room for one.
const GAUGE: u16 = 12;
/// Columns of a name that figures don't take.
const NAME: u16 = 30;

/// A column on screen.
#[derive(Debug)]
pub struct Head<L: Listed> {
    /// Which.
    pub column: &'static ListColumn<L>,
    /// Columns of the screen, its gauge included.
    pub columns: u16,
    /// Columns of its gauge.
    pub gauge: u16,
}

impl<L: Listed> Head<L> {
    /// The side of its title: above a gauge it stands where the gauge begins.
    pub fn align(&self) -> Align {
        match self.gauge {
            0 => self.column.align,
            _ => Align::Left,
        }
    }
}

/// The columns of images in so much room.
pub fn image_heads(world: &World, room: u16) -> Vec<Head<OfImages>> {
    let items = world.images.iter();
    let items = items.map(|image| ImageItem::new(image, 0, world.at));
    let names = widest(IMAGES, "name", items);
    heads(IMAGES.iter(), room, &[names])
}

/// The columns of networks.
pub fn network_heads(world: &World, room: u16) -> Vec<Head<OfNetworks>> {
    let items = || {
        world
            .networks
            .iter()
            .map(|row| NetworkItem::new(row, world))
    };
    let is_any = world.networks.iter().any(|row| row.network.internal);
    let growing = [
        widest(NETWORKS, "name", items()),
        widest(NETWORKS, "subnet", items()),
    ];
    let shown = NETWORKS.iter();
    let shown = shown.filter(|column| is_any || column.id != "internal");
    heads(shown, room, &growing)
}

/// The columns of volumes.
pub fn volume_heads(world: &World, room: u16) -> Vec<Head<OfVolumes>> {
    let items = || {
        world
            .volumes
            .iter()
            .map(|volume| VolumeItem::new(volume, world))
    };
    let is_any = world.volumes.iter().any(|volume| !volume.labels.is_empty());
    let growing = [
        widest(VOLUMES, "name", items()),
        widest(VOLUMES, "mountpoint", items()),
    ];
    let shown = VOLUMES.iter();
    let shown = shown.filter(|column| is_any || column.id != "labels");
    heads(shown, room, &growing)
}

/// A column by its id, and how wide its widest cell is.
fn widest<'a, L: Listed>(
    columns: &'static [ListColumn<L>],
    id: &'static str,
    items: impl Iterator<Item = L::Item<'a>>,
) -> (&'static str, u16) {
    let column = list::find(columns, id).expect("a test finds it");
    let widest = items.map(|item| width(&(column.cell)(&item)) as u16).max();
    (id, widest.unwrap_or(0).max(column.width))
}

/// The columns that there is room for; those in `growing` take what is left over up to
/// the width of their widest cell, the first of them before others are left out.
fn heads<L: Listed>(
    columns: impl Iterator<Item = &'static ListColumn<L>>,
    room: u16,
    growing: &[(&str, u16)],
) -> Vec<Head<L>> {
    let room = room.saturating_sub(GUTTER + 1);
    let mut heads: Vec<_> = columns
        .filter(|column| column.weight > 0)
        .map(|column| Head {
            column,
            // A name is worth more than figures, until it is very long.
            columns: match growing {
                [(id, widest), ..] if *id == column.id => (*widest).min(NAME),
                _ => column.width,
            },
            gauge: 0,
        })
        .collect();
    let taken = |heads: &[Head<L>]| {
        let each = heads.iter().map(|head| head.columns + GAP);
        each.sum::<u16>().saturating_sub(GAP)
    };
    while taken(&heads) > room && heads.len() > 1 {
        let lightest = (0..heads.len()).min_by_key(|&n| heads[n].column.weight);
        heads.remove(lightest.unwrap_or(0));
    }
    let mut free = room.saturating_sub(taken(&heads));
    let grow = |heads: &mut [Head<L>], free: &mut u16, (id, widest): (&str, u16)| {
        for head in heads.iter_mut().filter(|head| head.column.id == id) {
            let more = widest.saturating_sub(head.columns).min(*free);
            head.columns += more;
            *free -= more;
        }
    };
    let mut growing = growing.iter().copied();
    if let Some(first) = growing.next() {
        grow(&mut heads, &mut free, first);
    }
    for head in heads.iter_mut().filter(|head| head.column.id == "size") {
        if free > GAUGE {
            head.gauge = GAUGE;
            head.columns += GAUGE + 1;
            free -= GAUGE + 1;
        }
    }
    for next in growing {
        grow(&mut heads, &mut free, next);
    }
    heads
}

/// What a list is sorted by where its heads are clicked.
pub(super) fn list_head(state: &State, room: u16, at: u16) -> Option<&'static str> {
    let world = state.world.as_ref()?;
    match state.screen {
        Screen::Images => hit(&image_heads(world, room), at),
        Screen::Networks => hit(&network_heads(world, room), at),
        Screen::Volumes => hit(&volume_heads(world, room), at),
        _ => None,
    }
}

fn hit<L: Listed>(heads: &[Head<L>], at: u16) -> Option<&'static str> {
    let mut from = GUTTER;
    for head in heads {
        let to = from + head.columns;
        if (from..to).contains(&at) {
            return Some(head.column.id);
        }
        from = to + GAP;
    }
    None
}
