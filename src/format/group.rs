//! What containers are grouped by, and the group of each.

use super::{
    columns::{Item, state_rank},
    text::sanitize,
    values::Parsed,
};

/// The label by which `docker compose` marks what belongs together.
pub const PROJECT: &str = "com.docker.compose.project";

/// What containers are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Their state.
    State,
    /// Their image.
    Image,
    /// Their compose project.
    Project,
    /// A label.
    Label(String),
}

/// Which group a container is in: groups are told in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    rank: u8,
    /// The group's name, safe to print.
    pub name: String,
}

impl GroupBy {
    /// Reads `state`, `image`, `project` or `label:KEY`.
    pub fn parse(text: &str) -> Parsed<Self> {
        match (text, text.split_once(':')) {
            ("state", _) => Ok(Self::State),
            ("image", _) => Ok(Self::Image),
            ("project", _) => Ok(Self::Project),
            (_, Some(("label", key))) if !key.is_empty() => Ok(Self::Label(key.to_owned())),
            _ => Err("allowed are state, image, project and label:KEY".into()),
        }
    }

    /// The group that a container is in. Those without the label come last.
    pub fn key(&self, item: &Item) -> GroupKey {
        let container = item.container;
        let label =
            |key: &str, name: fn(&str, &str) -> String| match container.config.labels.get(key) {
                Some(value) => (0, name(key, value)),
                None if key == PROJECT => (1, "no project".to_owned()),
                None => (1, format!("without {key}")),
            };
        let (rank, name) = match self {
            Self::State => (state_rank(container.state), container.state.to_string()),
            Self::Image => (0, container.config.image.clone()),
            Self::Project => label(PROJECT, |_, value| value.to_owned()),
            Self::Label(key) => label(key, |key, value| format!("{key}={value}")),
        };
        GroupKey {
            rank,
            name: sanitize(&name).into_owned(),
        }
    }

    /// What it is called.
    pub fn title(&self) -> String {
        match self {
            Self::State => "state".into(),
            Self::Image => "image".into(),
            Self::Project => "compose project".into(),
            Self::Label(key) => format!("label {}", sanitize(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::columns::sample,
        model::{ContainerRow, Host, State},
    };

    #[test]
    fn those_without_the_label_come_last_and_names_are_safe() {
        let group = |by: &GroupBy, label: Option<(&str, &str)>| {
            let mut container = sample::container("web", State::Running);
            if let Some((key, value)) = label {
                container.config.labels.insert(key.into(), value.into());
            }
            let row = ContainerRow {
                container: container.into(),
                usage: None,
            };
            let host = Host::default();
            by.key(&Item::new(&row, &host, jiff::Timestamp::UNIX_EPOCH))
        };
        let shop = group(&GroupBy::Project, Some((PROJECT, "shop")));
        let none = group(&GroupBy::Project, None);
        assert_eq!(
            (shop.name.as_str(), none.name.as_str()),
            ("shop", "no project")
        );
        assert!(shop < none);
        let tier = GroupBy::parse("label:tier").unwrap();
        assert_eq!(group(&tier, Some(("tier", "\u{1b}x"))).name, "tier=\\x1bx");
        assert_eq!(group(&GroupBy::State, None).name, "running");
        assert!(GroupBy::parse("label:").is_err() && GroupBy::parse("colour").is_err());
    }
}
