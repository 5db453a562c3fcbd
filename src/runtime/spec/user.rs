//! Who a process runs as: `user[:group]` looked up in the container's own
//! `/etc/passwd` and `/etc/group`, by docker's rules.

use std::{
    fs::File,
    io::{self, Read},
};

use super::Error;

/// Opens a file of the container by its path without a leading slash; `None` if it has
/// none.
pub type Files<'a> = dyn Fn(&str) -> io::Result<Option<File>> + 'a;

/// Longest passwd or group file that is read; a container could hold any.
const MAX_BYTES: u64 = 8 << 20;

/// A user as the kernel and the environment know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: String,
}

struct PasswdEntry<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

struct GroupEntry<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// Looks `user[:group]` up, and the groups besides. Numbers need no entry; names do.
/// Without a group the user's own applies, with all that list the user as a member.
pub fn look_up(wanted: &str, besides: &[String], files: &Files<'_>) -> Result<Identity, Error> {
    let passwd = read(files, "etc/passwd")?;
    let group = read(files, "etc/group")?;
    let (user, wanted_group) = match wanted.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (wanted, None),
    };
    let user = if user.is_empty() { "0" } else { user };
    let number = number(user)?;
    // A name that looks like a number is one, unless passwd has it as a name.
    let entry = entries(&passwd)
        .find(|entry| entry.name == user)
        .or_else(|| entries(&passwd).find(|entry| Some(entry.uid) == number));
    let (uid, own_gid) = match (&entry, number) {
        (Some(entry), _) => (entry.uid, entry.gid),
        (None, Some(uid)) => (uid, 0),
        (None, None) => {
            return Err(Error::Invalid(format!(
                "the container's /etc/passwd has no user {user}"
            )));
        }
    };
    let (gid, mut groups) = match wanted_group {
        Some(name) => (look_up_group(name, &group)?, Vec::new()),
        None => {
            let member = entry.as_ref().map(|entry| entry.name);
            let lists = |members: &str| members.split(',').any(|one| Some(one) == member);
            let listed = group_entries(&group).filter(|entry| lists(entry.members));
            (own_gid, listed.map(|entry| entry.gid).collect())
        }
    };
    for name in besides {
        groups.push(look_up_group(name, &group)?);
    }
    // The primary group is also a supplementary one, so that a program that changes its
    // primary group keeps it (CVE-2022-36109).
    groups.insert(0, gid);
    let mut seen = std::collections::HashSet::new();
    groups.retain(|group| seen.insert(*group));
    let home = entry.map_or("", |entry| entry.home);
    Ok(Identity {
        uid,
        gid,
        groups,
        home: if home.is_empty() { "/" } else { home }.to_owned(),
    })
}

fn look_up_group(name: &str, group: &str) -> Result<u32, Error> {
    let number = number(name)?;
    group_entries(group)
        .find(|entry| entry.name == name)
        .map(|entry| entry.gid)
        .or(number)
        .ok_or_else(|| Error::Invalid(format!("the container's /etc/group has no group {name}")))
}

/// The id that a text of digits is. -1 stands for "no change" in the kernel's calls, and
/// docker ends at 2^31 - 1.
fn number(text: &str) -> Result<Option<u32>, Error> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    match text.parse() {
        Ok(id) if id <= i32::MAX as u32 => Ok(Some(id)),
        _ => Err(Error::Invalid(format!(
            "user and group ids go from 0 to 2147483647, not {text}"
        ))),
    }
}

fn read(files: &Files<'_>, path: &'static str) -> Result<String, Error> {
    let io = |source| Error::Io {
        operation: "read the container's",
        path: format!("/{path}").into(),
        source,
    };
    let Some(file) = files(path).map_err(io)? else {
        return Ok(String::new());
    };
    if !file.metadata().map_err(io)?.is_file() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Entries of passwd(5); malformed lines are passed over, as the C library does.
fn entries(text: &str) -> impl Iterator<Item = PasswdEntry<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        let home = fields.nth(1).unwrap_or_default();
        Some(PasswdEntry {
            name,
            uid,
            gid,
            home,
        })
    })
}

/// Entries of group(5).
fn group_entries(text: &str) -> impl Iterator<Item = GroupEntry<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let gid = fields.nth(1)?.parse().ok()?;
        let members = fields.next().unwrap_or_default();
        Some(GroupEntry { name, gid, members })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(user: &str) -> Result<Identity, Error> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:33:33::/var/www:/bin/false\n\
                      1000:x:7:8::/seven:\nnohome:x:50:50\n";
        let group = "root:x:0:\nwww:x:33:web\nadm:x:4:syslog,web\ndisk:x:6:root\n";
        std::fs::write(dir.path().join("etc/passwd"), passwd).unwrap();
        std::fs::write(dir.path().join("etc/group"), group).unwrap();
        look_up(user, &[], &|path| {
            File::open(dir.path().join(path)).map(Some)
        })
    }

    fn identity(uid: u32, gid: u32, groups: &[u32], home: &str) -> Identity {
        Identity {
            uid,
            gid,
            groups: groups.to_vec(),
            home: home.into(),
        }
    }

    #[test]
    fn users_are_found_as_docker_finds_them() {
        for (wanted, found) in [
            ("", identity(0, 0, &[0, 6], "/root")),
            ("0", identity(0, 0, &[0, 6], "/root")),
            ("web", identity(33, 33, &[33, 4], "/var/www")),
            ("33", identity(33, 33, &[33, 4], "/var/www")),
            ("web:adm", identity(33, 4, &[4], "/var/www")),
            ("web:99", identity(33, 99, &[99], "/var/www")),
            (":4", identity(0, 4, &[4], "/root")),
            ("4711", identity(4711, 0, &[0], "/")),
            ("4711:4712", identity(4711, 4712, &[4712], "/")),
            ("1000", identity(7, 8, &[8], "/seven")),
            ("nohome", identity(50, 50, &[50], "/")),
        ] {
            assert_eq!(find(wanted).unwrap(), found, "{wanted}");
        }
    }

    #[test]
    fn unknown_names_and_ids_out_of_range_are_refused() {
        for wanted in [
            "nobody",
            "web:nogroup",
            "4294967295",
            "2147483648",
            "0:99999999999",
        ] {
            assert!(find(wanted).is_err(), "{wanted}");
        }
    }

    #[test]
    fn container_without_passwd_knows_numbers_only() {
        assert_eq!(look_up("5", &[], &|_| Ok(None)).unwrap().uid, 5);
        assert!(look_up("web", &[], &|_| Ok(None)).is_err());
    }
}
