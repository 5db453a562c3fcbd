//! Which columns a table has, in which order and how wide; and the text that keeps them
//! from one run of the dashboard to the next.

use serde::{Deserialize, Serialize};

use super::columns::{TABLE, TABLE_IMAGES};
use crate::{
    action::{Code, Key},
    format::{
        columns::{
            self, CONTAINERS, Column,
            images::{IMAGES, ImageColumn},
        },
        cpu::CpuDisplay,
    },
};

/// A column that a table can have.
pub trait Choosable: Sized + 'static {
    /// All of them.
    const ALL: &'static [Self];
    /// Those that the table has at first, in order.
    const FIRST: &'static [&'static str];

    /// What it is called where one names it.
    fn id(&self) -> &'static str;

    /// What stands above it.
    fn title(&self) -> &'static str;

    /// Columns of the screen that it takes if nobody says otherwise.
    fn natural(&self) -> u16;

    /// How it is shown where it is.
    fn manner(&self) -> Show {
        Show::Yes
    }
}

impl Choosable for Column {
    const ALL: &'static [Self] = CONTAINERS;
    const FIRST: &'static [&'static str] = TABLE;

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn natural(&self) -> u16 {
        let title = self.title.len() as u16;
        match self.width {
            columns::Width::Fixed(width) => width.max(title),
            columns::Width::Fit { min, max } => max.min(18).max(min).max(title),
            columns::Width::Whole => 18,
        }
    }

    fn manner(&self) -> Show {
        match self.id {
            "trouble" => Show::Auto,
            _ => Show::Yes,
        }
    }
}

impl Choosable for ImageColumn {
    const ALL: &'static [Self] = IMAGES;
    const FIRST: &'static [&'static str] = TABLE_IMAGES;

    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn natural(&self) -> u16 {
        self.width
    }
}

/// When a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// Wherever there is room.
    Yes,
    /// Never.
    No,
    /// While it has something to say.
    Auto,
}

/// One column and how it is shown.
pub struct Shown<C: 'static = Column> {
    /// Which.
    pub column: &'static C,
    /// When.
    pub show: Show,
    /// Columns of the screen that it takes; as it needs if nothing is said.
    pub width: Option<u16>,
}

// Derived ones would ask the same of the column itself.
impl<C> Clone for Shown<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Shown<C> {}

impl<C: Choosable> std::fmt::Debug for Shown<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.column.id(), self.show, self.width)
    }
}

/// All columns of a table in the order of the user.
#[derive(Clone)]
pub struct Layout<C: Choosable = Column> {
    /// The columns.
    pub columns: Vec<Shown<C>>,
}

impl<C: Choosable> std::fmt::Debug for Layout<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.columns).finish()
    }
}

/// What a key did to a column chooser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choosing {
    /// It goes on.
    Open,
    /// What was chosen is kept.
    Kept,
    /// All is to be as before.
    Dropped,
}

/// The narrowest and the widest that a column can be made.
pub const WIDTHS: std::ops::RangeInclusive<u16> = 3..=80;

impl<C: Choosable> Default for Layout<C> {
    fn default() -> Self {
        let place = |column: &C| C::FIRST.iter().position(|id| *id == column.id());
        let mut columns: Vec<_> = C::ALL
            .iter()
            .map(|column| Shown {
                column,
                show: match place(column) {
                    Some(_) => column.manner(),
                    None => Show::No,
                },
                width: None,
            })
            .collect();
        columns.sort_by_key(|shown| place(shown.column).unwrap_or(usize::MAX));
        Self { columns }
    }
}

impl<C: Choosable> Layout<C> {
    /// These columns in this order, and no other; the usual ones if none is named.
    pub fn of(ids: &[String]) -> Self {
        let mut layout = Self::default();
        if ids.is_empty() {
            return layout;
        }
        let place = |id: &str| ids.iter().position(|known| known == id);
        for shown in &mut layout.columns {
            if place(shown.column.id()).is_none() {
                shown.show = Show::No;
            } else if shown.show == Show::No {
                shown.show = shown.column.manner();
            }
        }
        layout
            .columns
            .sort_by_key(|shown| place(shown.column.id()).unwrap_or(usize::MAX));
        layout
    }

    /// The ids of columns that are shown, always or at times.
    pub fn shown(&self) -> impl Iterator<Item = &'static str> {
        let shown = self.columns.iter().filter(|shown| shown.show != Show::No);
        shown.map(|shown| shown.column.id())
    }

    /// What a key of the column chooser does, whose cursor stands on one of them.
    pub fn on_key(&mut self, key: Key, cursor: &mut usize) -> Choosing {
        let (at, last) = (*cursor, self.columns.len() - 1);
        match key.code {
            Code::Up | Code::Char('k') => *cursor = at.saturating_sub(1),
            Code::Down | Code::Char('j') => *cursor = (at + 1).min(last),
            Code::Home | Code::Char('g') => *cursor = 0,
            Code::End | Code::Char('G') => *cursor = last,
            Code::Char(' ') => self.toggle(at),
            Code::Char('K') => *cursor = self.shift(at, -1),
            Code::Char('J') => *cursor = self.shift(at, 1),
            Code::Char('+') | Code::Right => self.widen(at, 1),
            Code::Char('-') | Code::Left => self.widen(at, -1),
            Code::Char('0') => self.columns[at].width = None,
            Code::Char('R') => *self = Self::default(),
            Code::Esc => return Choosing::Dropped,
            Code::Enter | Code::Char('q' | 'O') => return Choosing::Kept,
            _ => {}
        }
        Choosing::Open
    }

    /// Shows a column, or hides it.
    fn toggle(&mut self, at: usize) {
        let shown = &mut self.columns[at];
        shown.show = match shown.show {
            Show::Yes | Show::Auto => Show::No,
            Show::No => shown.column.manner(),
        };
    }

    /// Moves a column by one place; where it is then.
    fn shift(&mut self, at: usize, by: isize) -> usize {
        let to = at.saturating_add_signed(by).min(self.columns.len() - 1);
        self.columns.swap(at, to);
        to
    }

    /// Makes a column wider or narrower.
    fn widen(&mut self, at: usize, by: i16) {
        let shown = &mut self.columns[at];
        let now = shown.width.unwrap_or(shown.column.natural());
        let width = now.saturating_add_signed(by);
        shown.width = Some(width.clamp(*WIDTHS.start(), *WIDTHS.end()));
    }

    fn saved(&self) -> Vec<SavedColumn> {
        let saved = |shown: &Shown<C>| SavedColumn {
            id: shown.column.id().to_owned(),
            show: shown.show,
            width: shown.width,
        };
        self.columns.iter().map(saved).collect()
    }

    /// What was saved. Columns of another version of wharf are left out, and ours that it
    /// did not know come where they are by default.
    fn restored(saved: &[SavedColumn]) -> Self {
        let mut columns: Vec<Shown<C>> = Vec::new();
        for saved in saved {
            let is_known = columns.iter().any(|shown| shown.column.id() == saved.id);
            let column = C::ALL.iter().find(|column| column.id() == saved.id);
            if let Some(column) = column.filter(|_| !is_known) {
                columns.push(Shown {
                    column,
                    show: saved.show,
                    width: saved.width.map(|w| w.clamp(*WIDTHS.start(), *WIDTHS.end())),
                });
            }
        }
        for shown in Self::default().columns {
            let id = shown.column.id();
            if columns.iter().all(|known| known.column.id() != id) {
                columns.push(shown);
            }
        }
        // A table in which nothing can be seen can't be mended by whoever sees it.
        if columns.iter().all(|shown| shown.show == Show::No) {
            return Self::default();
        }
        Self { columns }
    }
}

/// What the dashboard keeps from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// How CPU is told.
    pub cpu: String,
    /// The columns of the containers' table, in order.
    pub column: Vec<SavedColumn>,
    /// Those of the images' table.
    pub image_column: Vec<SavedColumn>,
}

/// A column in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedColumn {
    id: String,
    show: Show,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u16>,
}

impl Saved {
    /// What is to be kept.
    pub fn new(containers: &Layout, images: &Layout<ImageColumn>, cpu: CpuDisplay) -> Self {
        Self {
            cpu: cpu.as_str().to_owned(),
            column: containers.saved(),
            image_column: images.saved(),
        }
    }

    /// Reads what [`text`](Self::text) wrote.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    /// Its text.
    pub fn text(&self) -> String {
        // Strings, numbers and plain words can always be written.
        toml::to_string(self).unwrap_or_default()
    }

    /// The columns of the containers' table again.
    pub fn containers(&self) -> Layout {
        Layout::restored(&self.column)
    }

    /// Those of the images' table.
    pub fn images(&self) -> Layout<ImageColumn> {
        Layout::restored(&self.image_column)
    }

    /// How CPU was told.
    pub fn cpu(&self) -> CpuDisplay {
        CpuDisplay::parse(&self.cpu).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<C: Choosable>(layout: &Layout<C>) -> Vec<&str> {
        let columns = layout.columns.iter();
        columns.map(|shown| shown.column.id()).collect()
    }

    #[test]
    fn every_column_of_the_first_tables_exists() {
        fn check<C: Choosable>() {
            let first = Layout::<C>::default();
            assert_eq!(ids(&first)[..C::FIRST.len()], *C::FIRST);
            assert_eq!(first.shown().count(), C::FIRST.len());
            assert_eq!(first.columns.len(), C::ALL.len());
        }
        check::<Column>();
        check::<ImageColumn>();
    }

    #[test]
    fn what_is_saved_comes_back() {
        let mut layout = Layout::default();
        assert_eq!(layout.shift(0, 1), 1);
        layout.toggle(3);
        layout.widen(1, 4);
        let mut images = Layout::<ImageColumn>::default();
        images.toggle(2);
        images.widen(0, 1);
        let saved = Saved::new(&layout, &images, CpuDisplay::Quota);
        let back = Saved::parse(&saved.text()).unwrap();
        assert_eq!(back, saved);
        assert_eq!(format!("{:?}", back.containers()), format!("{layout:?}"));
        assert_eq!(format!("{:?}", back.images()), format!("{images:?}"));
        assert_eq!(back.cpu(), CpuDisplay::Quota);
    }

    #[test]
    fn file_of_another_version_gives_what_it_can() {
        let text = "cpu = \"moons\"\n\
            [[column]]\nid = \"pids\"\nshow = \"yes\"\nwidth = 9999\n\
            [[column]]\nid = \"tides\"\nshow = \"yes\"\n\
            [[column]]\nid = \"pids\"\nshow = \"no\"\n";
        let saved = Saved::parse(text).unwrap();
        let layout = saved.containers();
        assert_eq!(ids(&layout)[..2], ["pids", "name"]);
        assert_eq!(layout.columns[0].width, Some(80));
        assert_eq!(layout.columns.len(), CONTAINERS.len());
        // It was written before images had columns to choose.
        assert_eq!(ids(&saved.images()), ids(&Layout::<ImageColumn>::default()));
        assert_eq!(saved.cpu(), CpuDisplay::Percent);
        assert!(Saved::parse("column = 7").is_err());
        assert!(Saved::parse("[[column]]\nid = 1").is_err());
    }

    #[test]
    fn table_without_any_column_is_the_default_one() {
        let mut layout = Layout::default();
        layout
            .columns
            .iter_mut()
            .for_each(|shown| shown.show = Show::No);
        let back = Saved::new(&layout, &Layout::default(), CpuDisplay::Cores).containers();
        assert!(back.columns.iter().any(|shown| shown.show == Show::Yes));
    }

    #[test]
    fn columns_stop_at_the_ends_and_at_their_widths() {
        let mut layout = Layout::<Column>::default();
        assert_eq!(layout.shift(0, -1), 0);
        let last = layout.columns.len() - 1;
        assert_eq!(layout.shift(last, 1), last);
        for _ in 0..200 {
            layout.widen(0, -1);
        }
        assert_eq!(layout.columns[0].width, Some(3));
    }
}
