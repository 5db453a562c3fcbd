//! Mount options by name: one table, and nothing outside of it passes silently.

use std::ffi::CString;

use crate::sys::mount::{
    ATIME, Attributes, NOATIME, NODEV, NODIRATIME, NOEXEC, NOSUID, NOSYMFOLLOW, RDONLY, RELATIME,
    STRICTATIME,
};

use super::error::{Error, Result};

/// The options of one mount, sorted by who applies them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// `bind` or `rbind` was among them.
    pub bind: bool,
    /// `rbind`.
    pub recursive: bool,
    /// Attributes of this mount.
    pub attributes: Attributes,
    /// Attributes of this mount and all below it.
    pub recursive_attributes: Attributes,
    /// Propagation, and whether of all mounts below too.
    pub propagation: Vec<(u64, bool)>,
    /// What the file system itself understands.
    pub data: Vec<(CString, Option<CString>)>,
}

enum Meaning {
    Nothing,
    Bind {
        recursive: bool,
    },
    Set(u64),
    Clear(u64),
    Atime(u64),
    Propagation(u64),
    /// A flag of the superblock: meaningless on a bind.
    Superblock,
    Refused,
}

use Meaning::{Atime, Bind, Clear, Nothing, Propagation, Refused, Set, Superblock};

const SHARED: u64 = libc::MS_SHARED;
const SLAVE: u64 = libc::MS_SLAVE;
const PRIVATE: u64 = libc::MS_PRIVATE;
const UNBINDABLE: u64 = libc::MS_UNBINDABLE;

const TABLE: &[(&str, Meaning)] = &[
    ("defaults", Nothing),
    ("bind", Bind { recursive: false }),
    ("rbind", Bind { recursive: true }),
    ("ro", Set(RDONLY)),
    ("rw", Clear(RDONLY)),
    ("nosuid", Set(NOSUID)),
    ("suid", Clear(NOSUID)),
    ("nodev", Set(NODEV)),
    ("dev", Clear(NODEV)),
    ("noexec", Set(NOEXEC)),
    ("exec", Clear(NOEXEC)),
    ("nodiratime", Set(NODIRATIME)),
    ("diratime", Clear(NODIRATIME)),
    ("nosymfollow", Set(NOSYMFOLLOW)),
    ("symfollow", Clear(NOSYMFOLLOW)),
    ("relatime", Atime(RELATIME)),
    ("noatime", Atime(NOATIME)),
    ("strictatime", Atime(STRICTATIME)),
    ("atime", Atime(RELATIME)),
    ("norelatime", Atime(STRICTATIME)),
    ("nostrictatime", Atime(RELATIME)),
    ("shared", Propagation(SHARED)),
    ("slave", Propagation(SLAVE)),
    ("private", Propagation(PRIVATE)),
    ("unbindable", Propagation(UNBINDABLE)),
    ("async", Nothing),
    ("nomand", Nothing),
    ("nolazytime", Nothing),
    ("loud", Nothing),
    ("sync", Superblock),
    ("dirsync", Superblock),
    ("mand", Superblock),
    ("lazytime", Superblock),
    ("iversion", Superblock),
    ("silent", Superblock),
    ("remount", Refused),
    ("move", Refused),
    ("idmap", Refused),
    ("ridmap", Refused),
    ("tmpcopyup", Refused),
    ("notmpcopyup", Nothing),
];

/// Every option that is understood here, and not by a file system alone.
pub fn mount_options() -> Vec<String> {
    let plain = TABLE
        .iter()
        .filter(|(_, meaning)| !matches!(meaning, Refused));
    let mut names: Vec<_> = plain.clone().map(|(name, _)| (*name).to_owned()).collect();
    for (name, meaning) in plain {
        if matches!(meaning, Propagation(_) | Set(_) | Clear(_) | Atime(_)) {
            names.push(format!("r{name}"));
        }
    }
    names
}

impl Options {
    /// Read the options of the mount at `destination`.
    pub fn parse(destination: &str, options: &[String]) -> Result<Self> {
        let mut parsed = Self::default();
        for option in options {
            parsed.add(destination, option)?;
        }
        if let (true, Some((key, _))) = (parsed.bind, parsed.data.first()) {
            return Err(refused(destination, &key.to_string_lossy()));
        }
        Ok(parsed)
    }

    fn add(&mut self, destination: &str, option: &str) -> Result<()> {
        if let Some((_, meaning)) = find(option) {
            match *meaning {
                Bind { recursive } => {
                    self.bind = true;
                    self.recursive = recursive;
                }
                Propagation(flag) => self.propagation.push((flag, false)),
                Superblock => self.data.push((c_string(option)?, None)),
                Refused => return Err(refused(destination, option)),
                _ => apply(&mut self.attributes, meaning),
            }
            return Ok(());
        }
        // `rro`, `rnosuid`, `rprivate`: the same for everything below.
        if let Some((_, meaning)) = option.strip_prefix('r').and_then(find) {
            match *meaning {
                Propagation(flag) => self.propagation.push((flag, true)),
                Set(_) | Clear(_) | Atime(_) => apply(&mut self.recursive_attributes, meaning),
                _ => return Err(refused(destination, option)),
            }
            return Ok(());
        }
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, Some(c_string(value)?)),
            None => (option, None),
        };
        self.data.push((c_string(key)?, value));
        Ok(())
    }
}

fn find(option: &str) -> Option<&'static (&'static str, Meaning)> {
    TABLE.iter().find(|(name, _)| *name == option)
}

/// The last word on one attribute wins, as with mount(8).
fn apply(attributes: &mut Attributes, meaning: &Meaning) {
    match *meaning {
        Set(bit) => {
            attributes.set |= bit;
            attributes.clear &= !bit;
        }
        Clear(bit) => {
            attributes.set &= !bit;
            attributes.clear |= bit;
        }
        // The kernel wants all bits of the field cleared when one value is set.
        Atime(value) => {
            attributes.set = attributes.set & !ATIME | value;
            attributes.clear |= ATIME;
        }
        _ => {}
    }
}

fn refused(destination: &str, option: &str) -> Error {
    Error::unsupported(format!("mount option {option:?} of {destination}"))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid("mounts", "a zero byte in an option"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &[&str]) -> Result<Options> {
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        Options::parse("/x", &options)
    }

    #[test]
    fn last_word_on_an_attribute_wins() {
        let options = parse(&["ro", "rw", "nosuid", "noatime", "relatime"]).expect("parse");
        assert_eq!(options.attributes.set, NOSUID);
        assert_eq!(options.attributes.clear, RDONLY | ATIME);
    }

    #[test]
    fn recursive_options_apply_below() {
        let options = parse(&["rbind", "rro", "rprivate"]).expect("parse");
        assert!(options.bind && options.recursive);
        assert_eq!(options.recursive_attributes.set, RDONLY);
        assert_eq!(options.propagation, [(PRIVATE, true)]);
    }

    #[test]
    fn option_that_a_bind_cannot_have_is_refused_by_name() {
        for option in ["frobnicate", "size=3", "sync", "remount"] {
            let error = parse(&["bind", option]).expect_err(option).to_string();
            assert!(
                error.contains(option.split('=').next().expect("a word")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_unknown_goes_to_the_file_system() {
        let options = parse(&["size=64m", "nosuid", "newinstance"]).expect("parse");
        assert_eq!(options.data.len(), 2);
    }
}
