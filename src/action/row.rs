//! How rows are written: what is usual is left out.

use super::{Action, ActionSpec, Danger, Key, Refusal, Scope, Subject, needs::nothing};

pub(super) const fn row(
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

pub(super) const fn container(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Containers, keys)
}

pub(super) const fn view(
    action: Action,
    id: &'static str,
    title: &'static str,
    scope: Scope,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, scope, keys)
}

pub(super) const fn global(
    action: Action,
    id: &'static str,
    title: &'static str,
    keys: &'static [Key],
) -> ActionSpec {
    row(action, id, title, Scope::Global, keys)
}

pub(super) const fn command(
    id: &'static str,
    cli: &'static str,
    summary: &'static str,
) -> ActionSpec {
    row(Action::CommandLine, id, cli, Scope::CommandLine, &[])
        .says(summary)
        .cli(cli)
}

impl ActionSpec {
    pub(super) const fn says(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    pub(super) const fn cli(mut self, cli: &'static str) -> Self {
        self.cli = Some(cli);
        self
    }

    pub(super) const fn danger(mut self, danger: Danger) -> Self {
        self.danger = danger;
        self
    }

    pub(super) const fn needs(mut self, needs: fn(&Subject<'_>) -> Result<(), Refusal>) -> Self {
        self.needs = needs;
        self
    }
}
