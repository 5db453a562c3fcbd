//! The palette: actions by a few letters of their names, and after a name and a space
//! what it can be done to.

use super::{Screen, State, Target, columns, log::Since};
use crate::{
    action::{ACTIONS, Action, ActionSpec, Refusal, Scope},
    format::text::sanitize,
};

/// What was found for the words typed.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The words.
    pub query: String,
    /// The place of the cursor.
    pub cursor: usize,
    /// What matches, best first.
    pub found: Vec<Found>,
}

/// Something that the palette can do.
#[derive(Clone, Debug)]
pub struct Found {
    /// What.
    pub spec: &'static ActionSpec,
    /// To which; else to what is selected.
    pub argument: Option<Argument>,
    /// The name of that, safe to draw.
    pub name: String,
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A thing.
    Target(Target),
    /// A column.
    Column(&'static str),
    /// A time.
    Since(Since),
}

/// What kind of argument an action takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Container,
    Image,
    Network,
    Volume,
    Column,
    Since,
}

impl Found {
    /// As it is shown: `stop web`.
    pub fn label(&self) -> String {
        match self.name.as_str() {
            "" => self.spec.title.to_owned(),
            name => format!("{} {name}", self.spec.title),
        }
    }
}

impl State {
    /// Finds what the palette's words mean.
    pub(super) fn find(&self, query: &str) -> Vec<Found> {
        let named = query.trim_start().split_once(' ');
        if let Some((word, rest)) = named
            && let Some(spec) = self.named(word)
        {
            return self.arguments(spec, rest.trim());
        }
        let scopes = self.scopes();
        let mut found: Vec<_> = ACTIONS
            .iter()
            .filter(|spec| scopes.contains(&spec.scope))
            .filter(|spec| !matches!(spec.action, Action::Palette | Action::Up | Action::Down))
            .filter_map(|spec| {
                // A hit in the title weighs more than one in the sentence.
                let in_title = score(query, spec.title).map(|n| n + 100);
                let best = in_title.max(score(query, spec.summary))?;
                // What was used last is likely to be meant again.
                let ago = self.recent.iter().position(|action| *action == spec.action);
                let recent = ago.map_or(0, |ago| 20 - ago.min(19) as i32);
                Some((best + recent, spec))
            })
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let plain = |(_, spec)| Found {
            spec,
            argument: None,
            name: String::new(),
        };
        found.into_iter().map(plain).collect()
    }

    /// The action of this name that takes an argument: of this screen before others.
    fn named(&self, word: &str) -> Option<&'static ActionSpec> {
        let is_it = |spec: &&ActionSpec| {
            let is_named = spec.title.eq_ignore_ascii_case(word) || spec.cli == Some(word);
            takes(spec).is_some() && is_named
        };
        let of_screen = |spec: &&ActionSpec| self.scopes().contains(&spec.scope);
        let mut all = ACTIONS.iter().filter(is_it);
        let here = ACTIONS.iter().filter(is_it).find(of_screen);
        here.or_else(|| all.next())
    }

    fn arguments(&self, spec: &'static ActionSpec, wanted: &str) -> Vec<Found> {
        let mut found: Vec<(i32, Found)> = Vec::new();
        let mut add = |name: String, argument| {
            if let Some(score) = score(wanted, &name) {
                let argument = Some(argument);
                let this = Found {
                    spec,
                    argument,
                    name,
                };
                found.push((score, this));
            }
        };
        let world = self.world.as_deref();
        match takes(spec) {
            Some(Takes::Container) => {
                for row in world.map_or(&[][..], |world| &world.containers) {
                    let name = sanitize(&row.container.name).into_owned();
                    let target = Target::Container(row.container.id.clone());
                    add(name, Argument::Target(target));
                }
            }
            Some(Takes::Image) => {
                for image in world.map_or(&[][..], |world| &world.images) {
                    for name in &image.references {
                        let target = Target::Image(image.id.clone(), name.clone());
                        add(sanitize(name).into_owned(), Argument::Target(target));
                    }
                }
            }
            Some(Takes::Network) => {
                for row in world.map_or(&[][..], |world| &world.networks) {
                    let name = &row.network.name;
                    let target = Target::Network(row.network.id.clone(), name.clone());
                    add(sanitize(name).into_owned(), Argument::Target(target));
                }
            }
            Some(Takes::Volume) => {
                for volume in world.map_or(&[][..], |world| &world.volumes) {
                    let target = Target::Volume(volume.name.clone());
                    add(
                        sanitize(&volume.name).into_owned(),
                        Argument::Target(target),
                    );
                }
            }
            Some(Takes::Column) => {
                for column in self.sort_columns() {
                    add(column.to_owned(), Argument::Column(column));
                }
            }
            Some(Takes::Since) => {
                for since in Since::ALL {
                    add(since.title(), Argument::Since(since));
                }
            }
            None => {}
        }
        // What can be done comes before what can't, then what fits best.
        found.sort_by_cached_key(|(score, found)| {
            let is_possible = self.verdict_of(found).is_ok();
            (std::cmp::Reverse(is_possible), std::cmp::Reverse(*score))
        });
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// Whether what was found can be done now.
    pub fn verdict_of(&self, found: &Found) -> Result<(), Refusal> {
        match &found.argument {
            None => self.verdict(found.spec),
            Some(Argument::Target(target)) => match self.subject_of_target(target) {
                Some(subject) => (found.spec.needs)(&subject),
                None => Err("it is gone".into()),
            },
            Some(Argument::Column(_) | Argument::Since(_)) => Ok(()),
        }
    }

    /// Whether an action can be named with an argument.
    pub(super) fn takes_argument(spec: &ActionSpec) -> bool {
        takes(spec).is_some()
    }

    /// What the sort menu and the palette offer: what makes sense unseen too, and any
    /// column that is shown.
    pub fn sort_columns(&self) -> Vec<&'static str> {
        let (mut columns, shown): (_, Vec<_>) = match self.screen {
            Screen::Containers => (columns::SORT.to_vec(), self.table.layout.shown().collect()),
            Screen::Images => (
                columns::SORT_IMAGES.to_vec(),
                self.image_columns.shown().collect(),
            ),
            Screen::Networks => return columns::SORT_NETWORKS.to_vec(),
            Screen::Volumes => return columns::SORT_VOLUMES.to_vec(),
            Screen::Groups => return columns::SORT_GROUPS.to_vec(),
            // One order each.
            Screen::Alerts
            | Screen::Events
            | Screen::Activity
            | Screen::Builds
            | Screen::Explorer
            | Screen::Comparison => return Vec::new(),
        };
        for id in shown {
            if !columns.contains(&id) {
                columns.push(id);
            }
        }
        columns
    }
}

fn takes(spec: &ActionSpec) -> Option<Takes> {
    let is_of_container = matches!(
        spec.action,
        Action::Shell
            | Action::Attach
            | Action::Logs
            | Action::Stats
            | Action::Processes
            | Action::Inspect
            | Action::Changes
            | Action::Network
            | Action::Advice
    );
    match spec.action {
        Action::RemoveImage => Some(Takes::Image),
        Action::RemoveNetwork => Some(Takes::Network),
        Action::RemoveVolume => Some(Takes::Volume),
        Action::Sort => Some(Takes::Column),
        Action::LogSince => Some(Takes::Since),
        _ if is_of_container || spec.scope == Scope::Containers && spec.is_bulk() => {
            Some(Takes::Container)
        }
        _ => None,
    }
}

/// How well the letters of `query` are found in `text`, in order; `None` if they aren't.
/// Letters at the start of a word and letters in a row count more.
fn score(query: &str, text: &str) -> Option<i32> {
    let mut total = 0;
    let mut before = ' ';
    let mut in_a_row = false;
    let mut wanted = query.chars().flat_map(char::to_lowercase).peekable();
    for c in text.chars().flat_map(char::to_lowercase) {
        if wanted.peek() == Some(&c) {
            wanted.next();
            total += 1 + 4 * i32::from(in_a_row) + 8 * i32::from(!before.is_alphanumeric());
            in_a_row = true;
        } else {
            in_a_row = false;
        }
        before = c;
    }
    wanted.peek().is_none().then_some(total)
}
