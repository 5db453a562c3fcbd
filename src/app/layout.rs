//! Which columns the containers' table has, in which order and how wide; and the text
//! that keeps them from one run of the dashboard to the next.

use serde::{Deserialize, Serialize};

use super::columns::TABLE;
use crate::format::{
    columns::{self, CONTAINERS, Column},
    cpu::CpuDisplay,
};

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
#[derive(Clone, Copy)]
pub struct Shown {
    /// Which.
    pub column: &'static Column,
    /// When.
    pub show: Show,
    /// Columns of the screen that it takes; as it needs if nothing is said.
    pub width: Option<u16>,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {:?}", self.column.id, self.show, self.width)
    }
}

/// All columns in the order of the user.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The columns.
    pub columns: Vec<Shown>,
}

/// The narrowest and the widest that a column can be made.
pub const WIDTHS: std::ops::RangeInclusive<u16> = 3..=80;

impl Default for Layout {
    fn default() -> Self {
        let shown = |id: &&str| columns::find(CONTAINERS, id);
        let rest = CONTAINERS
            .iter()
            .filter(|column| !TABLE.contains(&column.id));
        let columns = TABLE.iter().filter_map(shown).chain(rest);
        Self {
            columns: columns.map(by_default).collect(),
        }
    }
}

fn by_default(column: &'static Column) -> Shown {
    let show = match column.id {
        "trouble" => Show::Auto,
        id if TABLE.contains(&id) => Show::Yes,
        _ => Show::No,
    };
    Shown {
        column,
        show,
        width: None,
    }
}

impl Layout {
    /// These columns in this order, and no other; the usual ones if none is named.
    pub fn of(ids: &[String]) -> Self {
        let mut layout = Self::default();
        if ids.is_empty() {
            return layout;
        }
        let place = |id: &str| ids.iter().position(|known| known == id);
        for shown in &mut layout.columns {
            if place(shown.column.id).is_none() {
                shown.show = Show::No;
            } else if shown.show == Show::No {
                shown.show = Show::Yes;
            }
        }
        layout
            .columns
            .sort_by_key(|shown| place(shown.column.id).unwrap_or(usize::MAX));
        layout
    }

    /// Shows a column, or hides it.
    pub fn toggle(&mut self, at: usize) {
        let shown = &mut self.columns[at];
        shown.show = match (shown.show, shown.column.id) {
            (Show::Yes | Show::Auto, _) => Show::No,
            (Show::No, "trouble") => Show::Auto,
            (Show::No, _) => Show::Yes,
        };
    }

    /// Moves a column by one place; where it is then.
    pub fn shift(&mut self, at: usize, by: isize) -> usize {
        let to = at.saturating_add_signed(by).min(self.columns.len() - 1);
        self.columns.swap(at, to);
        to
    }

    /// Makes a column wider or narrower.
    pub fn widen(&mut self, at: usize, by: i16) {
        let shown = &mut self.columns[at];
        let now = shown.width.unwrap_or(natural(shown.column));
        let width = now.saturating_add_signed(by);
        shown.width = Some(width.clamp(*WIDTHS.start(), *WIDTHS.end()));
    }
}

/// Columns that a column takes if nobody says otherwise.
pub fn natural(column: &Column) -> u16 {
    let title = column.title.len() as u16;
    match column.width {
        columns::Width::Fixed(width) => width.max(title),
        columns::Width::Fit { min, max } => max.min(18).max(min).max(title),
        columns::Width::Whole => 18,
    }
}

/// What the dashboard keeps from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// How CPU is told.
    pub cpu: String,
    /// The columns, in order.
    pub column: Vec<SavedColumn>,
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
    pub fn new(layout: &Layout, cpu: CpuDisplay) -> Self {
        let saved = |shown: &Shown| SavedColumn {
            id: shown.column.id.to_owned(),
            show: shown.show,
            width: shown.width,
        };
        Self {
            cpu: cpu.as_str().to_owned(),
            column: layout.columns.iter().map(saved).collect(),
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

    /// The columns again. Those of another version of wharf are left out, and ours that
    /// it did not know come where they are by default.
    pub fn layout(&self) -> Layout {
        let mut columns: Vec<Shown> = Vec::new();
        for saved in &self.column {
            let is_known = columns.iter().any(|shown| shown.column.id == saved.id);
            let column = CONTAINERS.iter().find(|column| column.id == saved.id);
            if let Some(column) = column.filter(|_| !is_known) {
                columns.push(Shown {
                    column,
                    show: saved.show,
                    width: saved.width.map(|w| w.clamp(*WIDTHS.start(), *WIDTHS.end())),
                });
            }
        }
        for shown in Layout::default().columns {
            if columns
                .iter()
                .all(|known| known.column.id != shown.column.id)
            {
                columns.push(shown);
            }
        }
        // A table in which nothing can be seen can't be mended by whoever sees it.
        if columns.iter().all(|shown| shown.show == Show::No) {
            return Layout::default();
        }
        Layout { columns }
    }

    /// How CPU was told.
    pub fn cpu(&self) -> CpuDisplay {
        CpuDisplay::parse(&self.cpu).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(layout: &Layout) -> Vec<&str> {
        layout.columns.iter().map(|shown| shown.column.id).collect()
    }

    #[test]
    fn what_is_saved_comes_back() {
        let mut layout = Layout::default();
        assert_eq!(layout.shift(0, 1), 1);
        layout.toggle(3);
        layout.widen(1, 4);
        let saved = Saved::new(&layout, CpuDisplay::Quota);
        let back = Saved::parse(&saved.text()).unwrap();
        assert_eq!(back, saved);
        assert_eq!(format!("{:?}", back.layout()), format!("{layout:?}"));
        assert_eq!(back.cpu(), CpuDisplay::Quota);
    }

    #[test]
    fn file_of_another_version_gives_what_it_can() {
        let text = "cpu = \"moons\"\n\
            [[column]]\nid = \"pids\"\nshow = \"yes\"\nwidth = 9999\n\
            [[column]]\nid = \"tides\"\nshow = \"yes\"\n\
            [[column]]\nid = \"pids\"\nshow = \"no\"\n";
        let saved = Saved::parse(text).unwrap();
        let layout = saved.layout();
        assert_eq!(ids(&layout)[..2], ["pids", "name"]);
        assert_eq!(layout.columns[0].width, Some(80));
        assert_eq!(layout.columns.len(), CONTAINERS.len());
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
        let back = Saved::new(&layout, CpuDisplay::Cores).layout();
        assert!(back.columns.iter().any(|shown| shown.show == Show::Yes));
    }

    #[test]
    fn columns_stop_at_the_ends_and_at_their_widths() {
        let mut layout = Layout::default();
        assert_eq!(layout.shift(0, -1), 0);
        let last = layout.columns.len() - 1;
        assert_eq!(layout.shift(last, 1), last);
        for _ in 0..200 {
            layout.widen(0, -1);
        }
        assert_eq!(layout.columns[0].width, Some(3));
    }
}
