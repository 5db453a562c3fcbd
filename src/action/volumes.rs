//! The rows of the volumes screen.

use super::{
    Action, ActionSpec, Code, Danger, Key, Scope,
    needs::{can_browse_volume, can_create_volume, can_remove_volume, volumes},
    row::row,
};

pub(super) const ROWS: &[ActionSpec] = &[
    volume(
        Action::BrowseVolume,
        "volume.browse",
        "files",
        &[Key::of(Code::Enter), Key::char('B')],
    )
    .says("Look into the volume's files")
    .needs(can_browse_volume),
    volume(
        Action::CreateVolume,
        "volume.create",
        "new",
        &[Key::char('n')],
    )
    .says("Make a volume, unless it is there")
    .cli("volume create")
    .needs(can_create_volume),
    volume(
        Action::MeasureVolumes,
        "volume.measure",
        "measure",
        &[Key::char('m')],
    )
    .says("Measure volumes whose size may have changed")
    .needs(volumes),
    volume(
        Action::RemoveVolume,
        "volume.remove",
        "remove",
        &[Key::char('d')],
    )
    .says("Remove volumes that no container uses")
    .cli("volume rm")
    .danger(Danger::Destroys)
    .needs(can_remove_volume),
    volume(
        Action::PruneVolumes,
        "volume.prune",
        "prune",
        &[Key::char('p')],
    )
    .says("Remove unused volumes that nobody named, or all unused")
    .cli("volume prune")
    .danger(Danger::Destroys)
    .needs(can_create_volume),
];

const fn volume(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Volumes, keys)
}
