//! All that is known about a container as a tree that can be folded and searched: the
//! same JSON that `wharf inspect` prints.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{Pick, list::Extent, log::Needle};
use crate::{
    format::{bytes, inspect, text::sanitize},
    model::Container,
};

/// A tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// All nodes, parents before children.
    pub nodes: Vec<Node>,
    /// Those that are shown, by their places.
    pub shown: Vec<usize>,
    /// The line under the cursor.
    pub cursor: usize,
    /// The first line on screen.
    pub top: usize,
    /// What is searched.
    pub search: Option<Needle>,
    /// Paths of what is folded; kept from container to container.
    folded: BTreeSet<String>,
    /// What it was made of; a new picture has the same one unless it changed.
    of: Option<Arc<Container>>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// How deep it lies.
    pub depth: usize,
    /// Its name, or its number in a list; safe to draw.
    pub name: String,
    /// Its path, as a template of `--format` names it.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// The place after its last descendant.
    end: usize,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A group of so many.
    Group {
        /// How many parts it has.
        count: usize,
        /// Whether they have no names.
        is_list: bool,
        /// Whether they are not shown.
        is_folded: bool,
    },
    /// A value.
    Value {
        /// As it is copied.
        raw: String,
        /// As it is shown.
        text: String,
        /// The same for people, where that helps.
        note: String,
    },
}

impl Tree {
    /// Nothing, folded as this is.
    pub fn renewed(&self) -> Self {
        Self {
            folded: self.folded.clone(),
            ..Self::default()
        }
    }

    /// Shows a container; free if it is the one that is shown.
    pub fn show(&mut self, container: &Arc<Container>) {
        let is_same = |known: &Arc<Container>| Arc::ptr_eq(known, container);
        if self.of.as_ref().is_some_and(is_same) {
            return;
        }
        self.of = Some(Arc::clone(container));
        let path = self.selected().map(|node| node.path.clone());
        self.nodes.clear();
        if let Value::Object(fields) = inspect::container(container) {
            for (name, value) in &fields {
                self.add(0, name.clone(), format!(".{name}"), value);
            }
        }
        self.lay();
        let same = path.and_then(|path| self.place_of(&path));
        self.cursor = same.unwrap_or(self.cursor);
        self.settle_cursor();
    }

    fn add(&mut self, depth: usize, name: String, path: String, value: &Value) {
        let place = self.nodes.len();
        let group = |count, is_list| Content::Group {
            count,
            is_list,
            is_folded: false,
        };
        let content = match value {
            Value::Object(fields) => group(fields.len(), false),
            Value::Array(items) => group(items.len(), true),
            value => {
                let raw = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Content::Value {
                    text: match value {
                        Value::String(text) if text.is_empty() => "\"\"".into(),
                        _ => sanitize(&raw).into_owned(),
                    },
                    note: note(&name, value),
                    raw,
                }
            }
        };
        self.nodes.push(Node {
            depth,
            name: sanitize(&name).into_owned(),
            path: path.clone(),
            content,
            end: 0,
        });
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.add(depth + 1, name.clone(), child(&path, name), value);
                }
            }
            Value::Array(items) => {
                for (n, value) in items.iter().enumerate() {
                    let path = format!("(index {path} {n})");
                    self.add(depth + 1, n.to_string(), path, value);
                }
            }
            _ => {}
        }
        self.nodes[place].end = self.nodes.len();
    }

    /// Finds out which nodes are shown.
    fn lay(&mut self) {
        self.shown.clear();
        let mut n = 0;
        while n < self.nodes.len() {
            self.shown.push(n);
            let node = &mut self.nodes[n];
            let folded = self.folded.contains(&node.path);
            match &mut node.content {
                Content::Group {
                    count, is_folded, ..
                } if *count > 0 => {
                    *is_folded = folded;
                    n = if folded { node.end } else { n + 1 };
                }
                _ => n += 1,
            }
        }
    }

    /// The node under the cursor.
    pub fn selected(&self) -> Option<&Node> {
        self.nodes.get(*self.shown.get(self.cursor)?)
    }

    fn place_of(&self, path: &str) -> Option<usize> {
        let is_it = |&n: &usize| self.nodes[n].path == path;
        self.shown.iter().position(is_it)
    }

    fn settle_cursor(&mut self) {
        self.cursor = self.cursor.min(self.shown.len().saturating_sub(1));
    }

    /// Moves the cursor, stopping at both ends.
    pub fn step(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by);
        self.settle_cursor();
    }

    /// Folds the group under the cursor or unfolds it; of a value, the group it is in.
    pub fn toggle(&mut self) {
        let Some(node) = self.selected() else {
            return;
        };
        match node.content {
            Content::Group { is_folded, .. } => self.fold(node.path.clone(), !is_folded),
            Content::Value { .. } => self.up(),
        }
    }

    fn fold(&mut self, path: String, is_folded: bool) {
        if is_folded {
            self.folded.insert(path);
        } else {
            self.folded.remove(&path);
        }
        self.lay();
        self.settle_cursor();
    }

    /// Folds what is under the cursor, or goes to the group that it is in.
    pub fn up(&mut self) {
        let Some(node) = self.selected() else {
            return;
        };
        if let Content::Group {
            is_folded: false,
            count: 1..,
            ..
        } = node.content
        {
            return self.fold(node.path.clone(), true);
        }
        let depth = node.depth;
        let above = self.shown[..self.cursor]
            .iter()
            .rposition(|&n| self.nodes[n].depth < depth);
        self.cursor = above.unwrap_or(self.cursor);
    }

    /// Unfolds what is under the cursor, or goes to its first part.
    pub fn down(&mut self) {
        let Some(node) = self.selected() else {
            return;
        };
        match node.content {
            Content::Group {
                is_folded: true, ..
            } => self.fold(node.path.clone(), false),
            Content::Group { count: 1.., .. } => self.step(1),
            _ => {}
        }
    }

    /// Folds everything, or nothing.
    pub fn fold_all(&mut self, is_folded: bool) {
        let path = self.selected().map(|node| node.path.clone());
        let is_group = |node: &&Node| matches!(node.content, Content::Group { .. });
        self.folded = match is_folded {
            true => {
                let groups = self.nodes.iter().filter(is_group);
                groups.map(|node| node.path.clone()).collect()
            }
            false => BTreeSet::new(),
        };
        self.lay();
        let same = path.and_then(|path| self.place_of(&path));
        self.cursor = same.unwrap_or(self.cursor);
        self.settle_cursor();
    }

    /// Searches, and goes to the first hit from the cursor on.
    pub fn find(&mut self, needle: Option<Needle>) {
        self.search = needle;
        let at = self.shown.get(self.cursor).copied().unwrap_or(0);
        if self.search.is_some() && !self.is_hit(at) {
            self.seek(1);
        }
    }

    /// Whether a node is a hit.
    pub fn is_hit(&self, place: usize) -> bool {
        let (Some(search), Some(node)) = (&self.search, self.nodes.get(place)) else {
            return false;
        };
        let in_value = match &node.content {
            Content::Value { text, .. } => search.is_match(text),
            Content::Group { .. } => false,
        };
        search.is_match(&node.name) || in_value
    }

    /// Which hit the cursor is on, from one, and how many there are.
    pub fn hits(&self) -> (usize, usize) {
        let hits: Vec<usize> = (0..self.nodes.len()).filter(|&n| self.is_hit(n)).collect();
        let at = self.shown.get(self.cursor);
        let which = hits.iter().position(|hit| Some(hit) == at);
        (which.map_or(0, |n| n + 1), hits.len())
    }

    /// Goes to the next hit, or the one before, unfolding what hides it; whether it had
    /// to go round the ends.
    pub fn seek(&mut self, by: isize) -> Option<bool> {
        let hits: Vec<usize> = (0..self.nodes.len()).filter(|&n| self.is_hit(n)).collect();
        let at = self.shown.get(self.cursor).copied().unwrap_or(0);
        let (&first, &last) = (hits.first()?, hits.last()?);
        let next = match by {
            ..0 => hits.iter().rev().find(|&&hit| hit < at),
            _ => hits.iter().find(|&&hit| hit > at),
        };
        let to = next.copied().unwrap_or(if by < 0 { last } else { first });
        for n in 0..to {
            if self.nodes[n].end > to {
                let path = self.nodes[n].path.clone();
                self.folded.remove(&path);
            }
        }
        self.lay();
        self.cursor = self.shown.iter().position(|&n| n == to).unwrap_or(0);
        Some(next.is_none())
    }

    /// Scrolls so that the cursor is on screen.
    pub fn scroll_into_view(&mut self, height: usize) {
        let here = Extent {
            top: self.top,
            cursor: self.cursor,
            lines: self.shown.len(),
        };
        self.top = here.top_in_view(height);
    }

    /// What can be copied of the node under the cursor.
    pub(super) fn picks(&self) -> Vec<Pick> {
        let (Some(node), Some(container)) = (self.selected(), &self.of) else {
            return Vec::new();
        };
        let mut picks = Vec::new();
        match &node.content {
            Content::Value { raw, .. } => {
                picks.push(Pick::copy('v', "value", "value", raw.clone()));
            }
            Content::Group { .. } => {
                let all = inspect::container(container);
                let below = value_at(&all, &node.path);
                let json = below.map(|value| format!("{value:#}")).unwrap_or_default();
                picks.push(Pick::copy('v', "value as JSON", "lines of JSON", json));
            }
        }
        let name = node.name.clone();
        picks.push(Pick::copy('n', "name", "name", name));
        let template = format!("{{{{{}}}}}", node.path);
        picks.push(Pick::copy(
            't',
            "template for --format",
            "template",
            template,
        ));
        picks
    }
}

/// The path of a field; names that a template can't write go through `index`.
fn child(path: &str, name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_plain && !path.starts_with('(') {
        true => format!("{path}.{name}"),
        false => format!("(index {path} {})", Value::from(name)),
    }
}

/// The value whose node has this path.
fn value_at<'a>(value: &'a Value, wanted: &str) -> Option<&'a Value> {
    fn walk<'a>(value: &'a Value, path: &str, wanted: &str) -> Option<&'a Value> {
        if path == wanted {
            return Some(value);
        }
        match value {
            Value::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| walk(value, &child(path, name), wanted)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .find_map(|(n, value)| walk(value, &format!("(index {path} {n})"), wanted)),
            _ => None,
        }
    }
    walk(value, "", wanted)
}

/// What a value is for people.
fn note(name: &str, value: &Value) -> String {
    let Some(number) = value.as_u64().filter(|number| *number > 0) else {
        return String::new();
    };
    match name {
        "NanoCpus" => format!("{} cores", number as f64 / 1e9),
        "Memory" | "MemorySwap" | "MemoryReservation" | "MemoryMin" | "MemoryHigh" | "ShmSize" => {
            bytes::binary(number)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{format::columns::sample, model::State};

    fn tree() -> Tree {
        let mut container = sample::container("web", State::Running);
        container.config.limits.memory_bytes = Some(64 << 20);
        container.config.labels = [("a.b/c".to_owned(), "x\u{1b}[31m".to_owned())].into();
        let mut tree = Tree::default();
        tree.show(&Arc::new(container));
        tree
    }

    fn names(tree: &Tree) -> Vec<&str> {
        tree.shown.iter().map(|&n| &*tree.nodes[n].name).collect()
    }

    #[test]
    fn groups_fold_and_stay_folded_for_the_next_container() {
        let mut tree = tree();
        let all = tree.shown.len();
        assert!(names(&tree).contains(&"Pid"));
        tree.find(Needle::new("State").unwrap());
        tree.toggle();
        assert!(!names(&tree).contains(&"Pid"));
        let mut next = tree.renewed();
        next.show(&Arc::new(sample::container("db", State::Running)));
        assert!(!names(&next).contains(&"Pid"));
        tree.down();
        assert_eq!(tree.shown.len(), all);
        tree.down();
        assert_eq!(tree.selected().unwrap().name, "Status");
        tree.up();
        assert_eq!(tree.selected().unwrap().name, "State");
        tree.fold_all(true);
        assert!(tree.shown.len() < 20);
        tree.fold_all(false);
        assert_eq!(tree.shown.len(), all);
    }

    #[test]
    fn search_unfolds_what_it_finds_and_goes_round() {
        let mut tree = tree();
        tree.fold_all(true);
        tree.find(Needle::new("memoryres").unwrap());
        assert_eq!(tree.selected().unwrap().name, "MemoryReservation");
        assert_eq!(tree.hits(), (1, 1));
        assert_eq!(tree.seek(1), Some(true));
        tree.find(Needle::new("no such thing").unwrap());
        assert_eq!(tree.seek(1), None);
    }

    #[test]
    fn values_are_safe_to_draw_noted_and_copied_as_they_are() {
        let mut tree = tree();
        tree.find(Needle::new("a.b/c").unwrap());
        let Content::Value { raw, text, .. } = &tree.selected().unwrap().content else {
            panic!("a label is a value");
        };
        assert_eq!((raw.as_str(), text.as_str()), ("x\u{1b}[31m", "x\\x1b[31m"));
        assert_eq!(
            tree.selected().unwrap().path,
            "(index .Config.Labels \"a.b/c\")"
        );
        let memory = tree
            .nodes
            .iter()
            .find(|node| node.name == "Memory")
            .unwrap();
        assert!(matches!(&memory.content, Content::Value { note, .. } if note == "64MiB"));
    }
}
