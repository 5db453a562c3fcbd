//! Reads moments of the past, in a thread: unpacking minutes of pictures takes longer
//! than a key may. The newest wish is the one that counts.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::mpsc::Sender;

use super::{
    Failure, History, Message,
    history::CAPACITY,
    timeline::{Before, Moment, Seek},
};
use crate::{
    format::text::sanitize,
    model::ContainerId,
    record::{Decoder, Error, Player, Recording, Source},
};

/// A step forward of so many frames reads only those.
const NEAR: u64 = 60;
/// How much of a recording a dashboard takes over.
const BEFORE: Duration = Duration::from_secs(15 * 60);

/// The thread, once something was asked.
#[derive(Debug, Default)]
pub struct Projector {
    wishes: Option<mpsc::Sender<Seek>>,
}

impl Projector {
    /// Asks for a moment; the answer is a message.
    pub fn seek(&mut self, mut seek: Seek, messages: &Sender<Message>) {
        if let Some(wishes) = &self.wishes {
            match wishes.send(seek) {
                Ok(()) => return,
                Err(mpsc::SendError(unsent)) => seek = unsent,
            }
        }
        let (wishes, wanted) = mpsc::channel();
        let messages = messages.clone();
        let begun = thread::Builder::new()
            .name("wharf-past".into())
            .spawn(move || project(&wanted, &messages));
        if begun.is_ok() && wishes.send(seek).is_ok() {
            self.wishes = Some(wishes);
        }
    }
}

fn project(wanted: &mpsc::Receiver<Seek>, messages: &Sender<Message>) {
    let mut view = View::default();
    while let Ok(seek) = wanted.recv() {
        // Only the newest of what piled up meanwhile.
        let seek = wanted.try_iter().last().unwrap_or(seek);
        let moment = view.show(&seek).map_err(|error| failure(&error));
        if messages.blocking_send(Message::Moment(moment)).is_err() {
            return;
        }
    }
}

/// Reads one moment at once, for tests.
#[cfg(test)]
pub fn moment(seek: &Seek) -> Result<Moment, Failure> {
    View::default().show(seek).map_err(|error| failure(&error))
}

/// What was read last.
#[derive(Default)]
struct View {
    player: Player,
    of: Option<ContainerId>,
    history: History,
}

impl View {
    fn show(&mut self, seek: &Seek) -> Result<Moment, Error> {
        let number = seek.number;
        let is_near = |read: u64| (read + 1..=read + NEAR).contains(&number);
        let from = match self.player.number() {
            Some(read) if self.of == seek.of && is_near(read) => read + 1,
            _ => {
                self.history = History::default();
                self.of.clone_from(&seek.of);
                number.saturating_sub(CAPACITY as u64 - 1)
            }
        };
        let history = &mut self.history;
        let of = seek.of.as_ref();
        let shown = self.player.seek(&seek.source, from, number, |decoder, _| {
            if let Some(id) = of {
                history.push(&decoder.usage_of(id).unwrap_or_default());
            }
        });
        if shown.is_err() {
            *self = Self::default();
        }
        shown?;
        Ok(Moment {
            number,
            world: Arc::new(self.player.world()),
            history: seek.of.clone().map(|id| (id, self.history.clone())),
        })
    }
}

/// Reads what a recording says of the minutes before `now`, in a thread.
pub fn read_before(path: &Path, now: Timestamp, messages: Sender<Message>) {
    let path = path.to_owned();
    let read = move || {
        // Most have none; one that can't be read is told by whoever asks for it.
        if let Ok(before) = before(&path, now)
            && !before.frames.is_empty()
        {
            // Nobody listens any more once the dashboard is left.
            let _ = messages.blocking_send(Message::Before(before));
        }
    };
    // Without a thread there is no past, which is no reason to fail.
    let _ = thread::Builder::new()
        .name("wharf-before".into())
        .spawn(read);
}

fn before(path: &Path, now: Timestamp) -> Result<Before, Error> {
    let since = now.checked_sub(BEFORE).unwrap_or(now);
    let recording = Recording::open_since(path, Some(since))?;
    let track = recording.track();
    let (mut first, end) = (track.first(), track.first() + track.len() as u64);
    while first < end && track.mark(first).is_some_and(|mark| mark.at < since) {
        first += 1;
    }
    let source = Source::Files(Arc::new(recording));
    if first == end {
        return Ok(Before {
            frames: Vec::new(),
            histories: Default::default(),
        });
    }
    let mut frames = Vec::new();
    for number in source.key_of(first)..end {
        let frame = source.frame(number)?;
        // What a dashboard that began meanwhile sees itself.
        if frame.at < now {
            frames.push(frame);
        }
    }
    let mut histories: std::collections::HashMap<ContainerId, History> = Default::default();
    let read = Source::Memory {
        first: 0,
        frames: frames.clone().into(),
    };
    let mut last = Timestamp::MIN;
    let from = (frames.len() as u64).saturating_sub(CAPACITY as u64);
    Player::default().seek(&read, from, read.end(), |decoder: &Decoder, _| {
        last = decoder.at();
        for (container, usage) in decoder.rows() {
            let Some(usage) = usage else { continue };
            if !histories.contains_key(&container.id) {
                histories.insert(container.id.clone(), History::default());
            }
            if let Some(history) = histories.get_mut(&container.id) {
                history.push(&usage);
            }
        }
    })?;
    // The time in which nobody looked stays empty in the graphs.
    let empty = now.duration_since(last).as_secs().clamp(0, CAPACITY as i64);
    for history in histories.values_mut() {
        (0..empty).for_each(|_| history.push(&Default::default()));
    }
    Ok(Before { frames, histories })
}

/// An error of a recording, ready for the screen.
pub fn failure(error: &Error) -> Failure {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        message.push_str(&format!(": {source}"));
        cause = source.source();
    }
    Failure {
        message: sanitize(&message).into_owned(),
        hint: None,
    }
}
