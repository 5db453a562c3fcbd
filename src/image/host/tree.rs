//! The files of one layer before they are a tar.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::{Component, Path, PathBuf},
};

use tar::{Builder, EntryType, Header};

use super::HostError;

/// Paths inside the image, without a leading slash, and what is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(BTreeMap<PathBuf, Item>);

/// One file of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A directory of this mode.
    Directory(u32),
    /// A file of the host.
    Host(PathBuf),
    /// A small file with this text.
    Text(&'static str),
    /// A symbolic link.
    Link(PathBuf),
}

impl Tree {
    /// Adds a file, and its directories. What is there already stays.
    pub(super) fn add(&mut self, path: &Path, item: Item) {
        let mut parent = path.parent();
        while let Some(directory) = parent.filter(|p| !p.as_os_str().is_empty()) {
            let directory = directory.to_owned();
            self.0.entry(directory).or_insert(Item::Directory(0o755));
            parent = parent.and_then(Path::parent);
        }
        self.0.entry(path.to_owned()).or_insert(item);
    }

    pub(super) fn contains(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    /// Whether it has more than directories.
    pub(super) fn has_files(&self) -> bool {
        let is_file = |item: &Item| !matches!(item, Item::Directory(_));
        self.0.values().any(is_file)
    }

    /// Writes it as a tar.
    pub(super) fn write(&self, writer: impl Write) -> Result<(), HostError> {
        let mut builder = Builder::new(writer);
        for (path, item) in &self.0 {
            append(&mut builder, path, item)?;
        }
        let finish = builder.into_inner().and_then(|mut writer| writer.flush());
        finish.map_err(HostError::io("the end of the archive"))
    }
}

fn append(builder: &mut Builder<impl Write>, path: &Path, item: &Item) -> Result<(), HostError> {
    let mut header = Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    let failed = HostError::io(path);
    match item {
        Item::Directory(mode) => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(*mode);
            builder.append_data(&mut header, path, io::empty())
        }
        Item::Text(text) => {
            header.set_mode(0o644);
            header.set_size(text.len() as u64);
            builder.append_data(&mut header, path, text.as_bytes())
        }
        Item::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            builder.append_link(&mut header, path, target)
        }
        Item::Host(source) => return append_host(builder, header, path, source),
    }
    .map_err(failed)
}

fn append_host(
    builder: &mut Builder<impl Write>,
    mut header: Header,
    path: &Path,
    source: &Path,
) -> Result<(), HostError> {
    use std::os::unix::fs::MetadataExt;

    let file = File::open(source).map_err(HostError::io(source))?;
    let metadata = file.metadata().map_err(HostError::io(source))?;
    header.set_mode(metadata.mode() & 0o7777);
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(metadata.size());
    let mut value = [0; 64];
    let name = "security.capability";
    if let Ok(length) = rustix::fs::fgetxattr(&file, name, &mut value[..]) {
        let record = [("SCHILY.xattr.security.capability", &value[..length])];
        builder
            .append_pax_extensions(record)
            .map_err(HostError::io(source))?;
    }
    // `append_data` pads what is short: a file that shrinks meanwhile must not pass.
    let mut content = Exact {
        source: file,
        left: metadata.size(),
    };
    builder
        .append_data(&mut header, path, &mut content)
        .map_err(HostError::io(source))
}

/// Exactly so many bytes of a file, or an error.
struct Exact {
    source: File,
    left: u64,
}

impl io::Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        match self.source.read(&mut buffer[..most])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.left -= length as u64;
                Ok(length)
            }
        }
    }
}

/// The way from a link at `link` to `target`, both inside the image.
pub(super) fn relative(link: &Path, target: &Path) -> PathBuf {
    let directory: Vec<Component> = link
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .collect();
    let target: Vec<Component> = target.components().collect();
    let common = directory.iter().zip(&target).take_while(|(a, b)| a == b);
    let common = common.count();
    let up = directory[common..].iter().map(|_| Component::ParentDir);
    up.chain(target[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_point_from_where_they_are() {
        let way = |link: &str, target: &str| relative(Path::new(link), Path::new(target));
        assert_eq!(way("usr/bin/sh", "usr/bin/dash"), Path::new("dash"));
        assert_eq!(
            way("usr/bin/awk", "etc/x/awk"),
            Path::new("../../etc/x/awk")
        );
        assert_eq!(way("init", "usr/bin/busybox"), Path::new("usr/bin/busybox"));
    }

    #[test]
    fn tree_writes_directories_before_what_is_in_them() {
        let mut tree = Tree::default();
        tree.add(Path::new("etc/passwd"), Item::Text("root"));
        tree.add(Path::new("etc"), Item::Directory(0o700));
        let mut archive = Vec::new();
        tree.write(&mut archive).unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let mode = entry.header().mode().unwrap();
            (entry.path().unwrap().into_owned(), mode)
        });
        let expected = [("etc".into(), 0o755), ("etc/passwd".into(), 0o644)];
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }
}
