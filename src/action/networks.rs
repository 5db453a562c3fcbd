//! The rows of the networks screen.

use super::{
    Action, ActionSpec, Danger, Key, Scope,
    needs::{can_connect, can_create_network, can_disconnect, can_remove_network},
    row::{row, view},
};

pub(super) const ROWS: &[ActionSpec] = &[
    network(
        Action::CreateNetwork,
        "network.create",
        "new",
        &[Key::char('n')],
    )
    .says("Make a network")
    .cli("network create")
    .needs(can_create_network),
    network(
        Action::Connect,
        "network.connect",
        "connect",
        &[Key::char('c')],
    )
    .says("Put a container on one more network, at once if it runs")
    .cli("network connect")
    .needs(can_connect),
    network(
        Action::Disconnect,
        "network.disconnect",
        "disconnect",
        &[Key::char('x')],
    )
    .says("Take a container off a network, at once if it runs")
    .cli("network disconnect")
    .danger(Danger::Interrupts)
    .needs(can_disconnect),
    network(
        Action::RemoveNetwork,
        "network.remove",
        "remove",
        &[Key::char('d')],
    )
    .says("Remove networks that nobody is on")
    .cli("network rm")
    .danger(Danger::Destroys)
    .needs(can_remove_network),
    network(
        Action::PruneNetworks,
        "network.prune",
        "prune",
        &[Key::char('p')],
    )
    .says("Remove all networks that no container names")
    .cli("network prune")
    .danger(Danger::Destroys)
    .needs(can_create_network),
    view(
        Action::NetworkMap,
        "view.network-map",
        "map",
        Scope::Networks,
        &[Key::char('v')],
    )
    .says("Show who is on which of all networks, or on this one"),
];

const fn network(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Networks, keys)
}
