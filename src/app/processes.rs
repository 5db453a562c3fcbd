//! The processes of the selected container as they are arranged: sorted, as a tree or a
//! list, one under the cursor, with what each uses of a processor.

use std::{cmp::Ordering, collections::HashMap, time::Duration};

use super::list::Extent;
use crate::{format::text::Align, model::Process};

/// What processes can be sorted by.
pub const SORT: [&str; 7] = [
    "pid", "user", "threads", "memory", "cpu", "started", "command",
];

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessColumn {
    /// What it sorts by; empty if by nothing.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Columns of the screen; 0 for the rest of the line.
    pub columns: u16,
    /// Its side.
    pub align: Align,
    /// The lightest goes first where there is little room.
    weight: u8,
}

/// Columns that a command line gets at least.
const COMMAND: u16 = 24;
/// Columns between columns.
pub const PROCESS_GAP: u16 = 2;

/// The columns that there is room for, from the left.
pub fn process_columns(width: u16) -> Vec<ProcessColumn> {
    let column = |id, title, columns, align, weight| ProcessColumn {
        id,
        title,
        columns,
        align,
        weight,
    };
    let mut columns = vec![
        column("pid", "PID", 8, Align::Right, 9),
        column("", "PARENT", 8, Align::Right, 1),
        column("user", "USER", 10, Align::Left, 6),
        column("", "S", 1, Align::Left, 5),
        column("threads", "THREADS", 8, Align::Right, 2),
        column("cpu", "CPU", 7, Align::Right, 8),
        column("memory", "MEMORY", 9, Align::Right, 7),
        column("", "CPU TIME", 9, Align::Right, 4),
    ];
    let taken = |columns: &[ProcessColumn]| {
        let each = columns.iter().map(|column| column.columns + PROCESS_GAP);
        each.sum::<u16>()
    };
    while taken(&columns) + COMMAND > width && columns.len() > 2 {
        let lightest = (0..columns.len()).min_by_key(|&n| columns[n].weight);
        columns.remove(lightest.unwrap_or(0));
    }
    columns.push(column("command", "COMMAND", 0, Align::Left, u8::MAX));
    columns
}

/// The arrangement.
#[derive(Clone, Debug)]
pub struct ProcessView {
    /// The rows, in the order shown.
    pub rows: Vec<ProcessRow>,
    /// The row under the cursor.
    pub cursor: usize,
    /// The first row on screen.
    pub top: usize,
    /// Whether children stand below their parents.
    pub is_tree: bool,
    /// What they are sorted by.
    pub sort: &'static str,
    /// Whether the largest come first.
    pub is_descending: bool,
    selected: Option<i32>,
    /// When the processes before were read, and what each had used then.
    before: Option<(Duration, HashMap<i32, Duration>)>,
    rates: HashMap<i32, f64>,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRow {
    /// Its place in the list that was read.
    pub index: usize,
    /// How many ancestors it has here.
    pub depth: usize,
}

impl Default for ProcessView {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            cursor: 0,
            top: 0,
            is_tree: true,
            sort: "pid",
            is_descending: false,
            selected: None,
            before: None,
            rates: HashMap::new(),
        }
    }
}

impl ProcessView {
    /// Nothing, arranged as this is.
    pub fn renewed(&self) -> Self {
        Self {
            is_tree: self.is_tree,
            sort: self.sort,
            is_descending: self.is_descending,
            ..Self::default()
        }
    }

    /// Takes a new list, read at this time of the dashboard's clock.
    pub fn take(&mut self, processes: &[Process], clock: Duration) {
        self.rates.clear();
        if let Some((then, used)) = &self.before {
            let secs = clock.saturating_sub(*then).as_secs_f64();
            for process in processes.iter().filter(|_| secs > 0.1) {
                // A process that came since has no rate yet, and one whose time went
                // back is another.
                let more = used
                    .get(&process.pid)
                    .and_then(|before| process.cpu_time.checked_sub(*before));
                if let Some(more) = more {
                    self.rates.insert(process.pid, more.as_secs_f64() / secs);
                }
            }
        }
        let used = processes.iter().map(|p| (p.pid, p.cpu_time)).collect();
        self.before = Some((clock, used));
        self.arrange(processes);
    }

    /// Cores that a process uses.
    pub fn rate(&self, pid: i32) -> Option<f64> {
        self.rates.get(&pid).copied()
    }

    /// Puts the rows in order; the cursor stays on its process.
    pub fn arrange(&mut self, processes: &[Process]) {
        let mut order: Vec<usize> = (0..processes.len()).collect();
        order.sort_by(|&a, &b| self.compare(&processes[a], &processes[b]));
        self.rows.clear();
        if self.is_tree {
            self.grow(processes, &order);
        } else {
            let row = |index| ProcessRow { index, depth: 0 };
            self.rows.extend(order.into_iter().map(row));
        }
        let pid = |row: &ProcessRow| processes[row.index].pid;
        let found = self
            .selected
            .and_then(|wanted| self.rows.iter().position(|row| pid(row) == wanted));
        let last = self.rows.len().saturating_sub(1);
        self.cursor = found.unwrap_or(self.cursor.min(last));
        self.selected = self.rows.get(self.cursor).map(pid);
    }

    /// Children below their parents, siblings in order. Walks with a stack of its own: a
    /// container can nest processes deeper than ours.
    fn grow(&mut self, processes: &[Process], order: &[usize]) {
        let known: HashMap<i32, usize> = processes
            .iter()
            .enumerate()
            .map(|(n, p)| (p.pid, n))
            .collect();
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut stack = Vec::new();
        for &index in order.iter().rev() {
            let process = &processes[index];
            match known.get(&process.parent) {
                Some(&parent) if parent != index => {
                    children.entry(parent).or_default().push(index);
                }
                _ => stack.push((index, 0)),
            }
        }
        while let Some((index, depth)) = stack.pop() {
            self.rows.push(ProcessRow { index, depth });
            let below = children.remove(&index).unwrap_or_default();
            stack.extend(below.into_iter().map(|child| (child, depth + 1)));
        }
        // Read while they changed, parents may form a ring: nobody is left out.
        let mut rest: Vec<usize> = children.into_values().flatten().collect();
        rest.sort_unstable();
        let row = |index| ProcessRow { index, depth: 0 };
        self.rows.extend(rest.into_iter().map(row));
    }

    fn compare(&self, a: &Process, b: &Process) -> Ordering {
        let order = match self.sort {
            "user" => a.user.cmp(&b.user),
            "threads" => a.threads.cmp(&b.threads),
            "memory" => a.resident_bytes.cmp(&b.resident_bytes),
            "cpu" => {
                let rate = |p: &Process| self.rate(p.pid).unwrap_or(0.0);
                rate(a)
                    .total_cmp(&rate(b))
                    .then(a.cpu_time.cmp(&b.cpu_time))
            }
            "started" => a.started.cmp(&b.started),
            "command" => a.command.cmp(&b.command),
            _ => a.pid.cmp(&b.pid),
        };
        let order = if self.is_descending {
            order.reverse()
        } else {
            order
        };
        order.then(a.pid.cmp(&b.pid))
    }

    /// Moves the cursor, stopping at both ends.
    pub fn step(&mut self, by: isize, processes: &[Process]) {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
        let row = self.rows.get(self.cursor);
        self.selected = row.map(|row| processes[row.index].pid);
    }

    /// The process under the cursor.
    pub fn selected<'a>(&self, processes: &'a [Process]) -> Option<&'a Process> {
        processes.get(self.rows.get(self.cursor)?.index)
    }

    /// Scrolls so that the cursor is on screen.
    pub fn scroll_into_view(&mut self, height: usize) {
        let here = Extent {
            top: self.top,
            cursor: self.cursor,
            lines: self.rows.len(),
        };
        self.top = here.top_in_view(height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, cpu_ms: u64) -> Process {
        Process {
            pid,
            parent,
            user: "root".into(),
            state: 'S',
            threads: 1,
            resident_bytes: 0,
            cpu_time: Duration::from_millis(cpu_ms),
            started: jiff::Timestamp::UNIX_EPOCH,
            command: "x".into(),
        }
    }

    fn shown(view: &ProcessView, processes: &[Process]) -> Vec<(i32, usize)> {
        let row = |row: &ProcessRow| (processes[row.index].pid, row.depth);
        view.rows.iter().map(row).collect()
    }

    #[test]
    fn children_stand_below_their_parents_and_nobody_is_lost_in_a_ring() {
        let mut view = ProcessView::default();
        let tree = [
            process(10, 1, 0),
            process(12, 11, 0),
            process(11, 10, 0),
            process(13, 10, 0),
        ];
        view.take(&tree, Duration::ZERO);
        assert_eq!(shown(&view, &tree), [(10, 0), (11, 1), (12, 2), (13, 1)]);
        let ring = [process(5, 6, 0), process(6, 5, 0), process(7, 7, 0)];
        view.take(&ring, Duration::ZERO);
        assert_eq!(view.rows.len(), 3);
        let deep: Vec<_> = (0..20_000).map(|n| process(n + 1, n, 0)).collect();
        view.take(&deep, Duration::ZERO);
        assert_eq!(view.rows.len(), 20_000);
    }

    #[test]
    fn rates_need_two_lists_and_the_cursor_follows_its_process() {
        let mut view = ProcessView {
            is_tree: false,
            sort: "cpu",
            is_descending: true,
            ..ProcessView::default()
        };
        let first = [process(1, 0, 0), process(2, 0, 100)];
        view.take(&first, Duration::from_secs(1));
        assert_eq!(view.rate(1), None);
        assert_eq!(view.selected(&first).unwrap().pid, 2);
        let second = [
            process(1, 0, 1_000),
            process(2, 0, 100),
            process(3, 0, 9_000),
        ];
        view.take(&second, Duration::from_secs(3));
        assert_eq!(view.rate(1), Some(0.5));
        assert_eq!(view.rate(3), None, "it came since");
        assert_eq!(shown(&view, &second)[0], (1, 0));
        assert_eq!(view.selected(&second).unwrap().pid, 2);
    }
}
