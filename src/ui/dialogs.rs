//! What lies over the screen: help, palette, sort menu, questions, and toasts.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, arrange, limits, menus, pen::Pen, results, trouble};
use crate::{
    action::{ACTIONS, Action, Danger, Scope},
    app::{self, Choice, Modal, Screen, Target},
    format::{
        Tone,
        columns::{
            self, CONTAINERS, groups, images, networks,
            volumes::{self, VolumeItem},
        },
        text::{Align, fit, sanitize, truncate, width},
    },
};

/// Draws what lies over the screen.
pub fn modal(buffer: &mut Buffer, view: &View<'_>) {
    match &view.state.modal {
        None | Some(Modal::Filter(_) | Modal::Prompt(_)) => {}
        Some(Modal::GroupPrompt(prompt)) => super::groups::prompt(buffer, view, prompt),
        Some(Modal::Prune(prune)) => super::volumes::prune(buffer, view, prune),
        Some(Modal::Form(form)) => super::form::draw(buffer, view, form),
        Some(Modal::Menu(menu)) => menus::menu(buffer, view, menu),
        Some(Modal::Ask(question)) => menus::question(buffer, view, question),
        Some(Modal::Help(scroll)) => help(buffer, view, *scroll),
        Some(Modal::Palette(choice)) => palette(buffer, view, choice),
        Some(Modal::Sort(cursor)) => sort(buffer, view, *cursor),
        Some(Modal::Groups(cursor)) => arrange::groups(buffer, view, *cursor),
        Some(Modal::Columns(chooser)) => arrange::columns(buffer, view, chooser),
        Some(Modal::Trouble(explanation)) => trouble::draw(buffer, view, explanation),
        Some(Modal::Results(results)) => results::draw(buffer, view, results),
        Some(Modal::Limits(editor)) => limits::draw(buffer, view, editor),
        Some(Modal::Engines(list)) => super::engines::draw(buffer, view, list),
        Some(Modal::PruneImages(pruning)) => super::image_prune::draw(buffer, view, pruning),
        Some(Modal::Transfers(cursor)) => super::transfers::draw(buffer, view, *cursor),
        Some(Modal::Confirm { action, targets }) => confirm(buffer, view, *action, targets),
    }
}

/// Draws the toasts, the newest at the bottom, above the hints.
pub fn toasts(buffer: &mut Buffer, view: &View<'_>) {
    let theme = view.theme;
    let mut bottom = view.regions.hints.y;
    let most = usize::from(view.state.area.width.saturating_sub(8)).min(90);
    for toast in view.state.toasts.iter().rev() {
        let style = if toast.is_error {
            theme.tone(Tone::Bad)
        } else {
            theme.plain()
        };
        let mut lines: Vec<(String, Style)> = Vec::new();
        for line in &toast.lines {
            lines.extend(wrapped(line, most).into_iter().map(|part| (part, style)));
        }
        if let Some(hint) = &toast.hint {
            let parts = wrapped(hint, most).into_iter();
            lines.extend(parts.map(|part| (part, theme.quiet())));
        }
        let columns = lines.iter().map(|(text, _)| width(text)).max().unwrap_or(0) as u16;
        let height = lines.len() as u16 + 2;
        if bottom < view.regions.header.bottom() + height {
            return;
        }
        let area = Rect::new(
            view.state.area.right().saturating_sub(columns + 5),
            bottom - height,
            columns + 4,
            height,
        );
        let inside = boxed(buffer, view, area, "", style);
        for (y, (text, style)) in (inside.y..).zip(&lines) {
            Pen::line(buffer, inside, y).put(text, *style);
        }
        bottom = area.y;
    }
}

fn confirm(buffer: &mut Buffer, view: &View<'_>, action: Action, targets: &[Target]) {
    let theme = view.theme;
    let most = usize::from(view.state.area.width.saturating_sub(12)).min(76);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let names: Vec<_> = targets
        .iter()
        .take(8)
        .map(|target| view.state.name_of(target))
        .collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    for (target, name) in targets.iter().zip(&names) {
        let name = fit(name, widest, Align::Left, theme.glyphs);
        let text = format!("{name}  {}", fate(view, action, target));
        lines.push((
            truncate(&text, most, theme.glyphs).into_owned(),
            theme.plain(),
        ));
    }
    if targets.len() > 8 {
        lines.push((format!("and {} more", targets.len() - 8), theme.plain()));
    }
    lines.push((String::new(), theme.plain()));
    let consequence = match action {
        Action::Kill => "Processes end at once, without a chance to save their work.",
        Action::RemoveImage => "Layers that no other image uses are deleted.",
        Action::RemoveNetwork => "Its addresses are free for others then.",
        Action::RemoveVolume => "All that is in it is deleted. This can't be undone.",
        Action::Start => "It runs its command again.",
        Action::Stop => "Processes are asked to end, and killed if they don't in time.",
        Action::Restart => "Processes end, then it starts anew.",
        Action::Pause => "All processes freeze until they are let run on.",
        Action::Unpause => "Its processes run on.",
        Action::CheckHealth => "Its health check runs once more.",
        Action::Quit => "Builds are stopped; what their steps made stays in the cache.",
        _ if targets.len() == 1 => {
            "What it wrote outside of mounts is deleted. This can't be undone."
        }
        _ => "What they wrote outside of mounts is deleted. This can't be undone.",
    };
    for part in wrapped(consequence, most) {
        lines.push((part, theme.plain()));
    }
    let things = match (action, targets.len()) {
        (Action::RemoveImage, 1) => "this image".to_owned(),
        (Action::RemoveImage, n) => format!("these {n} images"),
        (Action::RemoveNetwork, _) => "this network".to_owned(),
        (Action::RemoveVolume, _) => "this volume".to_owned(),
        (Action::Quit, _) => match view.state.builds.ours() {
            1 => "while one build goes on".to_owned(),
            n => format!("while {n} builds go on"),
        },
        (_, 1) => "this container".to_owned(),
        (_, n) => format!("these {n} containers"),
    };
    let title = format!("{} {things}?", capitalized(action.spec().title));
    let answers = "y  yes    n  no";
    let columns = lines.iter().map(|(text, _)| width(text));
    let columns = columns
        .chain([width(&title), width(answers)])
        .max()
        .unwrap_or(0) as u16;
    let area = centered(view, columns + 4, lines.len() as u16 + 4);
    let frame = match action.spec().danger {
        Danger::None => theme.plain(),
        Danger::Interrupts | Danger::Destroys => theme.tone(Tone::Bad),
    };
    let inside = boxed(buffer, view, area, &title, frame);
    for (y, (text, style)) in (inside.y..inside.bottom()).zip(&lines) {
        Pen::line(buffer, inside, y).put(text, *style);
    }
    let mut pen = Pen::line(buffer, inside, inside.bottom().saturating_sub(1));
    pen.put("y", theme.strong()).put("  yes    ", theme.quiet());
    pen.put("n", theme.strong()).put("  no", theme.quiet());
}

/// What will happen to one thing.
fn fate(view: &View<'_>, action: Action, target: &Target) -> String {
    let Some(world) = &view.state.world else {
        return String::new();
    };
    match target {
        Target::Container(id) => {
            let Some(row) = world.container(id) else {
                return "is gone already".into();
            };
            match (action, row.container.state.has_process()) {
                (Action::Remove, true) => "runs, and will be killed first".into(),
                (Action::Kill, _) => "gets SIGKILL".into(),
                _ => row.container.state.to_string(),
            }
        }
        Target::Network(id, _) => {
            let row = world.networks.iter().find(|row| row.network.id == *id);
            let Some(row) = row else {
                return "is gone already".into();
            };
            let ranges = networks::subnets(&row.network).unwrap_or_default();
            let names: Vec<_> = world
                .members(&row.network)
                .map(|member| sanitize(&member.row.container.name).into_owned())
                .collect();
            match names.as_slice() {
                [] => format!("{ranges}  nobody is on it"),
                names => format!("{ranges}  {} won't start without it", names.join(", ")),
            }
        }
        Target::Volume(name) => {
            let volume = world.volumes.iter().find(|volume| volume.name == *name);
            match volume {
                None => "is gone already".into(),
                Some(volume) => match volume.size {
                    None => "was never measured; no container uses it".into(),
                    Some(_) => {
                        let size = VolumeItem::new(volume, world).size();
                        let size = crate::format::volume::size(size.as_ref(), world.at);
                        format!("{size}; no container uses it")
                    }
                },
            }
        }
        Target::Image(id, _) => {
            let users = world
                .containers
                .iter()
                .filter(|row| row.container.image_id == *id);
            match users.count() {
                0 => "no container uses it".into(),
                1 => "one container uses it".into(),
                n => format!("{n} containers use it"),
            }
        }
    }
}

fn sort(buffer: &mut Buffer, view: &View<'_>, cursor: usize) {
    let theme = view.theme;
    let ids = view.state.sort_columns();
    let current = view.state.sort();
    let area = app::sort_area(view.state, ids.len());
    let inside = boxed(buffer, view, area, "Sort by", theme.plain());
    let top = (cursor + 1).saturating_sub(usize::from(inside.height));
    for (y, (n, id)) in (inside.y..inside.bottom()).zip(ids.iter().enumerate().skip(top)) {
        let title = match view.state.screen {
            Screen::Containers => columns::find(CONTAINERS, id).map_or(*id, |column| column.title),
            Screen::Groups => groups::find(id).map_or(*id, |column| column.title),
            Screen::Images => images::find(id).map_or(*id, |column| column.title),
            Screen::Networks => networks::find(id).map_or(*id, |column| column.title),
            Screen::Volumes => volumes::find(id).map_or(*id, |column| column.title),
            _ => id,
        };
        let mut pen = Pen::line(buffer, inside, y);
        let columns = pen.room().saturating_sub(12);
        pen.cell(
            &title.to_lowercase(),
            columns,
            Align::Left,
            theme.plain(),
            theme,
        );
        if current.column == *id {
            let text = match (current.is_descending, view.state.screen) {
                (true, Screen::Containers | Screen::Groups) => {
                    theme.sign("▾ descending", "v descending")
                }
                (false, Screen::Containers | Screen::Groups) => {
                    theme.sign("▴ ascending", "^ ascending")
                }
                (true, _) => "turned round",
                (false, _) => "",
            };
            pen.put(text, theme.quiet());
        }
        if n == cursor {
            let line = Rect {
                y,
                height: 1,
                ..inside
            };
            buffer.set_style(line, theme.selected());
        }
    }
}

fn palette(buffer: &mut Buffer, view: &View<'_>, choice: &Choice) {
    let theme = view.theme;
    let area = app::palette_area(view.state, choice.found.len());
    let inside = boxed(buffer, view, area, "Palette", theme.plain());
    let mut pen = Pen::line(buffer, inside, inside.y);
    pen.put(": ", theme.strong())
        .put(&choice.query, theme.plain());
    pen.put(" ", theme.selected());
    let first = inside.y + 2;
    let room = usize::from(inside.bottom().saturating_sub(first));
    let top = (choice.cursor + 1).saturating_sub(room);
    if choice.found.is_empty() {
        Pen::line(buffer, inside, first).put("no action is called so", theme.quiet());
    }
    let labels: Vec<_> = choice.found.iter().map(|found| found.label()).collect();
    let widest = labels.iter().map(|label| width(label)).max().unwrap_or(0) as u16;
    let columns = widest.clamp(14, 40);
    for (y, (n, found)) in (first..inside.bottom()).zip(choice.found.iter().enumerate().skip(top)) {
        let spec = found.spec;
        let verdict = view.state.verdict_of(found);
        let style = match verdict {
            Ok(()) => theme.plain(),
            Err(_) => theme.quiet(),
        };
        let mut pen = Pen::line(buffer, inside, y);
        let key = view.state.config.keymap.shown(spec).unwrap_or_default();
        pen.cell(&labels[n], columns, Align::Left, style, theme)
            .skip(2);
        pen.cell(&key, 9, Align::Left, theme.strong(), theme)
            .skip(2);
        let text = match &verdict {
            Ok(()) => spec.summary.to_owned(),
            Err(reason) => format!("not now: {reason}"),
        };
        let room = pen.room();
        pen.cell(&text, room, Align::Left, theme.quiet(), theme);
        if n == choice.cursor {
            let line = Rect {
                y,
                height: 1,
                ..inside
            };
            buffer.set_style(line, theme.selected());
        }
    }
}

fn help(buffer: &mut Buffer, view: &View<'_>, scroll: usize) {
    let theme = view.theme;
    let tab = view.state.tab().action().spec().title;
    let of_tab = view.state.tab_scope().map(|scope| (tab, scope));
    let of_screen = [
        ("This screen", view.state.scope()),
        ("Everywhere", Scope::Global),
    ];
    // Where the arrows are comes first.
    let (first, last) = match view.state.has_details_focus() {
        true => (of_tab, None),
        false => (None, of_tab),
    };
    let groups = first.into_iter().chain(of_screen).chain(last);
    let subjects = view.state.subjects();
    let mut lines: Vec<(String, String, String, bool)> = Vec::new();
    for (title, scope) in groups {
        if !lines.is_empty() {
            lines.push(Default::default());
        }
        lines.push((capitalized(title), String::new(), String::new(), true));
        for spec in ACTIONS.iter().filter(|spec| spec.scope == scope) {
            let keys = view.state.config.keymap.keys(spec).iter();
            let keys: Vec<_> = keys.map(ToString::to_string).collect();
            let verdict = subjects.verdict(spec);
            let text = match &verdict {
                Ok(()) => spec.summary.to_owned(),
                Err(reason) => format!("not now: {reason}"),
            };
            lines.push((keys.join(" "), spec.title.into(), text, verdict.is_ok()));
        }
    }
    let titles = lines.iter().map(|(_, title, ..)| width(title)).max();
    let titles = titles.unwrap_or(0) as u16;
    let columns = view.state.area.width.saturating_sub(4).min(96);
    let height = (lines.len() as u16 + 2).min(view.state.area.height.saturating_sub(2));
    let inside = boxed(
        buffer,
        view,
        centered(view, columns, height),
        "Keys",
        theme.plain(),
    );
    let scroll = scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
    for (y, (keys, title, text, is_possible)) in
        (inside.y..inside.bottom()).zip(lines.iter().skip(scroll))
    {
        let mut pen = Pen::line(buffer, inside, y);
        if title.is_empty() {
            pen.put(keys, theme.strong());
            continue;
        }
        let style = if *is_possible {
            theme.plain()
        } else {
            theme.quiet()
        };
        let columns = if inside.width < 80 { 10 } else { 14 };
        pen.skip(1)
            .cell(keys, columns, Align::Left, theme.strong(), theme)
            .skip(1);
        pen.cell(title, titles, Align::Left, style, theme).skip(1);
        let room = pen.room();
        pen.cell(text, room, Align::Left, theme.quiet(), theme);
    }
    let all = lines.len();
    let edge = Rect {
        width: inside.width + 1,
        ..inside
    };
    super::table::thumb(buffer, view, edge, scroll, all);
}

pub fn centered(view: &View<'_>, width: u16, height: u16) -> Rect {
    app::centered(view.state, width, height)
}

/// Empties an area and draws a frame round it; what is inside.
pub fn boxed(buffer: &mut Buffer, view: &View<'_>, area: Rect, title: &str, style: Style) -> Rect {
    let theme = view.theme;
    let area = area.intersection(buffer.area);
    for y in area.y..area.bottom() {
        for x in area.x..area.right() {
            buffer[(x, y)].reset();
            buffer[(x, y)].set_style(theme.base());
        }
    }
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let corners = [("╭", "╮"), ("╰", "╯")];
    for (y, (left, right)) in [area.y, area.bottom() - 1].into_iter().zip(corners) {
        let mut pen = Pen::line(buffer, area, y);
        pen.put(theme.sign(left, "+"), style);
        pen.fill(theme.rule(), area.width - 2, style);
        pen.put(theme.sign(right, "+"), style);
    }
    for y in area.y + 1..area.bottom() - 1 {
        let side = theme.sign("│", "|");
        buffer.set_string(area.x, y, side, style);
        buffer.set_string(area.right() - 1, y, side, style);
    }
    if !title.is_empty() {
        let mut pen = Pen::line(buffer, area, area.y);
        pen.skip(2).put(" ", style);
        pen.put(title, style.patch(theme.strong())).put(" ", style);
    }
    Rect::new(area.x + 2, area.y + 1, area.width - 4, area.height - 2)
}

/// The text broken between words into lines of at most so many columns.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one line");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + 1 + width(word) <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
