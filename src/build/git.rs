//! Git repositories as contexts and as what `ADD` adds, by the `git` program.
//!
//! The address is hostile, and so is the repository: git gets no protocol that runs
//! programs (`ext::`, local paths), no hooks, no configuration but ours, and nothing that
//! could pass for an option. What asks for a password fails instead.

use std::{
    env,
    fs::File,
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
};

use super::{Error, Result, Stop, error::failed};

/// The environment that git may see: where programs, keys and proxies are.
const ENVIRONMENT: [&str; 12] = [
    "PATH",
    "HOME",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];
/// Bytes of its complaints that are read.
const LONGEST_WORDS: u64 = 64 << 10;

/// A repository, one state of it, and a directory in that: `URL#ref:directory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// Where it is.
    pub(super) url: String,
    /// A branch, a tag or a commit; none is what its maker calls HEAD.
    reference: Option<String>,
    /// A directory below its root.
    pub(super) directory: Option<String>,
}

impl Repository {
    /// Reads an address; none if it isn't one of a git repository.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let (url, fragment) = match address.split_once('#') {
            Some((url, fragment)) => (url, fragment),
            None => (address, ""),
        };
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        let is_git = ["git://", "ssh://"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        let url = match () {
            () if is_git || (is_web && url.ends_with(".git")) => url.to_owned(),
            () if url.starts_with("github.com/") => format!("https://{url}"),
            () if !url.contains("://") && is_remote_path(url) => url.to_owned(),
            () => return None,
        };
        let (reference, directory) = fragment.split_once(':').unwrap_or((fragment, ""));
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Some(Self {
            url,
            reference: said(reference),
            directory: said(directory),
        })
    }

    /// The commit, where the address says it in full: it needs no look at the repository.
    pub(super) fn commit(&self) -> Option<&str> {
        self.reference.as_deref().filter(|name| is_commit(name))
    }

    /// Puts the files of the repository into an empty directory; its commit.
    ///
    /// # Errors
    /// No git, an address or a reference that could be something else, and what git says.
    pub(super) fn check_out(&self, into: &Path, keep: bool, stop: &Stop) -> Result<String> {
        self.check()?;
        let git = |words: &[&str]| git(into, words, stop);
        git(&["init", "--quiet", "--template="])?;
        let shown = without_password(&self.url);
        let wanted = self.reference.as_deref().unwrap_or("HEAD");
        let fetch = ["fetch", "--quiet", "--no-tags"];
        let what = ["--", &self.url, wanted];
        if let Err(error) = git(&[&fetch[..], &["--depth=1"], &what].concat()) {
            // Not every server gives the last commit alone, or one by its name.
            let all = [
                "fetch",
                "--quiet",
                "--tags",
                "--",
                &self.url,
                "+refs/heads/*:refs/remotes/origin/*",
            ];
            let whole = match self.commit() {
                _ if error.is_cancelled => Err(error),
                Some(commit) => git(&all).and_then(|_| git(&["update-ref", "FETCH_HEAD", commit])),
                None => git(&[&fetch[..], &what].concat()).map_err(|_| error),
            };
            whole?;
        }
        git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"])?;
        let commit = git(&["rev-parse", "HEAD"])?.trim().to_owned();
        git(&["remote", "add", "origin", "--", &shown])?;
        if into.join(".gitmodules").exists() {
            git(&[
                "submodule",
                "--quiet",
                "update",
                "--init",
                "--recursive",
                "--depth=1",
            ])?;
        }
        if !keep {
            crate::layer::remove_tree(&into.join(".git"))
                .map_err(failed(format!("clean the checkout of {shown}")))?;
        }
        Ok(commit)
    }

    fn check(&self) -> Result<()> {
        let shown = without_password(&self.url);
        let rest = self
            .url
            .split_once("://")
            .map_or(&*self.url, |(_, rest)| rest);
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let is_odd = |text: &str| {
            text.starts_with('-') || text.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if is_odd(&self.url) || is_odd(host) || is_odd(rest) {
            return Err(Error::new(format!(
                "{shown:?} is no address of a git repository"
            )));
        }
        if let Some(name) = &self.reference
            && (is_odd(name)
                || ["..", "@{"].iter().any(|part| name.contains(part))
                || name.contains(['^', '~', '?', '*', '[', '\\', '+']))
        {
            return Err(Error::new(format!("{name:?} is no branch, tag or commit"))
                .hint("write URL#branch:directory"));
        }
        Ok(())
    }
}

/// `user@host:path`, as ssh's programs write it.
fn is_remote_path(text: &str) -> bool {
    let Some((user, rest)) = text.split_once('@') else {
        return false;
    };
    let Some((host, path)) = rest.split_once(':') else {
        return false;
    };
    let is_name = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !text.is_empty() && !text.starts_with('-') && text.chars().all(allowed)
    };
    is_name(user) && is_name(host) && !path.is_empty()
}

fn is_commit(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An address as it may be shown and kept.
fn without_password(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

/// Runs git in a directory; what it prints.
fn git(directory: &Path, words: &[&str], stop: &Stop) -> Result<String> {
    if stop.is_set() {
        return Err(Error::cancelled());
    }
    // The modes of what is checked out are the repository's, whatever our umask is.
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 022 && exec git \"$@\"", "git"])
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
        ])
        .args([
            "-c",
            "advice.detachedHead=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(directory)
        .env_clear()
        .envs(
            ENVIRONMENT
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        )
        .env("GIT_ALLOW_PROTOCOL", "git:http:https:ssh")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed("run git"))?;
    stop.kills(child.id());
    let words_of = |pipe: Option<Box<dyn Read + Send>>| {
        let mut text = Vec::new();
        if let Some(pipe) = pipe {
            // What can't be read is missing in a message, and nowhere else.
            let _ = pipe.take(LONGEST_WORDS).read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let errors = child
        .stderr
        .take()
        .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
    let output = child
        .stdout
        .take()
        .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
    let (output, errors) = std::thread::scope(|scope| {
        let errors = scope.spawn(move || words_of(errors));
        (words_of(output), errors.join().unwrap_or_default())
    });
    let status = child.wait().map_err(failed("wait for git"))?;
    stop.spares(child.id());
    if stop.is_set() {
        return Err(Error::cancelled());
    }
    if status.success() {
        return Ok(output);
    }
    let what = words.first().copied().unwrap_or_default();
    if status.code() == Some(127) {
        return Err(
            Error::new("there is no git here to get the repository with")
                .hint("install git, or give the files as a directory or a tar"),
        );
    }
    let said = errors.lines().rev().find(|line| !line.trim().is_empty());
    let said = said.unwrap_or("it ended with an error").trim();
    Err(Error::new(format!("git {what}: {said}")))
}

/// The directory of a checkout that an address names.
///
/// # Errors
/// One that isn't there, or that leads out.
pub(super) fn open(checkout: &Path, directory: Option<&str>) -> Result<File> {
    let root = File::open(checkout).map_err(failed("open the checkout"))?;
    let Some(directory) = directory else {
        return Ok(root);
    };
    let shown = format!("the repository's directory {directory}");
    let node = super::tree::open_beneath(std::os::fd::AsFd::as_fd(&root), Path::new(directory));
    let node = node.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(format!("there is no {shown}")),
        _ => failed(format!("open {shown}"))(error),
    })?;
    super::tree::open_directory(std::os::fd::AsFd::as_fd(&node))
        .map_err(failed(format!("open {shown}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_repositories_are_told_from_others() {
        for (text, url, reference, directory) in [
            ("https://h/r.git", "https://h/r.git", None, None),
            (
                "https://h/r.git#v1:sub/dir",
                "https://h/r.git",
                Some("v1"),
                Some("sub/dir"),
            ),
            ("git://h/r#:sub", "git://h/r", None, Some("sub")),
            ("ssh://git@h:22/r", "ssh://git@h:22/r", None, None),
            (
                "git@github.com:a/b.git#main",
                "git@github.com:a/b.git",
                Some("main"),
                None,
            ),
            ("github.com/a/b", "https://github.com/a/b", None, None),
        ] {
            let read = Repository::parse(text).unwrap();
            assert_eq!(read.url, url, "{text}");
            assert_eq!(read.reference.as_deref(), reference, "{text}");
            assert_eq!(read.directory.as_deref(), directory, "{text}");
        }
        for other in [
            "https://h/f.tar.gz",
            "dir",
            "./git@dir",
            "a@b",
            "ext::sh -c x",
            "-u@h:p",
        ] {
            assert_eq!(Repository::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_could_be_an_option_is_refused() {
        for text in [
            "https://h/r.git#--upload-pack=x",
            "https://h/r.git#a b",
            "https://h/r.git#a..b",
            "ssh://-oProxyCommand=x/r",
            "git://-h/r",
            "ssh://u@-oProxyCommand=x/r",
        ] {
            let read = Repository::parse(text).unwrap();
            assert!(read.check().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("https://u:p@h/r.git"), "https://h/r.git");
    }
}
