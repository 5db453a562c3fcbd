//! Comparing two images: choosing them, and keys of what differs.

use std::os::unix::ffi::OsStrExt;

use super::super::{
    Asked, Compared, Comparison, Difference, Effect, Failure, Looked, Named, Pane, Pick, Prompt,
    Screen, State, activity::quoted,
};
use crate::model::{ChangeKind, Image};

impl State {
    /// Marks the image under the cursor, or no longer.
    pub(super) fn mark_image(&mut self) {
        let Some(id) = self.selected_image().map(|image| image.id.clone()) else {
            return;
        };
        if !self.images.marks.remove(&id) {
            self.images.marks.insert(id);
        }
        self.step(1);
    }

    /// The marked images that are shown, in the order shown.
    pub fn marked_images(&self) -> impl Iterator<Item = &Image> {
        let images = self.world.as_ref().map(|world| &world.images);
        let rows = self.images.rows.iter();
        rows.filter_map(move |&row| images?.get(row))
            .filter(|image| self.images.marks.contains(&image.id))
    }

    /// Compares two marked images, the marked one with the one under the cursor, or that
    /// with one whose name is asked for.
    pub(super) fn choose_to_compare(&mut self) {
        let mut marked: Vec<_> = self.marked_images().collect();
        let Some(selected) = self.selected_image() else {
            return;
        };
        let (old, new) = match marked.as_slice() {
            [one] if one.id != selected.id => (*one, selected),
            [_, _] => {
                marked.sort_by_key(|image| image.created);
                (marked[0], marked[1])
            }
            [] | [_] => {
                return self.ask(Asked::Compare, String::new(), String::new());
            }
            _ => return self.say("two images are compared; more are marked"),
        };
        let (old, new) = (named(old), named(new));
        self.images.marks.clear();
        self.compare(old, new);
    }

    /// The name of the other image was typed.
    pub(super) fn on_other_typed(&mut self, prompt: &mut Prompt) {
        let typed = prompt.text.trim();
        if typed.is_empty() {
            prompt.error = Some("a name is needed".into());
            return;
        }
        let Some(old) = self.selected_image().map(named) else {
            return;
        };
        let new = Named {
            reference: typed.to_owned(),
            name: typed.to_owned(),
        };
        self.images.marks.clear();
        self.compare(old, new);
    }

    fn compare(&mut self, old: Named, new: Named) {
        self.looks += 1;
        self.effects.push(Effect::Compare {
            number: self.looks,
            old: old.reference.clone(),
            new: new.reference.clone(),
        });
        self.comparison = Some(Comparison::new(old, new, self.looks));
        self.screen = Screen::Comparison;
        self.pane = Pane::Table;
        self.is_zoomed = false;
    }

    pub(super) fn on_compared(&mut self, number: u64, result: Result<Compared, Failure>) {
        if let Some(comparison) = &mut self.comparison
            && comparison.number == number
        {
            comparison.take(result);
        }
    }

    /// Sorts by path, or what grew or shrank most first.
    pub(super) fn sort_differences(&mut self) {
        if let Some(comparison) = &mut self.comparison {
            comparison.is_by_size = !comparison.is_by_size;
            let told = match comparison.is_by_size {
                true => "what grew or shrank most first",
                false => "by path",
            };
            comparison.arrange();
            self.say(told);
        }
    }

    /// Looks at the file under the cursor in the newer image, or in the older one if that
    /// alone has it.
    pub(super) fn open_difference(&mut self) {
        let Some(comparison) = &self.comparison else {
            return;
        };
        let Some(Difference::File(file)) = comparison.selected() else {
            return self.say("only files can be looked at");
        };
        let image = match file.kind {
            ChangeKind::Deleted => &comparison.old,
            ChangeKind::Added | ChangeKind::Modified => &comparison.new,
        };
        let path = file.path.as_os_str().as_bytes();
        let path = path.strip_prefix(b"/").unwrap_or(path).to_vec();
        let (reference, name) = (image.reference.clone(), image.name.clone());
        self.explore(Looked::Image(reference), name);
        if let Some(explorer) = &mut self.explorer {
            explorer.go_to(&path);
        }
    }

    pub(super) fn leave_comparison(&mut self) {
        self.comparison = None;
        self.go_to_screen(Screen::Images);
    }

    pub(super) fn difference_picks(&self) -> Vec<Pick> {
        let Some(comparison) = &self.comparison else {
            return Vec::new();
        };
        let line = comparison.selected();
        let line = line.map(|line| Pick::copy('l', "line", "line", line.text()));
        let [old, new] = [&comparison.old, &comparison.new].map(|image| quoted(&image.name));
        let command = format!("wharf image diff {old} {new}");
        let command = Pick::copy('c', "command", "command", command);
        line.into_iter().chain([command]).collect()
    }
}

fn named(image: &Image) -> Named {
    Named {
        reference: image.id.to_string(),
        name: image.title().to_owned(),
    }
}
