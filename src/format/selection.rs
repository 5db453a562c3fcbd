//! Which containers are listed: docker's filters, for `ps` and the API. Values of one key are alternatives (labels must all
//! be there); different keys must all hold.

use jiff::Timestamp;
use regex_lite::Regex;

use super::values::Parsed;
use crate::model::{Container, HealthStatus, Image, MountKind, NetworkMode, State, Transport};

/// One `KEY=VALUE`, checked.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Id begins with it.
    Id(String),
    /// Name matches.
    Name(Regex),
    /// Has the label, with that value if one is given.
    Label(String, Option<String>),
    /// Is in the state.
    Status(State),
    /// Is of that image.
    Ancestor(String),
    /// Exited with the code.
    Exited(i32),
    /// Was created before that container.
    Before(String),
    /// Was created after that container.
    Since(String),
    /// Is on the network.
    Network(String),
    /// Is reached from outside by one of these ports of the host.
    Published(Ports),
    /// Names one of these ports, or publishes it.
    Exposed(Ports),
    /// Mounts that path of the host or has something mounted there.
    Volume(String),
    /// Health; none where nothing is checked.
    Health(Option<HealthStatus>),
}

/// Reads one filter.
pub fn filter(text: &str) -> Parsed<Filter> {
    let (key, value) = text.split_once('=').ok_or("a filter is KEY=VALUE")?;
    Ok(match key {
        "id" => Filter::Id(value.to_ascii_lowercase()),
        "name" => {
            // Docker's names begin with a slash inside; `^/web$` is written often.
            let pattern = value.replacen("^/", "^", 1);
            let pattern = pattern.strip_prefix('/').unwrap_or(&pattern);
            Filter::Name(Regex::new(pattern).map_err(|error| format!("name={value}: {error}"))?)
        }
        "label" => match value.split_once('=') {
            Some((key, value)) => Filter::Label(key.into(), Some(value.into())),
            None => Filter::Label(value.into(), None),
        },
        "status" => {
            let state = State::ALL.into_iter().find(|state| state.as_str() == value);
            Filter::Status(state.ok_or_else(|| {
                format!(
                    "status={value}: allowed are {}",
                    State::ALL.map(State::as_str).join(", ")
                )
            })?)
        }
        "ancestor" => Filter::Ancestor(value.to_owned()),
        "exited" => Filter::Exited(
            value
                .parse()
                .map_err(|_| format!("exited={value}: it is no exit code"))?,
        ),
        "before" => Filter::Before(value.to_owned()),
        "since" => Filter::Since(value.to_owned()),
        "network" => Filter::Network(value.to_owned()),
        "publish" => Filter::Published(ports(value)?),
        "expose" => Filter::Exposed(ports(value)?),
        "volume" => Filter::Volume(value.to_owned()),
        "health" => match value {
            "none" => Filter::Health(None),
            "starting" => Filter::Health(Some(HealthStatus::Starting)),
            "healthy" => Filter::Health(Some(HealthStatus::Healthy)),
            "unhealthy" => Filter::Health(Some(HealthStatus::Unhealthy)),
            _ => {
                return Err(format!(
                    "health={value}: allowed are none, starting, healthy and unhealthy"
                ));
            }
        },
        _ => {
            return Err(format!(
                "'{key}': there are id, name, label, status, ancestor, exited, \
                 before, since, network, publish, volume and health"
            ));
        }
    })
}

/// A range of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    first: u16,
    last: u16,
    transport: Transport,
}

impl Ports {
    fn has(self, number: u16, transport: Transport) -> bool {
        self.transport == transport && (self.first..=self.last).contains(&number)
    }
}

/// `80`, `80/udp`, `80-90`.
fn ports(text: &str) -> Parsed<Ports> {
    let (numbers, transport) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let number = |number: &str| {
        let number = number.parse().ok().filter(|number: &u16| *number != 0);
        number.ok_or_else(|| format!("{text} is no port, and no range of ports"))
    };
    Ok(Ports {
        first: number(first)?,
        last: number(last)?,
        transport: transport.parse()?,
    })
}

/// What filters compare with besides the container itself.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// All images.
    pub images: &'a [Image],
    /// When the container of a `before` or `since` was created.
    pub created: &'a dyn Created,
}

/// Finds out when a container was created.
pub trait Created: std::fmt::Debug + Sync {
    /// Of the container that is called so.
    fn created(&self, reference: &str) -> Option<Timestamp>;
}

/// Whether a container passes all filters.
pub fn passes(filters: &[Filter], container: &Container, around: Surroundings) -> bool {
    filters.iter().all(|filter| {
        if matches!(filter, Filter::Label(..)) {
            return holds(filter, container, around);
        }
        let kind = std::mem::discriminant(filter);
        filters
            .iter()
            .filter(|other| std::mem::discriminant(*other) == kind)
            .any(|alternative| holds(alternative, container, around))
    })
}

/// Whether any filter asks about containers that don't run, so that they are listed
/// without `-a`, as docker does.
pub fn include_stopped(filters: &[Filter]) -> bool {
    filters
        .iter()
        .any(|filter| matches!(filter, Filter::Status(_) | Filter::Exited(_)))
}

fn holds(filter: &Filter, container: &Container, around: Surroundings) -> bool {
    match filter {
        Filter::Id(prefix) => container.id.as_str().starts_with(prefix.as_str()),
        Filter::Name(pattern) => pattern.is_match(&container.name),
        Filter::Label(key, value) => match (container.config.labels.get(key), value) {
            (Some(have), Some(want)) => have == want,
            (have, _) => have.is_some(),
        },
        Filter::Status(state) => container.state == *state,
        Filter::Ancestor(image) => is_of(container, image, around.images),
        Filter::Exited(code) => {
            let code_of = container.exit.and_then(|exit| exit.code);
            container.state == State::Exited && code_of == Some(*code)
        }
        Filter::Before(other) => {
            let at = around.created.created(other);
            at.is_some_and(|at| container.created < at)
        }
        Filter::Since(other) => {
            let at = around.created.created(other);
            at.is_some_and(|at| container.created > at)
        }
        Filter::Network(name) => match &container.config.network {
            NetworkMode::None => name == "none",
            NetworkMode::Host => name == "host",
            NetworkMode::Container(_) => false,
            NetworkMode::Bridge => {
                let known = &container.connectivity.endpoints;
                let by_id = |id: &str| id.len() >= 12 && id.starts_with(name.as_str());
                container
                    .config
                    .networks
                    .iter()
                    .any(|one| one.network == *name)
                    || known.iter().any(|one| by_id(one.network.as_str()))
            }
        },
        Filter::Published(ports) => {
            let mut open = container.connectivity.ports.iter();
            open.any(|open| ports.has(open.host, open.container.transport))
        }
        Filter::Exposed(ports) => {
            let config = &container.config;
            let published = config.publish.iter().map(|one| one.container);
            let open = container.connectivity.ports.iter();
            let named = config.expose.iter().copied().chain(published);
            named
                .chain(open.map(|open| open.container))
                .any(|port| ports.has(port.number, port.transport))
        }
        Filter::Volume(path) => container.config.mounts.iter().any(|mount| {
            let is_source = match &mount.kind {
                MountKind::Bind { source, .. } => source.as_os_str() == path.as_str(),
                MountKind::Volume(volume) => volume.name.as_ref() == Some(path),
                MountKind::Tmpfs { .. } => false,
            };
            is_source || mount.target.as_os_str() == path.as_str()
        }),
        Filter::Health(wanted) => container.health.as_ref().map(|health| health.status) == *wanted,
    }
}

/// Whether the container's image, or one whose layers it is built on, is called so.
fn is_of(container: &Container, wanted: &str, images: &[Image]) -> bool {
    let is_named = |image: &Image| {
        let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
        let by_id = digits.len() >= 4 && image.id.hex().starts_with(digits);
        let tagged = format!("{wanted}:latest");
        let by_name = image
            .references
            .iter()
            .any(|name| name == wanted || *name == tagged);
        by_id || by_name
    };
    if container.config.image == wanted {
        return true;
    }
    let Some(own) = images.iter().find(|image| image.id == container.image_id) else {
        return false;
    };
    images
        .iter()
        .filter(|image| is_named(image))
        .any(|ancestor| {
            let layers = &ancestor.layers;
            ancestor.id == own.id || (!layers.is_empty() && own.layers.starts_with(layers))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::columns::sample;

    #[derive(Debug)]
    struct At(i64);

    impl Created for At {
        fn created(&self, _: &str) -> Option<Timestamp> {
            Timestamp::from_second(self.0).ok()
        }
    }

    fn shown(filters: &[&str]) -> Vec<String> {
        let filters: Vec<_> = filters.iter().map(|f| filter(f).unwrap()).collect();
        let mut web = sample::container("web", State::Running);
        web.config.labels.insert("tier".into(), "front".into());
        web.config.labels.insert("team".into(), "a".into());
        let mut db = sample::container("db", State::Exited);
        db.exit = Some(sample::exit(3));
        db.config.labels.insert("tier".into(), "back".into());
        db.config.network = NetworkMode::Host;
        let around = Surroundings {
            images: &[],
            created: &At(10),
        };
        [web, db]
            .into_iter()
            .filter(|container| passes(&filters, container, around))
            .map(|container| container.name)
            .collect()
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_keys_add_up() {
        assert_eq!(shown(&[]), ["web", "db"]);
        assert_eq!(shown(&["name=web", "name=db"]), ["web", "db"]);
        assert_eq!(shown(&["name=web", "status=exited"]).len(), 0);
        assert_eq!(shown(&["status=exited", "status=running"]), ["web", "db"]);
        assert_eq!(shown(&["exited=3"]), ["db"]);
        assert_eq!(shown(&["network=host"]), ["db"]);
        assert_eq!(shown(&["ancestor=debian:12", "health=none"]), ["web", "db"]);
        assert_eq!(shown(&["health=healthy"]).len(), 0);
        assert_eq!(shown(&["before=x"]), ["web", "db"]);
        assert_eq!(shown(&["since=x"]).len(), 0);
    }

    #[test]
    fn labels_must_all_be_there() {
        assert_eq!(shown(&["label=tier"]), ["web", "db"]);
        assert_eq!(shown(&["label=tier=front", "label=team"]), ["web"]);
        assert_eq!(shown(&["label=tier=front", "label=tier=back"]).len(), 0);
    }

    #[test]
    fn names_are_patterns_with_or_without_dockers_slash() {
        assert_eq!(shown(&["name=^/web$"]), ["web"]);
        assert_eq!(shown(&["name=/db"]), ["db"]);
        assert_eq!(shown(&["name=e"]), ["web"]);
        assert!(filter("name=(").is_err());
    }

    #[test]
    fn unknown_keys_and_values_list_what_there_is() {
        assert!(filter("status=up").unwrap_err().contains("running"));
        assert!(filter("nope=1").unwrap_err().contains("ancestor"));
        assert!(filter("name").is_err() && filter("exited=x").is_err());
    }
}
