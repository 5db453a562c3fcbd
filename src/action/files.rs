//! The rows of looking into images and containers.

use super::{
    Action, ActionSpec, Code, Danger, Key, Scope,
    needs::{
        a_file, an_image, can_browse, can_compare, can_edit, can_prune, can_remove_image,
        can_transfer, has_image,
    },
    row::{global, row, view},
};

pub(super) const ROWS: &[ActionSpec] = &[
    view(
        Action::Explore,
        "image.explore",
        "explore",
        Scope::Images,
        &[Key::of(Code::Enter), Key::char('x')],
    )
    .says("Look into the image: layers, files, and what is wasted")
    .cli("image explore")
    .needs(an_image),
    row(
        Action::Pull,
        "image.pull",
        "pull",
        Scope::Images,
        &[Key::char('p')],
    )
    .says("Fetch an image from a registry")
    .cli("pull")
    .needs(can_transfer),
    row(
        Action::Push,
        "image.push",
        "push",
        Scope::Images,
        &[Key::char('P')],
    )
    .says("Send an image to the registry that its name says")
    .cli("push")
    .needs(can_transfer),
    row(
        Action::TagImage,
        "image.tag",
        "tag",
        Scope::Images,
        &[Key::char('t')],
    )
    .says("Give an image a further name")
    .cli("tag")
    .needs(can_remove_image),
    view(
        Action::MarkImage,
        "view.mark-image",
        "mark",
        Scope::Images,
        &[Key::char(' ')],
    )
    .says("Mark the image: for a comparison, or to remove several")
    .needs(has_image),
    row(
        Action::CompareImages,
        "image.diff",
        "diff",
        Scope::Images,
        &[Key::char('D')],
    )
    .says("Compare two images: files, config and history")
    .cli("image diff")
    .needs(can_compare),
    row(
        Action::PruneImages,
        "image.prune",
        "prune",
        Scope::Images,
        &[Key::char('X')],
    )
    .says("Remove images that no container uses")
    .cli("image prune")
    .danger(Danger::Destroys)
    .needs(can_prune),
    view(
        Action::OpenDifference,
        "difference.open",
        "open",
        Scope::Comparison,
        &[Key::of(Code::Enter)],
    )
    .says("Look at the file in the image that has it"),
    view(
        Action::ImageColumns,
        "view.image-columns",
        "columns",
        Scope::Images,
        &[Key::char('O')],
    )
    .says("Choose the columns of the images' table, their order and width"),
    global(
        Action::Transfers,
        "view.transfers",
        "transfers",
        &[Key::ctrl('t')],
    )
    .says("Show pulls and pushes, cancel them or try them again"),
    view(
        Action::Browse,
        "container.browse",
        "browse",
        Scope::Containers,
        &[Key::char('B')],
    )
    .says("Look into the container's files, and what it wrote")
    .needs(can_browse),
    view(
        Action::OpenFile,
        "file.open",
        "open",
        Scope::Explorer,
        &[Key::of(Code::Enter)],
    )
    .says("Unfold a directory, or read a file"),
    view(
        Action::FoldFiles,
        "file.fold",
        "fold",
        Scope::Explorer,
        &[Key::char(' '), Key::char('x')],
    )
    .says("Unfold a directory, or fold it again"),
    view(
        Action::UnfoldFiles,
        "file.unfold-all",
        "unfold all",
        Scope::Explorer,
        &[Key::char('X')],
    )
    .says("Unfold every directory, or none"),
    view(
        Action::UpperLayer,
        "layer.upper",
        "upper",
        Scope::Explorer,
        &[Key::char('n')],
    )
    .says("Go to the layer above"),
    view(
        Action::LowerLayer,
        "layer.lower",
        "lower",
        Scope::Explorer,
        &[Key::char('p')],
    )
    .says("Go to the layer below"),
    view(
        Action::LayerAlone,
        "layer.alone",
        "layer alone",
        Scope::Explorer,
        &[Key::char('v')],
    )
    .says("Show this layer alone, or all up to it"),
    view(
        Action::Wasted,
        "layer.wasted",
        "wasted",
        Scope::Explorer,
        &[Key::char('w')],
    )
    .says("List what later layers overwrite or remove, or the files"),
    view(
        Action::Extract,
        "file.extract",
        "extract",
        Scope::Explorer,
        &[Key::char('e')],
    )
    .says("Copy what is under the cursor to this host")
    .needs(a_file),
    view(
        Action::EditFile,
        "file.edit",
        "edit",
        Scope::Explorer,
        &[Key::char('E')],
    )
    .says("Edit a container's file in $EDITOR, on a copy that is put back")
    .needs(can_edit),
];
