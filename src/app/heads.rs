//! The columns of the images' table: which there is room for and where each stands, for
//! drawing and for the mouse.

use super::layout::{Layout, Show, Shown};
use crate::{
    format::{
        columns::images::{ImageColumn, ImageItem},
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

/// A column on screen.
#[derive(Clone, Copy)]
pub struct ImageHead {
    /// Which.
    pub column: &'static ImageColumn,
    /// Columns of the screen, its gauge included.
    pub columns: u16,
    /// Columns of its gauge.
    pub gauge: u16,
}

impl ImageHead {
    /// The side of its title: above a gauge it stands where the gauge begins.
    pub fn align(&self) -> Align {
        match self.gauge {
            0 => self.column.align,
            _ => Align::Left,
        }
    }
}

/// The columns in so much room.
pub fn image_heads(layout: &Layout<ImageColumn>, world: &World, room: u16) -> Vec<ImageHead> {
    let room = room.saturating_sub(GUTTER + 1);
    let widest = |column: &ImageColumn| {
        let names = world.images.iter();
        let names =
            names.map(|image| width(&(column.cell)(&ImageItem::new(image, 0, world.at))) as u16);
        names.max().unwrap_or(0).max(column.width)
    };
    // A name is worth more than figures, until it is very long.
    let is_name = |column: &ImageColumn| matches!(column.id, "name" | "repository");
    let mut heads: Vec<_> = layout
        .columns
        .iter()
        .filter(|shown| shown.show != Show::No)
        .map(|&Shown { column, width, .. }| {
            let natural = match is_name(column) {
                true if width.is_none() => widest(column).min(30),
                _ => column.width,
            };
            let columns = width.unwrap_or(natural);
            // As the user made it: what is over the figure's own width is the gauge's.
            let over = columns.saturating_sub(natural + 1);
            let gauge = if column.id == "size" { over } else { 0 };
            let head = ImageHead {
                column,
                columns,
                gauge,
            };
            (head, width.is_some())
        })
        .collect();
    let taken = |heads: &[(ImageHead, bool)]| {
        let each = heads.iter().map(|(head, _)| head.columns + GAP);
        each.sum::<u16>().saturating_sub(GAP)
    };
    while taken(&heads) > room && heads.len() > 1 {
        let lightest = (0..heads.len()).min_by_key(|&n| heads[n].0.column.weight);
        heads.remove(lightest.unwrap_or(0));
    }
    let mut free = room.saturating_sub(taken(&heads));
    for (head, _) in heads.iter_mut().filter(|(_, is_fixed)| !is_fixed) {
        if is_name(head.column) {
            let more = widest(head.column).saturating_sub(head.columns).min(free);
            head.columns += more;
            free -= more;
        } else if head.column.id == "size" && free > GAUGE {
            head.gauge = GAUGE;
            head.columns += GAUGE + 1;
            free -= GAUGE + 1;
        }
    }
    heads.into_iter().map(|(head, _)| head).collect()
}

/// What the images are sorted by where their heads are clicked.
pub(super) fn image_head(
    layout: &Layout<ImageColumn>,
    world: &World,
    room: u16,
    at: u16,
) -> Option<&'static str> {
    let mut from = GUTTER;
    for head in image_heads(layout, world, room) {
        let to = from + head.columns;
        if (from..to).contains(&at) {
            return Some(head.column.id);
        }
        from = to + GAP;
    }
    None
}
