//! From frames back to pictures. Frames come from files, so nothing in them is believed:
//! whatever does not fit is a [`Corrupt`], never a panic and never a huge allocation.

use std::{
    io::{self, Write},
    sync::Arc,
};

use jiff::Timestamp;
use zstd::stream::write::Decoder as Stream;

use super::{
    Corrupt, Flags, Frame,
    encoder::{HOST_FIGURES, WINDOW_LOG},
    figure::{self, Figure},
    wire::Reader,
};
use crate::model::{Container, ContainerId, ContainerRow, Host, Image, Problem, Usage, World};

/// A frame that holds more is none of ours.
const MAX_PAYLOAD: usize = 64 << 20;
/// More figures of one container than any version has.
const MAX_FIGURES: usize = 60;

/// What the frames said so far.
#[derive(Default)]
pub struct Decoder {
    stream: Option<Stream<'static, Payload>>,
    at: Timestamp,
    host: Host,
    host_figures: [u64; HOST_FIGURES],
    images: Arc<Vec<Image>>,
    problems: Vec<Problem>,
    /// The figures of this stream that we know, each at its place with its scale.
    figures: Vec<(usize, &'static Figure, f64)>,
    /// How many there are a container, and one that says whether it uses anything.
    stride: usize,
    containers: Vec<Arc<Container>>,
    rows: Vec<u64>,
    order: Vec<usize>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// Takes the next frame, or any key frame.
    pub fn apply(&mut self, frame: &Frame) -> Result<(), Corrupt> {
        let is_key = frame.flags.has(Flags::KEY);
        if is_key {
            let mut stream = Stream::new(Payload::default()).map_err(|_| UNPACK)?;
            stream.window_log_max(WINDOW_LOG).map_err(|_| UNPACK)?;
            *self = Self {
                stream: Some(stream),
                ..Self::default()
            };
        }
        let stream = self.stream.as_mut().ok_or(Corrupt("it has no beginning"))?;
        let unpacked = stream.write_all(&frame.body).and_then(|()| stream.flush());
        let payload = std::mem::take(&mut stream.get_mut().0);
        let read = match unpacked {
            Ok(()) => self.read(&payload, is_key),
            Err(_) => Err(UNPACK),
        };
        match read {
            Ok(()) => self.at = frame.at,
            // What follows would be read into half a picture.
            Err(_) => *self = Self::default(),
        }
        if let Some(stream) = &mut self.stream {
            // Kept, so that no frame allocates one.
            stream.get_mut().0 = payload;
            stream.get_mut().0.clear();
        }
        read
    }

    /// When the last frame was made.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The picture that the last frame completes.
    pub fn world(&self, generation: u64) -> World {
        let rows = self.rows().map(|(container, usage)| ContainerRow {
            container: Arc::clone(container),
            usage,
        });
        World {
            generation,
            at: self.at,
            host: self.host(),
            containers: rows.collect(),
            images: Arc::clone(&self.images),
            problems: self.problems.clone(),
            ..World::default()
        }
    }

    /// Each container with what it used, in the order of the list.
    pub fn rows(&self) -> impl Iterator<Item = (&Arc<Container>, Option<Usage>)> {
        self.order
            .iter()
            .map(|&slot| (&self.containers[slot], self.usage(slot)))
    }

    fn usage(&self, slot: usize) -> Option<Usage> {
        let figures = &self.rows[slot * self.stride..][..self.stride];
        (figures[0] != 0).then(|| {
            let mut usage = Usage::default();
            for (n, figure, scale) in &self.figures {
                figure.put(&mut usage, figures[*n], *scale);
            }
            usage
        })
    }

    /// What one container used, if it ran.
    pub fn usage_of(&self, id: &ContainerId) -> Option<Usage> {
        let slot = self
            .order
            .iter()
            .find(|slot| self.containers[**slot].id == *id)?;
        self.usage(*slot)
    }

    /// The machine.
    pub fn host(&self) -> Host {
        let figure = |n: usize| self.host_figures[n].checked_sub(1);
        let parts = |n: usize| figure(n).map(|steps| steps as f64 / 1000.0);
        let load = || Some([parts(2)?, parts(3)?, parts(4)?]);
        Host {
            cpu_cores: parts(0),
            memory_used_bytes: figure(1),
            load: load(),
            ..self.host.clone()
        }
    }

    fn read(&mut self, payload: &[u8], is_key: bool) -> Result<(), Corrupt> {
        let mut reader = Reader(payload);
        if is_key {
            self.read_figures(&mut reader)?;
        }
        if let Some(host) = changed(&mut reader)? {
            self.host = host;
        }
        for figure in &mut self.host_figures {
            *figure = reader.step(*figure)?;
        }
        if let Some(images) = changed(&mut reader)? {
            self.images = Arc::new(images);
        }
        if let Some(problems) = changed(&mut reader)? {
            self.problems = problems;
        }
        self.read_containers(&mut reader)?;
        self.read_steps(&mut reader)
    }

    fn read_figures(&mut self, reader: &mut Reader<'_>) -> Result<(), Corrupt> {
        let count = reader.count()?;
        if count > MAX_FIGURES {
            return Err(Corrupt("it has more figures than there are"));
        }
        for n in 0..count {
            let id = std::str::from_utf8(reader.bytes()?).unwrap_or_default();
            let scale = reader.number()?.max(1) as f64;
            // A newer wharf may know more figures: they are passed over.
            if let Some(figure) = figure::find(id) {
                self.figures.push((n + 1, figure, scale));
            }
        }
        self.stride = count + 1;
        Ok(())
    }

    fn read_containers(&mut self, reader: &mut Reader<'_>) -> Result<(), Corrupt> {
        for _ in 0..reader.count()? {
            let slot = reader.number()? as usize;
            let container = serde_json::from_slice(reader.bytes()?)
                .map_err(|_| Corrupt("a container can't be read"))?;
            let container = Arc::new(container);
            if slot < self.containers.len() {
                self.containers[slot] = container;
            } else if slot == self.containers.len() {
                self.containers.push(container);
                self.rows.resize(self.containers.len() * self.stride, 0);
            } else {
                return Err(Corrupt("a container's number is wrong"));
            }
        }
        let Some(count) = reader.number()?.checked_sub(1) else {
            return Ok(());
        };
        if count > self.containers.len() as u64 {
            return Err(Corrupt("a list is longer than what is in it"));
        }
        self.order.clear();
        for _ in 0..count {
            let slot = reader.number()? as usize;
            if slot >= self.containers.len() {
                return Err(Corrupt("a container's number is wrong"));
            }
            self.order.push(slot);
        }
        Ok(())
    }

    fn read_steps(&mut self, reader: &mut Reader<'_>) -> Result<(), Corrupt> {
        let mut row = 0_usize;
        loop {
            let passed = reader.number()? as usize;
            if passed == 0 {
                return Ok(());
            }
            row = row.saturating_add(passed);
            let slot = self.order.get(row - 1).ok_or(Corrupt("a row is missing"))?;
            let mut moved = reader.number()?;
            let figures = &mut self.rows[slot * self.stride..][..self.stride];
            while moved != 0 {
                let n = moved.trailing_zeros() as usize;
                let figure = figures
                    .get_mut(n)
                    .ok_or(Corrupt("a figure's number is wrong"))?;
                *figure = reader.step(*figure)?;
                moved &= moved - 1;
            }
        }
    }
}

const UNPACK: Corrupt = Corrupt("a frame can't be unpacked");

/// A value that is told only where it changed.
fn changed<T: serde::de::DeserializeOwned>(reader: &mut Reader<'_>) -> Result<Option<T>, Corrupt> {
    let json = reader.bytes()?;
    if json.is_empty() {
        return Ok(None);
    }
    let value = serde_json::from_slice(json).map_err(|_| Corrupt("a record can't be read"))?;
    Ok(Some(value))
}

/// What a frame unpacks to, within bounds.
#[derive(Default)]
struct Payload(Vec<u8>);

impl Write for Payload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PAYLOAD {
            return Err(io::Error::other("too much"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Encoder, sample};
    use super::*;

    #[test]
    fn pictures_come_back_as_they_were_without_their_environments() {
        let mut encoder = Encoder::new(Duration::from_secs(1));
        let mut decoder = Decoder::default();
        for n in 0..700 {
            let world = sample::world(n, 5);
            let frame = encoder.encode(&world, Duration::from_secs(n)).unwrap();
            assert_eq!(frame.flags.has(Flags::KEY), n % 300 == 0, "{n}");
            decoder.apply(&frame).unwrap();
            sample::assert_same(&decoder.world(n), &world);
        }
    }

    #[test]
    fn idle_containers_cost_a_few_bytes_a_second() {
        let mut encoder = Encoder::new(Duration::from_secs(1));
        let mut world = sample::world(0, 100);
        let mut total = 0;
        for n in 0..60 {
            world.at += Duration::from_secs(1);
            let frame = encoder.encode(&world, Duration::from_secs(n)).unwrap();
            if n > 0 {
                total += frame.length();
            }
        }
        assert!(total / 59 < 64, "{} bytes a second", total / 59);
    }

    #[test]
    fn gaps_and_clocks_that_were_set_are_marked() {
        let mut encoder = Encoder::new(Duration::from_secs(1));
        let mut flags = |at: i64, clock: u64| {
            let world = World {
                at: Timestamp::from_second(at).unwrap(),
                ..World::default()
            };
            let frame = encoder.encode(&world, Duration::from_secs(clock)).unwrap();
            (frame.flags.has(Flags::GAP), frame.flags.has(Flags::JUMP))
        };
        assert_eq!(flags(1000, 0), (true, false), "nothing is before the first");
        assert_eq!(flags(1001, 1), (false, false));
        assert_eq!(flags(900, 2), (false, true), "the clock went back");
        assert_eq!(flags(960, 62), (true, false), "nobody looked");
    }

    #[test]
    fn frame_without_its_key_frame_is_refused() {
        let mut encoder = Encoder::new(Duration::from_secs(1));
        let world = sample::world(0, 2);
        encoder.encode(&world, Duration::ZERO).unwrap();
        let frame = encoder.encode(&world, Duration::from_secs(1)).unwrap();
        assert!(Decoder::default().apply(&frame).is_err());
    }
}
