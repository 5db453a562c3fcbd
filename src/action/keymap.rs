//! Which keys mean which action: the rows' own, or what the user chose instead.

use std::collections::BTreeMap;

use super::{ACTIONS, ActionSpec, Key, Scope};

/// The keys of every action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    chosen: BTreeMap<&'static str, Vec<Key>>,
}

/// A key that would mean two things at once.
#[derive(Clone, Copy, Debug)]
pub struct Clash {
    /// The key.
    pub key: Key,
    /// The action that is declared first.
    pub one: &'static ActionSpec,
    /// The other.
    pub other: &'static ActionSpec,
}

impl Keymap {
    /// Gives an action other keys; none leave it to the palette.
    pub fn choose(&mut self, spec: &'static ActionSpec, keys: Vec<Key>) {
        self.chosen.insert(spec.id, keys);
    }

    /// Takes the choice back.
    pub fn forget(&mut self, spec: &ActionSpec) {
        self.chosen.remove(spec.id);
    }

    /// The keys of an action, the one to show first.
    pub fn keys(&self, spec: &ActionSpec) -> &[Key] {
        match self.chosen.get(spec.id) {
            Some(keys) => keys,
            None => spec.keys,
        }
    }

    /// The key to show for an action, as text.
    pub fn shown(&self, spec: &ActionSpec) -> Option<String> {
        self.keys(spec).first().map(ToString::to_string)
    }

    /// Whether the user chose an action's keys.
    pub fn is_chosen(&self, spec: &ActionSpec) -> bool {
        self.chosen.contains_key(spec.id)
    }

    /// The rows that `key` means on a screen, the screen's own first: more than one only
    /// where no thing ever allows two of them (pause and unpause).
    pub fn of_key(&self, scope: Scope, key: Key) -> impl Iterator<Item = &'static ActionSpec> {
        self.of_scope(scope, key)
            .chain(self.of_scope(Scope::Global, key))
    }

    /// The rows that `key` means in a scope alone, keys of every screen left out.
    pub fn of_scope(&self, scope: Scope, key: Key) -> impl Iterator<Item = &'static ActionSpec> {
        let rows = ACTIONS.iter().filter(move |spec| spec.scope == scope);
        rows.filter(move |spec| self.keys(spec).contains(&key))
    }

    /// Keys that mean two actions of one screen, apart from those that share a key by
    /// their rows already: these are never possible at once.
    pub fn clashes(&self) -> Vec<Clash> {
        let mut clashes = Vec::new();
        let rows = || {
            ACTIONS
                .iter()
                .filter(|spec| spec.scope != Scope::CommandLine)
        };
        for (n, one) in rows().enumerate() {
            for other in rows().skip(n + 1) {
                // A tab with the focus hears its keys before the screen does.
                let meet = one.scope == other.scope
                    || one.scope == Scope::Global && !other.scope.is_tab()
                    || other.scope == Scope::Global && !one.scope.is_tab();
                let share = one.keys.iter().any(|key| other.keys.contains(key));
                if !meet || share {
                    continue;
                }
                let keys = self.keys(one).iter();
                let both = keys.filter(|key| self.keys(other).contains(key));
                clashes.extend(both.map(|&key| Clash { key, one, other }));
            }
        }
        clashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;

    #[test]
    fn chosen_keys_replace_the_rows_own() {
        let mut keymap = Keymap::default();
        let stop = Action::Stop.spec();
        keymap.choose(stop, vec![Key::char('X')]);
        let first = |keymap: &Keymap, c| {
            let mut rows = keymap.of_key(Scope::Containers, Key::char(c));
            rows.next().map(|spec| spec.id)
        };
        assert_eq!(first(&keymap, 'X'), Some("container.stop"));
        assert_eq!(first(&keymap, 's'), None);
        assert_eq!(keymap.shown(stop).as_deref(), Some("X"));
        keymap.forget(stop);
        assert_eq!(first(&keymap, 's'), Some("container.stop"));
    }

    #[test]
    fn rows_have_no_clash_and_a_choice_can_make_one() {
        let mut keymap = Keymap::default();
        assert!(keymap.clashes().is_empty());
        keymap.choose(Action::Stop.spec(), vec![Key::char('q')]);
        let clashes = keymap.clashes();
        assert_eq!(clashes.len(), 1);
        assert_eq!(
            (clashes[0].one.id, clashes[0].other.id),
            ("container.stop", "view.quit")
        );
    }
}
