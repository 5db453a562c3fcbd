//! Loads logs while one looks at them: what is there, then what comes, of one container
//! or of several merged. However fast a log grows, the loop gets a batch of bounded size
//! each twentieth of a second; what is left out is counted and told.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    Failure, Message,
    log::{self, Inker, Kind, LogRow},
};
use crate::{
    engine::{Engine, Result},
    format::text::sanitize,
    model::{ContainerId, LogLine, LogsRequest},
};

/// Lines come in batches, at most one in this time.
const BATCH: Duration = Duration::from_millis(50);
/// A log of which nothing came within this time has nothing in it.
const SILENCE: Duration = Duration::from_millis(150);
/// Most lines of a batch while the past is read, and of what comes then.
const PAST: usize = log::CAPACITY;
const COMING: usize = 2_000;
/// Most bytes of a batch.
const BATCH_BYTES: usize = 2 << 20;
/// A line longer than this is shown in parts.
const LINE_MAX: usize = 128 << 10;
/// Lines that are taken from a log in one go.
const CHUNK: usize = 256;

/// Whose log is wanted, and from when on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Whose, with their names as they are shown.
    pub sources: Vec<(ContainerId, Box<str>)>,
    /// From when on.
    pub since: Option<Timestamp>,
    /// At most so many lines of the past, each.
    pub tail: u64,
}

/// Lines of one of several logs; none at its end.
type Chunk = (u16, Vec<Result<LogLine>>);

/// Sends the logs until they end.
pub async fn follow(engine: &dyn Engine, watch: u64, logs: Logs, messages: &mpsc::Sender<Message>) {
    let (sender, mut chunks) = mpsc::channel(8);
    // Ends with this future, whichever way that ends.
    let mut readers = JoinSet::new();
    let mut batch = Batch::new(&logs);
    for (source, (id, _)) in (0..).zip(&logs.sources) {
        let request = LogsRequest {
            id: id.clone(),
            follow: true,
            tail: Some(logs.tail),
            since: logs.since,
            until: None,
            stdout: true,
            stderr: true,
        };
        match engine.logs(request).await {
            Ok(lines) => drop(readers.spawn(pass_on(source, lines, sender.clone()))),
            Err(error) => batch.failures.push((source, error.into())),
        }
    }
    drop(sender);
    let mut first = Some(Instant::now() + SILENCE);
    let mut is_past = true;
    loop {
        let until = Instant::now() + BATCH;
        let mut is_over = false;
        let chunk = match first.take() {
            Some(silence) => match timeout_at(silence, chunks.recv()).await {
                Ok(chunk) => chunk,
                Err(_) => {
                    // Nothing yet, which is something to tell.
                    if messages
                        .send(Message::Log(watch, Vec::new()))
                        .await
                        .is_err()
                    {
                        return;
                    }
                    continue;
                }
            },
            None => chunks.recv().await,
        };
        match chunk {
            Some(chunk) => batch.take(chunk, is_past),
            None => is_over = true,
        }
        let until = until.max(Instant::now() + BATCH / 2);
        while !is_over {
            match timeout_at(until, chunks.recv()).await {
                Ok(Some(chunk)) => batch.take(chunk, is_past),
                Ok(None) => is_over = true,
                Err(_) => break,
            }
        }
        // What follows a pause is not the past any more.
        is_past &= batch.is_full_of_past();
        let failure = match (batch.failures.len(), logs.sources.len()) {
            (1.., 1) => batch.failures.pop().map(|(_, failure)| failure),
            _ => None,
        };
        let rows = batch.rows(is_over || failure.is_some());
        if !rows.is_empty() && messages.send(Message::Log(watch, rows)).await.is_err() {
            return;
        }
        if is_over || failure.is_some() {
            // Nobody listens any more once the dashboard is left.
            let _ = messages.send(Message::LogEnded(watch, failure)).await;
            return;
        }
    }
}

async fn pass_on(
    source: u16,
    mut lines: mpsc::Receiver<Result<LogLine>>,
    sender: mpsc::Sender<Chunk>,
) {
    loop {
        let mut chunk = Vec::new();
        if lines.recv_many(&mut chunk, CHUNK).await == 0 {
            return;
        }
        if sender.send((source, chunk)).await.is_err() {
            return;
        }
    }
}

/// What came since the last batch.
struct Batch {
    lines: VecDeque<(u16, LogLine)>,
    bytes: usize,
    skipped: u64,
    failures: Vec<(u16, Failure)>,
    /// How many came in this batch, kept or not.
    count: usize,
    readers: Vec<Reader>,
    names: Vec<Box<str>>,
    newest: Timestamp,
}

/// What is known of a log between its lines.
#[derive(Default)]
struct Reader {
    joiner: Joiner,
    inkers: [Inker; 2],
}

impl Batch {
    fn new(logs: &Logs) -> Self {
        Self {
            lines: VecDeque::new(),
            bytes: 0,
            skipped: 0,
            failures: Vec::new(),
            count: 0,
            readers: logs.sources.iter().map(|_| Reader::default()).collect(),
            names: logs.sources.iter().map(|(_, name)| name.clone()).collect(),
            newest: Timestamp::UNIX_EPOCH,
        }
    }

    fn take(&mut self, (source, chunk): Chunk, is_past: bool) {
        let most = if is_past { PAST } else { COMING };
        for line in chunk {
            let line = match line {
                Ok(line) => line,
                Err(error) => {
                    self.failures.push((source, error.into()));
                    continue;
                }
            };
            self.count += 1;
            self.bytes += line.text.len();
            self.lines.push_back((source, line));
            while self.lines.len() > most || self.bytes > BATCH_BYTES.max(most * 64) {
                let Some((_, line)) = self.lines.pop_front() else {
                    break;
                };
                self.bytes -= line.text.len();
                self.skipped += 1;
            }
        }
    }

    fn is_full_of_past(&self) -> bool {
        self.count >= CHUNK
    }

    /// The rows of all that came; at the end also of what is half a line.
    fn rows(&mut self, is_end: bool) -> Vec<LogRow> {
        let mut lines: Vec<_> = self.lines.drain(..).collect();
        if self.readers.len() > 1 {
            lines.sort_by_key(|(_, line)| line.at);
        }
        (self.bytes, self.count) = (0, 0);
        let mut rows = Vec::with_capacity(lines.len() + 1);
        if let (1.., Some((source, line))) = (self.skipped, lines.first()) {
            let text = format!("{} lines passed too fast to be shown", self.skipped);
            rows.push(LogRow::of(line.at, Kind::Notice, *source, text));
        }
        self.skipped = 0;
        for (source, line) in lines {
            self.newest = self.newest.max(line.at);
            let reader = &mut self.readers[usize::from(source)];
            rows.extend(
                reader
                    .joiner
                    .join(line)
                    .map(|line| reader.row(&line, source)),
            );
        }
        if is_end {
            for (source, reader) in (0..).zip(&mut self.readers) {
                rows.extend(reader.joiner.0.take().map(|line| reader.row(&line, source)));
            }
        }
        for (source, failure) in self.failures.drain(..) {
            let name = self.names.get(usize::from(source)).map_or("", |name| name);
            let text = format!("{}: {}", sanitize(name), failure.message);
            rows.push(LogRow::of(self.newest, Kind::Notice, source, text));
        }
        rows
    }
}

impl Reader {
    fn row(&mut self, line: &LogLine, source: u16) -> LogRow {
        LogRow::new(line, source, &mut self.inkers[line.stream as usize])
    }
}

/// Puts the parts of long lines together again.
#[derive(Default)]
struct Joiner(Option<LogLine>);

impl Joiner {
    /// A whole line, if this part completes one.
    fn join(&mut self, part: LogLine) -> Option<LogLine> {
        let line = match self.0.take() {
            Some(mut begun) if begun.stream == part.stream => {
                begun.text.extend_from_slice(&part.text);
                begun.partial = part.partial;
                begun
            }
            // The other stream came between: rather two lines than a mixed one.
            Some(begun) => {
                self.0 = Some(part);
                return Some(begun);
            }
            None => part,
        };
        if line.partial && line.text.len() < LINE_MAX {
            self.0 = Some(line);
            return None;
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stream;

    fn part(text: &str, stream: Stream, partial: bool) -> LogLine {
        LogLine {
            at: Timestamp::UNIX_EPOCH,
            stream,
            text: text.into(),
            partial,
        }
    }

    fn logs(count: u64) -> Logs {
        let source = |n| {
            (
                ContainerId::from_bytes(&[n as u8; 32]),
                format!("c{n}").into(),
            )
        };
        Logs {
            sources: (0..count).map(source).collect(),
            since: None,
            tail: 10,
        }
    }

    #[test]
    fn parts_of_a_line_are_joined_and_streams_are_not_mixed() {
        let mut joiner = Joiner::default();
        assert!(joiner.join(part("a", Stream::Stdout, true)).is_none());
        let whole = joiner.join(part("b", Stream::Stdout, false)).unwrap();
        assert_eq!(whole.text, b"ab");
        assert!(joiner.join(part("c", Stream::Stdout, true)).is_none());
        let cut = joiner.join(part("d", Stream::Stderr, true)).unwrap();
        assert_eq!(cut.text, b"c");
    }

    #[test]
    fn flood_keeps_the_newest_and_says_how_many_are_missing() {
        let mut batch = Batch::new(&logs(1));
        for n in 0..50_000 {
            let line = part(&n.to_string(), Stream::Stdout, false);
            batch.take((0, vec![Ok(line)]), false);
        }
        let rows = batch.rows(false);
        assert_eq!(rows.len(), COMING + 1);
        assert_eq!(&*rows[0].text, "48000 lines passed too fast to be shown");
        assert_eq!(&*rows.last().unwrap().text, "49999");
        let big = "x".repeat(16 << 10);
        for _ in 0..1_000 {
            batch.take((0, vec![Ok(part(&big, Stream::Stdout, false))]), false);
        }
        assert!(batch.bytes <= BATCH_BYTES);
    }

    #[test]
    fn lines_of_several_logs_are_put_in_order() {
        let mut batch = Batch::new(&logs(2));
        let at = |secs, text: &str| {
            let mut line = part(text, Stream::Stdout, false);
            line.at = Timestamp::from_second(secs).unwrap();
            Ok(line)
        };
        batch.take((0, vec![at(1, "a"), at(4, "d")]), true);
        batch.take((1, vec![at(2, "b"), at(3, "c")]), true);
        let rows = batch.rows(false);
        let texts: Vec<_> = rows.iter().map(|row| &*row.text).collect();
        assert_eq!(texts, ["a", "b", "c", "d"]);
        assert_eq!((rows[0].source, rows[1].source), (0, 1));
    }
}
