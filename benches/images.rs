//! What images cost to look at: the images screen with 500 images and 3,000 layers, and
//! the explorer on an image of a million files, from the key to the picture, with the
//! memory that the dashboard takes for it.
//!
//! The store is made of files as an import would leave them, contents by the public
//! writer; of the million only what is opened on the way exists as a file.

mod support;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use support::{
    Sandbox, quantile,
    screen::{Step, steps},
};
use wharf::{
    image::ImageStore,
    layer::ContentsWriter,
    model::{Digest, FileEntry, FileKind},
};

const IMAGES: usize = 500;
const LAYERS: usize = 6;
const ROUNDS: usize = 7;
const FILES: usize = 1_000_000;

fn main() {
    let sandbox = Sandbox::new();
    let root = sandbox.path().join("engine");
    let images = Store::open(&root);
    for n in 0..IMAGES {
        images.add(&format!("bench/app-{n:03}:1"), n, LAYERS, None);
    }
    images.write();
    listing(&root);
    screen(&sandbox);
    million(&sandbox, images);
}

fn listing(root: &Path) {
    let store = ImageStore::open(&root.join("images"), &root.join("layers"));
    let store = store.expect("the store opens");
    println!("{IMAGES} images with {} layers", IMAGES * LAYERS);
    for (what, is_kept) in [("listed anew", false), ("listed as kept", true)] {
        let (mut times, mut work) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS * 3 {
            if !is_kept {
                fs::remove_file(root.join("images/list.json")).ok();
            }
            let (begun, worked) = (Instant::now(), cpu_time());
            let all = store.list().expect("the store can be read");
            times.push(begun.elapsed());
            work.push(cpu_time() - worked);
            let layers: usize = all.iter().map(|image| image.layers.len()).sum();
            assert!(all.len() >= IMAGES && layers >= IMAGES * LAYERS);
        }
        println!(
            "  {what:22} {} ms, of processors {} ms, medians",
            ms(quantile(&mut times, 0.5)),
            ms(quantile(&mut work, 0.5))
        );
    }
}

fn screen(sandbox: &Sandbox) {
    let mut times = Vec::new();
    let mut peak = 0;
    for _ in 0..ROUNDS {
        let (taken, kib) = steps(
            sandbox.wharf(&[]),
            &[Step {
                keys: b"2",
                awaited: "bench/app-",
            }],
        );
        times.push(taken[0]);
        peak = peak.max(kib);
    }
    println!(
        "  screen, key to picture {} ms, median of {ROUNDS}",
        ms(quantile(&mut times, 0.5))
    );
    println!("  resident, peak         {:>8.1} MiB", peak as f64 / 1024.0);
}

/// An image of two layers: the lower with a million files, the upper with some of them
/// anew and some removed.
fn million(sandbox: &Sandbox, images: Store) {
    images.add("bench/million:1", IMAGES, 2, Some(FILES));
    images.write();
    let mut opened = Vec::new();
    let mut filtered = Vec::new();
    let mut peak = 0;
    for _ in 0..ROUNDS {
        let (taken, kib) = steps(
            sandbox.wharf(&[]),
            &[
                Step {
                    keys: b"2",
                    awaited: "bench/",
                },
                Step {
                    keys: b"/million\r",
                    awaited: "2 layers",
                },
                Step {
                    keys: b"\r",
                    awaited: "dir-0000",
                },
                Step {
                    keys: b"/file-99999\r",
                    awaited: "file-999990",
                },
            ],
        );
        opened.push(taken[2]);
        filtered.push(taken[3]);
        peak = peak.max(kib);
    }
    println!("an image with {FILES} files");
    println!(
        "  key to first picture   {} ms, median of {ROUNDS}",
        ms(quantile(&mut opened, 0.5))
    );
    println!(
        "  filter typed to found  {} ms, median",
        ms(quantile(&mut filtered, 0.5))
    );
    println!("  resident, peak         {:>8.1} MiB", peak as f64 / 1024.0);

    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut explore = sandbox.wharf(&["image", "explore", "--json", "bench/million:1"]);
        let output = explore.output().expect("wharf image explore runs");
        assert!(output.status.success());
        times.push(begun.elapsed());
    }
    println!(
        "  image explore --json   {} ms, median",
        ms(quantile(&mut times, 0.5))
    );
}

/// What this process used of all processors so far, in user and kernel mode.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn ms(time: f64) -> String {
    format!("{time:>8.1}")
}

/// A store that is written to behind the engine's back.
struct Store<'a> {
    root: &'a Path,
    manifests: std::cell::RefCell<Vec<serde_json::Value>>,
}

impl<'a> Store<'a> {
    fn open(root: &'a Path) -> Self {
        Self {
            root,
            manifests: Default::default(),
        }
    }

    fn blob(&self, value: &serde_json::Value) -> (String, usize) {
        let text = value.to_string();
        let digest = sha256(text.as_bytes());
        let path = self.root.join("images/blobs/sha256").join(digest.hex());
        fs::write(path, &text).expect("the disk takes a blob");
        (digest.to_string(), text.len())
    }

    fn add(&self, name: &str, number: usize, layers: usize, files: Option<usize>) {
        let mut diff_ids = Vec::new();
        let mut blobs = Vec::new();
        let mut history = Vec::new();
        for n in 0..layers {
            let diff_id = sha256(format!("{number} {n}").as_bytes());
            let home = self.root.join("layers").join(diff_id.hex());
            fs::create_dir_all(home.join("fs")).expect("the disk takes a layer");
            let bytes = contents(&home, n, files);
            let record = serde_json::json!({
                "diff_id": diff_id.as_str(), "size_bytes": bytes, "entries": 10,
            });
            fs::write(home.join("layer.json"), record.to_string()).expect("it takes a record");
            blobs.push(serde_json::json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": diff_id.as_str(), "size": bytes / 2,
            }));
            history.push(serde_json::json!({
                "created": "2026-01-01T00:00:00Z",
                "created_by": format!("RUN make layer {n} of image {number} && rm -rf /var/lib/apt"),
            }));
            diff_ids.push(diff_id.to_string());
        }
        let (config, config_len) = self.blob(&serde_json::json!({
            "created": "2026-01-01T00:00:00Z", "architecture": "amd64", "os": "linux",
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Cmd": ["sh"], "Labels": {"org.example.number": number.to_string()},
            },
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        }));
        let (manifest, length) = self.blob(&serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config, "size": config_len,
            },
            "layers": blobs,
        }));
        self.manifests.borrow_mut().push(serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": manifest, "size": length,
            "annotations": {
                "org.opencontainers.image.ref.name": name,
                "io.containerd.image.name": format!("docker.io/{name}"),
            },
        }));
    }

    fn write(&self) {
        let path = self.root.join("images/index.json");
        let text = fs::read(&path).expect("the sandbox has an index");
        let mut index: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        let list = index["manifests"].as_array_mut().expect("it has a list");
        list.append(&mut self.manifests.borrow_mut());
        fs::write(path, index.to_string()).expect("the disk takes it");
    }
}

/// Writes what a layer holds; its bytes. In the second of a large image every tenth
/// directory has its files anew.
fn contents(home: &Path, layer: usize, files: Option<usize>) -> u64 {
    let entry = |name: &str, kind, size_bytes| FileEntry {
        name: name.into(),
        kind,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size_bytes,
        modified: 1_767_225_600,
        modified_ns: 0,
        target: Vec::new(),
        is_opaque: false,
        is_link: false,
    };
    let mut writer = ContentsWriter::create(home).expect("the disk takes contents");
    let mut bytes = 0;
    let in_order = "entries are in order";
    let root = entry("", FileKind::Directory, 0);
    writer.add(&root).expect(in_order);
    let Some(files) = files else {
        for n in 0..9 {
            let file = entry(&format!("file-{n}"), FileKind::File, 1 << 20);
            writer.add(&file).expect(in_order);
            bytes += 1 << 20;
        }
        writer.finish().expect("the disk takes contents");
        return bytes;
    };
    let directories = files / 100;
    for directory in (0..directories).filter(|n| layer == 0 || n % 10 == 0) {
        writer
            .add(&entry(
                &format!("dir-{directory:04}"),
                FileKind::Directory,
                0,
            ))
            .expect(in_order);
        for file in 0..100 {
            let number = directory * 100 + file;
            let kind = match layer > 0 && file % 50 == 0 {
                true => FileKind::Whiteout,
                false => FileKind::File,
            };
            let name = format!("file-{number:06}.bin");
            writer.add(&entry(&name, kind, 10_000)).expect(in_order);
            bytes += 10_000;
        }
        writer.leave().expect("a directory is open");
    }
    writer.finish().expect("the disk takes contents");
    bytes
}

fn sha256(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::from_sha256(&sha2::Sha256::digest(bytes).into())
}
