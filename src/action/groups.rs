//! The rows of the control groups screen.

use super::{
    Action, ActionSpec, Key, Scope,
    needs::{a_group, can_change_group, can_create_group, can_undo_group},
    row::{row, view},
};

pub(super) const ROWS: &[ActionSpec] = &[
    group(
        Action::CreateGroup,
        "group.create",
        "new",
        &[Key::char('n')],
    )
    .says("Make a control group for processes outside of containers")
    .needs(can_create_group),
    group(
        Action::MoveIntoGroup,
        "group.move",
        "move in",
        &[Key::char('m')],
    )
    .says("Move a process into the group")
    .needs(can_change_group),
    group(
        Action::LimitGroup,
        "group.limit",
        "limits",
        &[Key::char('u')],
    )
    .says("Change the limits of the group, at once")
    .needs(can_change_group),
    group(Action::UndoGroup, "group.undo", "undo", &[Key::char('U')])
        .says("Take back the last change of a group")
        .needs(can_undo_group),
    group(
        Action::RemoveGroup,
        "group.remove",
        "remove",
        &[Key::char('d')],
    )
    .says("Remove the group, if nothing is in it")
    .needs(can_change_group),
    view(
        Action::FoldTree,
        "view.fold-tree",
        "fold",
        Scope::Groups,
        &[Key::char(' '), Key::char('x')],
    )
    .says("Hide the groups below this one, or show them")
    .needs(a_group),
    view(
        Action::FoldTrees,
        "view.fold-trees",
        "fold all",
        Scope::Groups,
        &[Key::char('X')],
    )
    .says("Show all groups, or only the first levels again"),
];

const fn group(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Groups, keys)
}
