//! A table's rows as the user arranged them: filtered, sorted, one under the cursor,
//! some marked. The cursor stays on its thing, not on its line.

use std::collections::BTreeSet;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// A column's id.
    pub column: &'static str,
    /// Whether the largest come first.
    pub is_descending: bool,
}

/// The arrangement of a list of things known by `Id`.
#[derive(Clone, Debug)]
pub struct List<Id> {
    /// Where each shown row lies in the world, in the order shown.
    pub rows: Vec<usize>,
    /// The thing under the cursor.
    pub selected: Option<Id>,
    /// The row of the cursor.
    pub cursor: usize,
    /// The first line on screen.
    pub top: usize,
    /// Marked things.
    pub marks: BTreeSet<Id>,
    /// What rows must contain; empty for all.
    pub filter: String,
    /// Their order.
    pub sort: Sort,
}

impl<Id: Clone + Ord> List<Id> {
    /// An empty list.
    pub fn new(column: &'static str) -> Self {
        Self {
            rows: Vec::new(),
            selected: None,
            cursor: 0,
            top: 0,
            marks: BTreeSet::new(),
            filter: String::new(),
            sort: Sort {
                column,
                is_descending: false,
            },
        }
    }

    /// Takes a new arrangement: the cursor goes where its thing went; if that is gone,
    /// to what took its place.
    pub fn arrange(&mut self, rows: Vec<usize>, id_of: impl Fn(usize) -> Id) {
        let found = self
            .selected
            .as_ref()
            .and_then(|id| rows.iter().position(|&row| id_of(row) == *id));
        self.rows = rows;
        self.cursor = found.unwrap_or(self.cursor.min(self.rows.len().saturating_sub(1)));
        self.selected = self.rows.get(self.cursor).map(|&row| id_of(row));
    }

    /// Moves the cursor by so many rows, stopping at both ends.
    pub fn step(&mut self, by: isize, id_of: impl Fn(usize) -> Id) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
        self.selected = self.rows.get(self.cursor).map(|&row| id_of(row));
    }
}

/// Where a list stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The first line on screen.
    pub top: usize,
    /// The line of the cursor.
    pub cursor: usize,
    /// Lines that there are.
    pub lines: usize,
}

impl Extent {
    /// The first line on screen once the cursor is among the `height` lines that fit, and
    /// none of these is empty while there are lines to fill it.
    pub fn top_in_view(self, height: usize) -> usize {
        let height = height.max(1);
        let highest = self.lines.saturating_sub(height);
        let lowest = (self.cursor + 1).saturating_sub(height);
        let top = self.top.clamp(lowest, self.cursor.max(lowest));
        top.min(highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str], selected: &str) -> (List<String>, Vec<String>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut list = List::new("name");
        list.selected = Some(selected.to_owned());
        list.arrange((0..names.len()).collect(), |row| names[row].clone());
        (list, names)
    }

    #[test]
    fn cursor_follows_its_thing_when_the_order_changes() {
        let (mut list, names) = list(&["a", "b", "c"], "b");
        list.arrange(vec![1, 2, 0], |row| names[row].clone());
        assert_eq!((list.cursor, list.selected.as_deref()), (0, Some("b")));
    }

    #[test]
    fn cursor_of_a_removed_thing_goes_to_what_took_its_place() {
        let (mut list, names) = list(&["a", "b", "c"], "b");
        list.arrange(vec![0, 2], |row| names[row].clone());
        assert_eq!(list.selected.as_deref(), Some("c"));
        list.arrange(vec![0], |row| names[row].clone());
        assert_eq!(list.selected.as_deref(), Some("a"));
        list.arrange(vec![], |row| names[row].clone());
        assert_eq!(list.selected, None);
    }

    #[test]
    fn window_moves_only_as_far_as_it_must() {
        let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let mut list = List::new("name");
        list.arrange((0..100).collect(), |row| names[row].clone());
        let mut top_after = |by| {
            list.step(by, |row| names[row].clone());
            let here = Extent {
                top: list.top,
                cursor: list.cursor,
                lines: list.rows.len(),
            };
            list.top = here.top_in_view(10);
            list.top
        };
        assert_eq!(top_after(9), 0);
        assert_eq!(top_after(1), 1);
        assert_eq!(top_after(-5), 1);
        assert_eq!(top_after(1000), 90);
        assert_eq!(top_after(-1000), 0);
    }
}
