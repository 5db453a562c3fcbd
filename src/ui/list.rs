//! The lists of images, networks and volumes: titles, rows, and what stands in their
//! place when there are none.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, gauge, pen::Pen, table};
use crate::{
    action::Action,
    app::{Head, List, Pane},
    format::{columns::list::Listed, text::sanitize},
    model::Source,
};

/// How a list's rows are made and look.
pub struct Rows<'w, L: Listed, Id> {
    /// The row of this place in the world.
    pub item: &'w dyn Fn(usize) -> L::Item<'w>,
    /// By what that row is marked.
    pub id: &'w dyn Fn(usize) -> Id,
    /// How a cell of this column looks.
    pub style: &'w dyn Fn(&L::Item<'w>, &str) -> Style,
    /// What share of the largest it is, where a gauge tells that.
    pub share: &'w dyn Fn(&L::Item<'w>) -> Option<f64>,
}

/// Draws titles and rows.
pub fn draw<L: Listed, Id: Ord>(
    buffer: &mut Buffer,
    view: &View<'_>,
    heads: &[Head<L>],
    list: &List<Id>,
    rows: &Rows<'_, L, Id>,
) {
    titles(buffer, view, heads, list);
    let (area, theme) = (view.regions.rows, view.theme);
    for (y, n) in (area.y..area.bottom()).zip(list.top..list.rows.len()) {
        let line = Rect {
            y,
            height: 1,
            ..area
        };
        let item = (rows.item)(list.rows[n]);
        let mut pen = Pen::line(buffer, line, y);
        match list.marks.contains(&(rows.id)(list.rows[n])) {
            true => pen.put(theme.sign("✓", "+"), theme.strong()).skip(1),
            false => pen.skip(2),
        };
        for head in heads {
            let style = (rows.style)(&item, head.column.id);
            if head.gauge > 0 {
                let share = (rows.share)(&item);
                gauge::draw(&mut pen, share, head.gauge, theme.plain(), theme);
                pen.skip(1);
            }
            let room = head.columns - head.gauge - u16::from(head.gauge > 0);
            let text = (head.column.cell)(&item);
            pen.cell(&text, room, head.column.align, style, theme)
                .skip(2);
        }
        if view.state.stale.is_some() {
            buffer.set_style(line, theme.quiet());
        }
        if n == list.cursor {
            buffer.set_style(line, view.cursor(Pane::Table));
        }
    }
    table::thumb(buffer, view, area, list.top, list.rows.len());
}

fn titles<L: Listed, Id>(buffer: &mut Buffer, view: &View<'_>, heads: &[Head<L>], list: &List<Id>) {
    let (area, theme) = (view.regions.titles, view.theme);
    let sort = list.sort;
    let mut pen = Pen::line(buffer, area, area.y);
    pen.skip(2);
    for head in heads {
        let is_sorted = sort.column == head.column.id;
        let style = if is_sorted {
            theme.strong()
        } else {
            theme.quiet()
        };
        let arrow = match (
            is_sorted,
            sort.is_descending != head.column.is_largest_first,
        ) {
            (false, _) => "",
            (true, true) => theme.sign("▾", "v"),
            (true, false) => theme.sign("▴", "^"),
        };
        let text = format!("{}{arrow}", head.column.title);
        pen.cell(&text, head.columns, head.align(), style, theme)
            .skip(2);
    }
}

/// What stands in place of a list that a filter leaves nothing of.
pub fn unmatched(buffer: &mut Buffer, view: &View<'_>, filter: &str) {
    let theme = view.theme;
    let text = format!("nothing matches {}", sanitize(filter));
    let lines = [
        (text.as_str(), theme.strong()),
        ("esc clears the filter", theme.quiet()),
    ];
    table::middle(buffer, view.regions.rows, &lines);
}

/// What stands in place of a list that a recording doesn't have; whether that is so.
pub fn is_past(buffer: &mut Buffer, view: &View<'_>, things: &str) -> bool {
    let (timeline, quiet) = (&view.state.timeline, view.theme.quiet());
    if timeline.past.is_none() {
        return false;
    }
    let text = format!("a recording holds containers, no {things}");
    let back = match timeline.is_replay() {
        true => "",
        false => ". returns to now",
    };
    table::middle(buffer, view.regions.rows, &[(&text, quiet), (back, quiet)]);
    true
}

/// What stands in place of a list that could not be read; whether that is so.
pub fn is_unread(buffer: &mut Buffer, view: &View<'_>, source: Source, things: &str) -> bool {
    let (theme, mut notices) = (view.theme, view.state.notices());
    if !notices.any(|problem| problem.source == source) {
        return false;
    }
    let text = format!("No {things} can be read");
    let lines = [
        (text.as_str(), theme.strong()),
        ("", theme.quiet()),
        ("why is told above", theme.quiet()),
    ];
    table::middle(buffer, view.regions.rows, &lines);
    true
}

/// The line above the details, with a name and what there is to say of it.
pub fn heading(buffer: &mut Buffer, view: &View<'_>, name: &str, words: &str) {
    let (tabs, theme) = (view.regions.tabs, view.theme);
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.skip(1)
        .put(" ", theme.quiet())
        .put(&sanitize(name), theme.strong());
    pen.put("  ", theme.quiet())
        .put(words, theme.quiet())
        .put(" ", theme.quiet());
}

/// The line above the details, with nothing in it.
pub fn rule(buffer: &mut Buffer, view: &View<'_>) {
    let (tabs, theme) = (view.regions.tabs, view.theme);
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.fill(theme.rule(), tabs.width, theme.quiet());
}

/// What can be done about it: the key of each action that is possible, and what it does.
pub fn offers(pen: &mut Pen<'_>, view: &View<'_>, actions: &[(Action, &str)]) {
    let theme = view.theme;
    for (action, does) in actions {
        let spec = action.spec();
        let key = view.state.config.keymap.shown(spec);
        if let (Some(key), Ok(())) = (key, view.state.verdict(spec)) {
            pen.put("  ", theme.quiet()).put(&key, theme.accent());
            pen.put(" ", theme.quiet()).put(does, theme.quiet());
        }
    }
}
