//! The columns of the lists of images, networks and volumes: which there is room for and
//! where each stands, for drawing and for the mouse.

use super::{
    Screen, State,
    layout::{Layout, Show, Shown},
};
use crate::{
    format::{
        columns::{
            images::{IMAGES, ImageColumn, ImageItem, OfImages},
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

/// How a column grows where there is room: its id, the columns that it has at first, and
/// those that it takes at last.
type Growth = (&'static str, u16, u16);

/// The columns of images in so much room.
pub fn image_heads(layout: &Layout<ImageColumn>, world: &World, room: u16) -> Vec<Head<OfImages>> {
    let items = || {
        let images = world.images.iter();
        images.map(|image| ImageItem::new(image, 0, world.at))
    };
    let growing = [
        name(IMAGES, "name", items()),
        name(IMAGES, "repository", items()),
    ];
    let shown = layout.columns.iter();
    let shown = shown.filter(|shown| shown.show != Show::No);
    heads(shown.copied(), room, &growing)
}

/// The columns of networks.
pub fn network_heads(world: &World, room: u16) -> Vec<Head<OfNetworks>> {
    let items = || {
        let rows = world.networks.iter();
        rows.map(|row| NetworkItem::new(row, world))
    };
    let is_any = world.networks.iter().any(|row| row.network.internal);
    let growing = [
        name(NETWORKS, "name", items()),
        widest(NETWORKS, "subnet", items()),
    ];
    let shown = NETWORKS.iter();
    let shown = shown.filter(|column| is_any || column.id != "internal");
    heads(shown.map(plain), room, &growing)
}

/// The columns of volumes.
pub fn volume_heads(world: &World, room: u16) -> Vec<Head<OfVolumes>> {
    let items = || {
        let volumes = world.volumes.iter();
        volumes.map(|volume| VolumeItem::new(volume, world))
    };
    let is_any = world.volumes.iter().any(|volume| !volume.labels.is_empty());
    let growing = [
        name(VOLUMES, "name", items()),
        widest(VOLUMES, "mountpoint", items()),
    ];
    let shown = VOLUMES.iter();
    let shown = shown.filter(|column| is_any || column.id != "labels");
    heads(shown.map(plain), room, &growing)
}

/// A column that nobody arranged.
fn plain<L: Listed>(column: &'static ListColumn<L>) -> Shown<ListColumn<L>> {
    Shown {
        column,
        show: Show::Yes,
        width: None,
    }
}

/// A column that takes what is left over, up to its widest cell.
fn widest<'a, L: Listed>(
    columns: &'static [ListColumn<L>],
    id: &'static str,
    items: impl Iterator<Item = L::Item<'a>>,
) -> Growth {
    let column = list::find(columns, id).expect("a test finds it");
    let widest = items.map(|item| width(&(column.cell)(&item)) as u16).max();
    (id, column.width, widest.unwrap_or(0).max(column.width))
}

/// The same of a name, which is worth more than figures, until it is very long.
fn name<'a, L: Listed>(
    columns: &'static [ListColumn<L>],
    id: &'static str,
    items: impl Iterator<Item = L::Item<'a>>,
) -> Growth {
    let (id, _, widest) = widest(columns, id, items);
    (id, widest.min(NAME), widest)
}

/// The columns that there is room for, as wide as the user made them or as they need.
fn heads<L: Listed>(
    columns: impl Iterator<Item = Shown<ListColumn<L>>>,
    room: u16,
    growing: &[Growth],
) -> Vec<Head<L>> {
    let room = room.saturating_sub(GUTTER + 1);
    let growth = |id: &str| growing.iter().find(|(of, ..)| *of == id);
    let mut heads: Vec<_> = columns
        .filter(|shown| shown.column.weight > 0)
        .map(|Shown { column, width, .. }| {
            let natural = match growth(column.id) {
                Some((_, first, _)) if width.is_none() => *first,
                _ => column.width,
            };
            let columns = width.unwrap_or(natural);
            // As the user made it: what is over the figure's own width is the gauge's.
            let over = columns.saturating_sub(natural + 1);
            let gauge = if column.id == "size" { over } else { 0 };
            let head = Head {
                column,
                columns,
                gauge,
            };
            (head, width.is_some())
        })
        .collect();
    let taken = |heads: &[(Head<L>, bool)]| {
        let each = heads.iter().map(|(head, _)| head.columns + GAP);
        each.sum::<u16>().saturating_sub(GAP)
    };
    while taken(&heads) > room && heads.len() > 1 {
        let lightest = (0..heads.len()).min_by_key(|&n| heads[n].0.column.weight);
        heads.remove(lightest.unwrap_or(0));
    }
    let mut free = room.saturating_sub(taken(&heads));
    // Names first, then the gauge, then what else is cut.
    for is_name in [true, false] {
        for (head, _) in heads.iter_mut().filter(|(_, is_fixed)| !is_fixed) {
            match growth(head.column.id) {
                Some(&(_, first, widest)) if (first > head.column.width) == is_name => {
                    let more = widest.saturating_sub(head.columns).min(free);
                    head.columns += more;
                    free -= more;
                }
                None if is_name && head.column.id == "size" && free > GAUGE => {
                    head.gauge = GAUGE;
                    head.columns += GAUGE + 1;
                    free -= GAUGE + 1;
                }
                _ => {}
            }
        }
    }
    heads.into_iter().map(|(head, _)| head).collect()
}

/// What a list is sorted by where its heads are clicked.
pub(super) fn list_head(state: &State, room: u16, at: u16) -> Option<&'static str> {
    let world = state.world.as_ref()?;
    match state.screen {
        Screen::Images => hit(&image_heads(&state.image_columns, world, room), at),
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
