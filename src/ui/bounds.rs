//! Every use beside its limit: one line for each thing that a group can be limited in,
//! with what else the kernel tells about it. The same for a container and for any group.

mod moved;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    View,
    chart::{self, Chart},
    gauge,
    pen::Pen,
};
use crate::{
    app::{History, Point},
    format::{
        Glyphs, Tone, bytes,
        text::{Align, sanitize, width},
    },
    model::{Bound, GroupDetails, GroupEvents, GroupLimits, Host, Usage},
};

/// What is told about.
pub struct Subject<'a> {
    /// What it uses.
    pub usage: Usage,
    /// Its limits.
    pub limits: GroupLimits,
    /// What the kernel says of it now, and what it said before.
    pub details: Option<&'a GroupDetails>,
    /// The answer before.
    pub before: Option<&'a GroupDetails>,
    /// What it used.
    pub history: &'a History,
    /// Most bytes a second that its interfaces receive and send.
    pub net_rates: NetRates,
    /// The machine.
    pub host: &'a Host,
}

/// Most bytes a second in each direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct NetRates {
    pub incoming: Option<u64>,
    pub outgoing: Option<u64>,
}

/// Columns of what a line is about.
const LABEL: u16 = 8;
/// Columns of its gauge or its graph.
const GAUGE: u16 = 10;
/// Columns of its figures, at least.
const FIGURES: u16 = 20;
/// Devices that are told of at most.
const DEVICES: usize = 4;

/// A figure over time, and its value at the top of the graph.
type Past = (fn(&Point) -> f32, f32);

/// One line.
struct Line {
    label: String,
    /// How much of the limit is used.
    share: Option<f64>,
    /// What it was over time.
    past: Option<Past>,
    value: String,
    limit: String,
    tone: Tone,
    notes: Vec<(String, Tone)>,
}

/// Draws the lines, the most important first. With `graphs` the past stands in place of
/// the gauges: for where there is no room for larger graphs.
pub fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, subject: &Subject<'_>, graphs: bool) {
    let lines = lines(subject, view.theme.glyphs);
    let figures = lines
        .iter()
        .map(|line| (width(&line.value) + width(&line.limit)) as u16)
        .max()
        .unwrap_or(0)
        .max(FIGURES);
    let mut y = area.y;
    for line in &lines {
        if y >= area.bottom() {
            return;
        }
        y += draw_line(buffer, view, area, y, line, figures, subject, graphs);
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, each a thing of its own"
)]
fn draw_line(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    y: u16,
    line: &Line,
    figures: u16,
    subject: &Subject<'_>,
    graphs: bool,
) -> u16 {
    let theme = view.theme;
    let style = match line.tone {
        Tone::Good | Tone::Quiet => theme.plain(),
        tone => theme.tone(tone),
    };
    let mut pen = Pen::line(buffer, area, y);
    pen.cell(&line.label, LABEL, Align::Left, theme.quiet(), theme);
    match line.past.filter(|_| graphs) {
        Some(_) => {
            pen.skip(GAUGE);
        }
        None => gauge::draw(&mut pen, line.share, GAUGE, style, theme),
    }
    pen.skip(1);
    pen.put(&line.value, style.patch(theme.strong()));
    pen.put(&line.limit, theme.quiet());
    if let Some((field, top)) = line.past.filter(|_| graphs) {
        let place = Rect::new(area.x + LABEL, y, GAUGE, 1).intersection(area);
        let count = chart::capacity(GAUGE, theme.glyphs);
        let points = subject.history.newest(count);
        let values: Vec<f32> = points.map(|point| field(&point)).collect();
        let drawn = Chart {
            values: &values,
            scale: top,
            limit: None,
            style: theme.graph(),
            limit_style: theme.quiet(),
        };
        chart::draw(buffer, place, &drawn, theme);
    }
    // The notes flow in what is left beside the figures.
    let indent = LABEL + GAUGE + 1 + figures + 2;
    let room = area.width.saturating_sub(indent);
    let (indent, first) = if room >= 24 {
        (indent, y)
    } else {
        (LABEL + GAUGE + 1, y + 1)
    };
    let mut at = first;
    let mut pen = Pen::line(buffer, area, at);
    pen.skip(indent);
    let mut is_first = true;
    for (text, tone) in &line.notes {
        if !is_first && usize::from(pen.room()) < width(text) + 2 {
            at += 1;
            if at >= area.bottom() {
                break;
            }
            pen = Pen::line(buffer, area, at);
            pen.skip(indent);
            is_first = true;
        }
        if !is_first {
            pen.skip(2);
        }
        pen.put(text, theme.tone(*tone));
        is_first = false;
    }
    let wrapped = if line.notes.is_empty() { 0 } else { at - y };
    1 + wrapped
}

fn lines(subject: &Subject<'_>, glyphs: Glyphs) -> Vec<Line> {
    let mut lines = vec![cpu(subject, glyphs), memory(subject, glyphs)];
    lines.extend(swap(subject));
    lines.push(pids(subject, glyphs));
    lines.extend(moved::io(subject, glyphs));
    lines.extend(moved::net(subject, glyphs));
    lines.extend(hugetlb(subject));
    lines
}

fn cpu(subject: &Subject<'_>, glyphs: Glyphs) -> Line {
    let (usage, limits) = (&subject.usage, &subject.limits);
    let quota = limits
        .cpu_millis
        .and_then(Bound::at)
        .map(|m| m as f64 / 1000.0);
    let host = f64::from(subject.host.cpus.max(1));
    let most = quota.unwrap_or(host);
    let mut notes = Vec::new();
    if let (Some(share), Some(_)) = (usage.throttled_share, quota) {
        let tone = if share > 0.1 { Tone::Warn } else { Tone::Quiet };
        notes.push((format!("held back {} of periods", percent(share)), tone));
        if let Some(time) = usage.throttled_time.filter(|time| *time >= 0.005) {
            notes.push((format!("for {time:.2}s a second"), tone));
        }
    }
    stalled(&mut notes, usage.stalls.cpu_some, None);
    if limits.cpu_millis == Some(Bound::Unlimited) {
        quiet(&mut notes, "no quota");
    }
    if let Some(weight) = limits.cpu_weight {
        quiet(&mut notes, format!("weight {weight}"));
    }
    if let Some(shares) = limits.cpu_shares {
        quiet(&mut notes, format!("shares {shares}"));
    }
    if let Some(cpus) = &limits.cpuset_cpus {
        quiet(&mut notes, format!("processors {}", sanitize(cpus)));
    }
    if let Some(mems) = limits.cpuset_mems.as_ref().filter(|mems| *mems != "0") {
        quiet(&mut notes, format!("nodes {}", sanitize(mems)));
    }
    let held = usage.throttled_share.filter(|_| quota.is_some());
    Line {
        label: "cpu".into(),
        share: usage.cpu_cores.map(|cores| cores / most),
        past: Some((|point| point.cpu, most as f32)),
        value: usage
            .cpu_cores
            .map_or(glyphs.unknown().into(), |cores| format!("{cores:.2}")),
        limit: format!(" of {most} cores"),
        tone: match held {
            Some(share) if share > 0.1 => Tone::Warn,
            _ => Tone::Good,
        },
        notes,
    }
}

fn memory(subject: &Subject<'_>, glyphs: Glyphs) -> Line {
    let (usage, limits) = (&subject.usage, &subject.limits);
    let own = limits.memory_max.and_then(Bound::at);
    let most = own.or(subject.host.memory_total_bytes);
    let share = usage
        .memory_bytes
        .zip(most)
        .map(|(used, most)| used as f64 / most.max(1) as f64);
    let mut notes = Vec::new();
    let events = subject.details.map_or_else(
        || GroupEvents {
            high: usage.memory_high_events,
            max: usage.memory_max_events,
            oom_kill: usage.oom_kills,
            ..GroupEvents::default()
        },
        |details| details.events,
    );
    counted(&mut notes, events.oom_kill, "killed for it", Tone::Bad);
    counted(&mut notes, events.max, "met its limit", Tone::Warn);
    counted(&mut notes, events.high, "slowed over high", Tone::Warn);
    counted(&mut notes, events.low, "taken below low", Tone::Warn);
    stalled(
        &mut notes,
        usage.stalls.memory_some,
        usage.stalls.memory_full,
    );
    quiet(&mut notes, "working set");
    for (name, part) in [
        ("anon", usage.anon_bytes),
        ("file", usage.file_bytes),
        ("kernel", usage.kernel_bytes),
        ("swap", usage.swap_bytes.filter(|bytes| *bytes > 0)),
        (
            "peak",
            subject
                .details
                .and_then(|details| details.memory_peak_bytes),
        ),
    ] {
        if let Some(part) = part {
            quiet(&mut notes, format!("{name} {}", bytes::binary(part)));
        }
    }
    if limits.memory_max == Some(Bound::Unlimited) {
        quiet(&mut notes, "no limit");
    }
    let floor = |bound: Option<Bound>| bound.and_then(Bound::at).filter(|bytes| *bytes > 0);
    for (name, bound) in [
        ("min", floor(limits.memory_min)),
        ("low", floor(limits.memory_low)),
        ("high", limits.memory_high.and_then(Bound::at)),
        ("reservation", floor(limits.memory_soft)),
    ] {
        if let Some(bound) = bound {
            quiet(&mut notes, format!("{name} {}", bytes::binary(bound)));
        }
    }
    Line {
        label: "memory".into(),
        share,
        past: Some((|point| point.memory, most.unwrap_or(1) as f32)),
        value: usage
            .memory_bytes
            .map_or(glyphs.unknown().into(), bytes::binary),
        limit: most.map_or(String::new(), |most| format!(" of {}", bytes::binary(most))),
        tone: match (own, share) {
            (Some(_), Some(share)) => Tone::of_share(share),
            _ => Tone::Good,
        },
        notes,
    }
}

/// Swap: limited alone on v2, together with memory on v1.
fn swap(subject: &Subject<'_>) -> Option<Line> {
    let (usage, limits) = (&subject.usage, &subject.limits);
    let (most, note) = match (limits.swap_max, limits.memory_swap_max, limits.memory_max) {
        (Some(Bound::At(most)), ..) => (most, None),
        (None, Some(Bound::At(both)), Some(Bound::At(memory))) => {
            let note = format!("{} with memory", bytes::binary(both));
            (both.saturating_sub(memory), Some(note))
        }
        // Without a limit only what lies in it is worth a line: it stands with memory.
        _ => return None,
    };
    let used = usage.swap_bytes.unwrap_or(0);
    let mut notes = Vec::new();
    if let Some(note) = note {
        quiet(&mut notes, note);
    }
    if most == 0 {
        quiet(&mut notes, "none may be used");
    }
    let share = (most > 0).then(|| used as f64 / most as f64);
    Some(Line {
        label: "swap".into(),
        share,
        past: None,
        value: bytes::binary(used),
        limit: format!(" of {}", bytes::binary(most)),
        tone: share.map_or(Tone::Good, Tone::of_share),
        notes,
    })
}

fn pids(subject: &Subject<'_>, glyphs: Glyphs) -> Line {
    let (usage, limits) = (&subject.usage, &subject.limits);
    let most = limits.pids_max.and_then(Bound::at);
    let share = usage
        .pids
        .zip(most)
        .map(|(used, most)| used as f64 / most.max(1) as f64);
    let mut notes = Vec::new();
    let refused = subject
        .details
        .map_or(usage.pids_max_events, |details| details.events.pids_max);
    counted(&mut notes, refused, "refused", Tone::Bad);
    if limits.pids_max == Some(Bound::Unlimited) {
        quiet(&mut notes, "no limit");
    }
    Line {
        label: "pids".into(),
        share,
        past: None,
        value: usage
            .pids
            .map_or(glyphs.unknown().into(), |pids| pids.to_string()),
        limit: most.map_or(String::new(), |most| format!(" of {most}")),
        tone: share.map_or(Tone::Good, Tone::of_share),
        notes,
    }
}

fn hugetlb(subject: &Subject<'_>) -> Vec<Line> {
    let limits = subject.limits.hugetlb.iter();
    limits
        .filter_map(|limit| {
            let used = limit.used_bytes.unwrap_or(0);
            let most = limit.max.and_then(Bound::at);
            if used == 0 && most.is_none() {
                return None;
            }
            let share = most.map(|most| used as f64 / most.max(1) as f64);
            Some(Line {
                label: "huge".into(),
                share,
                past: None,
                value: bytes::binary(used),
                limit: most.map_or(String::new(), |most| format!(" of {}", bytes::binary(most))),
                tone: share.map_or(Tone::Good, Tone::of_share),
                notes: vec![(format!("pages of {}", sanitize(&limit.size)), Tone::Quiet)],
            })
        })
        .collect()
}

fn quiet(notes: &mut Vec<(String, Tone)>, text: impl Into<String>) {
    notes.push((text.into(), Tone::Quiet));
}

/// A count that is worth telling once it isn't zero.
fn counted(notes: &mut Vec<(String, Tone)>, count: Option<u64>, what: &str, tone: Tone) {
    match count {
        None | Some(0) => {}
        Some(1) => notes.push((format!("{what} once"), tone)),
        Some(count) => notes.push((format!("{what} {count} times"), tone)),
    }
}

/// Shares of time in which some, or all, waited.
fn stalled(notes: &mut Vec<(String, Tone)>, some: Option<f64>, full: Option<f64>) {
    let Some(some) = some else { return };
    let mut text = format!("waited {}", percent(some));
    if let Some(full) = full.filter(|full| *full >= 0.005) {
        text.push_str(&format!(", all of it {}", percent(full)));
    }
    let tone = if some >= 0.1 { Tone::Warn } else { Tone::Quiet };
    notes.push((text, tone));
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
