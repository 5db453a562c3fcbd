//! The limits editor: what is typed for each limit of one or several containers, what
//! that makes of each of them, and how a change is taken back.

use crate::{
    format::{
        columns::Item,
        limits::{self, Note},
        values::{self, Parsed},
    },
    model::{
        Capabilities, ContainerId, ContainerRow, Limit, Limits, RestartPolicy, UpdateRequest, World,
    },
};

/// The word that takes a limit away.
pub const NONE: &str = "none";

/// What a line of the editor is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A limit.
    Limit(Limit),
    /// The restart policy.
    Restart,
}

/// The lines of the editor.
pub const SETTINGS: [Setting; 17] = [
    Setting::Limit(Limit::Cpus),
    Setting::Limit(Limit::CpuShares),
    Setting::Limit(Limit::CpusetCpus),
    Setting::Limit(Limit::Memory),
    Setting::Limit(Limit::MemorySwap),
    Setting::Limit(Limit::MemoryReservation),
    Setting::Limit(Limit::MemoryMin),
    Setting::Limit(Limit::MemoryHigh),
    Setting::Limit(Limit::Pids),
    Setting::Limit(Limit::BlkioWeight),
    Setting::Limit(Limit::ReadBps),
    Setting::Limit(Limit::WriteBps),
    Setting::Limit(Limit::ReadIops),
    Setting::Limit(Limit::WriteIops),
    Setting::Limit(Limit::NetRateIn),
    Setting::Limit(Limit::NetRateOut),
    Setting::Restart,
];

impl Setting {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit(limit) => limit.as_str(),
            Self::Restart => "restart",
        }
    }

    /// What may be typed.
    pub fn allowed(self) -> &'static str {
        match self {
            Self::Limit(limit) => limits::allowed(limit),
            Self::Restart => "no, on-failure[:N], always or unless-stopped",
        }
    }

    /// Its value in a container, as it would be typed.
    pub fn value(self, row: &ContainerRow) -> Option<String> {
        let config = &row.container.config;
        match self {
            Self::Limit(limit) => limits::show(limit, &config.limits),
            Self::Restart => Some(config.restart.to_string()),
        }
    }
}

/// What is being edited.
#[derive(Clone, Debug)]
pub struct Editor {
    /// Of which containers.
    pub targets: Vec<ContainerId>,
    /// What was typed, one text for each of [`SETTINGS`]; empty leaves it as it is.
    pub texts: [String; SETTINGS.len()],
    /// The line of the cursor.
    pub cursor: usize,
    /// Whether it was asked for and refused, so that the reason must stand out.
    pub is_refused: bool,
    /// The engine that is to make the change.
    can: Capabilities,
}

/// What was typed, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Limits to set.
    pub limits: Limits,
    /// Limits to take away.
    pub unset: Vec<Limit>,
    /// The new restart policy.
    pub restart: Option<RestartPolicy>,
}

/// What a change makes of one container.
#[derive(Clone, Debug)]
pub struct Forecast<'a> {
    /// Which.
    pub row: &'a ContainerRow,
    /// What there is to know, refusals first.
    pub notes: Vec<Note>,
}

impl Forecast<'_> {
    /// Why it can't be made.
    pub fn refusal(&self) -> Option<&Note> {
        self.notes.first().filter(|note| note.is_refusal)
    }
}

impl Editor {
    /// Nothing typed yet.
    pub fn new(targets: Vec<ContainerId>, can: Capabilities) -> Self {
        Self {
            can,
            targets,
            texts: Default::default(),
            cursor: 0,
            is_refused: false,
        }
    }

    /// What is wrong with the text of a line by itself.
    pub fn fault(&self, line: usize) -> Option<String> {
        self.read_line(line, &mut Change::default()).err()
    }

    /// What was typed, if every line of it can be read.
    pub fn change(&self) -> Result<Change, usize> {
        let mut change = Change::default();
        for line in 0..SETTINGS.len() {
            self.read_line(line, &mut change).map_err(|_| line)?;
        }
        Ok(change)
    }

    /// Why this engine can't set what a line is about.
    pub fn lack(&self, line: usize) -> Option<&str> {
        match SETTINGS[line] {
            Setting::Limit(limit) => self.can.can(limit.needs()?).err(),
            Setting::Restart => None,
        }
    }

    fn read_line(&self, line: usize, change: &mut Change) -> Parsed<()> {
        let text = self.texts[line].trim();
        if text.is_empty() {
            return Ok(());
        }
        if let Some(why) = self.lack(line) {
            return Err(why.to_owned());
        }
        match SETTINGS[line] {
            Setting::Restart if text == NONE => change.restart = Some(RestartPolicy::No),
            Setting::Restart => change.restart = Some(values::restart(text)?),
            Setting::Limit(limit) if text == NONE => change.unset.push(limit),
            Setting::Limit(limit) => limits::read(limit, text, &mut change.limits)?,
        }
        Ok(())
    }

    /// The targets that still exist.
    pub fn rows<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a ContainerRow> {
        self.targets.iter().filter_map(|id| world.container(id))
    }
}

impl Change {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is asked of the engine for one container.
    pub fn request(&self, id: ContainerId) -> UpdateRequest {
        UpdateRequest {
            id,
            limits: self.limits.clone(),
            unset: self.unset.clone(),
            restart: self.restart,
        }
    }

    /// What it makes of a container.
    pub fn forecast<'a>(&self, row: &'a ContainerRow, world: &World) -> Forecast<'a> {
        let after = row
            .container
            .config
            .limits
            .changed(&self.limits, &self.unset);
        let item = Item::new(row, &world.host, world.at);
        Forecast {
            row,
            notes: limits::notes(&after, &item),
        }
    }

    /// What takes it back in a container as it is now: what it touches as it was.
    pub fn inverse(&self, row: &ContainerRow) -> UpdateRequest {
        let config = &row.container.config;
        let mut undo = Self::default();
        for limit in Limit::ALL {
            if !self.limits.has(limit) && !self.unset.contains(&limit) {
                continue;
            }
            if config.limits.has(limit) {
                undo.limits.copy(limit, &config.limits);
            } else {
                undo.unset.push(limit);
            }
        }
        undo.restart = self.restart.map(|_| config.restart);
        undo.request(row.container.id.clone())
    }

    /// The changes of one container, each `name before → after`.
    pub fn words(&self, row: &ContainerRow, arrow: &str) -> Vec<String> {
        let config = &row.container.config;
        let after = config.limits.changed(&self.limits, &self.unset);
        let mut words = Vec::new();
        for limit in Limit::ALL {
            let (old, new) = (
                limits::show(limit, &config.limits),
                limits::show(limit, &after),
            );
            if old != new {
                let said = |value: Option<String>| value.unwrap_or_else(|| NONE.into());
                words.push(format!(
                    "{} {} {arrow} {}",
                    limit.as_str(),
                    said(old),
                    said(new)
                ));
            }
        }
        if let Some(policy) = self.restart.filter(|policy| *policy != config.restart) {
            words.push(format!("restart {} {arrow} {policy}", config.restart));
        }
        words
    }
}

/// How the last changes of limits are taken back, the newest last.
#[derive(Clone, Debug, Default)]
pub struct UndoStack {
    changes: Vec<Vec<UpdateRequest>>,
    pending: Vec<Pending>,
}

/// A change, or its undoing, that has begun.
#[derive(Clone, Debug)]
struct Pending {
    operation: u64,
    is_undo: bool,
    requests: Vec<UpdateRequest>,
    told: Vec<String>,
}

impl UndoStack {
    /// Most changes that can be taken back.
    const CAPACITY: usize = 50;

    /// Notes a change that has begun: what takes it back, and what to tell at its end.
    pub fn begin(&mut self, operation: u64, undo: Vec<UpdateRequest>, told: Vec<String>) {
        self.pending.push(Pending {
            operation,
            is_undo: false,
            requests: undo,
            told,
        });
    }

    /// Notes that the last change is being taken back by these requests.
    pub fn begin_undo(&mut self, operation: u64, requests: Vec<UpdateRequest>) {
        self.pending.push(Pending {
            operation,
            is_undo: true,
            requests,
            told: Vec::new(),
        });
    }

    /// Notes the end of either: a change that succeeded can be taken back from now on,
    /// and so can one whose undoing failed. What is to be told of a change.
    pub fn end(&mut self, operation: u64, succeeded: impl Fn(&ContainerId) -> bool) -> Vec<String> {
        let at = self.pending.iter().position(|p| p.operation == operation);
        let Some(mut pending) = at.map(|at| self.pending.swap_remove(at)) else {
            return Vec::new();
        };
        pending
            .requests
            .retain(|request| succeeded(&request.id) != pending.is_undo);
        if !pending.requests.is_empty() {
            if self.changes.len() == Self::CAPACITY {
                self.changes.remove(0);
            }
            self.changes.push(pending.requests);
        }
        pending.told
    }

    /// What takes back the last change, which is then forgotten.
    pub fn pop(&mut self) -> Option<Vec<UpdateRequest>> {
        self.changes.pop()
    }

    /// Whether there is nothing to take back.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
