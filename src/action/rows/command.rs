//! The rows of what is done on the command line only.

use super::command;
use crate::action::ActionSpec;

/// Them.
pub const ROWS: &[ActionSpec] = &[
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
        "container.update",
        "update",
        "Change limits or restart policy of containers",
    ),
    command(
        "image.import",
        "import",
        "Make an image from a root file system's tar",
    ),
    command("image.tag", "tag", "Give an image a further name"),
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
