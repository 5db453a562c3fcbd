//! An image as its files and its config, read from docker's archive.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Archive, EntryType};

/// The fields of a config that are compared.
const FIELDS: [&str; 12] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "OnBuild",
    "Shell",
];

/// What an image holds.
pub struct Image {
    /// By path, without a slash at its beginning.
    files: BTreeMap<String, Node>,
    config: Value,
}

#[derive(Clone, Debug, PartialEq)]
struct Node {
    /// Mode, owner, attributes.
    meta: String,
    /// Kind and content.
    what: String,
    /// Files with several names have one number.
    inode: usize,
}

impl Image {
    /// Reads the only image of an archive.
    pub fn read(archive: &Path) -> Self {
        let mut blobs: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        let mut links = BTreeMap::new();
        let file = BufReader::new(File::open(archive).unwrap());
        for entry in Archive::new(file).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().into_owned();
            if let Some(target) = entry.link_name().unwrap() {
                // docker links layers that it has written already: ../ID/layer.tar.
                let target = target.strip_prefix("..").unwrap_or(&target).to_owned();
                links.insert(path, target);
                continue;
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            blobs.insert(path, bytes);
        }
        let blob = |name: &str| {
            let path = Path::new(name);
            &blobs[links.get(path).map_or(path, PathBuf::as_path)]
        };
        let manifest: Value = serde_json::from_slice(blob("manifest.json")).unwrap();
        let manifest = &manifest[0];
        let document: Value =
            serde_json::from_slice(blob(manifest["Config"].as_str().unwrap())).unwrap();
        let mut files = BTreeMap::new();
        let mut inodes = 0;
        for layer in manifest["Layers"].as_array().unwrap() {
            apply(blob(layer.as_str().unwrap()), &mut files, &mut inodes);
        }
        let mut config = Map::new();
        for field in FIELDS {
            let value = &document["config"][field];
            let is_empty = match value {
                Value::Null => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(map) => map.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            if !is_empty {
                config.insert(field.to_owned(), value.clone());
            }
        }
        if let Some(author) = document.get("author").filter(|author| *author != "") {
            config.insert("author".into(), author.clone());
        }
        Self {
            files,
            config: config.into(),
        }
    }

    /// Its config, and its files as far as they are not those of `base`; those that are
    /// missing are told as well.
    pub fn beyond(&self, base: &Self) -> Value {
        let mut files = Map::new();
        let mut first = BTreeMap::new();
        for (path, node) in &self.files {
            let same = base.files.get(path);
            if same.is_some_and(|same| (&same.meta, &same.what) == (&node.meta, &node.what)) {
                continue;
            }
            let mut text = format!("{} {}", node.what, node.meta);
            let first = first.entry(node.inode).or_insert(path);
            if *first != path {
                text = format!("is {first}");
            }
            files.insert(path.clone(), text.into());
        }
        // A build on another base has none of it; that is told in one line.
        let gone: Vec<_> = base
            .files
            .keys()
            .filter(|path| !self.files.contains_key(*path))
            .collect();
        match gone.len() * 2 > base.files.len() {
            true => drop(files.insert("(base)".into(), "gone".into())),
            false => files.extend(gone.into_iter().map(|path| (path.clone(), "gone".into()))),
        }
        json!({ "config": self.config, "files": files })
    }
}

fn apply(layer: &[u8], files: &mut BTreeMap<String, Node>, inodes: &mut usize) {
    let mut plain = Vec::new();
    let layer = match layer.starts_with(&[0x1f, 0x8b]) {
        true => {
            flate2::read::MultiGzDecoder::new(layer)
                .read_to_end(&mut plain)
                .unwrap();
            &plain
        }
        false => layer,
    };
    // A marker of a directory is for what the layers below have in it.
    let below = files.clone();
    for entry in Archive::new(layer).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path.trim_start_matches("./").trim_matches('/').to_owned();
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let prefix = match parent.is_empty() {
            true => String::new(),
            false => format!("{parent}/"),
        };
        if name == ".wh..wh..opq" {
            files.retain(|path, node| !path.starts_with(&prefix) || below.get(path) != Some(node));
            continue;
        }
        if let Some(removed) = name.strip_prefix(".wh.") {
            remove(files, &format!("{prefix}{removed}"));
            continue;
        }
        if path.is_empty() {
            continue;
        }
        let header = entry.header().clone();
        let mut attributes = String::new();
        if let Some(extensions) = entry.pax_extensions().unwrap() {
            for extension in extensions.flatten() {
                let key = extension.key().unwrap_or_default();
                if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                    let value = String::from_utf8_lossy(extension.value_bytes());
                    attributes.push_str(&format!(" {name}={value}"));
                }
            }
        }
        let (uid, gid) = (header.uid().unwrap(), header.gid().unwrap());
        let mode = header.mode().unwrap() & 0o7777;
        let meta = format!("{mode:04o} {uid}:{gid}{attributes}");
        let link = entry.link_name_bytes();
        let link = link.map(|link| String::from_utf8_lossy(&link).into_owned());
        let link = link.unwrap_or_default();
        let what = match header.entry_type() {
            EntryType::Link => {
                let node = files[link.trim_start_matches("./").trim_matches('/')].clone();
                files.insert(path, node);
                continue;
            }
            EntryType::Directory => "directory".to_owned(),
            EntryType::Symlink => format!("link to {link}"),
            EntryType::Fifo => "fifo".to_owned(),
            EntryType::Char | EntryType::Block => "device".to_owned(),
            _ => {
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                match std::str::from_utf8(&content) {
                    Ok(text) if text.len() < 200 => format!("file {text:?}"),
                    _ => format!(
                        "file of {} bytes {:x?}",
                        content.len(),
                        &Sha256::digest(&content)[..8]
                    ),
                }
            }
        };
        if what != "directory" {
            remove(files, &path);
        }
        // A symbolic link has no mode of its own.
        let meta = match what.starts_with("link") {
            true => format!("{uid}:{gid}"),
            false => meta,
        };
        *inodes += 1;
        let inode = *inodes;
        files.insert(path, Node { meta, what, inode });
    }
}

fn remove(files: &mut BTreeMap<String, Node>, path: &str) {
    let below = format!("{path}/");
    files.retain(|known, _| known != path && !known.starts_with(&below));
}
