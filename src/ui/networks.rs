//! The networks screen: the list, and the picture of who is on which network.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{View, list, pen::Pen, table};
use crate::{
    app::network_heads,
    format::{
        Tone, bytes,
        columns::networks::NetworkItem,
        picture::{Line, Picture},
        text::{Align, counted, sanitize, width},
    },
    model::{Source, World},
};

/// Columns of a rate.
const RATE: u16 = 9;

/// Draws it.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.rows, view.theme);
    let Some(world) = &view.state.world else {
        return table::middle(buffer, area, &[(theme.reading(), theme.quiet())]);
    };
    let networks = &view.state.networks.list;
    if networks.rows.is_empty() {
        empty(buffer, view, world);
    } else {
        let heads = network_heads(world, area.width);
        let item = |row: usize| NetworkItem {
            glyphs: theme.glyphs,
            ..NetworkItem::new(&world.networks[row], world)
        };
        let style = |item: &NetworkItem<'_>, id: &str| match id {
            "name" if !item.row.network.is_built_in() => theme.strong(),
            "name" | "subnet" => theme.plain(),
            "members" if item.members() > 0 => theme.plain(),
            "in" | "out" => theme.plain(),
            _ => theme.quiet(),
        };
        let rows = list::Rows {
            item: &item,
            id: &|row: usize| world.networks[row].network.id.clone(),
            style: &style,
            share: &|_: &NetworkItem<'_>| None,
        };
        list::draw(buffer, view, &heads, networks, &rows);
    }
    details(buffer, view);
}

fn empty(buffer: &mut Buffer, view: &View<'_>, world: &World) {
    let (area, theme) = (view.regions.rows, view.theme);
    let filter = &view.state.networks.list.filter;
    if list::is_past(buffer, view, "networks") {
        return;
    }
    if !world.networks.is_empty() && !filter.is_empty() {
        return list::unmatched(buffer, view, filter);
    }
    // Some are always there.
    if !list::is_unread(buffer, view, Source::Networks, "networks") {
        table::middle(buffer, area, &[(theme.reading(), theme.quiet())]);
    }
}

fn details(buffer: &mut Buffer, view: &View<'_>) {
    list::rule(buffer, view);
    let Some(picture) = view.state.network_picture() else {
        return;
    };
    let words = counted(picture.lines.len(), "container");
    match view.state.selected_network() {
        _ if view.state.networks.is_map => list::heading(buffer, view, "all networks", &words),
        Some(row) => list::heading(buffer, view, &row.network.name, &words),
        None => {}
    }
    let area = view.regions.details;
    let inner = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    Drawing::new(view, &picture, inner.width).draw(buffer, inner);
    let scroll = view.state.networks.scroll;
    table::thumb(buffer, view, area, scroll, picture.height());
}

/// A picture in the columns that there are.
struct Drawing<'a> {
    view: &'a View<'a>,
    picture: &'a Picture<'a>,
    /// Columns of the container's name.
    name: u16,
    /// Columns of its addresses.
    address: u16,
    /// Whether there is anything to tell of traffic, and room for it.
    has_rates: bool,
    /// Columns of where it is reached from outside.
    published: u16,
    /// Whether any is.
    has_published: bool,
}

impl<'a> Drawing<'a> {
    fn new(view: &'a View<'a>, picture: &'a Picture<'a>, room: u16) -> Self {
        let widest = |of: &dyn Fn(&Line<'a>) -> usize, least: usize, most: usize| {
            let widest = picture.lines.iter().map(of).max().unwrap_or(0);
            widest.clamp(least, most) as u16
        };
        let rails = picture.rails.len() as u16 * 2 + 2;
        let room = room.saturating_sub(rails);
        let name = widest(
            &|line| width(&sanitize(&line.member.row.container.name)),
            9,
            28,
        );
        let name = name.min(room / 3).max(9);
        let address = widest(&|line| width(&line.address), 7, 44).min(room / 2);
        let published = widest(&|line| width(&line.published), 9, 40);
        let rates = name + address + 2 * (RATE + 2) + 2 * 2 + 9;
        Self {
            view,
            picture,
            name,
            address,
            has_rates: picture.lines.iter().any(|line| line.flow.is_some()) && rates <= room,
            published,
            has_published: picture.lines.iter().any(|line| !line.published.is_empty()),
        }
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect) {
        let theme = self.view.theme;
        let (heads, lines) = (self.picture.rails.len(), self.picture.lines.len());
        let skipped = self.view.state.networks.scroll;
        for (y, n) in (area.y..area.bottom()).zip(skipped..) {
            let mut pen = Pen::line(buffer, area, y);
            if n < heads {
                self.head(&mut pen, n);
            } else if n == heads {
                self.titles(&mut pen);
            } else if let Some(line) = self.picture.lines.get(n - heads - 1) {
                self.line(&mut pen, n - heads - 1, line);
            } else if lines == 0 && n == heads + 1 {
                self.nobody(&mut pen);
            } else {
                // A free line, then what else there is to say.
                let note = (n - heads - 1).checked_sub(lines.max(1) + 1);
                if let Some(text) = note.and_then(|note| self.picture.notes.get(note)) {
                    let room = pen.room();
                    pen.cell(text, room, Align::Left, theme.quiet(), theme);
                }
            }
        }
    }

    /// Where a network's rail begins: its name and its addresses.
    fn head(&self, pen: &mut Pen<'_>, n: usize) {
        let theme = self.view.theme;
        for rail in 0..n {
            pen.put(theme.sign("│ ", "| "), self.rail_style(rail));
        }
        let rail = &self.picture.rails[n];
        let style = self.rail_style(n);
        pen.put(theme.sign("╭─ ", "+- "), style);
        let name = sanitize(&rail.row.network.name);
        let is_chosen = n == 0 && !self.view.state.networks.is_map;
        let room = pen.room().min(30);
        let columns = (width(&name) as u16).min(room);
        let style = if is_chosen {
            theme.accent()
        } else {
            theme.plain()
        };
        pen.cell(&name, columns, Align::Left, style, theme).skip(2);
        let room = pen.room();
        pen.cell(&rail.facts, room, Align::Left, theme.quiet(), theme);
    }

    fn titles(&self, pen: &mut Pen<'_>) {
        let (theme, quiet) = (self.view.theme, self.view.theme.quiet());
        let is_any = !self.picture.lines.is_empty();
        for rail in 0..self.picture.rails.len() {
            let sign = if is_any {
                theme.sign("│ ", "| ")
            } else {
                "  "
            };
            pen.put(sign, self.rail_style(rail));
        }
        if !is_any {
            return;
        }
        pen.skip(2);
        pen.cell("CONTAINER", self.name, Align::Left, quiet, theme)
            .skip(2);
        pen.cell("ADDRESS", self.address, Align::Left, quiet, theme)
            .skip(2);
        if self.has_rates {
            pen.cell("IN", RATE, Align::Right, quiet, theme).skip(2);
            pen.cell("OUT", RATE, Align::Right, quiet, theme).skip(2);
        }
        let lines = &self.picture.lines;
        if self.has_published {
            pen.cell("PUBLISHED", self.published, Align::Left, quiet, theme)
                .skip(2);
        }
        if lines.iter().any(|line| !line.names.is_empty()) {
            let room = pen.room();
            pen.cell("FOUND AS", room, Align::Left, quiet, theme);
        }
    }

    fn line(&self, pen: &mut Pen<'_>, n: usize, line: &Line<'_>) {
        let theme = self.view.theme;
        let container = &line.member.row.container;
        let tone = theme.tone(Tone::of(container));
        let first = line.knots.iter().position(|knot| *knot);
        for (rail, is_knot) in line.knots.iter().enumerate() {
            let is_crossed = first.is_some_and(|first| rail > first);
            let goes_on = self.picture.rails[rail].last > n;
            let (sign, style) = match (is_knot, is_crossed, goes_on) {
                (true, ..) => (theme.glyphs.state(container.state), tone),
                (false, true, true) => (theme.sign("┼", "+"), theme.quiet()),
                (false, true, false) => (theme.sign("─", "-"), theme.quiet()),
                (false, false, true) => (theme.sign("│", "|"), self.rail_style(rail)),
                (false, false, false) => (" ", theme.quiet()),
            };
            pen.put(sign, style);
            let is_on_line = first.is_some_and(|first| rail >= first);
            let gap = if is_on_line { theme.rule() } else { " " };
            pen.put(gap, theme.quiet());
        }
        match first {
            Some(_) => pen.put(theme.rule(), theme.quiet()).skip(1),
            None => pen.put(theme.sign("╰ ", "` "), theme.quiet()),
        };
        let name = sanitize(&container.name);
        let style = match container.state.has_process() {
            true => theme.strong(),
            false => theme.plain(),
        };
        pen.cell(&name, self.name, Align::Left, style, theme)
            .skip(2);
        let style = match line.has_address {
            true => theme.plain(),
            false => theme.quiet(),
        };
        pen.cell(&line.address, self.address, Align::Left, style, theme)
            .skip(2);
        if self.has_rates {
            for rate in [
                line.flow.map(|flow| flow.in_bps),
                line.flow.map(|f| f.out_bps),
            ] {
                self.rate(pen, rate);
            }
        }
        if self.has_published {
            let plain = theme.plain();
            pen.cell(&line.published, self.published, Align::Left, plain, theme)
                .skip(2);
        }
        let room = pen.room();
        pen.cell(&line.names, room, Align::Left, theme.quiet(), theme);
    }

    fn rate(&self, pen: &mut Pen<'_>, rate: Option<f64>) {
        let theme = self.view.theme;
        let (text, style) = match rate {
            None => (String::new(), theme.quiet()),
            Some(rate) if rate < 1.0 => (bytes::rate(rate), theme.quiet()),
            Some(rate) => (bytes::rate(rate), theme.plain()),
        };
        pen.cell(&text, RATE, Align::Right, style, theme).skip(2);
    }

    /// What stands in place of the containers.
    fn nobody(&self, pen: &mut Pen<'_>) {
        let theme = self.view.theme;
        if self.view.state.networks.is_map {
            pen.skip(1).put("nobody is on any network", theme.plain());
            return;
        }
        pen.skip(1).put("nobody is on it", theme.plain());
        use crate::action::Action::{Connect, RemoveNetwork};
        let does = [
            (Connect, "connects a container"),
            (RemoveNetwork, "removes it"),
        ];
        list::offers(pen, self.view, &does);
    }

    /// The rail of the network that was chosen stands out.
    fn rail_style(&self, rail: usize) -> Style {
        match rail == 0 && !self.view.state.networks.is_map {
            true => self.view.theme.accent(),
            false => self.view.theme.quiet(),
        }
    }
}
