//! Entries of a tree of files as text.

use super::text::sanitize_bytes;
use crate::model::{FileEntry, FileKind, Mark};

/// Kind and permissions as ls(1) tells them: `drwxr-xr-x`.
pub fn permissions(entry: &FileEntry) -> String {
    let kind = match entry.kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::CharacterDevice => 'c',
        FileKind::BlockDevice => 'b',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::Whiteout => 'w',
    };
    let mode = entry.mode;
    let mut text = String::from(kind);
    for (shift, special, sign) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => sign,
            (false, true) => sign.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Its name with what it leads to, safe to print.
pub fn name(entry: &FileEntry) -> String {
    let name = sanitize_bytes(&entry.name);
    match entry.kind {
        FileKind::Symlink => format!("{name} -> {}", sanitize_bytes(&entry.target)),
        FileKind::Directory => format!("{name}/"),
        _ => name.into_owned(),
    }
}

/// The sign of what a layer did.
pub fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Unchanged => " ",
        Mark::Added => "+",
        Mark::Modified => "~",
        Mark::Removed => "-",
    }
}

/// Its word.
pub fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Unchanged => "unchanged",
        Mark::Added => "added",
        Mark::Modified => "modified",
        Mark::Removed => "removed",
    }
}

/// A share of efficiency or waste: `98.4%`, and never rounded up to all.
pub fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).floor() / 10.0;
    match tenths {
        whole if whole >= 100.0 => "100%".to_owned(),
        tenths => format!("{tenths:.1}%"),
    }
}

/// The command that made a layer, without what every builder writes before it.
pub fn command(created_by: &str) -> String {
    let text = created_by.trim();
    let text = text.strip_prefix("/bin/sh -c ").unwrap_or(text);
    let text = match text.strip_prefix("#(nop)") {
        Some(step) => step,
        None => text,
    };
    let text = text.trim().trim_end_matches("# buildkit").trim_end();
    // Of several lines the pieces between are what matters.
    let words: Vec<_> = text.split_whitespace().collect();
    super::text::sanitize(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: FileKind, mode: u16) -> FileEntry {
        FileEntry {
            name: b"a\x1b\xff".to_vec(),
            kind,
            mode,
            uid: 0,
            gid: 0,
            size_bytes: 0,
            modified: 0,
            modified_ns: 0,
            target: b"/etc\n".to_vec(),
            is_opaque: false,
            is_link: false,
        }
    }

    #[test]
    fn permissions_are_those_of_ls() {
        assert_eq!(permissions(&entry(FileKind::File, 0o4755)), "-rwsr-xr-x");
        assert_eq!(
            permissions(&entry(FileKind::Directory, 0o1777)),
            "drwxrwxrwt"
        );
        assert_eq!(permissions(&entry(FileKind::File, 0o6640)), "-rwSr-S---");
    }

    #[test]
    fn hostile_names_and_targets_are_escaped() {
        assert_eq!(name(&entry(FileKind::Symlink, 0)), "a\\x1b\\xff -> /etc\\n");
    }

    #[test]
    fn commands_are_told_without_their_builder() {
        let told = |text| command(text);
        assert_eq!(
            told("/bin/sh -c #(nop) ADD file:4b in / "),
            "ADD file:4b in /"
        );
        assert_eq!(
            told("RUN set -x &&\\\n   apt-get update # buildkit"),
            "RUN set -x &&\\ apt-get update"
        );
        assert_eq!(told("a\x1bb"), "a\\x1bb");
    }

    #[test]
    fn what_is_not_all_is_never_told_as_all() {
        assert_eq!(
            (percent(0.99999), percent(1.0), percent(0.0)),
            ("99.9%".into(), "100%".into(), "0.0%".into())
        );
    }
}
