//! What a container, or any group, uses: CPU, memory, IO and network over the last minutes, and
//! every use beside its limit.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::super::{
    Pen, View,
    bounds::{self, NetRates, Subject},
    chart::{self, Chart},
};
use crate::{
    app::{History, Pending, Point},
    format::{
        Tone, bytes, duration,
        text::{Align, width},
    },
    model::{Bound, GroupLimits, Usage},
};

/// One graph with its words.
struct Panel {
    title: &'static str,
    /// The figure of now, and the limit after it.
    value: Option<String>,
    limit_text: String,
    /// More figures, quiet.
    notes: Vec<String>,
    field: fn(&Point) -> f32,
    limit: Option<f32>,
    unit: fn(f32) -> String,
    round_up: fn(f32) -> f32,
    tone: Tone,
}

/// Columns between graphs side by side.
const GAP: u16 = 3;

/// From this width on, graphs stand beside the limits.
const WIDE: u16 = 132;
/// Columns of the limits there.
const BOUNDS: u16 = 72;
/// Lines of the limits that graphs below them leave free.
const BOUNDS_LINES: u16 = 12;

/// Draws what the selected container uses.
pub fn draw(buffer: &mut Buffer, view: &View<'_>) {
    let (state, area) = (view.state, super::inner(view.regions.details));
    let (Some(row), Some(world)) = (state.selected_container(), &state.world) else {
        return;
    };
    let none = History::default();
    let history = state.history_of(&row.container.id).unwrap_or(&none);
    if history.is_empty() {
        let text = "it uses nothing: it isn't running";
        return super::table::middle(buffer, area, &[(text, view.theme.quiet())]);
    }
    let details = match &state.groups.details {
        Pending::Ready(details) => Some(details),
        _ => None,
    };
    let subject = Subject {
        usage: row.usage.unwrap_or_default(),
        limits: details.map_or_else(
            || GroupLimits::from(&row.container.config.limits),
            |details| details.limits.clone(),
        ),
        details,
        before: state.groups.before.as_ref(),
        history,
        net_rates: NetRates {
            incoming: row.container.config.limits.net_rate_in,
            outgoing: row.container.config.limits.net_rate_out,
        },
        host: &world.host,
    };
    draw_subject(buffer, view, area, &subject);
    // The limits above are then those asked for, as they are of any past, of which the
    // kernel can't be asked.
    if let (Pending::Failed(failure), None) = (&state.groups.details, &state.timeline.past) {
        let mut pen = Pen::line(buffer, area, area.bottom().saturating_sub(1));
        let (room, theme) = (pen.room(), view.theme);
        let style = theme.tone(Tone::Bad);
        pen.cell(&failure.message, room, Align::Left, style, theme);
    }
}

/// Graphs and limits of a container or of any group: side by side, or the limits above as
/// many graphs as there is room for.
pub fn draw_subject(buffer: &mut Buffer, view: &View<'_>, area: Rect, subject: &Subject<'_>) {
    if area.width >= WIDE {
        let graphs = Rect {
            width: area.width - BOUNDS - GAP,
            ..area
        };
        let limits = Rect {
            x: graphs.right() + GAP,
            width: BOUNDS,
            ..area
        };
        draw_graphs(buffer, view, graphs, subject);
        return bounds::draw(buffer, view, limits, subject, false);
    }
    let has_graphs = area.height >= BOUNDS_LINES + 6;
    let lines = match has_graphs {
        true => BOUNDS_LINES,
        false => area.height,
    };
    let limits = Rect {
        height: lines,
        ..area
    };
    bounds::draw(buffer, view, limits, subject, !has_graphs);
    if has_graphs {
        let graphs = Rect {
            y: area.y + lines + 1,
            height: area.height - lines - 1,
            ..area
        };
        draw_graphs(buffer, view, graphs, subject);
    }
}

/// Draws four graphs, six of who has a network, or what there is room for.
fn draw_graphs(buffer: &mut Buffer, view: &View<'_>, area: Rect, subject: &Subject<'_>) {
    let (usage, history) = (&subject.usage, subject.history);
    let mut panels = vec![
        cpu(subject),
        memory(subject),
        io("read", usage.read_bps, |p| p.read, subject),
        io("write", usage.write_bps, |p| p.write, subject),
    ];
    if usage.net_in_bytes.is_some() || usage.net_in_bps.is_some() {
        panels.push(net("net in", usage.net_in_bps, |p| p.net_in, usage));
        panels.push(net("net out", usage.net_out_bps, |p| p.net_out, usage));
    }
    let (across, down) = arrangement(area, panels.len());
    let width = (area.width + GAP) / across - GAP;
    let height = area.height / down;
    for (n, panel) in panels.iter().enumerate() {
        let n = n as u16;
        let (x, y) = (n % across, n / across);
        if y >= down {
            break;
        }
        let place = Rect::new(
            area.x + x * (width + GAP),
            area.y + y * height,
            width,
            // The last row of graphs leaves no line between it and a next one.
            height - u16::from(y + 1 < down),
        );
        draw_panel(buffer, view, place, panel, history);
    }
}

/// Graphs in a row and in a column: whichever makes each about six times as wide as
/// high, which is a third of that on screen. Where they would be too low to read, there
/// are fewer.
fn arrangement(area: Rect, panels: usize) -> (u16, u16) {
    let stretch = |(across, down): &(u16, u16)| {
        let (width, height) = (area.width / across, area.height / down);
        let ratio = f32::from(width) / f32::from(height.max(1)) / 6.0;
        ratio.ln().abs()
    };
    let all: &[(u16, u16)] = match panels {
        4 => &[(4, 1), (2, 2), (1, 4), (2, 1)],
        _ => &[(6, 1), (3, 2), (2, 3), (1, 6)],
    };
    let fitting = |choices: &[(u16, u16)]| {
        let is_readable =
            |(across, down): &&(u16, u16)| area.width / across >= 30 && area.height / down >= 4;
        let readable = choices.iter().filter(is_readable);
        readable
            .min_by(|a, b| stretch(a).total_cmp(&stretch(b)))
            .copied()
    };
    fitting(all)
        .or_else(|| fitting(&[(4, 1), (2, 2), (1, 4), (2, 1)]))
        .unwrap_or((2, 1))
}

fn draw_panel(buffer: &mut Buffer, view: &View<'_>, area: Rect, panel: &Panel, history: &History) {
    let theme = view.theme;
    let count = chart::capacity(area.width, theme.glyphs);
    let values: Vec<f32> = history
        .newest(count)
        .map(|point| (panel.field)(&point))
        .collect();
    let peak = values
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .fold(0.0, f32::max);
    let (scale, limit) = scale(peak, panel);
    let figure = match panel.tone {
        Tone::Good | Tone::Quiet => theme.strong(),
        tone => theme.tone(tone).patch(theme.strong()),
    };
    let mut pen = Pen::line(buffer, area, area.y);
    pen.put(panel.title, theme.quiet()).skip(1);
    let value = panel.value.as_deref();
    pen.put(value.unwrap_or(theme.glyphs.unknown()), figure);
    pen.put(&panel.limit_text, theme.quiet());
    for note in &panel.notes {
        if usize::from(pen.room()) > width(note) + 2 {
            pen.skip(2).put(note, theme.quiet());
        }
    }
    let has_foot = area.height >= 6;
    let graph = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1 + u16::from(has_foot)),
        ..area
    };
    if peak == 0.0 {
        let y = graph.y + graph.height.saturating_sub(1);
        let mut pen = Pen::line(buffer, graph, y);
        pen.fill(theme.rule(), graph.width, theme.quiet());
        return;
    }
    let drawn = Chart {
        values: &values,
        scale,
        limit,
        style: theme.graph(),
        limit_style: limit_style(view, peak, limit),
    };
    chart::draw(buffer, graph, &drawn, theme);
    if has_foot {
        let mut pen = Pen::line(buffer, area, area.bottom() - 1);
        let span = std::time::Duration::from_secs(count.min(300) as u64);
        pen.put(&format!("{} ago", duration::short(span)), theme.quiet());
        pen.put_right(&format!("top {}", (panel.unit)(scale)), theme.quiet());
    }
}

/// The value at the top, and the limit if it is worth a line: one far above all that
/// was ever used would press the graph flat.
fn scale(peak: f32, panel: &Panel) -> (f32, Option<f32>) {
    match panel.limit {
        // A quota is passed a little by chance, where its periods and our seconds part.
        Some(limit) if peak <= limit * 1.15 && peak * 8.0 >= limit && limit > 0.0 => {
            (limit, Some(limit))
        }
        Some(limit) if peak > limit && limit > 0.0 => (peak, Some(limit)),
        _ => ((panel.round_up)(peak), None),
    }
}

fn limit_style(view: &View<'_>, peak: f32, limit: Option<f32>) -> Style {
    match limit {
        Some(limit) if peak >= limit * 0.9 => view.theme.tone(Tone::Warn),
        _ => view.theme.limit(),
    }
}

fn cpu(subject: &Subject<'_>) -> Panel {
    let percent = |cores: f64| format!("{:.1}%", cores * 100.0);
    let quota = subject.limits.cpu_millis.and_then(Bound::at);
    let quota = quota.map(|millis| millis as f64 / 1000.0);
    let held = subject
        .usage
        .throttled_share
        .filter(|share| *share > 0.005 && quota.is_some());
    Panel {
        title: "cpu",
        value: subject.usage.cpu_cores.map(percent),
        limit_text: quota.map_or(String::new(), |q| format!(" of {:.0}%", q * 100.0)),
        notes: held
            .map(|share| format!("held back {:.0}%", share * 100.0))
            .into_iter()
            .collect(),
        field: |point| point.cpu,
        limit: quota.map(|cores| cores as f32),
        unit: |cores| format!("{:.0}%", cores * 100.0),
        round_up: chart::round_up,
        tone: match held {
            Some(share) if share > 0.1 => Tone::Warn,
            _ => Tone::Good,
        },
    }
}

fn memory(subject: &Subject<'_>) -> Panel {
    let limit = subject.limits.memory_max.and_then(Bound::at);
    let used = subject.usage.memory_bytes;
    let share = used
        .zip(limit)
        .map(|(used, limit)| used as f64 / limit.max(1) as f64);
    Panel {
        title: "memory",
        value: used.map(bytes::binary),
        limit_text: limit.map_or(String::new(), |l| format!(" of {}", bytes::binary(l))),
        notes: Vec::new(),
        field: |point| point.memory,
        limit: limit.map(|bytes| bytes as f32),
        unit: |bytes| crate::format::bytes::binary(bytes as u64),
        round_up: chart::round_up_binary,
        tone: share.map_or(Tone::Good, Tone::of_share),
    }
}

fn io(
    title: &'static str,
    rate: Option<f64>,
    field: fn(&Point) -> f32,
    subject: &Subject<'_>,
) -> Panel {
    let limits = subject.limits.io.iter();
    let limit = limits
        .filter_map(|limit| match title {
            "read" => limit.read_bps,
            _ => limit.write_bps,
        })
        .max();
    Panel {
        title,
        value: rate.map(bytes::rate),
        limit_text: limit.map_or(String::new(), |l| format!(" of {}", bytes::rate(l as f64))),
        notes: Vec::new(),
        field,
        limit: limit.map(|rate| rate as f32),
        unit: |rate| bytes::rate(f64::from(rate)),
        round_up: chart::round_up,
        tone: Tone::Good,
    }
}

fn net(title: &'static str, rate: Option<f64>, field: fn(&Point) -> f32, usage: &Usage) -> Panel {
    let (packets, lost) = match title {
        "net in" => (usage.net_in_pps, None),
        _ => {
            let lost = usage.net_errors.zip(usage.net_drops);
            (
                usage.net_out_pps,
                lost.map(|(errors, drops)| errors + drops),
            )
        }
    };
    let packets = packets.map(|packets| format!("{packets:.0} packets/s"));
    let lost = lost.filter(|lost| *lost > 0);
    let lost = lost.map(|lost| format!("{lost} lost"));
    Panel {
        title,
        value: rate.map(bytes::rate),
        limit_text: String::new(),
        notes: packets.into_iter().chain(lost).collect(),
        field,
        limit: None,
        unit: |rate| bytes::rate(f64::from(rate)),
        round_up: chart::round_up,
        tone: Tone::Good,
    }
}
