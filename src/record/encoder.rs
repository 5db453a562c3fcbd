//! From pictures to frames: what changed since the picture before, compressed.
//!
//! A key frame tells everything: which figures follow, the machine, each container. The
//! frames after it tell only what is new, mostly a few figures that moved, and are pieces
//! of one compressed stream that is flushed after each: so every frame that is on disk
//! can be read, and a hundred idle containers cost some ten bytes a second.
//!
//! A recording leaves its machine more easily than the records it was made from, and
//! environments hold passwords: they are left out.

use std::{collections::HashMap, io::Write, sync::Arc, time::Duration};

use jiff::Timestamp;
use zstd::stream::write::Encoder as Stream;

use super::{
    FIGURES, Flags, Frame,
    wire::{put_bytes, put_number, put_step},
};
use crate::model::{
    Container, ContainerConfig, ContainerId, ContainerRow, Host, Image, Problem, Usage, World,
};

/// Frames from one key frame to the next: what a jump into the middle has to read.
pub const KEY_EVERY: usize = 300;
/// How far back the compressor looks, as a power of two; and how much memory it takes.
pub const WINDOW_LOG: u32 = 18;
/// The fastest level but the negative ones: pictures come each second.
const LEVEL: i32 = 1;
/// Figures of the machine.
pub const HOST_FIGURES: usize = 5;
/// A clock that differs this much from the time that passed was set.
const JUMP: Duration = Duration::from_secs(1);

/// Turns pictures into frames.
pub struct Encoder {
    every: Duration,
    stream: Option<Stream<'static, Vec<u8>>>,
    frames: usize,
    slots: HashMap<ContainerId, usize>,
    written: Vec<Slot>,
    order: Vec<usize>,
    host: Host,
    host_figures: [u64; HOST_FIGURES],
    images: Arc<Vec<Image>>,
    problems: Vec<Problem>,
    last: Option<(Timestamp, Duration)>,
    raw: Vec<u8>,
}

/// A container as it was told last, and whether it uses anything and how much.
struct Slot {
    container: Arc<Container>,
    figures: Box<[u64]>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

impl Encoder {
    /// Pictures come about `every` so often; much later ones come after a gap.
    pub fn new(every: Duration) -> Self {
        Self {
            every,
            stream: None,
            frames: 0,
            slots: HashMap::new(),
            written: Vec::new(),
            order: Vec::new(),
            host: Host::default(),
            host_figures: [0; HOST_FIGURES],
            images: Arc::default(),
            problems: Vec::new(),
            last: None,
            raw: Vec::new(),
        }
    }

    /// Pictures come about `every` so often from now on.
    pub fn pace(&mut self, every: Duration) {
        self.every = every;
    }

    /// Makes the next frame a key frame.
    pub fn restart(&mut self) {
        self.stream = None;
    }

    /// The frame of a picture. `clock` is a time that only grows, such as that since this
    /// process began: against it a clock that was set is noticed.
    pub fn encode(&mut self, world: &World, clock: Duration) -> std::io::Result<Frame> {
        let mut flags = self.passage(world.at, clock);
        if self.frames >= KEY_EVERY || self.stream.is_none() {
            flags |= Flags::KEY;
            self.begin()?;
        }
        self.frames += 1;
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        if flags & Flags::KEY != 0 {
            put_number(&mut raw, FIGURES.len() as u64);
            for figure in FIGURES {
                put_bytes(&mut raw, figure.id.as_bytes());
                put_number(&mut raw, figure.scale.into());
            }
        }
        self.put_surroundings(&mut raw, world)?;
        self.put_containers(&mut raw, &world.containers)?;
        let Some(stream) = &mut self.stream else {
            return Err(std::io::Error::other("a key frame begins a stream"));
        };
        stream.write_all(&raw)?;
        stream.flush()?;
        self.raw = raw;
        let body = stream.get_mut();
        let frame = Frame {
            flags: Flags::of(flags),
            at: world.at,
            body: body.as_slice().into(),
        };
        body.clear();
        Ok(frame)
    }

    /// What the time since the frame before says.
    fn passage(&mut self, at: Timestamp, clock: Duration) -> u8 {
        let Some((last_at, last_clock)) = self.last.replace((at, clock)) else {
            return Flags::GAP;
        };
        let passed = clock.saturating_sub(last_clock);
        let told = at.duration_since(last_at).as_millis();
        let mut flags = 0;
        if passed > self.every * 3 {
            flags |= Flags::GAP;
        }
        if (told - passed.as_millis() as i128).unsigned_abs() > JUMP.as_millis() {
            flags |= Flags::JUMP;
        }
        flags
    }

    /// Begins a stream of which nothing is known yet.
    fn begin(&mut self) -> std::io::Result<()> {
        let mut stream = Stream::new(Vec::new(), LEVEL)?;
        stream.window_log(WINDOW_LOG)?;
        self.stream = Some(stream);
        self.frames = 0;
        self.slots.clear();
        self.written.clear();
        self.order.clear();
        self.host = Host::default();
        self.host_figures = [0; HOST_FIGURES];
        self.images = Arc::default();
        self.problems.clear();
        Ok(())
    }

    /// The machine, the images and what could not be read: as JSON, where they changed.
    fn put_surroundings(&mut self, raw: &mut Vec<u8>, world: &World) -> std::io::Result<()> {
        let host = Host {
            cpu_cores: None,
            memory_used_bytes: None,
            load: None,
            ..world.host.clone()
        };
        put_changed(raw, &self.host, &host)?;
        self.host = host;
        let figures = host_figures(&world.host);
        for (from, to) in self.host_figures.iter().zip(figures) {
            put_step(raw, *from, to);
        }
        self.host_figures = figures;
        if Arc::ptr_eq(&self.images, &world.images) {
            put_number(raw, 0);
        } else {
            put_changed(raw, &self.images, &world.images)?;
            self.images = Arc::clone(&world.images);
        }
        put_changed(raw, &self.problems, &world.problems)?;
        if self.problems != world.problems {
            self.problems.clone_from(&world.problems);
        }
        Ok(())
    }

    fn put_containers(&mut self, raw: &mut Vec<u8>, rows: &[ContainerRow]) -> std::io::Result<()> {
        let mut order = Vec::with_capacity(rows.len());
        let mut told = Vec::new();
        for (n, row) in rows.iter().enumerate() {
            let (slot, is_new) = self.slot(n, &row.container);
            order.push(slot);
            if is_new {
                told.push(slot);
            }
        }
        put_number(raw, told.len() as u64);
        for slot in told {
            put_number(raw, slot as u64);
            let json = serde_json::to_vec(&without_environment(&self.written[slot].container))?;
            put_bytes(raw, &json);
        }
        if order == self.order {
            put_number(raw, 0);
        } else {
            put_number(raw, order.len() as u64 + 1);
            order.iter().for_each(|slot| put_number(raw, *slot as u64));
        }
        self.order = order;
        self.put_figures(raw, rows);
        Ok(())
    }

    /// The place of a container in this stream, and whether it must be told (again).
    fn slot(&mut self, n: usize, container: &Arc<Container>) -> (usize, bool) {
        // Most stand where they stood, and are what they were.
        if let Some(&slot) = self.order.get(n)
            && Arc::ptr_eq(&self.written[slot].container, container)
        {
            return (slot, false);
        }
        if let Some(&slot) = self.slots.get(&container.id) {
            let before = &mut self.written[slot].container;
            let is_changed = !Arc::ptr_eq(before, container) && **before != **container;
            *before = Arc::clone(container);
            return (slot, is_changed);
        }
        let slot = self.written.len();
        self.slots.insert(container.id.clone(), slot);
        self.written.push(Slot {
            container: Arc::clone(container),
            figures: vec![0; FIGURES.len() + 1].into(),
        });
        (slot, true)
    }

    /// For each row with figures that moved: how many rows were passed over, which
    /// figures, and their steps; then a number that no row has.
    fn put_figures(&mut self, raw: &mut Vec<u8>, rows: &[ContainerRow]) {
        let mut passed = 1;
        for (row, slot) in rows.iter().zip(&self.order) {
            let known = &mut self.written[*slot].figures;
            let figures = figures(row.usage.as_ref());
            let mut moved = 0_u64;
            for (n, (from, to)) in known.iter().zip(figures).enumerate() {
                moved |= u64::from(*from != to) << n;
            }
            if moved == 0 {
                passed += 1;
                continue;
            }
            put_number(raw, passed);
            put_number(raw, moved);
            for (from, to) in known.iter_mut().zip(figures) {
                if *from != to {
                    put_step(raw, *from, to);
                    *from = to;
                }
            }
            passed = 1;
        }
        put_number(raw, 0);
    }
}

/// Whether anything is used at all, then each figure in steps.
fn figures(usage: Option<&Usage>) -> [u64; FIGURES.len() + 1] {
    let mut figures = [0; FIGURES.len() + 1];
    if let Some(usage) = usage {
        figures[0] = 1;
        for (to, figure) in figures[1..].iter_mut().zip(FIGURES) {
            *to = figure.steps(usage);
        }
    }
    figures
}

fn host_figures(host: &Host) -> [u64; HOST_FIGURES] {
    let steps = |value: Option<f64>| value.map_or(0, |v| (v * 1000.0).round() as u64 + 1);
    let load = |n: usize| steps(host.load.map(|load| load[n]));
    [
        steps(host.cpu_cores),
        host.memory_used_bytes.map_or(0, |bytes| bytes + 1),
        load(0),
        load(1),
        load(2),
    ]
}

/// A value as JSON if it is another than before, or nothing.
fn put_changed<T: PartialEq + serde::Serialize>(
    raw: &mut Vec<u8>,
    before: &T,
    now: &T,
) -> std::io::Result<()> {
    if before == now {
        put_number(raw, 0);
    } else {
        put_bytes(raw, &serde_json::to_vec(now)?);
    }
    Ok(())
}

fn without_environment(container: &Container) -> Container {
    Container {
        config: ContainerConfig {
            env: Vec::new(),
            ..container.config.clone()
        },
        ..container.clone()
    }
}
