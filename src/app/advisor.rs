//! Weighs the limits of the selected container while one looks at them: what a recording
//! says of the last hours, then what this dashboard saw itself.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::Sender;

use super::{Message, projector::failure};
use crate::{
    model::{ContainerId, Limits},
    record::{
        Error, Player, Recording, Source,
        advice::{Advice, Tally},
    },
};

/// How far back a recording is read: a day of many containers takes seconds to read, and
/// `wharf advise` reads all of it.
const HOURS: SignedDuration = SignedDuration::from_hours(6);
/// How long that is kept. Longer than a ring is, and there would be a hole between them.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// Limits are to be weighed.
#[derive(Clone, Debug, PartialEq)]
pub struct Inquiry {
    /// Of which container.
    pub id: ContainerId,
    /// Its limits.
    pub limits: Limits,
    /// What this dashboard has of its past.
    pub source: Source,
    /// A recording of what was before.
    pub recording: Option<PathBuf>,
}

impl Eq for Inquiry {}

/// What a recording said last.
#[derive(Clone, Debug, Default)]
pub struct Advisor(Arc<Mutex<Option<Known>>>);

#[derive(Clone, Debug)]
struct Known {
    id: ContainerId,
    read: Instant,
    until: Timestamp,
    tally: Tally,
}

impl Advisor {
    /// Weighs in a thread; the answer is a message.
    pub fn ask(&self, inquiry: Inquiry, messages: &Sender<Message>) {
        let (advisor, messages) = (self.clone(), messages.clone());
        let weigh = move || {
            let advice = advisor.weigh(&inquiry).map_err(|error| failure(&error));
            // Nobody listens any more once the dashboard is left.
            let _ = messages.blocking_send(Message::Advice(inquiry.id, advice));
        };
        // Without a thread it stays "reading …", which is true.
        let _ = thread::Builder::new()
            .name("wharf-advice".into())
            .spawn(weigh);
    }

    /// Weighs limits; reads files.
    pub fn weigh(&self, inquiry: &Inquiry) -> Result<Advice, Error> {
        let (mut tally, until) = match &inquiry.recording {
            Some(path) => self.recorded(&inquiry.id, path),
            None => (Tally::default(), Timestamp::MIN),
        };
        count(&inquiry.source, &inquiry.id, until, &mut tally)?;
        Ok(tally.advise(&inquiry.limits))
    }

    /// What a recording says of the last hours, and up to when.
    fn recorded(&self, id: &ContainerId, path: &std::path::Path) -> (Tally, Timestamp) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.id == *id
            && known.read.elapsed() < KEPT
        {
            return (known.tally.clone(), known.until);
        }
        let mut tally = Tally::default();
        let since = Timestamp::now()
            .checked_sub(HOURS)
            .unwrap_or(Timestamp::MIN);
        // Most have no recording; a damaged one says what it still can.
        let until = Recording::open_since(path, Some(since))
            .and_then(|recording| {
                let source = Source::Files(Arc::new(recording));
                count(&source, id, since, &mut tally)
            })
            .unwrap_or(Timestamp::MIN);
        *known = Some(Known {
            id: id.clone(),
            read: Instant::now(),
            until,
            tally: tally.clone(),
        });
        (tally, until)
    }
}

/// Counts what a container used after a time; the time of the last frame.
fn count(
    source: &Source,
    id: &ContainerId,
    after: Timestamp,
    tally: &mut Tally,
) -> Result<Timestamp, Error> {
    let mut last = after;
    if source.first() == source.end() {
        return Ok(last);
    }
    Player::default().seek(source, source.first(), source.end(), |decoder, _| {
        if decoder.at() <= after {
            return;
        }
        last = last.max(decoder.at());
        if let Some(usage) = decoder.usage_of(id) {
            tally.add(decoder.at(), &usage);
        }
    })?;
    Ok(last)
}
