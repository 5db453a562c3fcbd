//! The columns of the images' table: where each stands, for drawing and for the mouse.

use crate::{
    format::text::{Align, width},
    model::World,
};

/// Columns before the first.
const GUTTER: u16 = 2;
/// Columns between two.
const GAP: u16 = 2;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageColumn {
    /// What it sorts by; empty if by nothing.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Columns of the screen, its gauge included.
    pub columns: u16,
    /// The side of its title.
    pub align: Align,
}

/// The columns in so much room.
pub fn image_columns(world: &World, room: u16) -> Vec<ImageColumn> {
    let column = |id, title, columns, align| ImageColumn {
        id,
        title,
        columns,
        align,
    };
    let gauge = image_gauge(room);
    // Above a gauge the title stands where the gauge begins.
    let side = if gauge > 0 { Align::Left } else { Align::Right };
    vec![
        column("name", "NAME", name_columns(world, room), Align::Left),
        column("", "ID", 12, Align::Left),
        column("size", "SIZE", 9 + gauge, side),
        column("own", "OWN", 9, Align::Right),
        column("", "SHARED", 9, Align::Right),
        column("", "USED BY", 8, Align::Right),
        column("created", "CREATED", 14, Align::Right),
    ]
}

/// Columns of the gauge that compares sizes, where there is room for one.
pub fn image_gauge(room: u16) -> u16 {
    if room >= 116 { 16 } else { 0 }
}

/// What the images are sorted by where their heads are clicked.
pub(super) fn image_head(world: &World, room: u16, at: u16) -> Option<&'static str> {
    let mut from = GUTTER;
    for column in image_columns(world, room) {
        let to = from + column.columns;
        if (from..to).contains(&at) {
            return Some(column.id).filter(|id| !id.is_empty());
        }
        from = to + GAP;
    }
    None
}

fn name_columns(world: &World, room: u16) -> u16 {
    let names = world
        .images
        .iter()
        .filter_map(|image| image.references.first());
    let widest = names.map(|name| width(name)).max().unwrap_or(0) as u16;
    let rest = 12 + 9 * 3 + 8 + 14 + 2 * 8;
    (widest + 3).max(12).min(room.saturating_sub(rest).max(10))
}
