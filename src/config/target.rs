//! Which engine is driven: the one inside, or one that a flag, the environment or a
//! context names.

use std::path::PathBuf;

use super::contexts::{Contexts, DEFAULT, missing};
use crate::model::{Address, TlsFiles};

/// An engine elsewhere, and who named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub address: Address,
    /// Who said so: `--host`, `DOCKER_HOST`, `context prod`.
    pub chosen_by: String,
}

/// What the command line says of it.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// `--host`
    pub host: Option<String>,
    /// `--context`
    pub context: Option<String>,
    /// Whether the state of the engine inside was named, by `--root` or `WHARF_ROOT`: what
    /// only docker's variables say is then not followed.
    pub has_root: bool,
}

/// Why an engine can't be driven: a line, and the way out.
pub type Mistake = (String, String);

/// The engine to drive; `None` is the one inside. A flag goes before wharf's variables,
/// those before docker's, and these before the context in use.
pub fn target(
    wish: &Wish,
    contexts: &Contexts,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Target>, Mistake> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if wish.host.is_some() && wish.context.is_some() {
        let hint = "say one of them";
        return Err(("--host and --context name two engines".into(), hint.into()));
    }
    let by_host = |text: String, chosen_by: &str| {
        let address = text.parse::<Address>();
        let address = address.map_err(|why| {
            (
                format!("{chosen_by}: {why}"),
                format!("{chosen_by} names the engine to drive"),
            )
        })?;
        let is_secure = text.starts_with("https://");
        Ok(Some(Target {
            address: with_tls(address, is_secure, &set),
            chosen_by: chosen_by.to_owned(),
        }))
    };
    let by_context = |name: String, chosen_by: &str| {
        if name == DEFAULT {
            return Ok(None);
        }
        let hint = || "`wharf context ls` lists them".to_owned();
        let context = contexts.find(&name);
        let context =
            context.ok_or_else(|| (format!("{chosen_by}: {}", missing(&name)), hint()))?;
        match context.address {
            Ok(address) => Ok(Some(Target {
                address,
                chosen_by: format!("context {name}"),
            })),
            Err(why) => Err((format!("context {name}: {why}"), hint())),
        }
    };
    if let Some(host) = &wish.host {
        return by_host(host.clone(), "--host");
    }
    if let Some(name) = &wish.context {
        return by_context(name.clone(), "--context");
    }
    if let Some(host) = set("WHARF_HOST") {
        return by_host(host, "WHARF_HOST");
    }
    if let Some(name) = set("WHARF_CONTEXT") {
        return by_context(name, "WHARF_CONTEXT");
    }
    if wish.has_root {
        return Ok(None);
    }
    if let Some(host) = set("DOCKER_HOST") {
        return by_host(host, "DOCKER_HOST");
    }
    if let Some(name) = set("DOCKER_CONTEXT") {
        return by_context(name, "DOCKER_CONTEXT");
    }
    match contexts.current() {
        Some(name) => by_context(name, "wharf context use"),
        None => Ok(None),
    }
}

/// Docker's variables for TLS. Whoever only names a directory of certificates means it too.
fn with_tls(address: Address, is_secure: bool, set: &impl Fn(&str) -> Option<String>) -> Address {
    let directory = set("DOCKER_CERT_PATH").map(PathBuf::from);
    let is_meant = is_secure || set("DOCKER_TLS_VERIFY").is_some() || set("DOCKER_TLS").is_some();
    let usual = || set("HOME").map(|home| PathBuf::from(home).join(".docker"));
    match directory.or_else(|| is_meant.then(usual).flatten()) {
        Some(directory) => address.with_tls(TlsFiles::in_directory(&directory)),
        None => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wish: &Wish, variables: &[(&str, &str)]) -> Result<Option<String>, Mistake> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = target(wish, &Contexts::default(), variable)?;
        Ok(found.map(|target| format!("{} {}", target.chosen_by, target.address)))
    }

    #[test]
    fn flags_go_before_our_variables_and_these_before_dockers() {
        let docker = ("DOCKER_HOST", "unix:///d");
        let wharf = ("WHARF_HOST", "unix:///w");
        let flag = Wish {
            host: Some("unix:///f".into()),
            ..Wish::default()
        };
        let told = |wish: &Wish, variables: &[_]| chosen(wish, variables).unwrap().unwrap();
        assert_eq!(told(&flag, &[docker, wharf]), "--host unix:///f");
        assert_eq!(
            told(&Wish::default(), &[docker, wharf]),
            "WHARF_HOST unix:///w"
        );
        assert_eq!(told(&Wish::default(), &[docker]), "DOCKER_HOST unix:///d");
        assert_eq!(chosen(&Wish::default(), &[("DOCKER_HOST", "")]), Ok(None));
        let rooted = Wish {
            has_root: true,
            ..Wish::default()
        };
        assert_eq!(chosen(&rooted, &[docker]), Ok(None));
        assert_eq!(told(&rooted, &[wharf]), "WHARF_HOST unix:///w");
    }

    #[test]
    fn what_cannot_be_used_says_who_named_it() {
        let wrong = chosen(&Wish::default(), &[("DOCKER_HOST", "nonsense")]).unwrap_err();
        assert!(wrong.0.starts_with("DOCKER_HOST: "), "{wrong:?}");
        let wrong = chosen(&Wish::default(), &[("WHARF_CONTEXT", "nope")]).unwrap_err();
        assert!(wrong.0.contains("no context"), "{wrong:?}");
        let both = Wish {
            host: Some("unix:///f".into()),
            context: Some("x".into()),
            ..Wish::default()
        };
        assert!(chosen(&both, &[]).is_err());
    }

    #[test]
    fn certificates_are_used_where_they_are_named() {
        let open = |variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let wish = Wish {
                host: Some("tcp://10.0.0.1:2376".into()),
                ..Wish::default()
            };
            let found = target(&wish, &Contexts::default(), variable).unwrap();
            found.unwrap().address.is_open()
        };
        assert!(open(&[]));
        assert!(!open(&[("DOCKER_CERT_PATH", "/c")]));
        assert!(!open(&[("DOCKER_TLS_VERIFY", "1"), ("HOME", "/root")]));
    }
}
