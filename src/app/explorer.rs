//! Looking into an image's layers or a container's files: which part is shown, where the
//! cursor is, and the lines that were asked for. Only those round the screen are kept,
//! however many files there are.

use std::collections::BTreeSet;

use super::{Pending, Screen, list::Extent, viewer::Viewer};
use crate::model::{
    ContainerId, FileOrder, FilesOf, ImageLayers, TreePage, TreeRequest, TreeRow, View, WastedFile,
};

/// What is looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// An image, by its id or a name.
    Image(String),
    /// A container.
    Container(ContainerId),
    /// A volume.
    Volume(String),
}

/// The explorer.
#[derive(Debug)]
pub struct Explorer {
    /// What is looked into.
    pub what: Looked,
    /// Its name, as it was when it was opened.
    pub name: String,
    /// Where one comes back to.
    pub back: Screen,
    /// An image's layers; of a container or a volume there are none to choose from.
    pub layers: Pending<ImageLayers>,
    /// The layer; 0 is the lowest.
    pub layer: usize,
    /// It alone, or all up to it.
    pub view: View,
    /// The order of entries.
    pub order: FileOrder,
    /// What lines must contain.
    pub filter: String,
    /// Open directories.
    pub open: BTreeSet<Vec<u8>>,
    /// Whether all are.
    pub is_unfolded: bool,
    /// The lines round the screen, or why there are none.
    pub page: Pending<TreePage>,
    /// The line of the cursor.
    pub cursor: usize,
    /// The first line on screen.
    pub top: usize,
    /// Whether what is wasted is listed instead.
    pub shows_waste: bool,
    /// The cursor and first line of that.
    pub waste_cursor: usize,
    /// As above.
    pub waste_top: usize,
    /// The file that is read.
    pub viewer: Option<Viewer>,
    /// The path to go to.
    wanted: Option<Vec<u8>>,
    /// What was asked last, and its number.
    asked: Option<TreeRequest>,
    /// Its number; answers to others are late.
    pub(super) number: u64,
    /// Whether its answer has not come.
    is_asking: bool,
}

impl Explorer {
    /// Of something, from a screen.
    pub fn new(what: Looked, name: String, back: Screen, number: u64) -> Self {
        let layers = match what {
            Looked::Image(_) => Pending::Loading,
            Looked::Container(_) | Looked::Volume(_) => Pending::Failed(super::Failure {
                message: String::new(),
                hint: None,
            }),
        };
        Self {
            what,
            name,
            back,
            layers,
            layer: usize::MAX,
            view: View::Merged,
            order: FileOrder::Name,
            filter: String::new(),
            open: BTreeSet::new(),
            is_unfolded: false,
            page: Pending::Loading,
            cursor: 0,
            top: 0,
            shows_waste: false,
            waste_cursor: 0,
            waste_top: 0,
            viewer: None,
            wanted: None,
            asked: None,
            number,
            is_asking: false,
        }
    }

    /// Its layers, once they are known.
    pub fn image(&self) -> Option<&ImageLayers> {
        match &self.layers {
            Pending::Ready(layers) => Some(layers),
            _ => None,
        }
    }

    /// Layers to choose from.
    pub fn layer_count(&self) -> usize {
        self.image().map_or(0, |image| image.layers.len())
    }

    /// What is wasted, if that is known.
    pub fn wasted(&self) -> &[WastedFile] {
        self.image().map_or(&[], |image| &image.waste.files)
    }

    /// The lines that are here.
    pub fn lines(&self) -> Option<&TreePage> {
        match &self.page {
            Pending::Ready(page) => Some(page),
            _ => None,
        }
    }

    /// A line, if it is here.
    pub fn line(&self, number: usize) -> Option<&TreeRow> {
        let page = self.lines()?;
        page.rows.get(number.checked_sub(page.offset)?)
    }

    /// The line under the cursor.
    pub fn selected(&self) -> Option<&TreeRow> {
        self.line(self.cursor)
    }

    /// Lines that there are.
    pub fn total(&self) -> usize {
        self.lines().map_or(0, |page| page.total)
    }

    /// Whose files are shown.
    pub fn of(&self) -> FilesOf {
        match &self.what {
            Looked::Image(reference) => FilesOf::Image {
                reference: reference.clone(),
                layer: self.layer,
            },
            Looked::Container(id) => FilesOf::Container(id.clone()),
            Looked::Volume(name) => FilesOf::Volume(name.clone()),
        }
    }

    /// Chooses another layer, and keeps the cursor on its path.
    pub fn step_layer(&mut self, by: isize) {
        let Some(last) = self.layer_count().checked_sub(1) else {
            return;
        };
        let layer = self.layer.min(last).saturating_add_signed(by).min(last);
        self.change(|this| this.layer = layer);
    }

    /// Changes what is shown; the cursor stays on its path, wherever that is then.
    pub fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let here = self.selected().map(|row| row.path.clone());
        change(self);
        // A jump that has not arrived yet goes on.
        self.wanted = self.wanted.take().or(here);
    }

    /// Goes to a path, and opens all above it.
    pub fn go_to(&mut self, path: &[u8]) {
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            self.open.insert(path[..at].to_vec());
        }
        self.filter.clear();
        self.shows_waste = false;
        self.wanted = Some(path.to_vec());
    }

    /// Opens a directory or closes it; whether it was one.
    pub fn fold(&mut self, wanted: Option<bool>) -> bool {
        let Some(row) = self.selected().filter(|row| row.entry.is_directory()) else {
            return false;
        };
        let (path, is_open) = (row.path.clone(), row.is_open);
        if wanted == Some(!is_open) {
            return false;
        }
        if self.is_unfolded {
            // Each on its own from now on: those that are seen to be open stay so.
            let rows = self.lines().map(|page| page.rows.clone());
            let open = rows.into_iter().flatten().filter(|row| row.is_open);
            self.open = open.map(|row| row.path).collect();
            self.is_unfolded = false;
        }
        match is_open {
            true => self.open.remove(&path),
            false => self.open.insert(path),
        };
        true
    }

    /// Goes to the directory that the cursor is in.
    pub fn go_up(&mut self) {
        let Some(row) = self.selected() else { return };
        if let Some(slash) = row.path.iter().rposition(|byte| *byte == b'/') {
            self.wanted = Some(row.path[..slash].to_vec());
        }
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        if self.shows_waste {
            let last = self.wasted().len().saturating_sub(1);
            self.waste_cursor = self.waste_cursor.saturating_add_signed(by).min(last);
        } else {
            let last = self.total().saturating_sub(1);
            self.cursor = self.cursor.saturating_add_signed(by).min(last);
            self.wanted = None;
        }
    }

    /// Brings cursors on screen, which has so many lines.
    pub(super) fn settle(&mut self, height: usize) {
        self.cursor = self.cursor.min(self.total().saturating_sub(1));
        self.top = self.files_extent().top_in_view(height);
        self.waste_top = self.waste_extent().top_in_view(height);
    }

    /// Where that stands which is listed. A file that is read has no cursor.
    pub(super) fn extent(&self) -> Extent {
        match (&self.viewer, self.shows_waste) {
            (Some(viewer), _) => Extent {
                top: viewer.top,
                cursor: viewer.top,
                lines: viewer.lines.len(),
            },
            (None, true) => self.waste_extent(),
            (None, false) => self.files_extent(),
        }
    }

    fn files_extent(&self) -> Extent {
        Extent {
            top: self.top,
            cursor: self.cursor,
            lines: self.total(),
        }
    }

    fn waste_extent(&self) -> Extent {
        Extent {
            top: self.waste_top,
            cursor: self.waste_cursor,
            lines: self.wasted().len(),
        }
    }

    /// What to ask for so that a screen of so many lines can be drawn; `None` if that is
    /// here or on its way. One question at a time: the next waits for its answer, and is
    /// then the newest.
    pub(super) fn question(&mut self, height: usize) -> Option<TreeRequest> {
        if self.is_asking {
            return None;
        }
        let limit = (height * 3).max(120);
        let mut wanted = TreeRequest {
            of: self.of(),
            view: self.view,
            below: Vec::new(),
            is_unfolded: self.is_unfolded,
            open: self.open.clone(),
            filter: self.filter.clone(),
            order: self.order,
            offset: 0,
            limit,
            reveal: self.wanted.clone(),
        };
        if let Some(asked) = &self.asked {
            let same = TreeRequest {
                offset: asked.offset,
                limit: asked.limit,
                reveal: asked.reveal.clone(),
                ..wanted.clone()
            };
            let bottom = (self.top + height).min(self.total());
            let has_all = match &self.page {
                Pending::Ready(page) => {
                    page.offset <= self.top && bottom <= page.offset + page.rows.len()
                }
                // What failed is asked again when something else is wanted.
                Pending::Failed(_) => true,
                Pending::Loading => false,
            };
            if same == *asked && has_all && self.wanted.is_none() {
                return None;
            }
        }
        wanted.offset = self.top.saturating_sub(height);
        self.asked = Some(wanted.clone());
        self.is_asking = true;
        Some(wanted)
    }

    /// Asks again, because what is looked into may have changed.
    pub(super) fn renew(&mut self) {
        self.asked = None;
    }

    /// An answer came.
    pub(super) fn take(&mut self, result: Result<TreePage, super::Failure>) {
        self.is_asking = false;
        match result {
            Ok(page) => {
                let asked = self.asked.as_ref().and_then(|asked| asked.reveal.as_ref());
                // Someone may have moved on meanwhile.
                if asked.is_some() && asked == self.wanted.as_ref() {
                    if let Some(line) = page.revealed {
                        let above = self.cursor.saturating_sub(self.top);
                        self.cursor = line;
                        self.top = line.saturating_sub(above);
                    }
                    self.wanted = None;
                }
                self.page = Pending::Ready(page);
            }
            Err(failure) => {
                self.wanted = None;
                self.page = Pending::Failed(failure);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explorer(total: usize) -> Explorer {
        let what = Looked::Image("web".into());
        let mut explorer = Explorer::new(what, "web".into(), Screen::Images, 1);
        explorer.page = Pending::Ready(TreePage {
            total,
            ..TreePage::default()
        });
        explorer
    }

    #[test]
    fn one_question_is_asked_at_a_time_and_none_twice() {
        let mut explorer = explorer(0);
        explorer.page = Pending::Loading;
        let asked = explorer.question(20).unwrap();
        assert_eq!((asked.offset, asked.limit), (0, 120));
        explorer.filter = "x".into();
        assert_eq!(explorer.question(20), None);
        explorer.take(Ok(TreePage::default()));
        assert_eq!(explorer.question(20).unwrap().filter, "x");
        explorer.take(Ok(TreePage::default()));
        assert_eq!(explorer.question(20), None);
        explorer.renew();
        assert!(explorer.question(20).is_some());
    }

    #[test]
    fn lines_beyond_the_page_are_asked_for() {
        let mut explorer = explorer(10_000);
        explorer.step(isize::MAX);
        explorer.settle(20);
        assert_eq!((explorer.cursor, explorer.top), (9_999, 9_980));
        assert_eq!(explorer.question(20).unwrap().offset, 9_960);
    }

    #[test]
    fn going_to_a_path_opens_all_above_it() {
        let mut explorer = explorer(0);
        explorer.filter = "x".into();
        explorer.go_to(b"var/cache/apt");
        let open: Vec<_> = explorer.open.iter().cloned().collect();
        assert_eq!(open, [b"var".to_vec(), b"var/cache".to_vec()]);
        let asked = explorer.question(20).unwrap();
        assert_eq!(asked.reveal.as_deref(), Some(&b"var/cache/apt"[..]));
        explorer.take(Ok(TreePage {
            total: 9,
            revealed: Some(7),
            ..TreePage::default()
        }));
        assert_eq!(explorer.cursor, 7);
    }
}
