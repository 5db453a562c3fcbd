//! The processes' tab: the cursor, the order, signals.

use super::super::{Job, Menu, Modal, Pending, Pick, Picked, Question, State, processes::SORT};
use crate::{
    action::Action,
    format::text::{sanitize, truncate},
    model::{Process, SignalRequest},
};

/// Signals that people send, and what programs make of them.
const SIGNALS: [(char, &str, &str); 11] = [
    ('t', "TERM", "asks it to end"),
    (
        'h',
        "HUP",
        "asks it to read its configuration again, or to end",
    ),
    ('i', "INT", "what ctrl-c sends"),
    ('u', "USR1", "its own meaning; ends what has none"),
    ('v', "USR2", "its own meaning; ends what has none"),
    ('q', "QUIT", "ends it with a core dump"),
    ('w', "WINCH", "tells of a new terminal size"),
    ('s', "STOP", "freezes it"),
    ('c', "CONT", "lets it go on"),
    ('a', "ABRT", "ends it with a core dump"),
    (
        'x',
        "KILL",
        "ends it at once, without a chance to save its work",
    ),
];

/// Columns of a command line in a question.
const COMMAND: usize = 60;

impl State {
    fn processes(&self) -> &[Process] {
        match &self.details.processes {
            Pending::Ready(processes) => processes,
            _ => &[],
        }
    }

    pub(super) fn on_processes(&mut self, result: Pending<Vec<Process>>) {
        self.details.processes = result;
        if let Pending::Ready(processes) = &self.details.processes {
            self.details.table.take(processes, self.clock);
        }
    }

    pub(super) fn on_process_action(&mut self, action: Action) {
        match action {
            Action::ProcessTree => {
                self.details.table.is_tree = !self.details.table.is_tree;
                self.arrange_processes();
            }
            Action::ProcessSort => self.open_process_sort(),
            _ => self.open_signals(),
        }
    }

    fn arrange_processes(&mut self) {
        if let Pending::Ready(processes) = &self.details.processes {
            self.details.table.arrange(processes);
        }
    }

    pub(super) fn step_process(&mut self, by: isize) {
        if let Pending::Ready(processes) = &self.details.processes {
            self.details.table.step(by, processes);
        }
    }

    pub(super) fn open_process_sort(&mut self) {
        let table = &self.details.table;
        let pick = |column: &'static str| Pick {
            key: None,
            label: column.to_owned(),
            note: match (table.sort == column, table.is_descending) {
                (false, _) => "",
                (true, true) => "descending; again turns it round",
                (true, false) => "ascending; again turns it round",
            }
            .into(),
            picked: Picked::SortProcesses(column),
        };
        self.modal = Some(Modal::Menu(Menu {
            title: "Sort processes by".into(),
            picks: SORT.into_iter().map(pick).collect(),
            cursor: SORT.iter().position(|c| *c == table.sort).unwrap_or(0),
        }));
    }

    pub(super) fn sort_processes(&mut self, column: &'static str) {
        let table = &mut self.details.table;
        table.is_descending = if table.sort == column {
            !table.is_descending
        } else {
            matches!(column, "threads" | "memory" | "cpu" | "started")
        };
        table.sort = column;
        self.arrange_processes();
    }

    fn open_signals(&mut self) {
        let Some(process) = self.details.table.selected(self.processes()) else {
            return self.say("no process is selected");
        };
        let title = format!("Send to process {}", process.pid);
        let picks = SIGNALS.into_iter().map(|(key, name, note)| Pick {
            key: Some(key),
            label: name.to_owned(),
            note: note.to_owned(),
            picked: Picked::Signal(name),
        });
        let picks = picks.collect();
        self.modal = Some(Modal::Menu(Menu {
            title,
            picks,
            cursor: 0,
        }));
    }

    /// Sends a signal to the process under the cursor, SIGKILL after a question, unless
    /// `[confirm]` asks before each or before none: its line about `container.kill`.
    pub(super) fn signal_process(&mut self, signal: &'static str) {
        let (Some(row), Some(process)) = (
            self.selected_container(),
            self.details.table.selected(self.processes()),
        ) else {
            return self.say("the process is gone");
        };
        let name = sanitize(&row.container.name).into_owned();
        let shown = sanitize(&process.command).into_owned();
        let shown = truncate(&shown, COMMAND, self.look.glyphs).into_owned();
        let pid = process.pid;
        let is_init = row.container.pid == Some(pid);
        let job = Job::Signal(SignalRequest {
            id: row.container.id.clone(),
            pid,
            started: process.started,
            signal: signal.to_owned(),
        });
        let what = format!("send {signal} to process {pid} of {name}");
        // Only for the first process is there a command of ours; kill(1) does the rest.
        let command = Some(match is_init {
            true => format!(
                "wharf kill --signal {signal} {}",
                super::super::activity::quoted(&row.container.name)
            ),
            false => format!("kill -{signal} {pid}"),
        });
        // Unless `[confirm]` says otherwise only what can't be caught is asked about.
        let asks = self.config.confirmation(Action::Kill.spec());
        if !asks.unwrap_or(signal == "KILL") {
            return self.begin(what, command, job);
        }
        let mut lines = vec![
            format!("{pid}  {shown}"),
            format!("of {name}"),
            String::new(),
            match signal {
                "KILL" => "It ends at once, without a chance to save its work.".into(),
                _ => "What it does then is its own affair; most programs end.".into(),
            },
        ];
        if is_init {
            lines.push("It is the first process: the container ends with it.".into());
        }
        self.modal = Some(Modal::Ask(Question {
            title: format!("Send SIG{signal} to this process?"),
            lines,
            job,
            what,
            command,
        }));
    }

    pub(super) fn process_picks(&self) -> Vec<Pick> {
        let Some(process) = self.details.table.selected(self.processes()) else {
            return Vec::new();
        };
        vec![
            Pick::copy('p', "pid", "pid", process.pid.to_string()),
            Pick::copy('c', "command", "command", process.command.clone()),
            Pick::copy('u', "user", "user", process.user.clone()),
        ]
    }
}
