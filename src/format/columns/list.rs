//! Columns of the simpler lists (images, networks, volumes), declared once each: their
//! screens, sort menus and commands are made from them.

use std::fmt;

use super::{Align, Key};

/// A kind of list, by what its columns are asked about.
pub trait Listed: 'static {
    /// A line of it.
    type Item<'a>;
}

/// One column.
pub struct ListColumn<L: Listed> {
    /// What it is called where one sorts by it.
    pub id: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// On which side its text is.
    pub align: Align,
    /// Columns of its text.
    pub width: u16,
    /// The lightest goes first where there is no room; those of 0 are only for lists of
    /// names.
    pub weight: u8,
    /// Whether the largest, or the newest, come first.
    pub is_largest_first: bool,
    /// Its text, safe to print.
    pub cell: for<'a, 'b> fn(&'b L::Item<'a>) -> String,
    /// What it is sorted by.
    pub key: for<'a, 'b> fn(&'b L::Item<'a>) -> Key,
}

impl<L: Listed> fmt::Debug for ListColumn<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListColumn({})", self.id)
    }
}

impl<L: Listed> Clone for ListColumn<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Listed> Copy for ListColumn<L> {}

/// The column that is called so.
pub fn find<L: Listed>(
    columns: &'static [ListColumn<L>],
    id: &str,
) -> Option<&'static ListColumn<L>> {
    columns.iter().find(|column| column.id == id)
}

pub(super) const fn text<L: Listed>(
    id: &'static str,
    title: &'static str,
    width: u16,
    weight: u8,
) -> ListColumn<L> {
    ListColumn {
        id,
        title,
        align: Align::Left,
        width,
        weight,
        is_largest_first: false,
        cell: |_| String::new(),
        key: |_| Key::Unknown,
    }
}

pub(super) const fn figure<L: Listed>(
    id: &'static str,
    title: &'static str,
    width: u16,
    weight: u8,
) -> ListColumn<L> {
    ListColumn {
        align: Align::Right,
        is_largest_first: true,
        ..text(id, title, width, weight)
    }
}

pub(super) fn number(number: u64) -> Key {
    Key::Number(number as f64)
}
