//! The engines that there are, for who chooses one: the one inside, those that have names,
//! those that variables name, and those whose sockets lie where engines put them.

use std::{
    fs,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use super::{
    contexts::{Contexts, DEFAULT},
    target::{Target, Wish, target},
};
use crate::model::Address;

/// An engine that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownEngine {
    /// What it is called.
    pub name: String,
    /// Who says that it is there, in words.
    pub origin: String,
    /// Where it is, none for the one inside; in words why it can't be driven.
    pub target: Result<Option<Target>, String>,
}

impl KnownEngine {
    /// Where it is, in words.
    pub fn place(&self) -> String {
        match &self.target {
            Ok(Some(target)) => target.address.to_string(),
            Ok(None) => "inside of wharf".into(),
            Err(_) => "no usable address".into(),
        }
    }

    /// Whether it is the engine at an address; none is the one inside.
    pub fn is_at(&self, address: Option<&str>) -> bool {
        match &self.target {
            Ok(Some(target)) => Some(&*target.address.to_string()) == address,
            Ok(None) => address.is_none(),
            Err(_) => false,
        }
    }
}

/// Sockets of the system's engines, and what usually listens there.
const SOCKETS: [(&str, &str); 3] = [
    ("wharf", "/run/wharf/docker.sock"),
    ("docker", "/run/docker.sock"),
    ("podman", "/run/podman/podman.sock"),
];
/// The same of a user's own engines, below `$XDG_RUNTIME_DIR`.
const USERS: [(&str, &str); 2] = [
    ("docker (user)", "docker.sock"),
    ("podman (user)", "podman/podman.sock"),
];

/// All of them, each address once. `first` is the one that is driven, who may have been
/// named by a flag.
pub fn engines(
    first: Option<&Target>,
    contexts: &Contexts,
    variable: impl Fn(&str) -> Option<String>,
) -> Vec<KnownEngine> {
    let mut all = vec![KnownEngine {
        name: DEFAULT.into(),
        origin: "wharf's own".into(),
        target: Ok(None),
    }];
    for context in contexts.list() {
        let keeper = if context.is_dockers {
            "docker"
        } else {
            "wharf"
        };
        let chosen_by = format!("context {}", context.name);
        let about = match context.description.is_empty() {
            true => String::new(),
            false => format!(": {}", context.description),
        };
        all.push(KnownEngine {
            name: context.name,
            origin: format!("a context, kept by {keeper}{about}"),
            target: context
                .address
                .map(|address| Some(Target { address, chosen_by })),
        });
    }
    let mut add = |name: &str, origin: String, target: Target| {
        let address = target.address.to_string();
        if !all.iter().any(|known| known.is_at(Some(&address))) {
            all.push(KnownEngine {
                name: name.to_owned(),
                origin,
                target: Ok(Some(target)),
            });
        }
    };
    for name in ["WHARF_HOST", "DOCKER_HOST"] {
        let host = variable(name).filter(|host| !host.is_empty());
        let wish = Wish {
            host: host.clone(),
            ..Wish::default()
        };
        // One that can't be read is told by whoever is told to use it.
        if let (Some(_), Ok(Some(found))) = (host, target(&wish, contexts, &variable)) {
            let chosen_by = name.to_owned();
            add(
                name,
                "named by the environment".into(),
                Target { chosen_by, ..found },
            );
        }
    }
    if let Some(first) = first {
        let origin = format!("named by {}", first.chosen_by);
        add(&first.chosen_by, origin, first.clone());
    }
    let users = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let users = users.iter().flat_map(|directory| {
        let at = |(name, path): &(&'static str, &str)| (*name, directory.join(path));
        USERS.iter().map(at).collect::<Vec<_>>()
    });
    let systems = SOCKETS
        .iter()
        .map(|(name, path)| (*name, PathBuf::from(path)));
    for (name, path) in systems.chain(users) {
        if is_socket(&path) {
            let target = Target {
                address: Address::Unix(path),
                chosen_by: "the list of engines".into(),
            };
            add(name, "a socket that was found".into(), target);
        }
    }
    all
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn each_engine_is_listed_once_with_who_says_so() {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("runtime");
        fs::create_dir_all(runtime.join("podman")).unwrap();
        let _podman = UnixListener::bind(runtime.join("podman/podman.sock")).unwrap();
        fs::write(runtime.join("docker.sock"), "no socket").unwrap();
        let at_home = home.path().display().to_string();
        let at_runtime = runtime.display().to_string();
        let variable = |name: &str| match name {
            "HOME" => Some(at_home.clone()),
            "XDG_RUNTIME_DIR" => Some(at_runtime.clone()),
            "DOCKER_HOST" => Some("ssh://ci@build-1".into()),
            "WHARF_HOST" => Some("nonsense".into()),
            _ => None,
        };
        let contexts = Contexts::of_user(variable);
        let address: Address = "ssh://ci@build-1".parse().unwrap();
        contexts.create("build", "the big one", &address).unwrap();
        let first = Target {
            address: "tcp://127.0.0.1:2375".parse().unwrap(),
            chosen_by: "--host".into(),
        };
        let all = engines(Some(&first), &contexts, variable);
        let names: Vec<_> = all.iter().map(|known| known.name.as_str()).collect();
        // The machine may have sockets of its own.
        assert_eq!(names[..3], ["default", "build", "--host"]);
        assert_eq!(names.last(), Some(&"podman (user)"));
        assert!(!names.contains(&"DOCKER_HOST") && !names.contains(&"docker (user)"));
        assert!(all[1].origin.contains("the big one"));
        assert!(all[2].is_at(Some("tcp://127.0.0.1:2375")) && all[0].is_at(None));
    }
}
