//! OpenMetrics text, as <https://prometheus.io/docs/specs/om/open_metrics_spec/> has it.
//!
//! A family's samples stand together, and those of one container in it too, with times
//! that only grow: so the frames are read once for as many families as fit in memory, and
//! a sample from before a clock was set back is left out.

use std::{collections::HashMap, io::Write, sync::Arc};

use jiff::Timestamp;

use super::{Excerpt, Result};
use crate::{
    model::{Container, Host, Usage},
    record::{Decoder, Error, FIGURES, Figure, Unit},
};

/// Samples kept at once: 16 bytes each.
const SAMPLES: usize = 4_000_000;

/// A family of metrics.
struct Family {
    name: String,
    unit: &'static str,
    kind: Kind,
    help: &'static str,
    of: Of,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Counter,
    Info,
}

/// Where a family's figure comes from.
enum Of {
    Figure(&'static Figure),
    Container(fn(&Container) -> Option<f64>),
    Host(fn(&Host) -> Option<f64>),
}

/// The samples of one family, by labels.
#[derive(Default)]
struct Samples {
    order: Vec<Vec<(Timestamp, f64)>>,
}

/// Writes it.
pub fn openmetrics(excerpt: &Excerpt, out: &mut dyn Write) -> Result<()> {
    let families = families();
    // Containers come and go: the last picture is a fair guess of how many there are.
    let mut rows = 1;
    let frames = excerpt.len();
    if let Some(last) = excerpt.source.end().checked_sub(1) {
        let mut player = crate::record::Player::default();
        player.seek(&excerpt.source, last, last, |decoder, _| {
            rows = decoder.rows().count().max(1);
        })?;
    }
    let at_once = (SAMPLES / (frames * rows).max(1)).max(1);
    for families in families.chunks(at_once) {
        write_families(excerpt, families, out)?;
    }
    out.write_all(b"# EOF\n").map_err(Error::Output)
}

fn write_families(excerpt: &Excerpt, families: &[Family], out: &mut dyn Write) -> Result<()> {
    let mut labels = Labels::default();
    let mut samples: Vec<Samples> = families.iter().map(|_| Samples::default()).collect();
    excerpt.each(|decoder| {
        collect(decoder, families, &mut labels, &mut samples);
        Ok(())
    })?;
    let mut write = || -> std::io::Result<()> {
        for (family, samples) in families.iter().zip(&samples) {
            family.write(&labels, samples, excerpt.has_times, out)?;
        }
        Ok(())
    };
    write().map_err(Error::Output)
}

fn collect(decoder: &Decoder, families: &[Family], labels: &mut Labels, samples: &mut [Samples]) {
    let at = decoder.at();
    let host = decoder.host();
    for (family, samples) in families.iter().zip(samples.iter_mut()) {
        if let Of::Host(of) = family.of {
            samples.add(0, at, of(&host));
        }
    }
    for (container, usage) in decoder.rows() {
        let place = labels.place(container);
        for (family, samples) in families.iter().zip(samples.iter_mut()) {
            let value = match family.of {
                Of::Figure(figure) => usage.as_ref().and_then(|usage: &Usage| figure.of(usage)),
                Of::Container(of) => of(container),
                Of::Host(_) => continue,
            };
            samples.add(place, at, value);
        }
    }
}

impl Samples {
    fn add(&mut self, place: usize, at: Timestamp, value: Option<f64>) {
        let Some(value) = value else { return };
        if self.order.len() <= place {
            self.order.resize_with(place + 1, Vec::new);
        }
        let samples = &mut self.order[place];
        if samples.last().is_none_or(|(last, _)| *last < at) {
            samples.push((at, value));
        }
    }
}

impl Family {
    fn write(
        &self,
        labels: &Labels,
        samples: &Samples,
        has_times: bool,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        if samples.order.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let name = &self.name;
        let (kind, suffix) = match self.kind {
            Kind::Gauge => ("gauge", ""),
            Kind::Counter => ("counter", "_total"),
            Kind::Info => ("info", "_info"),
        };
        writeln!(out, "# TYPE {name} {kind}")?;
        if !self.unit.is_empty() {
            writeln!(out, "# UNIT {name} {}", self.unit)?;
        }
        writeln!(out, "# HELP {name} {}.", self.help)?;
        for (place, samples) in samples.order.iter().enumerate() {
            let labels = match self.of {
                Of::Host(_) => "",
                _ => labels.texts[place].as_str(),
            };
            for (at, value) in samples {
                write!(out, "{name}{suffix}{labels} {value}")?;
                if has_times {
                    let millis = at.as_millisecond();
                    write!(
                        out,
                        " {}.{:03}",
                        millis.div_euclid(1000),
                        millis.rem_euclid(1000)
                    )?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }
}

/// The label sets of all containers, each written once.
#[derive(Default)]
struct Labels {
    texts: Vec<String>,
    of_text: HashMap<String, usize>,
    /// The records are kept, so that no address is used again.
    of_record: HashMap<*const Container, (Arc<Container>, usize)>,
}

impl Labels {
    fn place(&mut self, container: &Arc<Container>) -> usize {
        if let Some((_, place)) = self.of_record.get(&Arc::as_ptr(container)) {
            return *place;
        }
        let text = format!(
            "{{id=\"{}\",name=\"{}\",image=\"{}\"}}",
            container.id,
            escape(&container.name),
            escape(&container.config.image)
        );
        let texts = &mut self.texts;
        let place = *self.of_text.entry(text).or_insert_with_key(|text| {
            texts.push(text.clone());
            texts.len() - 1
        });
        let known = (Arc::clone(container), place);
        self.of_record.insert(Arc::as_ptr(container), known);
        place
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str(r"\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str(r"\n"),
            // Allowed, but many readers take them for the end of a line.
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

fn families() -> Vec<Family> {
    let container = |name: &str, unit, help, of| Family {
        name: format!("wharf_container_{name}"),
        unit,
        kind: Kind::Gauge,
        help,
        of: Of::Container(of),
    };
    let host = |name: &str, unit, help, of| Family {
        name: format!("wharf_host_{name}"),
        unit,
        kind: Kind::Gauge,
        help,
        of: Of::Host(of),
    };
    let mut families = vec![
        Family {
            name: "wharf_container".into(),
            kind: Kind::Info,
            ..container("", "", "A container that is there", |_| Some(1.0))
        },
        container("running", "", "Whether it runs", |c| {
            Some(f64::from(u8::from(c.state.has_process())))
        }),
        container(
            "restarts",
            "",
            "Times that its policy started it again",
            |c| Some(f64::from(c.restarts)),
        ),
        container("cpu_limit_cores", "cores", "Its CPU quota", |c| {
            c.config
                .limits
                .cpu_millis
                .map(|millis| millis as f64 / 1000.0)
        }),
        container("memory_limit_bytes", "bytes", "Its memory limit", |c| {
            c.config.limits.memory_bytes.map(|bytes| bytes as f64)
        }),
        container(
            "pids_limit",
            "",
            "Its limit of processes and threads",
            |c| c.config.limits.pids.filter(|n| *n > 0).map(|n| n as f64),
        ),
    ];
    families.extend(FIGURES.iter().map(|figure| {
        let (name, unit) = named(figure);
        Family {
            name: format!("wharf_container_{name}"),
            unit,
            kind: match figure.is_counter {
                true => Kind::Counter,
                false => Kind::Gauge,
            },
            help: figure.help,
            of: Of::Figure(figure),
        }
    }));
    families.extend([
        host("cpus", "", "Processors online", |host| {
            Some(host.cpus.into())
        }),
        host("cpu_cores", "cores", "Processors in use", |host| {
            host.cpu_cores
        }),
        host("memory_bytes", "bytes", "Memory installed", |host| {
            host.memory_total_bytes.map(|bytes| bytes as f64)
        }),
        host(
            "memory_used_bytes",
            "bytes",
            "Memory that is not available",
            |host| host.memory_used_bytes.map(|bytes| bytes as f64),
        ),
        host("load1", "", "Load average over a minute", |host| {
            host.load.map(|load| load[0])
        }),
    ]);
    families
}

/// A figure's name, which must end with its unit, and that unit.
fn named(figure: &Figure) -> (String, &'static str) {
    let stem = |suffix: &str| figure.id.strip_suffix(suffix).unwrap_or(figure.id);
    match figure.unit {
        Unit::Cores => (figure.id.into(), "cores"),
        Unit::Bytes => (figure.id.into(), "bytes"),
        Unit::Count => (figure.id.into(), ""),
        Unit::Ratio => (format!("{}_ratio", stem("_share")), "ratio"),
        Unit::BytesPerSecond => (
            format!("{}_bytes_per_second", stem("_bps")),
            "bytes_per_second",
        ),
        Unit::OperationsPerSecond => (
            format!("{}_operations_per_second", stem("_iops")),
            "operations_per_second",
        ),
        Unit::PacketsPerSecond => (
            format!("{}_packets_per_second", stem("_pps")),
            "packets_per_second",
        ),
        Unit::SecondsPerSecond => (
            format!("{}_seconds_per_second", stem("_time")),
            "seconds_per_second",
        ),
    }
}
