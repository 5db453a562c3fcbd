//! The columns of the images' table: which there is room for and where each stands, for
//! drawing and for the mouse.

use crate::{
    format::{
        columns::images::{IMAGES, ImageColumn, ImageItem},
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
pub fn image_heads(world: &World, room: u16) -> Vec<ImageHead> {
    let room = room.saturating_sub(GUTTER + 1);
    let names = world.images.iter();
    let widest = names.map(|image| {
        let name = crate::format::columns::images::find("name").expect("a test finds it");
        width(&(name.cell)(&ImageItem::new(image, 0, world.at))) as u16
    });
    let widest = widest.max().unwrap_or(0).max(12);
    let mut heads: Vec<_> = IMAGES
        .iter()
        .filter(|column| column.weight > 0)
        .map(|column| ImageHead {
            column,
            // A name is worth more than figures, until it is very long.
            columns: match column.id {
                "name" => widest.min(30),
                _ => column.width,
            },
            gauge: 0,
        })
        .collect();
    let taken = |heads: &[ImageHead]| {
        let each = heads.iter().map(|head| head.columns + GAP);
        each.sum::<u16>().saturating_sub(GAP)
    };
    while taken(&heads) > room && heads.len() > 1 {
        let lightest = (0..heads.len()).min_by_key(|&n| heads[n].column.weight);
        heads.remove(lightest.unwrap_or(0));
    }
    let mut free = room.saturating_sub(taken(&heads));
    for head in &mut heads {
        match head.column.id {
            "name" => {
                let more = (widest.max(head.columns) - head.columns).min(free);
                head.columns += more;
                free -= more;
            }
            "size" if free > GAUGE => {
                head.gauge = GAUGE;
                head.columns += GAUGE + 1;
                free -= GAUGE + 1;
            }
            _ => {}
        }
    }
    heads
}

/// What the images are sorted by where their heads are clicked.
pub(super) fn image_head(world: &World, room: u16, at: u16) -> Option<&'static str> {
    let mut from = GUTTER;
    for head in image_heads(world, room) {
        let to = from + head.columns;
        if (from..to).contains(&at) {
            return Some(head.column.id);
        }
        from = to + GAP;
    }
    None
}
