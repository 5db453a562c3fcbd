//! The last line: keys that do something now, and how the list is arranged.

use ratatui::buffer::Buffer;

use super::{View, pen::Pen};
use crate::{
    app::{Modal, Note, Screen, hint_bar},
    format::{
        Tone,
        text::{sanitize, truncate},
    },
};

/// What a filter of containers can be made of.
const TERMS: &str = "text  /regex/  !not  state:run  label:k=v  image:x  cpu>50  mem>80%  trouble";

/// Draws the line.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme, state) = (view.regions.hints, view.theme, view.state);
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(1);
    match &state.modal {
        Some(Modal::Filter(_)) => {
            pen.put("/", theme.strong())
                .put(&sanitize(state.filter()), theme.plain());
            pen.put(" ", theme.selected());
            pen.put_right(" ", theme.plain());
            let fault = state.table.fault.as_ref();
            match fault.filter(|_| state.screen == Screen::Containers) {
                Some(fault) => {
                    let room = usize::from(pen.room().saturating_sub(2));
                    let fault = truncate(fault, room, theme.glyphs);
                    pen.put_right(&fault, theme.tone(Tone::Bad));
                }
                // Nothing is typed: this is where one learns what could be.
                None if state.screen == Screen::Containers && state.filter().is_empty() => {
                    let room = usize::from(pen.room().saturating_sub(2));
                    let terms = truncate(TERMS, room, theme.glyphs);
                    pen.put_right(&terms, theme.quiet());
                }
                None => {
                    pen.put_right("enter keeps  esc takes it back", theme.quiet());
                }
            }
            return;
        }
        Some(Modal::Prompt(prompt)) => return super::menus::prompt(&mut pen, view, prompt),
        Some(modal) => {
            for (key, does) in modal.keys() {
                pen.put(key, theme.strong()).put(" ", theme.quiet());
                pen.put(does, theme.quiet()).skip(2);
            }
            return;
        }
        None => {}
    }
    let bar = hint_bar(state, area);
    pen.put_right(" ", theme.plain());
    for (text, note) in &bar.notes {
        let style = match note {
            Note::Count => theme.plain(),
            Note::Narrowed => theme.tone(Tone::Warn),
            Note::Marks => theme.strong(),
        };
        pen.put_right(text, style);
    }
    for hint in &bar.hints {
        pen.put(&hint.key, theme.accent()).put(" ", theme.quiet());
        pen.put(hint.spec.title, theme.quiet()).skip(2);
    }
}
