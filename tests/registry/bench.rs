//! The bench that these tests stand on: an engine with a home of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::process::{self, Finished};

/// An engine below a temporary directory, and the home of its user.
pub struct Bench {
    pub dir: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("wharf-registry-")
            .tempdir()
            .unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        fs::write(dir.path().join("config.toml"), "").unwrap();
        Self {
            dir,
            variables: Vec::new(),
        }
    }

    /// The same with a `[registry]` section.
    pub fn configured(section: &str) -> Self {
        let bench = Self::new();
        bench.configure(section);
        bench
    }

    pub fn configure(&self, section: &str) {
        let text = format!("[registry]\n{section}\n");
        fs::write(self.dir.path().join("config.toml"), text).unwrap();
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn root(&self) -> PathBuf {
        self.dir.path().join("engine")
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.home())
            .env("WHARF_ROOT", self.root())
            .env("WHARF_CONFIG", self.dir.path().join("config.toml"))
            .env("WHARF_NETWORK", "none")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Finished {
        process::finish(self.command(arguments), b"")
    }

    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "wharf {arguments:?}: {done:?}");
        done.stdout.trim_end().to_owned()
    }

    /// Must fail with one clear line; that line and its hint.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert!(done.code != 0, "wharf {arguments:?}: {done:?}");
        let lines: Vec<&str> = done.stderr.lines().collect();
        let errors = lines.iter().filter(|line| line.starts_with("wharf: "));
        assert_eq!(errors.count(), 1, "wharf {arguments:?}: {done:?}");
        done.stderr
    }

    /// Makes an image of some layers, each a tar of one file of random bytes.
    pub fn image(&self, name: &str, sizes: &[usize]) -> Vec<String> {
        // Import makes images of one layer; more are made by skopeo's peer format.
        let layout = self.dir.path().join(format!("layout-{}", self.count()));
        let diff_ids = make_layout(&layout, sizes);
        let target = format!("docker://{name}");
        let from = format!("oci:{}:image", layout.display());
        skopeo(&["copy", "-q", "--dest-tls-verify=false", &from, &target]);
        diff_ids
    }

    fn count(&self) -> usize {
        fs::read_dir(self.dir.path()).unwrap().count()
    }

    /// The diff-ids of an image here.
    #[track_caller]
    pub fn layers(&self, name: &str) -> Vec<String> {
        let text = self.ok(&["image", "inspect", "-f", "{{json .RootFS.Layers}}", name]);
        serde_json::from_str(&text).unwrap()
    }

    /// Names in a directory of the engine.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(path)).into_iter().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// No image, no layer, no blob, whole or partial, no lease.
    #[track_caller]
    pub fn is_empty(&self) {
        assert_eq!(self.ok(&["images", "-q"]), "");
        for path in ["layers", "images/blobs/sha256", "images/ingest"] {
            assert_eq!(self.names(path), Vec::<String>::new(), "{path}");
        }
    }

    /// Bytes that have come of blobs that aren't whole.
    pub fn partial_bytes(&self) -> u64 {
        let path = self.root().join("images/ingest");
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        let blobs = entries.filter(|entry| entry.file_name().len() == 64);
        blobs
            .filter_map(|entry| Some(entry.metadata().ok()?.len()))
            .sum()
    }
}

#[track_caller]
pub fn skopeo(arguments: &[&str]) -> String {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy").args(arguments);
    let done = process::finish(command, b"");
    assert_eq!(done.code, 0, "skopeo {arguments:?}: {done:?}");
    done.stdout
}

/// An OCI layout of one image, `image`, whose layers have a file of random bytes each.
/// Its diff-ids.
fn make_layout(path: &Path, sizes: &[usize]) -> Vec<String> {
    let blobs = path.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let put = |content: &[u8]| {
        let digest = digest(content);
        fs::write(blobs.join(&digest[7..]), content).unwrap();
        digest
    };
    let mut diff_ids = Vec::new();
    let mut layers = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let tar = tar(&format!("file-{index}"), &random(*size));
        diff_ids.push(digest(&tar));
        let packed = gzip(&tar);
        layers.push(serde_json::json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "size": packed.len(), "digest": put(&packed),
        }));
    }
    let config = config(&diff_ids, "amd64");
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "size": config.len(), "digest": put(&config),
        },
        "layers": layers,
    })
    .to_string();
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": manifest.len(), "digest": put(manifest.as_bytes()),
            "annotations": { "org.opencontainers.image.ref.name": "image" },
        }],
    });
    fs::write(path.join("index.json"), index.to_string()).unwrap();
    fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    diff_ids
}

/// An image's config.
pub fn config(diff_ids: &[String], architecture: &str) -> Vec<u8> {
    serde_json::json!({
        "architecture": architecture, "os": "linux", "config": { "Cmd": ["/file-0"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
    .to_string()
    .into_bytes()
}

/// A tar of one file.
pub fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn digest(content: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest(content);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Bytes that no compression makes shorter.
pub fn random(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
