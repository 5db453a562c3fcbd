//! The rows of containers, images and every screen. A new action is a row here, or in a
//! file of its screen, and the arm that the compiler then asks for.

use super::{
    Action, ActionSpec, Code, Danger, Key, Scope,
    needs::{
        a_container, can_change, can_check_health, can_exec, can_kill, can_pause, can_remove,
        can_remove_image, can_restart, can_see_changes, can_see_processes, can_start, can_stop,
        can_unpause, can_update, groups, networks, volumes,
    },
    row::{command, container, global, view},
};

/// Every action but those of tabs, in the order in which help, hints and palette list
/// them.
pub(super) const ROWS: &[ActionSpec] = &[
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
        Action::CheckHealth,
        "container.check-health",
        "check health",
        &[Key::ctrl('e')],
    )
    .says("Run the health checks of containers now")
    .needs(can_check_health),
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
    container(
        Action::Limits,
        "container.update",
        "limits",
        &[Key::char('u')],
    )
    .says("Change limits or restart policy of containers")
    .cli("update")
    .needs(can_update),
    view(
        Action::UndoLimits,
        "view.undo-limits",
        "undo limits",
        Scope::Containers,
        &[Key::char('U')],
    )
    .says("Restore the limits that the last change replaced")
    .needs(can_change),
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
    container(
        Action::Network,
        "container.network",
        "network",
        &[Key::char('L')],
    )
    .says("Show who listens in a container, its connections and its ports")
    .needs(can_see_processes),
    // The containers screen.
    view(
        Action::Trouble,
        "view.trouble",
        "trouble",
        Scope::Containers,
        &[Key::char('!')],
    )
    .says("Explain what is wrong with a container, and what to do")
    .needs(a_container),
    view(
        Action::Mark,
        "view.mark",
        "mark",
        Scope::Containers,
        &[Key::char(' ')],
    )
    .says("Mark the container, or the group, for an operation on several"),
    view(
        Action::MarkAll,
        "view.mark-all",
        "mark all",
        Scope::Containers,
        &[Key::ctrl('a')],
    )
    .says("Mark all containers that are shown, or none"),
    view(
        Action::MarkRange,
        "view.mark-range",
        "mark range",
        Scope::Containers,
        &[Key::char('V')],
    )
    .says("Mark from here to where the cursor goes; again to end it"),
    view(
        Action::MarkInvert,
        "view.mark-invert",
        "invert marks",
        Scope::Containers,
        &[Key::char('*')],
    )
    .says("Mark what is not marked, and the other way round"),
    view(
        Action::GroupBy,
        "view.group",
        "group by",
        Scope::Containers,
        &[Key::char('b')],
    )
    .says("Group by state, image, compose project or a label"),
    view(
        Action::FoldGroup,
        "view.fold-group",
        "fold group",
        Scope::Containers,
        &[Key::char('x')],
    )
    .says("Fold the group under the cursor, or unfold it"),
    view(
        Action::CpuDisplay,
        "view.cpu",
        "cpu as",
        Scope::Containers,
        &[Key::char('c')],
    )
    .says("Tell CPU in percent, in cores, of the host or of the quota"),
    view(
        Action::Columns,
        "view.columns",
        "columns",
        Scope::Containers,
        &[Key::char('O')],
    )
    .says("Choose the columns of the table, their order and width"),
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
    global(
        Action::Engines,
        "view.engines",
        "engines",
        &[Key::char('@')],
    )
    .says("List the engines that there are, and drive another one")
    .cli("context"),
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
    global(
        Action::Up,
        "view.up",
        "up",
        &[Key::of(Code::Up), Key::char('k')],
    )
    .says("Move or scroll up by one line"),
    global(
        Action::Down,
        "view.down",
        "down",
        &[Key::of(Code::Down), Key::char('j')],
    )
    .says("Move or scroll down by one line"),
    global(
        Action::PageUp,
        "view.page-up",
        "page up",
        &[Key::of(Code::PageUp), Key::ctrl('b')],
    )
    .says("Move or scroll up by one page"),
    global(
        Action::PageDown,
        "view.page-down",
        "page down",
        &[Key::of(Code::PageDown), Key::ctrl('f')],
    )
    .says("Move or scroll down by one page"),
    global(
        Action::First,
        "view.first",
        "first",
        &[Key::char('g'), Key::of(Code::Home)],
    )
    .says("Move or scroll to the beginning"),
    global(
        Action::Last,
        "view.last",
        "last",
        &[Key::char('G'), Key::of(Code::End)],
    )
    .says("Move or scroll to the end"),
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
        Action::ScreenGroups,
        "screen.groups",
        "cgroups",
        &[Key::char('3')],
    )
    .says("Show the control groups of the whole machine as a tree")
    .cli("cgroups")
    .needs(groups),
    global(
        Action::ScreenEvents,
        "screen.events",
        "events",
        &[Key::char('4')],
    )
    .says("Tell what happens to containers and images as it happens")
    .cli("events"),
    global(
        Action::ScreenAlerts,
        "screen.alerts",
        "alerts",
        &[Key::char('5')],
    )
    .says("List which alert rules hold for which containers"),
    global(
        Action::ScreenActivity,
        "screen.activity",
        "activity",
        &[Key::char('6')],
    )
    .says("List what was done here, with the command for each"),
    global(
        Action::ScreenBuilds,
        "screen.builds",
        "builds",
        &[Key::char('7')],
    )
    .says("Watch builds: their steps, what those write and use"),
    global(
        Action::ScreenNetworks,
        "screen.networks",
        "networks",
        &[Key::char('8')],
    )
    .says("List the networks")
    .cli("network ls")
    .needs(networks),
    global(
        Action::ScreenVolumes,
        "screen.volumes",
        "volumes",
        &[Key::char('9')],
    )
    .says("List the volumes with what they take")
    .cli("volume ls")
    .needs(volumes),
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
    // Subcommands only.
    command(
        "container.create",
        "create",
        "Make a container without starting it",
    ),
    command(
        "container.rename",
        "rename",
        "Give a container another name",
    ),
    command(
        "container.wait",
        "wait",
        "Wait until containers exit, then print their codes",
    ),
    command(
        "image.import",
        "import",
        "Make an image from a root file system's tar",
    ),
    command(
        "registry.login",
        "login",
        "Log in to a registry and keep the login",
    ),
    command(
        "registry.logout",
        "logout",
        "Forget the login of a registry",
    ),
    command("registry.search", "search", "Look for images in a registry"),
    command(
        "registry.manifest",
        "manifest inspect",
        "Show what a registry has under a name",
    ),
    command(
        "image.inspect",
        "image inspect",
        "Show all that is known about images",
    ),
    command(
        "image.from-host",
        "image from-host",
        "Make an image from executables of this host",
    ),
    command("system.demo", "demo", "Run six containers worth watching"),
];
