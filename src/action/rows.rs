//! The rows. A new action is a row here and the arm that the compiler then asks for.

use super::{
    Action, ActionSpec, Code, Danger, Key, Refusal, Scope, Subject,
    needs::{
        a_container, can_change, can_exec, can_kill, can_pause, can_remove, can_remove_image,
        can_restart, can_see_changes, can_see_processes, can_start, can_stop, can_unpause, nothing,
    },
};

mod command;
mod motion;
mod time;

/// Every action, in the order in which help, hints and palette list them.
pub const ACTIONS: &[ActionSpec] = &join::<
    { FIRST.len() + time::ROWS.len() + motion::ROWS.len() + command::ROWS.len() },
>(&[FIRST, time::ROWS, motion::ROWS, command::ROWS]);

const FIRST: &[ActionSpec] = &[
    // What is done to containers.
    container(Action::Start, "container.start", "start", &[Key::char('S')])
        .says("Start stopped containers")
        .cli("start")
        .needs(can_start),
    container(Action::Stop, "container.stop", "stop", &[Key::char('s')])
        .says("Stop running containers, politely first")
        .cli("stop")
        .needs(can_stop),
    container(
        Action::Restart,
        "container.restart",
        "restart",
        &[Key::char('r')],
    )
    .says("Stop containers and start them again")
    .cli("restart")
    .needs(can_restart),
    container(Action::Pause, "container.pause", "pause", &[Key::char('p')])
        .says("Freeze all processes of containers")
        .cli("pause")
        .needs(can_pause),
    container(
        Action::Unpause,
        "container.unpause",
        "unpause",
        &[Key::char('p')],
    )
    .says("Let paused containers run on")
    .cli("unpause")
    .needs(can_unpause),
    container(Action::Kill, "container.kill", "kill", &[Key::ctrl('k')])
        .says("Send a signal to containers, SIGKILL if none is named")
        .cli("kill")
        .danger(Danger::Interrupts)
        .needs(can_kill),
    container(
        Action::Remove,
        "container.remove",
        "remove",
        &[Key::char('d')],
    )
    .says("Remove containers with all they wrote")
    .cli("rm")
    .danger(Danger::Destroys)
    .needs(can_remove),
    container(Action::Shell, "container.shell", "shell", &[Key::char('e')])
        .says("Run a command in a running container, a shell by its key")
        .cli("exec")
        .needs(can_exec),
    container(
        Action::Attach,
        "container.attach",
        "attach",
        &[Key::char('a')],
    )
    .says("Attach this terminal to a running container")
    .cli("attach")
    .needs(can_exec),
    // What is seen of them.
    container(Action::Logs, "container.logs", "logs", &[Key::char('l')])
        .says("Show the log of a container")
        .cli("logs")
        .needs(a_container),
    container(Action::Stats, "container.stats", "stats", &[Key::char('t')])
        .says("Show what containers use: CPU, memory, IO, processes")
        .cli("stats")
        .needs(a_container),
    container(
        Action::Processes,
        "container.top",
        "processes",
        &[Key::char('P')],
    )
    .says("Show the processes of a container")
    .cli("top")
    .needs(can_see_processes),
    container(
        Action::Inspect,
        "container.inspect",
        "inspect",
        &[Key::char('i')],
    )
    .says("Show all that is known about containers")
    .cli("inspect")
    .needs(a_container),
    container(
        Action::Changes,
        "container.diff",
        "files",
        &[Key::char('f')],
    )
    .says("Show the files that a container changed")
    .cli("diff")
    .needs(can_see_changes),
    // The containers screen.
    view(
        Action::Mark,
        "view.mark",
        "mark",
        Scope::Containers,
        &[Key::char(' ')],
    )
    .says("Mark the container for an operation on several")
    .needs(a_container),
    view(
        Action::MarkAll,
        "view.mark-all",
        "mark all",
        Scope::Containers,
        &[Key::ctrl('a')],
    )
    .says("Mark all containers that are shown, or none"),
    view(
        Action::ToggleAll,
        "view.all",
        "all/running",
        Scope::Containers,
        &[Key::char('A')],
    )
    .says("Show all containers, or only those that run"),
    view(
        Action::NextMatch,
        "view.next-match",
        "next match",
        Scope::Containers,
        &[Key::char('n')],
    )
    .says("Go to the next match of what is searched"),
    view(
        Action::PreviousMatch,
        "view.previous-match",
        "previous match",
        Scope::Containers,
        &[Key::char('N')],
    )
    .says("Go to the match before this"),
    // A container's log.
    view(
        Action::Follow,
        "log.follow",
        "follow",
        Scope::Logs,
        &[Key::char('F')],
    )
    .says("Follow the end of the log, or stop following"),
    view(
        Action::LogFilter,
        "log.filter",
        "filter lines",
        Scope::Logs,
        &[Key::char('&')],
    )
    .says("Show only the lines that match; ! before it, those that do not"),
    view(
        Action::LogSince,
        "log.since",
        "since",
        Scope::Logs,
        &[Key::char('H')],
    )
    .says("Choose from when on the log is read"),
    view(
        Action::Wrap,
        "log.wrap",
        "wrap",
        Scope::Logs,
        &[Key::char('w')],
    )
    .says("Wrap long lines, or cut them"),
    view(
        Action::LogTimes,
        "log.times",
        "times",
        Scope::Logs,
        &[Key::char('T')],
    )
    .says("Show times: the clock, with the date, or not at all"),
    view(
        Action::LogStreams,
        "log.streams",
        "streams",
        Scope::Logs,
        &[Key::char('E')],
    )
    .says("Show both streams, stderr alone or stdout alone"),
    view(
        Action::LogJson,
        "log.json",
        "json",
        Scope::Logs,
        &[Key::char('J')],
    )
    .says("Lay lines of JSON out, or show them as they are"),
    view(
        Action::LogColors,
        "log.colors",
        "colours",
        Scope::Logs,
        &[Key::char('D')],
    )
    .says("Show the log's own colours, or none"),
    view(
        Action::LogMerge,
        "log.merge",
        "merge",
        Scope::Logs,
        &[Key::ctrl('g')],
    )
    .says("Show the logs of the marked containers as one, by time"),
    view(
        Action::LogMark,
        "log.mark",
        "rule",
        Scope::Logs,
        &[Key::char('m')],
    )
    .says("Draw a rule below the newest line"),
    view(
        Action::LogNextMark,
        "log.next-mark",
        "next rule",
        Scope::Logs,
        &[Key::char('\'')],
    )
    .says("Go to the next rule"),
    view(
        Action::LogClear,
        "log.clear",
        "clear",
        Scope::Logs,
        &[Key::char('C')],
    )
    .says("Clear the view of the log; the log itself stays"),
    view(
        Action::LogSave,
        "log.save",
        "save",
        Scope::Logs,
        &[Key::ctrl('s')],
    )
    .says("Write what is shown of the log to a file"),
    view(
        Action::LogLeft,
        "log.left",
        "left",
        Scope::Logs,
        &[Key::of(Code::Left)],
    )
    .says("Move cut lines back to the right"),
    view(
        Action::LogRight,
        "log.right",
        "right",
        Scope::Logs,
        &[Key::of(Code::Right)],
    )
    .says("Show what cut lines have further on"),
    // Its processes.
    view(
        Action::ProcessSignal,
        "process.signal",
        "signal",
        Scope::Processes,
        &[Key::ctrl('s')],
    )
    .says("Send a signal to the process under the cursor")
    .needs(can_kill),
    view(
        Action::ProcessTree,
        "process.tree",
        "tree",
        Scope::Processes,
        &[Key::char('T')],
    )
    .says("Show who started whom, or a plain list"),
    view(
        Action::ProcessSort,
        "process.sort",
        "sort processes",
        Scope::Processes,
        &[Key::ctrl('o')],
    )
    .says("Choose the column to sort processes by"),
    // All that is known about it.
    view(
        Action::Fold,
        "inspect.fold",
        "fold",
        Scope::Inspect,
        &[Key::char(' '), Key::ctrl('o')],
    )
    .says("Fold what is under the cursor, or unfold it"),
    view(
        Action::FoldAll,
        "inspect.fold-all",
        "fold all",
        Scope::Inspect,
        &[Key::char('C')],
    )
    .says("Fold everything"),
    view(
        Action::UnfoldAll,
        "inspect.unfold-all",
        "unfold all",
        Scope::Inspect,
        &[Key::char('E')],
    )
    .says("Unfold everything"),
    view(
        Action::FoldUp,
        "inspect.up",
        "fold up",
        Scope::Inspect,
        &[Key::of(Code::Left)],
    )
    .says("Fold, or go to what this is part of"),
    view(
        Action::FoldDown,
        "inspect.down",
        "unfold",
        Scope::Inspect,
        &[Key::of(Code::Right)],
    )
    .says("Unfold, or go to the first part of this"),
    // The images screen.
    ActionSpec {
        scope: Scope::Images,
        ..container(
            Action::RemoveImage,
            "image.remove",
            "remove",
            &[Key::char('d')],
        )
    }
    .says("Remove images and the layers that nobody else uses")
    .cli("rmi")
    .danger(Danger::Destroys)
    .needs(can_remove_image),
    // The screen of what happens.
    view(
        Action::EventJump,
        "event.jump",
        "go to it",
        Scope::Events,
        &[Key::of(Code::Enter)],
    )
    .says("Go to the container that the event is about"),
    // Every screen.
    global(Action::Filter, "view.filter", "filter", &[Key::char('/')])
        .says("Show only what matches, as you type"),
    global(Action::Sort, "view.sort", "sort", &[Key::char('o')])
        .says("Choose the column to sort by; again to turn it round"),
    global(
        Action::Palette,
        "view.palette",
        "palette",
        &[Key::char(':')],
    )
    .says("Find an action by its name"),
    global(Action::Copy, "view.copy", "copy", &[Key::char('y')])
        .says("Copy what is selected to the clipboard of this terminal"),
    global(Action::Run, "container.run", "run", &[Key::char('R')])
        .says("Make a container from an image and start it")
        .cli("run")
        .needs(can_change),
    global(Action::Mouse, "view.mouse", "mouse", &[Key::char('M')])
        .says("Hear the mouse, or leave it to the terminal to select text"),
    global(Action::Help, "view.help", "help", &[Key::char('?')])
        .says("Show every key, and why an action is not possible"),
    global(
        Action::Zoom,
        "view.zoom",
        "zoom",
        &[Key::of(Code::Enter), Key::char('z')],
    )
    .says("Give the details the whole screen, or take it back"),
    global(
        Action::NextPane,
        "view.pane",
        "pane",
        &[Key::of(Code::Tab), Key::of(Code::BackTab)],
    )
    .says("Move between the table and the details"),
    global(
        Action::NextTab,
        "view.next-tab",
        "next tab",
        &[Key::char(']'), Key::of(Code::Right)],
    )
    .says("Show the next tab of the details"),
    global(
        Action::PreviousTab,
        "view.previous-tab",
        "previous tab",
        &[Key::char('['), Key::of(Code::Left)],
    )
    .says("Show the tab of the details before this"),
    global(Action::Back, "view.back", "back", &[Key::of(Code::Esc)])
        .says("Close, or undo zoom, marks and filter, one at a time"),
    global(
        Action::ScreenContainers,
        "screen.containers",
        "containers",
        &[Key::char('1')],
    )
    .says("List the containers with what they use")
    .cli("ps"),
    global(
        Action::ScreenImages,
        "screen.images",
        "images",
        &[Key::char('2')],
    )
    .says("List the images with what they share")
    .cli("images"),
    global(
        Action::ScreenEvents,
        "screen.events",
        "events",
        &[Key::char('4')],
    )
    .says("Tell what happens to containers and images as it happens")
    .cli("events"),
    global(
        Action::ScreenActivity,
        "screen.activity",
        "activity",
        &[Key::char('6')],
    )
    .says("List what was done here, with the command for each"),
    global(
        Action::Refresh,
        "view.refresh",
        "refresh",
        &[Key::ctrl('l')],
    )
    .says("Read everything again and draw the screen anew"),
    global(
        Action::Quit,
        "view.quit",
        "quit",
        &[Key::char('q'), Key::ctrl('c')],
    )
    .says("Leave; what runs goes on running"),
];

/// Lists in one: a single one would be longer than a file should be.
const fn join<const N: usize>(lists: &[&[ActionSpec]]) -> [ActionSpec; N] {
    let mut all = [lists[0][0]; N];
    let (mut n, mut list) = (0, 0);
    while list < lists.len() {
        let mut row = 0;
        while row < lists[list].len() {
            all[n] = lists[list][row];
            n += 1;
            row += 1;
        }
        list += 1;
    }
    all
}

const fn row(
    action: Action,
    id: &'static str,
    title: &'static str,
    scope: Scope,
    keys: &'static [Key],
) -> ActionSpec {
    ActionSpec {
        action,
        id,
        title,
        summary: "",
        scope,
        keys,
        cli: None,
        danger: Danger::None,
        needs: nothing,
    }
}

const fn container(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Containers, keys)
}

const fn view(
    action: Action,
    id: &'static str,
    title: &'static str,
    scope: Scope,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, scope, keys)
}

const fn global(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Global, keys)
}

const fn command(id: &'static str, cli: &'static str, summary: &'static str) -> ActionSpec {
    row(Action::CommandLine, id, cli, Scope::CommandLine, &[])
        .says(summary)
        .cli(cli)
}

impl ActionSpec {
    const fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    const fn cli(mut self, cli: &'static str) -> Self {
        self.cli = Some(cli);
        self
    }

    const fn danger(mut self, danger: Danger) -> Self {
        self.danger = danger;
        self
    }

    const fn needs(mut self, needs: fn(&Subject<'_>) -> Result<(), Refusal>) -> Self {
        self.needs = needs;
        self
    }
}
