//! Which names have which values at a line of a Dockerfile: build arguments, what a
//! stage declared of them, and its environment.

use std::collections::BTreeMap;

use crate::dockerfile::expand::{ExpandError, Expanded, Expander};

/// Arguments that need no `ARG` to be seen by a `RUN`, and that no cache depends on.
const PROXIES: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// What is given from outside and by the lines before the first `FROM`.
#[derive(Clone, Debug, Default)]
pub struct Globals {
    /// `--build-arg`.
    pub given: BTreeMap<String, String>,
    /// Of the platform (`TARGETARCH` and so on): to be declared before they are seen.
    pub platform: BTreeMap<String, String>,
    /// `ARG`s before the first `FROM`, with their values.
    declared: BTreeMap<String, String>,
}

/// The names of one stage.
#[derive(Clone, Debug)]
pub struct Scope {
    escape: char,
    arguments: BTreeMap<String, String>,
    /// `NAME=value` pairs of the image in the making.
    pub env: Vec<String>,
}

impl Globals {
    /// With the arguments given and those that tell platforms; `platform` is
    /// `os/architecture[/variant]` of what is built, which is also what builds.
    pub fn new(given: BTreeMap<String, String>, platform: &str, target: &str) -> Self {
        let mut parts = platform.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (os, architecture, variant) = (part(), part(), part());
        let mut names = BTreeMap::new();
        for side in ["TARGET", "BUILD"] {
            names.insert(format!("{side}PLATFORM"), platform.to_owned());
            names.insert(format!("{side}OS"), os.clone());
            names.insert(format!("{side}ARCH"), architecture.clone());
            names.insert(format!("{side}VARIANT"), variant.clone());
        }
        names.insert("TARGETSTAGE".into(), target.to_owned());
        Self {
            given,
            platform: names,
            declared: BTreeMap::new(),
        }
    }

    /// An `ARG` before the first `FROM`.
    ///
    /// # Errors
    /// A default that can't be read.
    pub fn declare(
        &mut self,
        escape: char,
        name: &str,
        default: Option<&str>,
    ) -> Result<(), ExpandError> {
        let value = match (self.given.get(name), default) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => Some(self.expand(escape, default)?.text),
            (None, None) => None,
        };
        if let Some(value) = value {
            self.declared.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// A word of a `FROM`.
    ///
    /// # Errors
    /// As [`Expander::expand`].
    pub fn expand(&self, escape: char, word: &str) -> Result<Expanded, ExpandError> {
        let lookup = |name: &str| {
            let platform = || {
                self.given
                    .get(name)
                    .filter(|_| self.platform.contains_key(name))
            };
            let found = self.declared.get(name).or_else(platform);
            found.or_else(|| self.platform.get(name)).cloned()
        };
        Expander::new(escape).expand(word, &lookup)
    }
}

impl Scope {
    /// Of a stage that begins with an image's environment.
    pub fn new(escape: char, env: Vec<String>) -> Self {
        Self {
            escape,
            arguments: BTreeMap::new(),
            env,
        }
    }

    /// An `ARG` of the stage.
    ///
    /// # Errors
    /// A name or default that can't be read.
    pub fn declare(
        &mut self,
        globals: &Globals,
        name: &str,
        default: Option<&str>,
    ) -> Result<(), ExpandError> {
        let name = self.expand(name)?.text;
        let value = match (globals.given.get(&name), default) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(default)) => Some(self.expand(default)?.text),
            (None, None) => {
                let outer = globals.declared.get(&name);
                outer.or_else(|| globals.platform.get(&name)).cloned()
            }
        };
        if let Some(value) = value {
            self.arguments.insert(name, value);
        }
        Ok(())
    }

    /// A word with its variables replaced and its quotes taken away.
    ///
    /// # Errors
    /// As [`Expander::expand`].
    pub fn expand(&self, word: &str) -> Result<Expanded, ExpandError> {
        Expander::new(self.escape).expand(word, &|name| self.value(name))
    }

    /// The text of a here-document: variables are replaced, quotes are text.
    ///
    /// # Errors
    /// As [`Expander::expand`].
    pub fn expand_document(&self, text: &str) -> Result<String, ExpandError> {
        let expander = Expander {
            quotes_are_text: true,
            ..Expander::new(self.escape)
        };
        let expanded = expander.expand(text, &|name| self.value(name))?;
        Ok(expanded.text)
    }

    fn value(&self, name: &str) -> Option<String> {
        let of_env = crate::dockerfile::expand::last_of(&self.env, name).map(str::to_owned);
        of_env.or_else(|| self.arguments.get(name).cloned())
    }

    /// The arguments that a `RUN` sees beside the environment, as `NAME=value`: those
    /// that the cache depends on.
    pub fn arguments(&self) -> Vec<String> {
        let hidden = |name: &str| crate::dockerfile::expand::last_of(&self.env, name).is_some();
        let seen = self.arguments.iter().filter(|(name, _)| !hidden(name));
        seen.filter(|(name, _)| !PROXIES.contains(&name.as_str()))
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// Proxies given from outside, as `NAME=value`.
    pub fn proxies(globals: &Globals) -> Vec<String> {
        let given = globals.given.iter();
        let proxies = given.filter(|(name, _)| PROXIES.contains(&name.as_str()));
        proxies
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(given: &[(&str, &str)]) -> Globals {
        let given = given.iter().map(|(a, b)| ((*a).into(), (*b).into()));
        Globals::new(given.collect(), "linux/amd64", "default")
    }

    #[test]
    fn arguments_before_from_are_seen_by_from_and_by_those_who_declare_them() {
        let mut globals = globals(&[("GIVEN", "1")]);
        globals.declare('\\', "BASE", Some("debian")).unwrap();
        globals.declare('\\', "GIVEN", Some("0")).unwrap();
        globals.declare('\\', "BOTH", Some("$BASE:$GIVEN")).unwrap();
        assert_eq!(
            globals.expand('\\', "$BOTH-$TARGETARCH").unwrap().text,
            "debian:1-amd64"
        );
        let mut scope = Scope::new('\\', vec![]);
        assert_eq!(scope.expand("$BASE").unwrap().text, "");
        scope.declare(&globals, "BASE", None).unwrap();
        scope.declare(&globals, "TARGETOS", None).unwrap();
        assert_eq!(scope.expand("$BASE$TARGETOS").unwrap().text, "debianlinux");
    }

    #[test]
    fn the_environment_goes_before_arguments() {
        let globals = globals(&[("A", "given"), ("http_proxy", "p")]);
        let mut scope = Scope::new('\\', vec!["A=env".into()]);
        scope.declare(&globals, "A", None).unwrap();
        scope.declare(&globals, "B", Some("$A")).unwrap();
        assert_eq!(scope.expand("$A $B").unwrap().text, "env env");
        assert_eq!(scope.arguments(), ["B=env"]);
        assert_eq!(Scope::proxies(&globals), ["http_proxy=p"]);
    }

    #[test]
    fn quotes_in_documents_are_text() {
        let scope = Scope::new('\\', vec!["A=b".into()]);
        let text = scope.expand_document("'$A' \"${A}\" \\$A it's").unwrap();
        assert_eq!(text, "'b' \"b\" $A it's");
    }
}
