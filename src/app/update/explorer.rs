//! Keys of the explorer, and what is asked for it.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    super::{
        Asked, Effect, Explorer, Failure, Job, Looked, Pane, Pending, Pick, Prompt, Screen, State,
        Viewer, activity::quoted, geometry,
    },
    TOAST,
};
use crate::{
    action::Action,
    format::text::{lossless, sanitize, sanitize_bytes},
    model::{Digest, ExtractRequest, FileKind, FileOrder, FilePage, ImageLayers, TreePage, View},
};

impl State {
    pub(super) fn perform_in_files(&mut self, action: Action) {
        match action {
            Action::Explore => {
                let image = self
                    .selected_image()
                    .map(|image| (image.id.to_string(), image.title().to_owned()));
                if let Some((id, name)) = image {
                    self.explore(Looked::Image(id), name);
                }
                return;
            }
            Action::Browse => {
                let row = self.selected_container();
                let row = row.map(|row| (row.container.id.clone(), row.container.name.clone()));
                if let Some((id, name)) = row {
                    self.explore(Looked::Container(id), name);
                }
                return;
            }
            Action::Extract => return self.ask_where_to_extract(),
            Action::EditFile => return self.edit_file(),
            _ => {}
        }
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        match action {
            Action::OpenFile if explorer.shows_waste => {
                let found = explorer.wasted().get(explorer.waste_cursor);
                if let Some((path, layer)) = found.map(|f| (f.raw_path.clone(), f.layer)) {
                    explorer.layer = layer;
                    explorer.go_to(&path);
                }
            }
            Action::OpenFile => self.open_file(),
            Action::FoldFiles => drop(explorer.fold(None)),
            Action::UnfoldFiles => explorer.change(|explorer| {
                explorer.is_unfolded = !explorer.is_unfolded;
                explorer.open.clear();
            }),
            Action::UpperLayer => explorer.step_layer(1),
            Action::LowerLayer => explorer.step_layer(-1),
            Action::LayerAlone if matches!(explorer.what, Looked::Volume(_)) => {
                self.say("a volume has no layers");
            }
            Action::LayerAlone => explorer.change(|explorer| {
                explorer.view = match explorer.view {
                    View::Merged => View::Layer,
                    View::Layer => View::Merged,
                };
            }),
            Action::Wasted if matches!(explorer.what, Looked::Image(_)) => {
                explorer.viewer = None;
                explorer.shows_waste = !explorer.shows_waste;
            }
            Action::Wasted => self.say("only the layers of an image waste anything"),
            Action::Sort => {
                explorer.change(|explorer| {
                    explorer.order = match explorer.order {
                        FileOrder::Name => FileOrder::Size,
                        FileOrder::Size => FileOrder::Name,
                    };
                });
                let told = match explorer.order {
                    FileOrder::Name => "by name, directories first",
                    FileOrder::Size => "the largest first",
                };
                self.tell(false, vec![told.to_owned()], None, TOAST);
            }
            _ => {}
        }
    }

    pub(super) fn explore(&mut self, what: Looked, name: String) {
        self.looks += 1;
        let explorer = Explorer::new(what, name, self.screen, self.looks);
        if let Looked::Image(image) = &explorer.what {
            self.effects.push(Effect::Layers {
                number: self.looks,
                image: image.clone(),
            });
        }
        self.explorer = Some(explorer);
        self.screen = Screen::Explorer;
        self.pane = Pane::Table;
        self.is_zoomed = false;
    }

    /// Unfolds a directory, or reads a file.
    fn open_file(&mut self) {
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        if explorer.fold(None) {
            return;
        }
        let Some(row) = explorer.selected() else {
            return;
        };
        if row.entry.kind != FileKind::File {
            let told = match row.entry.kind {
                FileKind::Symlink => {
                    format!("it is a link to {}", sanitize_bytes(&row.entry.target))
                }
                _ => "only files can be read".to_owned(),
            };
            return self.tell(false, vec![told], None, TOAST);
        }
        explorer.viewer = Some(Viewer::new(explorer.of(), row.path.clone()));
    }

    fn ask_where_to_extract(&mut self) {
        let Some(row) = self.extracted_row() else {
            return;
        };
        let name = row.rsplit(|byte| *byte == b'/').next().unwrap_or(b"");
        // What is no text can be typed over.
        let text = match std::str::from_utf8(name) {
            Ok(name) if !name.chars().any(char::is_control) => name.to_owned(),
            _ => "extracted".to_owned(),
        };
        self.ask(Asked::Extract, format!("./{text}"), String::new());
    }

    fn edit_file(&mut self) {
        let (Some(explorer), Some(path)) = (&self.explorer, self.extracted_row()) else {
            return;
        };
        let Looked::Container(id) = &explorer.what else {
            return;
        };
        let id = id.clone();
        let what = format!(
            "edit /{} of {}",
            sanitize_bytes(path),
            sanitize(&explorer.name)
        );
        let path = Path::new("/").join(OsStr::from_bytes(path));
        let now = (self.now(), self.clock);
        let deed = self.activity.begin_deed(now, what, None);
        self.effects.push(Effect::Edit { deed, id, path });
    }

    /// The path that would be extracted.
    fn extracted_row(&self) -> Option<&[u8]> {
        let explorer = self.explorer.as_ref()?;
        match (&explorer.viewer, explorer.shows_waste) {
            (Some(viewer), _) => Some(&viewer.path),
            (None, true) => None,
            (None, false) => Some(&explorer.selected()?.path),
        }
    }

    pub(super) fn extract(&mut self, prompt: &mut Prompt) {
        let typed = prompt.text.trim().to_owned();
        if typed.is_empty() {
            prompt.error = Some("a name is needed".into());
            return;
        }
        let Some(path) = self.extracted_row().map(<[u8]>::to_vec) else {
            return;
        };
        let Some(explorer) = &self.explorer else {
            return;
        };
        let of = match &explorer.viewer {
            Some(viewer) => viewer.of.clone(),
            None => explorer.of(),
        };
        let command = match &explorer.what {
            Looked::Container(_) => std::str::from_utf8(&path).ok().map(|path| {
                let from = quoted(&format!("{}:/{path}", explorer.name));
                format!("wharf cp {from} {}", quoted(&typed))
            }),
            Looked::Image(_) | Looked::Volume(_) => None,
        };
        let what = format!("extract /{} to {}", sanitize_bytes(&path), sanitize(&typed));
        let request = ExtractRequest {
            of,
            path,
            to: PathBuf::from(typed),
        };
        self.begin(what, command, Job::Extract(request));
    }

    /// Takes back one thing: a file, the list of waste, the filter; then leaves.
    pub(super) fn leave_files(&mut self) {
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        if explorer.viewer.take().is_some() {
        } else if explorer.shows_waste {
            explorer.shows_waste = false;
        } else if !explorer.filter.is_empty() {
            explorer.change(|explorer| explorer.filter.clear());
        } else {
            let back = explorer.back;
            self.explorer = None;
            self.pane = Pane::Table;
            self.go_to_screen(back);
        }
    }

    /// Unfolds or folds by the arrows, as in every tree.
    pub(super) fn fold_files(&mut self, is_open: bool) {
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        if explorer.viewer.is_some() || explorer.shows_waste {
            return;
        }
        if explorer.fold(Some(is_open)) {
        } else if is_open {
            let is_directory = explorer
                .selected()
                .is_some_and(|row| row.entry.is_directory());
            if is_directory {
                explorer.step(1);
            }
        } else {
            explorer.go_up();
        }
    }

    /// Moves the cursor among files, or what of one is read.
    pub(super) fn step_files(&mut self, by: isize) {
        let height = usize::from(geometry(self).rows.height);
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        match &mut explorer.viewer {
            Some(viewer) => viewer.step(by, height),
            None => explorer.step(by),
        }
    }

    /// Moves the cursor in the stack of layers.
    pub(super) fn step_layers(&mut self, by: isize) {
        if let Some(explorer) = &mut self.explorer {
            // The topmost stands first.
            explorer.step_layer(by.saturating_neg());
        }
    }

    /// Whether a file is read.
    pub(super) fn is_reading(&self) -> bool {
        let explorer = self.explorer.as_ref();
        self.screen == Screen::Explorer && explorer.is_some_and(|of| of.viewer.is_some())
    }

    pub(super) fn on_layers(&mut self, number: u64, result: Result<Box<ImageLayers>, Failure>) {
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        if explorer.number == number {
            explorer.layers = match result {
                Ok(layers) => Pending::Ready(*layers),
                Err(failure) => Pending::Failed(failure),
            };
            explorer.layer = explorer.layer.min(explorer.layer_count().saturating_sub(1));
        }
    }

    pub(super) fn on_tree(&mut self, number: u64, result: Result<Box<TreePage>, Failure>) {
        if let Some(explorer) = &mut self.explorer
            && explorer.number == number
        {
            explorer.take(result.map(|page| *page));
        }
    }

    pub(super) fn on_file(&mut self, number: u64, result: Result<FilePage, Failure>) {
        if let Some(explorer) = &mut self.explorer
            && explorer.number == number
            && let Some(viewer) = &mut explorer.viewer
        {
            viewer.take(result);
        }
    }

    /// Brings the explorer within bounds, and asks for what it lacks.
    pub(super) fn ask_for_files(&mut self) {
        if self.screen != Screen::Explorer {
            return;
        }
        let regions = geometry(self);
        let (columns, height) = (regions.rows.width, usize::from(regions.rows.height));
        let Some(explorer) = &mut self.explorer else {
            return;
        };
        let number = explorer.number;
        explorer.settle(height);
        if let Some(request) = explorer.question(height) {
            self.effects.push(Effect::Tree {
                number,
                request: Box::new(request),
            });
        }
        if let Some(viewer) = &mut explorer.viewer {
            viewer.settle(usize::from(columns).saturating_sub(2), height);
            if let Some(request) = viewer.question() {
                self.effects.push(Effect::ReadFile { number, request });
            }
        }
    }

    pub(super) fn file_picks(&self) -> Vec<Pick> {
        let Some(explorer) = &self.explorer else {
            return Vec::new();
        };
        let mut picks = Vec::new();
        if let Some(path) = self.extracted_row() {
            let path = format!("/{}", lossless(path));
            picks.push(Pick::copy('p', "path", "path", path));
        }
        let layer = explorer
            .image()
            .and_then(|image| image.layers.get(explorer.layer));
        if let Some(layer) = layer {
            picks.push(Pick::copy(
                'd',
                "layer's diff-id",
                "diff-id",
                layer.diff_id.to_string(),
            ));
            if let Some(blob) = layer.blob.as_ref().map(Digest::to_string) {
                picks.push(Pick::copy('b', "layer's blob", "digest", blob));
            }
            picks.push(Pick::copy(
                'c',
                "command that made it",
                "command",
                layer.created_by.clone(),
            ));
        }
        picks
    }
}
