//! The small file in which the dashboard keeps its layout from run to run.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{Failure, layout::Saved};
use crate::format::text::sanitize;

/// No layout is longer; a longer file is something else.
const MOST_BYTES: u64 = 64 << 10;

/// Where it lies: `$XDG_STATE_HOME/wharf`, or `~/.local/state/wharf` (the XDG base
/// directory specification); nowhere for who has no home.
pub fn state_file(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let state = path("XDG_STATE_HOME").or_else(|| Some(path("HOME")?.join(".local/state")))?;
    Some(state.join("wharf/dashboard.toml"))
}

/// What was kept; nothing if nothing was. A file that can't be read is no reason not to
/// start: it is told, and stays until it is written anew.
pub fn load(path: &Path) -> Result<Option<Saved>, Failure> {
    let failure = |why: String| Failure {
        message: format!(
            "read the saved layout in {}: {}",
            sanitize(&path.display().to_string()),
            sanitize(&why)
        ),
        hint: Some("the columns are the default ones; choosing columns writes it anew".into()),
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failure(error.to_string())),
    };
    let mut text = String::new();
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| failure(error.to_string()))?;
    Saved::parse(&text).map(Some).map_err(failure)
}

/// Keeps it: whole or not at all, whenever we are killed.
pub fn save(path: &Path, saved: &Saved) -> Result<(), Failure> {
    write(path, &saved.text()).map_err(|error| Failure {
        message: format!(
            "save the layout in {}: {error}",
            sanitize(&path.display().to_string())
        ),
        hint: Some("it holds until the dashboard is left".into()),
    })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    // Two dashboards that save at once write two files; the later rename wins.
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may not even have been made; the error above is the one that matters.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::Layout, format::cpu::CpuDisplay};

    #[test]
    fn layout_is_kept_and_a_damaged_file_is_told_and_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/dashboard.toml");
        assert_eq!(load(&path).unwrap(), None);
        let saved = Saved::new(&Layout::default(), &Layout::default(), CpuDisplay::Host);
        save(&path, &saved).unwrap();
        assert_eq!(load(&path).unwrap(), Some(saved.clone()));
        for damage in [&b"column = ["[..], b"\xff\xfe", b"\x1b[2J = 1"] {
            fs::write(&path, damage).unwrap();
            let failure = load(&path).unwrap_err();
            assert!(!failure.message.chars().any(char::is_control));
        }
        save(&path, &saved).unwrap();
        assert_eq!(load(&path).unwrap(), Some(saved));
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "no temporary file is left");
    }

    #[test]
    fn state_lies_where_the_specification_says() {
        let with = |set: &'static [(&str, &str)]| {
            let value = move |name: &str| {
                let found = set.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| OsString::from(value))
            };
            state_file(value).map(|path| path.display().to_string())
        };
        assert_eq!(with(&[]), None);
        let home = with(&[("HOME", "/h"), ("XDG_STATE_HOME", "relative")]);
        assert_eq!(
            home.as_deref(),
            Some("/h/.local/state/wharf/dashboard.toml")
        );
        let state = with(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]);
        assert_eq!(state.as_deref(), Some("/s/wharf/dashboard.toml"));
    }

    #[test]
    fn place_that_cannot_be_written_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let failure = save(&file.join("dashboard.toml"), &Saved::default()).unwrap_err();
        assert!(failure.message.contains("save the layout"), "{failure:?}");
    }
}
