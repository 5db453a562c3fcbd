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
        "container.commit",
        "commit",
        "Make an image of a container and what it changed",
    ),
];
