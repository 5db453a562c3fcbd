//! Lines about what moves: read and written, by all devices and by each, received and sent.

use super::{DEVICES, GAUGE, Line, Subject, counted, quiet, stalled};
use crate::{
    app::Point,
    format::{Glyphs, Tone, bytes, text::sanitize},
    model::{BlockDevice, DeviceCounters, DeviceLimits, GroupDetails},
    ui::chart,
};

/// A line for what is read and one for what is written, and, where devices have limits or
/// are more than one, the same for each device.
pub fn io(subject: &Subject<'_>, glyphs: Glyphs) -> Vec<Line> {
    let (usage, limits) = (&subject.usage, &subject.limits);
    let devices = devices(subject);
    let is_single = devices.len() <= 1 && limits.io.len() <= 1;
    let limit = limits.io.first().filter(|_| is_single);
    let mut stalls = Vec::new();
    stalled(&mut stalls, usage.stalls.io_some, usage.stalls.io_full);
    if let Some(weight) = limits.io_weight {
        quiet(&mut stalls, format!("io weight {weight}"));
    }
    if let Some(device) = devices.first().filter(|_| is_single) {
        quiet(&mut stalls, sanitize(&device.name));
    }
    let total = |total: Option<u64>| total.map(|total| format!("{} in all", bytes::decimal(total)));
    let read = Direction {
        label: "read",
        bps: usage.read_bps,
        iops: usage.read_iops,
        most_bps: limit.and_then(|limit| limit.read_bps),
        most_iops: limit.and_then(|limit| limit.read_iops),
        past: Some(|point| point.read),
    };
    let write = Direction {
        label: "write",
        bps: usage.write_bps,
        iops: usage.write_iops,
        most_bps: limit.and_then(|limit| limit.write_bps),
        most_iops: limit.and_then(|limit| limit.write_iops),
        past: Some(|point| point.write),
    };
    let mut lines = vec![
        read.line(subject, glyphs, total(usage.read_bytes)),
        write.line(subject, glyphs, total(usage.write_bytes)),
    ];
    lines[0].notes.extend(stalls);
    if is_single {
        return lines;
    }
    for device in devices.iter().take(DEVICES) {
        lines.extend(of_device(subject, glyphs, device));
    }
    lines
}

/// A line for what is received and one for what is sent, of who has a network.
pub fn net(subject: &Subject<'_>, glyphs: Glyphs) -> Vec<Line> {
    let usage = &subject.usage;
    let (most_in, most_out) = (subject.net_rates.incoming, subject.net_rates.outgoing);
    let is_any = usage.net_in_bps.or(usage.net_out_bps).is_some();
    if !is_any && most_in.or(most_out).is_none() {
        return Vec::new();
    }
    let total = |total: Option<u64>| total.map(|total| format!("{} in all", bytes::decimal(total)));
    let direction = |label, bps, most_bps, past: fn(&Point) -> f32| Direction {
        label,
        bps,
        iops: None,
        most_bps,
        most_iops: None,
        past: Some(past),
    };
    let received = direction("net in", usage.net_in_bps, most_in, |point| point.net_in);
    let sent = direction("net out", usage.net_out_bps, most_out, |point| {
        point.net_out
    });
    let mut lines = vec![
        received.line(subject, glyphs, total(usage.net_in_bytes)),
        sent.line(subject, glyphs, total(usage.net_out_bytes)),
    ];
    for (count, word) in [(usage.net_errors, "errors"), (usage.net_drops, "dropped")] {
        counted(&mut lines[1].notes, count, word, Tone::Warn);
    }
    lines
}

/// The devices that have limits or that something moved on, those with limits first.
fn devices(subject: &Subject<'_>) -> Vec<BlockDevice> {
    let limits = &subject.limits.io;
    let mut devices: Vec<BlockDevice> = limits.iter().map(|of| of.device.clone()).collect();
    for counters in subject.details.iter().flat_map(|details| &details.devices) {
        let is_used = counters.read_bytes + counters.write_bytes > 0;
        if is_used && !devices.contains(&counters.device) {
            devices.push(counters.device.clone());
        }
    }
    devices
}

fn of_device(subject: &Subject<'_>, glyphs: Glyphs, device: &BlockDevice) -> [Line; 2] {
    let of = |details: Option<&GroupDetails>| {
        let all = details.map(|details| (details.at_ns, &details.devices));
        all.and_then(|(at_ns, all)| {
            let found = all.iter().find(|counters| counters.device == *device)?;
            Some((at_ns, found.clone()))
        })
    };
    let (now, before) = (of(subject.details), of(subject.before));
    let rate = |field: fn(&DeviceCounters) -> Option<u64>| {
        let (now, before) = now.as_ref().zip(before.as_ref())?;
        let seconds = now.0.checked_sub(before.0)? as f64 / 1e9;
        let moved = field(&now.1)?.checked_sub(field(&before.1)?)? as f64;
        (seconds > 0.0).then(|| moved / seconds)
    };
    let limits = subject.limits.io.iter().find(|of| of.device == *device);
    let most = |field: fn(&DeviceLimits) -> Option<u64>| limits.and_then(field);
    let total = |field: fn(&DeviceCounters) -> u64| {
        let total = now.as_ref().map(|(_, counters)| field(counters));
        total.map(|total| format!("{} in all", bytes::decimal(total)))
    };
    let read = Direction {
        label: "read",
        bps: rate(|c| Some(c.read_bytes)),
        iops: rate(|c| c.read_ops),
        most_bps: most(|l| l.read_bps),
        most_iops: most(|l| l.read_iops),
        past: None,
    };
    let write = Direction {
        label: "write",
        bps: rate(|c| Some(c.write_bytes)),
        iops: rate(|c| c.write_ops),
        most_bps: most(|l| l.write_bps),
        most_iops: most(|l| l.write_iops),
        past: None,
    };
    let mut lines = [
        read.line(subject, glyphs, total(|c| c.read_bytes)),
        write.line(subject, glyphs, total(|c| c.write_bytes)),
    ];
    lines[0].label = sanitize(&device.name).into_owned();
    lines[1].label = String::new();
    for (line, word) in lines.iter_mut().zip(["read", "written"]) {
        line.notes.insert(0, (word.into(), Tone::Quiet));
    }
    lines
}

/// What moves one way.
struct Direction {
    label: &'static str,
    bps: Option<f64>,
    iops: Option<f64>,
    most_bps: Option<u64>,
    most_iops: Option<u64>,
    past: Option<fn(&Point) -> f32>,
}

impl Direction {
    fn line(&self, subject: &Subject<'_>, glyphs: Glyphs, total: Option<String>) -> Line {
        let share = |rate: Option<f64>, most: Option<u64>| Some(rate? / most?.max(1) as f64);
        let by_bytes = share(self.bps, self.most_bps);
        let by_count = share(self.iops, self.most_iops);
        let mut notes = Vec::new();
        if let Some(iops) = self.iops.filter(|n| *n >= 0.5 || self.most_iops.is_some()) {
            let most = self
                .most_iops
                .map_or(String::new(), |most| format!(" of {most}"));
            let tone = match by_count {
                Some(share) if share >= 0.9 => Tone::Warn,
                _ => Tone::Quiet,
            };
            notes.push((format!("{iops:.0}{most} a second"), tone));
        } else if let Some(most) = self.most_iops {
            quiet(&mut notes, format!("at most {most} a second"));
        }
        if let Some(total) = total {
            quiet(&mut notes, total);
        }
        let peak = self.past.map_or(0.0, |field| {
            let points = subject.history.newest(usize::from(GAUGE) * 2);
            points
                .map(|point| field(&point))
                .filter(|value| value.is_finite())
                .fold(0.0, f32::max)
        });
        let top = self
            .most_bps
            .map_or_else(|| chart::round_up(peak), |most| most as f32);
        let share = match (by_bytes, by_count) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        Line {
            label: self.label.into(),
            share,
            past: self.past.map(|field| (field, top.max(peak))),
            value: self.bps.map_or(glyphs.unknown().into(), bytes::rate),
            limit: self.most_bps.map_or(String::new(), |most| {
                format!(" of {}", bytes::rate(most as f64))
            }),
            tone: match share {
                // A rate is held at its limit: that is what the limit is for.
                Some(share) if share >= 0.9 => Tone::Warn,
                _ => Tone::Good,
            },
            notes,
        }
    }
}
