//! The alerts screen: what fires, since when, and how far beyond its threshold.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{View, chart, list, pen::Pen, table, theme::Theme};
use crate::{
    app::{Pane, alerts::Alert},
    config::{
        alert::{CHANNELS, Severity},
        told,
    },
    format::{
        Tone, duration,
        text::{Align, sanitize, width},
    },
};

/// Columns of the line of values.
const LINE: u16 = 12;

/// Draws the screen.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    list(buffer, view);
    details(buffer, view);
}

/// The tone of a severity.
pub fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Warning => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}

/// Its sign: no severity is told by colour alone.
pub fn severity_sign(severity: Severity, theme: Theme) -> &'static str {
    match severity {
        Severity::Warning => theme.sign("△", "^"),
        Severity::Critical => theme.sign("▲", "!"),
    }
}

fn list(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let (titles, rows) = (view.regions.titles, view.regions.rows);
    if rows.height == 0 {
        return;
    }
    let list = &state.alert_list;
    if list.rows.is_empty() {
        return empty(buffer, view);
    }
    let widest = |of: fn(&Alert) -> &str, most: u16| {
        let log = state.alerts.log();
        let widths = list.rows.iter().map(|&row| width(of(&log[row])) as u16);
        widths.max().unwrap_or(0).clamp(9, most)
    };
    let name = widest(|alert| &alert.container, 30);
    let rule = widest(|alert| &alert.rule.name, 20);
    let mut pen = Pen::line(buffer, titles, titles.y);
    pen.skip(4);
    for (title, columns, align) in [
        ("CONTAINER", name, Align::Left),
        ("ALERT", rule, Align::Left),
        ("STATE", 12, Align::Left),
        ("SINCE", 6, Align::Right),
        ("VALUE", 8, Align::Right),
        ("", LINE, Align::Left),
        ("CONDITION", 40, Align::Left),
    ] {
        pen.cell(title, columns, align, theme.quiet(), theme)
            .skip(2);
    }
    for (y, n) in (rows.y..rows.bottom()).zip(list.top..list.rows.len()) {
        let alert = &state.alerts.log()[list.rows[n]];
        let line = Rect {
            y,
            height: 1,
            ..rows
        };
        row(buffer, view, alert, line, name, rule);
        if n == list.cursor {
            buffer.set_style(line, view.cursor(Pane::Table));
        }
    }
    table::thumb(buffer, view, rows, list.top, list.rows.len());
}

fn row(buffer: &mut Buffer, view: &View<'_>, alert: &Alert, line: Rect, name: u16, rule: u16) {
    let (state, theme) = (view.state, view.theme);
    let style = match alert.is_open() {
        true => theme.tone(tone(alert.rule.severity)),
        false => theme.quiet(),
    };
    let age = duration::short(duration::between(alert.since, state.now()));
    let mut pen = Pen::line(buffer, line, line.y);
    pen.skip(2).put(sign(view, alert), style).skip(1);
    let strong = if alert.is_open() {
        theme.strong()
    } else {
        theme.quiet()
    };
    pen.cell(
        &sanitize(&alert.container),
        name,
        Align::Left,
        strong,
        theme,
    )
    .skip(2);
    pen.cell(&sanitize(&alert.rule.name), rule, Align::Left, style, theme)
        .skip(2);
    pen.cell(word(alert), 12, Align::Left, style, theme).skip(2);
    pen.cell(&age, 6, Align::Right, theme.quiet(), theme)
        .skip(2);
    pen.cell(&alert.rule.told(alert.value), 8, Align::Right, style, theme)
        .skip(2);
    let left = line.right().saturating_sub(pen.room());
    pen.skip(LINE + 2);
    let room = pen.room().saturating_sub(1);
    let condition = alert.rule.condition();
    pen.cell(&condition, room, Align::Left, theme.quiet(), theme);
    let values: Vec<f32> = alert.recent.iter().rev().copied().collect();
    let area = Rect {
        x: left,
        width: LINE.min(line.right().saturating_sub(left)),
        ..line
    };
    chart::draw(
        buffer,
        area,
        &chart::Chart {
            values: &values,
            scale: alert.worst.max(alert.rule.threshold) as f32,
            limit: None,
            style: theme.graph(),
            limit_style: theme.limit(),
        },
        theme,
    );
}

/// Its sign, by state and severity.
fn sign(view: &View<'_>, alert: &Alert) -> &'static str {
    match (alert.ended, alert.is_acknowledged, alert.rule.severity) {
        (Some(_), _, _) => view.theme.sign("·", "."),
        (None, true, _) => view.theme.sign("✓", "+"),
        (None, false, severity) => severity_sign(severity, view.theme),
    }
}

/// Its state in a word.
fn word(alert: &Alert) -> &'static str {
    match (alert.ended, alert.is_acknowledged, alert.rule.severity) {
        (Some((_, why)), ..) => why,
        (None, true, _) => "acknowledged",
        (None, false, severity) => severity.as_str(),
    }
}

fn empty(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let rules = state.config.alerts.iter().filter(|rule| rule.is_enabled);
    let all = state.alerts.log().len();
    if all > 0 {
        return list::unmatched(buffer, view, &state.alert_list.filter);
    }
    let mut lines = vec![("No alerts".to_owned(), theme.strong())];
    lines.push((String::new(), theme.quiet()));
    for rule in rules {
        let name = sanitize(&rule.name);
        lines.push((format!("{name:<20}  {}", rule.condition()), theme.quiet()));
    }
    let texts: Vec<_> = lines
        .iter()
        .map(|(text, style)| (text.as_str(), *style))
        .collect();
    table::middle(buffer, view.regions.rows, &texts);
}

fn details(buffer: &mut Buffer, view: &View<'_>) {
    let (state, theme) = (view.state, view.theme);
    let (tabs, area) = (view.regions.tabs, view.regions.details);
    let mut pen = Pen::line(buffer, tabs, tabs.y);
    pen.put(theme.rule(), theme.quiet()).put(" ", theme.quiet());
    let title = state
        .selected_alert()
        .map_or("alerts", |alert| &alert.rule.name);
    pen.put(&sanitize(title), theme.strong())
        .put(" ", theme.quiet());
    let rest = pen.room();
    pen.fill(theme.rule(), rest, theme.quiet());
    let Some(alert) = state.selected_alert() else {
        return;
    };
    let rule = &alert.rule;
    let time = |at: jiff::Timestamp| state.told_in_full(at);
    let mut told_to: Vec<_> = CHANNELS
        .iter()
        .filter(|(_, channel)| rule.notify.contains(channel))
        .map(|(name, _)| *name)
        .collect();
    if told_to.is_empty() {
        told_to.push("this screen only");
    }
    let mut lines = vec![
        (
            "container",
            format!("{} ({})", alert.container, alert.image),
        ),
        ("condition", rule.condition()),
        ("", rule.metric.doc.replace("`within`", &told(rule.within))),
        (
            "value",
            format!(
                "{} now, {} at worst; over at {}",
                rule.told(alert.value),
                rule.told(alert.worst),
                rule.told(rule.clear)
            ),
        ),
        ("since", time(alert.since)),
    ];
    if let Some((at, why)) = alert.ended {
        lines.push(("ended", format!("{}, {why}", time(at))));
    }
    lines.push(("severity", rule.severity.as_str().to_owned()));
    lines.push(("about", format!("containers {}", rule.containers)));
    lines.push(("told to", told_to.join(", ")));
    if let Some((at, said)) = state.said.get(&rule.name) {
        lines.push(("it said", format!("{said}, {}", state.told(*at))));
    }
    for (y, (title, text)) in (area.y..area.bottom()).zip(&lines) {
        let mut pen = Pen::line(buffer, area, y);
        pen.skip(2)
            .cell(title, 10, Align::Left, theme.quiet(), theme)
            .skip(1);
        let room = pen.room().saturating_sub(1);
        pen.cell(&sanitize(text), room, Align::Left, theme.plain(), theme);
    }
}
