//! What the fake's images and containers hold: small layers with something added,
//! modified and removed, and names that nobody would choose.

use std::{collections::BTreeMap, fs::File, path::PathBuf};

use async_trait::async_trait;

use super::{Fake, MIB};
use crate::{
    engine::{EngineError, ErrorKind, Files, Images, Result},
    layer::{Contents, ContentsWriter, Explorer},
    model::{
        ExtractRequest, Extracted, FileEntry, FileKind, FilePage, FilesOf, ImageLayers,
        LayerDetails, ReadRequest, TreePage, TreeRequest, Waste,
    },
};

/// Path and bytes; a path that ends in a slash is a directory, one that begins with `-` a
/// whiteout, one with an arrow a link.
const LAYERS: [&[(&str, u64)]; 3] = [
    &[
        ("bin -> usr/bin", 0),
        ("etc/apt/sources.list", 412),
        ("etc/motd", 286),
        ("etc/passwd", 1_204),
        ("root/", 0),
        ("tmp/", 0),
        ("usr/bin/bash", 1_265_648),
        ("usr/bin/perl", 3_820_952),
        ("usr/lib/x86_64-linux-gnu/libc.so.6", 1_922_136),
        ("usr/lib/x86_64-linux-gnu/libcrypto.so.3", 4_709_360),
        ("usr/share/doc/文書/读我.txt", 9_114),
        ("var/lib/apt/lists/deb.debian.org_main", 41 * MIB),
        ("var/lib/dpkg/status", 912_338),
    ],
    &[
        ("-etc/motd", 0),
        ("etc/nginx/nginx.conf", 648),
        ("etc/nginx/mime.types", 5_349),
        ("etc/passwd", 1_262),
        ("usr/sbin/nginx", 1_552_392),
        ("usr/share/nginx/html/index.html", 615),
        ("usr/share/nginx/html/odd\x1b[31m\nname", 12),
        ("var/cache/apt/pkgcache.bin", 29 * MIB),
        ("var/lib/dpkg/status", 934_556),
        ("-var/lib/apt/lists", 0),
    ],
    &[
        ("docker-entrypoint.d/30-tune-worker-processes.sh", 4_096),
        ("-var/cache/apt", 0),
    ],
];

/// Layers of a container's image, and what it wrote.
const WRITTEN: &[(&str, u64)] = &[
    ("etc/nginx/nginx.conf", 702),
    ("run/nginx.pid", 2),
    ("-usr/share/nginx/html/index.html", 0),
    ("var/log/nginx/access.log", 18 * MIB),
];

fn layer(entries: &[(&str, u64)]) -> Contents {
    let mut tree: BTreeMap<Vec<&str>, (FileKind, u64, &str)> = BTreeMap::new();
    for (text, size) in entries {
        let (text, target) = text.split_once(" -> ").unwrap_or((text, ""));
        let (text, kind) = match (text.strip_prefix('-'), text.strip_suffix('/')) {
            (Some(path), _) => (path, FileKind::Whiteout),
            (_, Some(path)) => (path, FileKind::Directory),
            _ if !target.is_empty() => (text, FileKind::Symlink),
            _ => (text, FileKind::File),
        };
        let names: Vec<_> = text.split('/').collect();
        for end in 1..names.len() {
            let above = (FileKind::Directory, 0, "");
            tree.entry(names[..end].to_vec()).or_insert(above);
        }
        tree.insert(names, (kind, *size, target));
    }
    let dir = tempfile::tempdir().expect("tests have a temporary directory");
    let write = || {
        let mut writer = ContentsWriter::create(dir.path())?;
        writer.add(&entry("", FileKind::Directory, 0, ""))?;
        let mut open: Vec<&str> = Vec::new();
        for (names, (kind, size, target)) in &tree {
            let (name, above) = names.split_last().expect("no path is empty");
            while !above.starts_with(&open) {
                writer.leave()?;
                open.pop();
            }
            writer.add(&entry(name, *kind, *size, target))?;
            if *kind == FileKind::Directory {
                open.clone_from(names);
            }
        }
        writer.finish()?;
        Contents::open(File::open(dir.path().join("contents"))?)
    };
    write().expect("the tree is in order")
}

fn entry(name: &str, kind: FileKind, size_bytes: u64, target: &str) -> FileEntry {
    let is_program = name == "nginx" || name == "bash" || name == "perl" || name.ends_with(".sh");
    FileEntry {
        name: name.into(),
        kind,
        mode: match kind {
            FileKind::Directory if name == "tmp" => 0o1777,
            FileKind::Directory => 0o755,
            FileKind::Symlink => 0o777,
            _ if is_program => 0o755,
            _ => 0o644,
        },
        uid: 0,
        gid: if name == "access.log" { 101 } else { 0 },
        size_bytes,
        modified: 1_767_225_600,
        modified_ns: 0,
        target: target.into(),
        is_opaque: false,
        is_link: false,
    }
}

impl Fake {
    /// A view, and the layer on top of it.
    async fn look(&self, of: &FilesOf) -> Result<(Explorer, usize)> {
        if let Some(error) = self.lock().failures.pop_front() {
            return Err(error);
        }
        let all = |layers: &[&[(&str, u64)]]| {
            Explorer::new(
                layers
                    .iter()
                    .map(|entries| (PathBuf::new(), layer(entries))),
            )
        };
        match of {
            FilesOf::Image { reference, layer } => {
                let count = self.image(reference).await?.layers.len();
                Ok((all(&LAYERS[..count.min(LAYERS.len())]), *layer))
            }
            FilesOf::Volume(_) => Ok((all(&[WRITTEN]), usize::MAX)),
            FilesOf::Container(_) => {
                let [lowest, above, top] = LAYERS;
                Ok((all(&[lowest, above, top, WRITTEN]), usize::MAX))
            }
        }
    }
}

fn failed(error: std::io::Error) -> EngineError {
    EngineError::new(ErrorKind::Internal, "look into", "the fake").because(error)
}

#[async_trait]
impl Files for Fake {
    async fn image_layers(&self, reference: &str) -> Result<ImageLayers> {
        let image = self.image(reference).await?;
        let of = FilesOf::Image {
            reference: reference.to_owned(),
            layer: usize::MAX,
        };
        let (explorer, _) = self.look(&of).await?;
        let (waste, of_layer) = match explorer.is_empty() {
            true => (Waste::default(), Vec::new()),
            false => explorer.waste().map_err(failed)?,
        };
        let images = self.lock().world.images.clone();
        let layers = image.layers.iter().enumerate().map(|(n, layer)| {
            let users = images.iter().filter(|other| {
                other.id != image.id && other.layers.iter().any(|l| l.diff_id == layer.diff_id)
            });
            LayerDetails {
                diff_id: layer.diff_id.clone(),
                blob: None,
                created_by: layer.created_by.clone(),
                size_bytes: explorer.bytes_of(n).unwrap_or(0),
                packed_bytes: Some(explorer.bytes_of(n).unwrap_or(0) * 2 / 5),
                files: explorer.files_of(n).unwrap_or(0),
                wasted_bytes: of_layer.get(n).copied().unwrap_or(0),
                shared_with: users
                    .map(|image| image.references.first().cloned().unwrap_or_default())
                    .collect(),
            }
        });
        Ok(ImageLayers {
            layers: layers.collect(),
            id: image.id.clone(),
            references: image.references.clone(),
            platform: image.platform.clone(),
            waste,
        })
    }

    async fn tree(&self, request: TreeRequest) -> Result<TreePage> {
        let (explorer, top) = self.look(&request.of).await?;
        explorer.tree(top, &request).map_err(failed)
    }

    async fn read_file(&self, request: ReadRequest) -> Result<FilePage> {
        let line = |n: usize| match n % 4 {
            0 => format!("# line {n} of {}\n", String::from_utf8_lossy(&request.path)),
            1 => "server { listen 80; \x1b[31mred\x1b[0m\ttab; }\n".to_owned(),
            2 => "名前 = \"日本\"; caf\u{e9}\n".to_owned(),
            _ => "\n".to_owned(),
        };
        let mut all: Vec<u8> = (0..400).flat_map(|n| line(n).into_bytes()).collect();
        if request.path.ends_with(b"libc.so.6") {
            all = b"\x7fELF\x02\x01\x01\0"
                .iter()
                .copied()
                .cycle()
                .take(4096)
                .collect();
        }
        let from = usize::try_from(request.offset)
            .unwrap_or(usize::MAX)
            .min(all.len());
        let to = from.saturating_add(request.limit).min(all.len());
        Ok(FilePage {
            offset: request.offset,
            bytes: all[from..to].to_vec(),
            size_bytes: all.len() as u64,
        })
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extracted> {
        let path = String::from_utf8_lossy(&request.path).into_owned();
        let call = format!("extract {path} to {}", request.to.display());
        self.lock().calls.push(call);
        match self.lock().failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(Extracted {
                entries: 1,
                bytes: 4096,
                skipped: 0,
            }),
        }
    }
}
