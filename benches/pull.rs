//! `wharf pull` of a Debian image of four layers from Debian's docker-registry on
//! loopback, from nothing to ready to run, beside `docker pull`, `podman pull` and
//! `tar -xzf` of the same layers side by side, a process for each. tar neither hashes nor
//! keeps the blobs; wharf does both.
//!
//! All of them write to one [file system of its own](support::disk).
//!
//! The Debian is made of packages by mmdebstrap at the first run and kept in
//! `target/rootfs`.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use support::{
    Contestant, WHARF,
    disk::Disk,
    docker::{Docker, NO_NETWORKS},
    host::Host,
    race, run, time,
};

const ROUNDS: usize = 7;
const NAME: &str = "bench/debian:1";

fn main() {
    assert!(
        rustix::process::geteuid().is_root(),
        "layers hold devices and owners: run it as root"
    );
    let layers = layers();
    // The registry is on loopback there, and nobody else is.
    let _host = Host::enter();
    let disk = Disk::new();
    let directory = &disk.path();
    let registry = Registry::start(directory);
    registry.fill(&layers, directory);
    let name = registry.name(NAME);
    let daemon = Docker::below(&directory.join("docker"), NO_NETWORKS);

    let mut contestants: Vec<Contestant> = vec![
        ("wharf pull", Box::new(|| wharf(directory, &name))),
        ("docker pull", Box::new(|| docker(&daemon, &name))),
        ("podman pull", Box::new(|| podman(directory, &name))),
        (
            "tar -xzf, side by side",
            Box::new(|| tar(directory, &layers)),
        ),
    ];
    let packed: u64 = layers.iter().map(|layer| size(layer)).sum();
    let title = format!(
        "pull of {} layers, {} MB packed",
        layers.len(),
        packed / 1_000_000
    );
    race(&title, ROUNDS, &mut contestants);
    memory(directory, &name);
}

fn wharf(directory: &Path, name: &str) -> Duration {
    let root = directory.join("wharf");
    let elapsed = time(
        Command::new(WHARF)
            .arg("--root")
            .arg(&root)
            .args(["pull", "-q", name]),
    );
    remove(&root);
    elapsed
}

/// The most memory that a pull ever has, as the kernel counts it.
fn memory(directory: &Path, name: &str) {
    let root = directory.join("wharf");
    let mut child = Command::new(WHARF)
        .arg("--root")
        .arg(&root)
        .args(["pull", "-q", name])
        .stdout(Stdio::null())
        .spawn()
        .expect("wharf starts");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().expect("it is our child").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = most.max(kilobytes.unwrap_or(0_u64));
        thread::sleep(Duration::from_millis(5));
    }
    remove(&root);
    println!("most memory of wharf pull: {} MiB", most >> 10);
}

fn podman(directory: &Path, name: &str) -> Duration {
    let podman = |args: &[&str]| {
        let mut command = Command::new("podman");
        command
            .arg("--root")
            .arg(directory.join("podman"))
            .arg("--runroot")
            .arg(directory.join("podman-run"))
            .args(["--cgroup-manager", "cgroupfs"])
            .args(args);
        command
    };
    let elapsed = time(&mut podman(&["pull", "-q", "--tls-verify=false", name]));
    run(&mut podman(&["rmi", "-f", name]));
    elapsed
}

fn tar(directory: &Path, layers: &[PathBuf]) -> Duration {
    let to = directory.join("tar");
    for index in 0..layers.len() {
        fs::create_dir_all(to.join(index.to_string())).expect("directories can be made");
    }
    let started = Instant::now();
    let children: Vec<Child> = layers
        .iter()
        .enumerate()
        .map(|(index, layer)| {
            Command::new("tar")
                .args(["--numeric-owner", "-xpzf"])
                .arg(layer)
                .arg("-C")
                .arg(to.join(index.to_string()))
                .spawn()
                .expect("tar starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().is_ok_and(|status| status.success()), "tar");
    }
    let elapsed = started.elapsed();
    remove(&to);
    elapsed
}

/// Four layers of one Debian, packed by gzip, lowest first.
fn layers() -> Vec<PathBuf> {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/rootfs/pull-layers");
    let names = ["base", "libraries", "shared", "rest"];
    let paths: Vec<PathBuf> = names
        .iter()
        .map(|name| out.join(format!("{name}.tar.gz")))
        .collect();
    if !paths.iter().all(|path| path.exists()) {
        fs::create_dir_all(&out).expect("directories can be made");
        run(Command::new("bash")
            .arg("-euc")
            .arg(MAKE_LAYERS)
            .current_dir(&out));
    }
    paths
}

/// A Debian of about 130 MB packed and 20,000 entries, cut into layers by directory.
const MAKE_LAYERS: &str = r#"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
out=$PWD
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
packages=python3,vim,tzdata,libc6-dev,manpages-dev,curl
mmdebstrap --quiet --variant=important --include=$packages "$suite" - |
    tar -C "$work" -xp --exclude='./dev/*'
cd "$work"
part() {
    sort -z | tar --numeric-owner --no-recursion --null -T - -cf - | gzip -6 >"$out/$1.tmp"
    mv "$out/$1.tmp" "$out/$1.tar.gz"
}
find . -path ./usr -prune -o -print0 | part base
find ./usr/lib -print0 | part libraries
find ./usr/share -print0 | part shared
find ./usr -path ./usr/lib -prune -o -path ./usr/share -prune -o -print0 | part rest
"#;

/// Debian's docker-registry on loopback.
struct Registry {
    process: Child,
    port: u16,
}

impl Registry {
    fn start(directory: &Path) -> Self {
        // Free a moment ago: good enough where nobody else begins anything.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
        let config = directory.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n\
             storage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            directory.join("registry").display()
        );
        fs::write(&config, text).expect("files can be written");
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("needs Debian's docker-registry: apt-get install docker-registry");
        let registry = Self { process, port };
        let answers = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let end = Instant::now() + Duration::from_secs(30);
        while !answers() {
            assert!(
                Instant::now() < end,
                "docker-registry did not listen within 30 s"
            );
            thread::sleep(Duration::from_millis(50));
        }
        registry
    }

    fn name(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    /// Puts an image of these layers in it, by skopeo and an OCI layout.
    fn fill(&self, layers: &[PathBuf], directory: &Path) {
        let layout = directory.join("layout");
        let script = r#"
import gzip, hashlib, json, os, shutil, sys
layout, layers = sys.argv[1], sys.argv[2:]
blobs = os.path.join(layout, "blobs/sha256")
os.makedirs(blobs)
def put(data):
    digest = hashlib.sha256(data).hexdigest()
    open(os.path.join(blobs, digest), "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}
listed, diff_ids = [], []
for layer in layers:
    data = open(layer, "rb").read()
    diff_ids.append("sha256:" + hashlib.sha256(gzip.decompress(data)).hexdigest())
    listed.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **put(data)})
config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["bash"]},
          "rootfs": {"type": "layers", "diff_ids": diff_ids}}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       **put(json.dumps(config).encode())}, "layers": listed}
named = {"mediaType": manifest["mediaType"], **put(json.dumps(manifest).encode()),
         "annotations": {"org.opencontainers.image.ref.name": "image"}}
open(os.path.join(layout, "index.json"), "w").write(json.dumps({"schemaVersion": 2, "manifests": [named]}))
open(os.path.join(layout, "oci-layout"), "w").write('{"imageLayoutVersion":"1.0.0"}')
"#;
        run(Command::new("python3")
            .arg("-c")
            .arg(script)
            .arg(&layout)
            .args(layers));
        run(Command::new("skopeo")
            .args(["--insecure-policy", "copy", "-q", "--dest-tls-verify=false"])
            .arg(format!("oci:{}:image", layout.display()))
            .arg(format!("docker://{}", self.name(NAME))));
        remove(&layout);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn docker(docker: &Docker, name: &str) -> Duration {
    let elapsed = time(&mut docker.command(&["pull", "-q", name]));
    run(&mut docker.command(&["rmi", "-f", name]));
    elapsed
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) {
    fs::remove_dir_all(path).expect("what was made can be removed");
}
