//! What surrounds the panels: the header, notices, the line between them.

use ratatui::{buffer::Buffer, style::Style};

use super::{View, gauge, pen::Pen};
use crate::{
    app::{Screen, screen_places},
    config::alert::Severity,
    format::{
        Glyphs, Tone, bytes,
        cpu::CpuDisplay,
        duration,
        text::{sanitize, truncate, width},
    },
    model::World,
};

/// Columns of a gauge in the header.
const GAUGE: u16 = 10;

/// Weights of what goes last: how many run, and whose they are, if they aren't ours.
const RUNNING: u8 = 6;
const ENGINE: u8 = 8;

/// A group of the header that is shown whole or not at all.
struct Part {
    /// The lowest goes first when there is no room.
    weight: u8,
    words: Vec<(String, Style)>,
    gauge: Option<(f64, Style)>,
    /// Whether its last word may be cut.
    is_elastic: bool,
}

/// Columns of a word that is cut at least: less says nothing.
const LEAST_WORD: usize = 10;

impl Part {
    fn columns(&self) -> u16 {
        let words: usize = self.words.iter().map(|(text, _)| width(text)).sum();
        let gauge = self.gauge.map_or(0, |_| GAUGE + 1);
        words as u16 + gauge + 3
    }

    /// Cuts its last word by so many columns, or leaves it out.
    fn shrink(&mut self, by: usize, glyphs: Glyphs) {
        self.is_elastic = false;
        let Some((word, _)) = self.words.last_mut() else {
            return;
        };
        match width(word).saturating_sub(by) {
            left if left >= LEAST_WORD => *word = truncate(word, left, glyphs).into_owned(),
            _ => drop(self.words.pop()),
        }
    }
}

/// The machine and the screens, in one calm line.
pub fn header(buffer: &mut Buffer, view: &View<'_>) {
    let (area, theme) = (view.regions.header, view.theme);
    let mut pen = Pen::line(buffer, area, area.y);
    pen.put(" wharf ", theme.strong());
    for place in screen_places(view.state, area) {
        let style = match view.state.screen == place.screen {
            true => theme.accent(),
            false => theme.quiet(),
        };
        pen.skip(2).put(&place.key, style);
        if !place.title.is_empty() {
            pen.put(if place.key.is_empty() { "" } else { " " }, style);
            pen.put(place.title, style);
        }
        if let (Screen::Builds, Some(count)) = (place.screen, &place.count) {
            let style = theme.accent();
            pen.put(" ", style).put(count, style);
            pen.put(theme.sign("▸", ">"), style);
        }
        if let (Screen::Alerts, Some(count)) = (place.screen, &place.count) {
            // Seen from every screen, and by its figure without any colour.
            let worst = view.state.alerts.open().1.unwrap_or(Severity::Warning);
            let style = theme.tone(super::alerts::tone(worst)).patch(theme.strong());
            pen.put(" ", style).put(count, style);
            pen.put(super::alerts::severity_sign(worst, theme), style);
        }
    }
    let Some(world) = &view.state.world else {
        return;
    };
    let mut parts = parts(world, view);
    let columns = |parts: &[Part]| parts.iter().map(Part::columns).sum::<u16>();
    // A gauge says it less exactly than its figure: it goes first.
    while columns(&parts) > pen.room() && parts.iter().any(|part| part.gauge.is_some()) {
        parts.iter_mut().for_each(|part| part.gauge = None);
    }
    while columns(&parts) > pen.room() {
        let Some(least) = (0..parts.len()).min_by_key(|&n| parts[n].weight) else {
            return;
        };
        let needed = columns(&parts);
        let is_last = parts[least].weight >= RUNNING;
        match parts.iter_mut().find(|part| part.is_elastic && is_last) {
            Some(part) => {
                let by = usize::from(needed - pen.room());
                part.shrink(by, theme.glyphs);
            }
            None => drop(parts.remove(least)),
        }
    }
    let free = pen.room() - columns(&parts);
    pen.skip(free);
    for part in &parts {
        pen.skip(2);
        for (n, (text, style)) in part.words.iter().enumerate() {
            pen.put(text, *style);
            if let (0, Some((share, style))) = (n, part.gauge) {
                gauge::draw(&mut pen, Some(share), GAUGE, style, theme);
                pen.skip(1);
            }
        }
        pen.skip(1);
    }
}

fn parts(world: &World, view: &View<'_>) -> Vec<Part> {
    let (theme, host) = (view.theme, &world.host);
    let (quiet, plain) = (theme.quiet(), theme.plain());
    let mut parts = Vec::new();
    let mut add = |weight, gauge, words: Vec<(String, Style)>| {
        parts.push(Part {
            weight,
            words,
            gauge,
            is_elastic: false,
        });
    };
    let shaded = |share: f64| {
        let style = match Tone::of_share(share) {
            Tone::Good => plain,
            tone => theme.tone(tone),
        };
        (share, style)
    };
    if view.state.config.ui.is_read_only {
        add(7, None, vec![("read-only".into(), theme.tone(Tone::Warn))]);
    }
    if !host.name.is_empty() {
        let name = sanitize(&host.name).into_owned();
        add(2, None, vec![(name, quiet)]);
    }
    if let Some(cores) = host.cpu_cores {
        let share = shaded(cores / f64::from(host.cpus.max(1)));
        let words = match view.state.table.cpu {
            CpuDisplay::Percent | CpuDisplay::Cores => vec![
                ("cpu ".into(), quiet),
                (format!("{cores:.1}"), plain),
                (format!("/{}", host.cpus), quiet),
            ],
            display => vec![
                ("cpu ".into(), quiet),
                (display.of_cores(cores, host.cpus), plain),
            ],
        };
        add(5, Some(share), words);
    }
    if let (Some(used), Some(total)) = (host.memory_used_bytes, host.memory_total_bytes) {
        let share = shaded(used as f64 / total.max(1) as f64);
        let words = vec![
            ("mem ".into(), quiet),
            (bytes::binary(used), plain),
            (format!("/{}", bytes::binary(total)), quiet),
        ];
        add(4, Some(share), words);
    }
    if let Some([one, five, fifteen]) = host.load {
        let words = vec![
            ("load ".into(), quiet),
            (format!("{one:.2}"), plain),
            (format!(" {five:.2} {fifteen:.2}"), quiet),
        ];
        add(3, None, words);
    }
    let can = &view.state.capabilities;
    let engine = sanitize(&can.engine).into_owned();
    match &can.address {
        // Whose containers these are is not to be mistaken.
        Some(address) => {
            let place = format!(" {}", sanitize(address));
            add(ENGINE, None, vec![(engine, theme.strong()), (place, quiet)]);
        }
        None if engine.is_empty() => {}
        None => add(1, None, vec![(engine, quiet)]),
    }
    let running = world
        .containers
        .iter()
        .filter(|row| row.container.state.has_process())
        .count();
    let words = vec![
        (running.to_string(), theme.strong()),
        (format!("/{} running", world.containers.len()), quiet),
    ];
    add(RUNNING, None, words);
    for part in parts.iter_mut().filter(|part| part.weight == ENGINE) {
        part.is_elastic = true;
    }
    parts
}

/// What is wrong, where it can't be missed and takes no more room than it must.
pub fn notices(buffer: &mut Buffer, view: &View<'_>) {
    let area = view.regions.notices;
    // A page of its own tells it while there is nothing else to show.
    let is_told = super::unreachable::is_shown(view);
    if let (Some(stale), true) = (&view.state.stale, area.height > 0 && !is_told) {
        let age = duration::short(view.state.clock.saturating_sub(stale.since));
        let text = format!("no new figures for {age}: {}", stale.failure.message);
        let mut pen = Pen::line(buffer, area, area.y);
        notice(
            &mut pen,
            &text,
            stale.failure.hint.as_deref(),
            view,
            Tone::Bad,
        );
    }
    let first = area.y + u16::from(view.state.stale.is_some());
    for (y, problem) in (first..area.bottom()).zip(view.state.notices()) {
        let text = sanitize(&problem.message);
        let hint = problem.hint.as_deref().map(sanitize);
        let mut pen = Pen::line(buffer, area, y);
        notice(&mut pen, &text, hint.as_deref(), view, Tone::Warn);
    }
}

fn notice(pen: &mut Pen<'_>, text: &str, hint: Option<&str>, view: &View<'_>, tone: Tone) {
    let theme = view.theme;
    pen.skip(1).put("! ", theme.tone(tone));
    let text = truncate(text, usize::from(pen.room()), theme.glyphs);
    pen.put(&text, theme.tone(tone));
    if let Some(hint) = hint {
        pen.skip(2);
        let hint = truncate(hint, usize::from(pen.room()), theme.glyphs);
        pen.put(&hint, theme.quiet());
    }
}

/// The upright line between a table and details beside it.
pub fn divider(buffer: &mut Buffer, view: &View<'_>) {
    let area = view.regions.divider;
    for y in area.y..area.bottom() {
        let sign = view.theme.sign("│", "|");
        Pen::line(buffer, area, y).put(sign, view.theme.quiet());
    }
}
