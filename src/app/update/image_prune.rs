//! Removing images that nothing needs: looked at first, then asked, then done.

use super::super::{Effect, Failure, ImagePrune, Job, Modal, Pending, Question, State};
use crate::{
    action::{Action, Code, Key},
    format::{bytes, text::counted},
    model::PrunedImages,
};

impl State {
    pub(super) fn open_image_prune(&mut self) {
        self.looks += 1;
        let number = self.looks;
        self.modal = Some(Modal::PruneImages(ImagePrune::new(number)));
        for is_all in [false, true] {
            self.effects
                .push(Effect::PreviewImagePrune { number, is_all });
        }
    }

    pub(super) fn on_image_prune(
        &mut self,
        number: u64,
        is_all: bool,
        result: Result<PrunedImages, Failure>,
    ) {
        if let Some(Modal::PruneImages(pruning)) = &mut self.modal
            && pruning.number == number
        {
            let found = result.map_or_else(Pending::Failed, Pending::Ready);
            pruning.found[usize::from(is_all)] = found;
        }
    }

    pub(super) fn on_image_prune_key(
        &mut self,
        key: Key,
        mut pruning: ImagePrune,
    ) -> Option<Modal> {
        let last = match pruning.chosen() {
            Pending::Ready(found) => found.images.len().saturating_sub(1),
            _ => 0,
        };
        let scroll = pruning.scroll;
        match key.code {
            Code::Tab | Code::BackTab | Code::Left | Code::Right | Code::Char('a') => {
                pruning.is_all = !pruning.is_all;
                pruning.scroll = 0;
            }
            Code::Down | Code::Char('j') => pruning.scroll = (scroll + 1).min(last),
            Code::Up | Code::Char('k') => pruning.scroll = scroll.saturating_sub(1),
            Code::PageDown | Code::Char(' ') => pruning.scroll = (scroll + 10).min(last),
            Code::PageUp => pruning.scroll = scroll.saturating_sub(10),
            Code::Home | Code::Char('g') => pruning.scroll = 0,
            Code::End | Code::Char('G') => pruning.scroll = last,
            Code::Enter | Code::Char('d') => return self.ask_to_prune_images(pruning),
            Code::Esc | Code::Char('q') => return None,
            _ => {}
        }
        Some(Modal::PruneImages(pruning))
    }

    /// Asks once more, with what would go; nothing is asked while that is not known.
    fn ask_to_prune_images(&mut self, pruning: ImagePrune) -> Option<Modal> {
        let is_all = pruning.is_all;
        let Pending::Ready(found) = pruning.chosen() else {
            return Some(Modal::PruneImages(pruning));
        };
        let (images, bytes) = (found.images.len(), found.freed_bytes());
        if images == 0 && bytes == 0 {
            self.say("there is nothing to remove");
            return Some(Modal::PruneImages(pruning));
        }
        let question = Question {
            title: format!("Remove {}?", counted(images, "image")),
            lines: vec![
                format!(
                    "{} become free. This can't be undone;",
                    bytes::decimal(bytes)
                ),
                "a registry may have them, to be pulled again.".into(),
            ],
            job: Job::PruneImages { all: is_all },
            what: match is_all {
                true => "prune all unused images".into(),
                false => "prune images without a name".into(),
            },
            command: Some(match is_all {
                true => "wharf image prune -a -f".into(),
                false => "wharf image prune -f".into(),
            }),
        };
        self.ask_or_begin(Action::PruneImages, question)
    }
}
