//! The rows of archives: commands only.

use super::{ActionSpec, row::command};

/// What moves files in and out of the store and of containers.
pub(super) const ROWS: &[ActionSpec] = &[
    command(
        "image.save",
        "save",
        "Write images as an archive that others load",
    ),
    command(
        "image.load",
        "load",
        "Load the images of an archive: docker's or an OCI layout",
    ),
    command(
        "container.export",
        "export",
        "Write all files of a container as a tar",
    ),
    command(
        "container.cp",
        "cp",
        "Copy files into a container or out of one",
    ),
    command(
        "container.commit",
        "commit",
        "Make an image of a container and what it changed",
    ),
];

/// What keeps the store in order and tells what it holds.
pub(super) const UPKEEP: &[ActionSpec] = &[
    command(
        "image.history",
        "history",
        "Show what made each layer of an image, and its size",
    ),
    command(
        "image.verify",
        "image verify",
        "Read all that images consist of, and say what is damaged",
    ),
    command(
        "container.prune",
        "container prune",
        "Remove all stopped containers",
    ),
    command(
        "system.prune",
        "system prune",
        "Remove stopped containers and unused images",
    ),
    command(
        "system.df",
        "system df",
        "Show what images and containers take on the disk",
    ),
    command(
        "system.serve",
        "serve",
        "Serve the Docker API to docker's own clients",
    ),
];
