//! Where files come from: the build's context, an image's or stage's files, or files
//! that stand in the Dockerfile. Sources are found by path or pattern and never lead out.

use std::{
    ffi::{OsStr, OsString},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use super::{Error, Result, error::failed, tree};
use crate::dockerfile::ignore::{Ignore, PartPattern, clean};

/// A tree that files are copied from.
#[derive(Debug)]
pub struct Source {
    root: OwnedFd,
    ignore: Ignore,
    /// Whether it is the root of a file system of its own, in which absolute links are
    /// at home. In a context they lead out.
    is_root: bool,
}

/// Something found in a source.
#[derive(Debug)]
pub struct Found {
    /// Itself.
    pub node: OwnedFd,
    /// Where it lies below the source's root.
    pub path: PathBuf,
    /// The last part of its path; of the root itself nothing.
    pub name: OsString,
    /// Whether it is a directory.
    pub is_directory: bool,
}

impl Source {
    /// A build's context.
    pub fn context(root: OwnedFd, ignore: Ignore) -> Self {
        Self {
            root,
            ignore,
            is_root: false,
        }
    }

    /// The files of an image or a stage.
    pub fn root(root: OwnedFd) -> Self {
        Self {
            root,
            ignore: Ignore::default(),
            is_root: true,
        }
    }

    /// What is left out of it.
    pub fn ignore(&self) -> &Ignore {
        &self.ignore
    }

    /// Whether a path is left out: by the context's `.dockerignore` or by one of `more`.
    pub fn leaves_out(&self, path: &Path, more: &Ignore) -> bool {
        let path = path.to_string_lossy();
        self.ignore.leaves_out(&path) || more.leaves_out(&path)
    }

    /// What a path or pattern of the Dockerfile means here, in order.
    ///
    /// # Errors
    /// A path that leads out, that nothing lies at, or that a `.dockerignore` leaves out.
    pub fn find(&self, written: &str) -> Result<Vec<Found>> {
        let rooted = clean(&format!("/{written}"));
        let climbs = clean(written.trim_start_matches('/')).starts_with("..");
        if climbs && !self.is_root {
            return Err(
                Error::new(format!("{written} leads out of the build context"))
                    .hint("only files below the context can be copied"),
            );
        }
        let path = rooted.trim_start_matches('/');
        if !path.contains(['*', '?', '[']) {
            let found = self.open(Path::new(path), written)?;
            let hides = !found.is_directory && self.leaves_out(&found.path, &Ignore::default());
            if hides {
                return Err(missing(written).hint("the .dockerignore leaves it out"));
            }
            return Ok(vec![found]);
        }
        let mut found = Vec::new();
        // A pattern may match nothing; BuildKit takes that for an empty list too.
        self.matching(PathBuf::new(), path, &mut found)?;
        found
            .into_iter()
            .map(|path| self.open(&path, written))
            .collect()
    }

    fn open(&self, path: &Path, written: &str) -> Result<Found> {
        let node = match self.is_root {
            true => tree::open_in_root(self.root.as_fd(), path_or_dot(path)),
            false => tree::open_beneath(self.root.as_fd(), path),
        };
        let node = node.map_err(|error| match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => missing(written),
            Some(libc::EXDEV) => Error::new(format!("{written} is a link that leads out"))
                .hint("only files below the context can be copied"),
            _ => failed(format!("open {written}"))(error),
        })?;
        let stat = rustix::fs::fstat(&node).map_err(failed(format!("look at {written}")))?;
        let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        Ok(Found {
            node,
            path: path.to_owned(),
            name: path.file_name().unwrap_or_default().to_owned(),
            is_directory: kind == rustix::fs::FileType::Directory,
        })
    }

    /// Paths below `at` that match a pattern, one part of it after the other.
    fn matching(&self, at: PathBuf, pattern: &str, found: &mut Vec<PathBuf>) -> Result<()> {
        let (part, rest) = match pattern.split_once('/') {
            Some((part, rest)) => (part, Some(rest)),
            None => (pattern, None),
        };
        let pattern = PartPattern::parse(part)
            .map_err(|why| Error::new(format!("the pattern {part:?} {why}")))?;
        let Ok(directory) = self.open(&at, "") else {
            return Ok(());
        };
        if !directory.is_directory {
            return Ok(());
        }
        let names = tree::names(directory.node.as_fd())
            .map_err(failed(format!("list {}", at.display())))?;
        for name in names {
            let is_match = name.to_str().is_some_and(|name| pattern.is_match(name));
            if !is_match {
                continue;
            }
            let path = at.join(&name);
            match rest {
                Some(rest) => self.matching(path, rest, found)?,
                None if self.leaves_out(&path, &Ignore::default())
                    && !self.ignore.has_inclusions() => {}
                None => found.push(path),
            }
        }
        Ok(())
    }
}

fn path_or_dot(path: &Path) -> &Path {
    match path.as_os_str() == OsStr::new("") {
        true => Path::new("/"),
        false => path,
    }
}

fn missing(written: &str) -> Error {
    Error::new(format!("there is no {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(ignore: &str) -> (tempfile::TempDir, Source) {
        let directory = tempfile::tempdir().unwrap();
        for path in ["a/one.txt", "a/two.txt", "b/one.md", "top"] {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        for (target, link) in [("/etc", "out"), ("../..", "up"), ("a", "in")] {
            std::os::unix::fs::symlink(target, directory.path().join(link)).unwrap();
        }
        let ignore = Ignore::parse(ignore).unwrap();
        let root = std::fs::File::open(directory.path()).unwrap();
        let source = Source::context(root.into(), ignore);
        (directory, source)
    }

    fn paths(source: &Source, written: &str) -> Result<Vec<String>> {
        let found = source.find(written)?.into_iter();
        Ok(found
            .map(|found| found.path.display().to_string())
            .collect())
    }

    #[test]
    fn paths_and_patterns_find_files() {
        let (_directory, source) = source("");
        assert_eq!(
            paths(&source, "a/*.txt").unwrap(),
            ["a/one.txt", "a/two.txt"]
        );
        assert_eq!(
            paths(&source, "*/one.[mt]*").unwrap(),
            ["a/one.txt", "b/one.md", "in/one.txt"]
        );
        assert_eq!(paths(&source, "/top").unwrap(), ["top"]);
        assert_eq!(paths(&source, ".").unwrap(), [""]);
        assert_eq!(paths(&source, "in").unwrap(), ["in"]);
        assert!(paths(&source, "no*").unwrap().is_empty());
        assert!(paths(&source, "no").is_err());
    }

    #[test]
    fn nothing_leads_out() {
        let (_directory, source) = source("");
        for written in ["../x", "a/../../x", "out/passwd", "out", "up", "up/etc"] {
            let error = paths(&source, written).unwrap_err();
            assert!(error.message.contains("out"), "{written}: {error}");
        }
    }

    #[test]
    fn what_is_left_out_is_not_there() {
        let (_directory, source) = source("a/two.txt\ntop\n");
        assert_eq!(paths(&source, "a/*.txt").unwrap(), ["a/one.txt"]);
        let error = paths(&source, "top").unwrap_err();
        assert!(error.hint.unwrap().contains(".dockerignore"));
    }
}
