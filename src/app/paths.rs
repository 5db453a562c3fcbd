//! Paths that begin as was typed, for forms that take one.

use std::{fs, path::Path};

use super::Message;

/// How many are offered while one types.
const OFFERS: usize = 5;
/// How many entries of a directory are looked at.
const MOST: usize = 10_000;

/// Finds them in a thread, as a message.
pub async fn find(typed: String, is_directory: bool) -> Message {
    let wanted = typed.clone();
    let found = tokio::task::spawn_blocking(move || list(&wanted, is_directory)).await;
    // Whoever panicked has nothing to offer.
    Message::Paths(typed, found.unwrap_or_default())
}

/// Paths of the directory that is typed, in the order of their names; what is hidden only
/// if its dot is typed. Directories end with a slash.
fn list(typed: &str, is_directory: bool) -> Vec<String> {
    let (directory, begin) = match typed.rfind('/') {
        Some(slash) => typed.split_at(slash + 1),
        None => ("", typed),
    };
    let place = if directory.is_empty() { "." } else { directory };
    // What can't be read offers nothing; what is typed may still be meant.
    let Ok(entries) = fs::read_dir(Path::new(place)) else {
        return Vec::new();
    };
    let found = entries.take(MOST).filter_map(|entry| {
        let entry = entry.ok()?;
        // A name that isn't UTF-8 can't be typed either.
        let name = entry.file_name().into_string().ok()?;
        let is_shown =
            name.starts_with(begin) && (begin.starts_with('.') || !name.starts_with('.'));
        if !is_shown {
            return None;
        }
        // Of a link, what it leads to.
        let is_within = fs::metadata(entry.path()).is_ok_and(|found| found.is_dir());
        match (is_within, is_directory) {
            (true, _) => Some(format!("{directory}{name}/")),
            (false, false) => Some(format!("{directory}{name}")),
            (false, true) => None,
        }
    });
    let mut found: Vec<String> = found.filter(|path| path != typed).collect();
    found.sort_unstable();
    found.truncate(OFFERS);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_offered_as_they_are_typed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["app", "api", ".git", "app/src"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("app.Dockerfile"), "").unwrap();
        let at = |typed: &str, is_directory| {
            let typed = format!("{}/{typed}", dir.path().display());
            let found = list(&typed, is_directory);
            let cut = format!("{}/", dir.path().display());
            let names = found.iter().map(|path| path.replacen(&cut, "", 1));
            names.collect::<Vec<_>>()
        };
        assert_eq!(at("", true), ["api/", "app/"]);
        assert_eq!(at("ap", false), ["api/", "app.Dockerfile", "app/"]);
        assert_eq!(at("app/", true), ["app/src/"]);
        assert_eq!(at(".", true), [".git/"]);
        assert!(at("nowhere/x", false).is_empty());
    }
}
