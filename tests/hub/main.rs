//! `wharf serve --registry`: skopeo, podman, docker, curl and wharf itself push to it and
//! pull from it; uploads are cut and go on, and nothing that lies is kept.
//!
//! Everything stays on loopback, docker's part on a host of its own.

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{
    Sandbox,
    docker::{Docker, NO_NETWORKS},
    eventually,
    host::Host,
    process::Background,
    sandbox::{BUSYBOX, rootfs},
};

/// A registry of its own, which ends with the test.
struct Hub {
    // Its process ends before what it keeps goes.
    process: Option<Background>,
    /// What clients of ours keep.
    sandbox: Sandbox,
    /// What the registry keeps.
    files: tempfile::TempDir,
    port: u16,
    extra: Vec<String>,
}

impl Hub {
    fn start(extra: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut hub = Self {
            sandbox: Sandbox::empty(),
            files: tempfile::tempdir().unwrap(),
            port,
            extra: extra.iter().map(|word| (*word).to_owned()).collect(),
            process: None,
        };
        hub.run();
        hub
    }

    fn run(&mut self) {
        let socket = format!("unix://{}/api.sock", self.files.path().display());
        let address = format!("127.0.0.1:{}", self.port);
        let mut command = self
            .sandbox
            .command(&["serve", "-H", &socket, "--registry", &address]);
        command.env("WHARF_ROOT", self.files.path());
        command.args(&self.extra).stdin(Stdio::null());
        self.process = Some(Background(command.spawn().unwrap()));
        let port = self.port;
        eventually("the registry listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    /// Ends at once, in the middle of anything.
    fn kill(&mut self) {
        self.process = None;
    }

    fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/{image}", self.port)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A request by curl(1): its status, headers and body.
    fn curl(&self, arguments: &[&str], path: &str) -> Answer {
        let out = Command::new("curl")
            .args(["-s", "-i", "--path-as-is", "--max-time", "60"])
            .args(arguments)
            .arg(self.url(path))
            .output()
            .expect("curl is installed by tests/run");
        let text = String::from_utf8_lossy(&out.stdout).replace("\r\n", "\n");
        // What was said before the answer itself.
        let text = text
            .strip_prefix("HTTP/1.1 100 Continue\n\n")
            .unwrap_or(&text);
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        Answer {
            status: head
                .split(' ')
                .nth(1)
                .and_then(|n| n.parse().ok())
                .unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        line.unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn ok(command: &mut Command) -> String {
    let out: Output = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {text}{errors}");
    text
}

fn skopeo(arguments: &[&str]) -> Command {
    let mut command = Command::new("skopeo");
    command.arg("--insecure-policy").args(arguments);
    command
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |text, byte| {
        format!("{text}{byte:02x}")
    })
}

/// An OCI archive of busybox.
fn archive(sandbox: &Sandbox, directory: &Path) -> PathBuf {
    sandbox.import("busybox.tar", BUSYBOX);
    let path = directory.join("saved.tar");
    let path_text = path.display().to_string();
    sandbox.ok(&["save", "--format", "oci", "-o", &path_text, BUSYBOX]);
    path
}

#[test]
fn skopeo_copies_in_and_out_byte_for_byte() {
    let hub = Hub::start(&[]);
    let source = format!(
        "oci-archive:{}",
        archive(&hub.sandbox, hub.files.path()).display()
    );
    let target = format!("docker://{}", hub.name("team/app:1"));
    ok(&mut skopeo(&[
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        &source,
        &target,
    ]));
    let before = ok(&mut skopeo(&["inspect", "--raw", &source]));
    let after = ok(&mut skopeo(&[
        "inspect",
        "--tls-verify=false",
        "--raw",
        &target,
    ]));
    assert_eq!(before, after);
    let tags = hub.curl(&[], "/v2/team/app/tags/list");
    assert_eq!(tags.json()["tags"], serde_json::json!(["1"]));
    let digest = sha256(before.as_bytes());
    let by_digest = hub.curl(&[], &format!("/v2/team/app/manifests/{digest}"));
    assert_eq!((by_digest.status, &by_digest.body), (200, &before));
    assert_eq!(by_digest.header("docker-content-digest"), digest);
    let back = format!("dir:{}", hub.files.path().join("back").display());
    ok(&mut skopeo(&[
        "copy",
        "--src-tls-verify=false",
        &target,
        &back,
    ]));
}

#[test]
fn wharf_pushes_to_it_and_pulls_from_it() {
    let hub = Hub::start(&[]);
    let sandbox = Sandbox::empty();
    sandbox.import("busybox.tar", BUSYBOX);
    let name = hub.name("apps/box:1");
    sandbox.ok(&["tag", BUSYBOX, &name]);
    sandbox.ok(&["push", &name]);
    let id = sandbox.ok(&["image", "inspect", "--format", "{{.Id}}", &name]);
    sandbox.ok(&["rmi", &name, BUSYBOX]);
    sandbox.ok(&["pull", &name]);
    assert_eq!(
        sandbox.ok(&["image", "inspect", "--format", "{{.Id}}", &name]),
        id
    );
    assert_eq!(
        sandbox.ok(&["run", "--rm", &name, "echo", "hello"]),
        "hello"
    );
    // What is there is not sent again, and another repository takes it over.
    let other = hub.name("apps/other:1");
    sandbox.ok(&["tag", &name, &other]);
    sandbox.ok(&["push", &other]);
    let all = hub.curl(&[], "/v2/_catalog").json();
    assert_eq!(
        all["repositories"],
        serde_json::json!(["apps/box", "apps/other"])
    );
}

#[test]
fn podman_pushes_and_pulls() {
    let hub = Hub::start(&[]);
    let archive = archive(&hub.sandbox, hub.files.path());
    let dir = hub.files.path().join("podman");
    let at = |name: &str| dir.join(name).display().to_string();
    let (data, run, tmp) = (at("data"), at("run"), at("tmp"));
    let podman = |arguments: &[&str]| {
        let mut command = Command::new("podman");
        command
            .args(["--root", &data, "--runroot", &run, "--tmpdir", &tmp])
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
            .args(arguments);
        ok(&mut command)
    };
    let source = format!("oci-archive:{}", archive.display());
    let id = podman(&["pull", "-q", &source]);
    let name = hub.name("from/podman:1");
    podman(&["tag", id.trim(), &name]);
    podman(&["push", "-q", "--tls-verify=false", &name]);
    podman(&["rmi", "-f", id.trim()]);
    let again = podman(&["pull", "-q", "--tls-verify=false", &name]);
    assert_eq!(again.trim(), id.trim());
}

#[test]
fn docker_pushes_and_pulls() {
    let _host = Host::enter();
    let hub = Hub::start(&[]);
    let files = tempfile::tempdir().unwrap();
    let docker = Docker::below(files.path(), NO_NETWORKS);
    let name = hub.name("from/docker:1");
    docker.ok(&["import", rootfs("busybox.tar").to_str().unwrap(), &name]);
    let id = || docker.ok(&["image", "inspect", "--format", "{{.Id}}", &name]);
    let before = id();
    docker.ok(&["push", &name]);
    docker.ok(&["rmi", &name]);
    docker.ok(&["pull", &name]);
    assert_eq!(id(), before);
}

#[test]
fn only_users_of_the_list_get_in() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users");
    let text = ok(Command::new("htpasswd").args(["-nbB", "-C", "4", "ann", "secret"]));
    fs::write(&users, text).unwrap();
    let hub = Hub::start(&["--registry-htpasswd", users.to_str().unwrap()]);
    let refused = hub.curl(&[], "/v2/");
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("Basic "));
    assert_eq!(hub.curl(&["-u", "ann:wrong"], "/v2/").status, 401);
    assert_eq!(hub.curl(&["-u", "bob:secret"], "/v2/").status, 401);
    assert_eq!(hub.curl(&["-u", "ann:secret"], "/v2/").status, 200);
    let source = format!(
        "oci-archive:{}",
        archive(&hub.sandbox, hub.files.path()).display()
    );
    let target = format!("docker://{}", hub.name("app:1"));
    let copy = ["copy", "--dest-tls-verify=false", &source, &target];
    assert!(!skopeo(&copy).output().unwrap().status.success());
    let mut with_login = skopeo(&copy);
    ok(with_login.args(["--dest-creds", "ann:secret"]));
}

#[test]
fn tls_is_spoken_with_the_certificate_that_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (key, certificate) = (at("key.pem"), at("cert.pem"));
    ok(Command::new("openssl").args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]));
    let hub = Hub::start(&["--registry-cert", &certificate, "--registry-key", &key]);
    let url = format!("https://127.0.0.1:{}/v2/", hub.port);
    let status = ["-s", "-o", "/dev/null", "-w", "%{http_code}"];
    let trusted = ok(Command::new("curl")
        .args(status)
        .args(["--cacert", &certificate, &url]));
    assert_eq!(trusted, "200");
    assert!(
        !Command::new("curl")
            .args(["-s", &url])
            .status()
            .unwrap()
            .success()
    );
    // Plain HTTP gets no answer there.
    assert_ne!(hub.curl(&[], "/v2/").status, 200);
}

#[test]
fn without_tls_it_is_for_loopback_only() {
    let sandbox = Sandbox::empty();
    let socket = format!("unix://{}/api.sock", sandbox.root().display());
    let told = sandbox.refused(&["serve", "-H", &socket, "--registry", "0.0.0.0:5999"], 1);
    assert!(told.contains("--registry-cert"), "{told}");
}

#[test]
fn upload_that_was_cut_goes_on_after_the_server_was_killed() {
    let mut hub = Hub::start(&[]);
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = sha256(&content);
    let dir = tempfile::tempdir().unwrap();
    let piece = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        format!("@{}", path.display())
    };
    let begun = hub.curl(&["-X", "POST"], "/v2/big/blob/blobs/uploads/");
    assert_eq!(begun.status, 202);
    let place = begun.header("location");
    let first = piece("first", &content[..5_000_000]);
    let sent = hub.curl(&["-X", "PATCH", "--data-binary", &first], &place);
    assert_eq!(
        (sent.status, sent.header("range")),
        (202, "0-4999999".into())
    );
    hub.kill();
    hub.run();
    let asked = hub.curl(&[], &place);
    assert_eq!(
        (asked.status, asked.header("range")),
        (204, "0-4999999".into())
    );
    let rest = piece("rest", &content[5_000_000..]);
    let put = format!("{place}?digest={digest}");
    // Not from where it is.
    let wrong = [
        "-X",
        "PATCH",
        "-H",
        "Content-Range: 7-9",
        "--data-binary",
        &rest,
    ];
    assert_eq!(hub.curl(&wrong, &place).status, 416);
    let right = [
        "-X",
        "PUT",
        "-H",
        "Content-Range: 5000000-11999999",
        "--data-binary",
        &rest,
    ];
    assert_eq!(hub.curl(&right, &put).status, 201);
    let path = format!("/v2/big/blob/blobs/{digest}");
    let out = dir.path().join("back").display().to_string();
    ok(Command::new("curl").args(["-s", "-o", &out, &hub.url(&path)]));
    assert_eq!(sha256(&fs::read(&out).unwrap()), digest);
    let part = hub.curl(&["-r", "5-8", "-o", &out], &path);
    assert_eq!(part.head, "");
    let range = ok(Command::new("curl").args([
        "-s",
        "-r",
        "4-7",
        "-o",
        &out,
        "-w",
        "%{http_code}",
        &hub.url(&path),
    ]));
    assert_eq!(
        (range.as_str(), fs::read(&out).unwrap()),
        ("206", content[4..8].to_vec())
    );
}

#[test]
fn lies_paths_and_monsters_are_refused_and_leave_nothing() {
    let hub = Hub::start(&[]);
    let digest = sha256(b"truth");
    let begin = || {
        hub.curl(&["-X", "POST"], "/v2/a/blobs/uploads/")
            .header("location")
    };
    let place = begin();
    let lie = hub.curl(
        &["-X", "PUT", "--data-binary", "lie"],
        &format!("{place}?digest={digest}"),
    );
    assert_eq!(
        (lie.status, lie.json()["errors"][0]["code"].as_str()),
        (400, Some("DIGEST_INVALID"))
    );
    assert_eq!(hub.curl(&[], &place).status, 404);
    for path in [
        "/v2/../../etc/passwd",
        "/v2/a/blobs/../../../etc/passwd",
        "/v2/..%2f..%2fetc/manifests/latest",
        "/v2/a/blobs/uploads/..%2f..%2fblobs",
        "/v2/A/tags/list",
        "/v2/_tags/tags/list",
        "/v2/a/manifests/..",
        "/v2/a/blobs/sha256:zz",
        "/etc/passwd",
    ] {
        let status = hub.curl(&[], path).status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let kind = format!("Content-Type: {manifest}");
    let put = |body: &str| {
        hub.curl(
            &["-X", "PUT", "-H", &kind, "--data-binary", body],
            "/v2/a/manifests/1",
        )
    };
    assert_eq!(put("not json").status, 400);
    assert_eq!(put(r#"{"schemaVersion":1}"#).status, 400);
    let missing = format!(
        r#"{{"schemaVersion":2,"mediaType":"{manifest}","config":{{"digest":"{digest}"}},"layers":[]}}"#
    );
    let unknown = put(&missing);
    assert_eq!(unknown.json()["errors"][0]["code"], "MANIFEST_BLOB_UNKNOWN");
    let dir = tempfile::tempdir().unwrap();
    let huge = dir.path().join("huge");
    fs::write(&huge, vec![b' '; 5 << 20]).unwrap();
    assert_eq!(put(&format!("@{}", huge.display())).status, 413);
    assert_eq!(hub.curl(&[], "/v2/a/manifests/1").status, 404);
    assert_eq!(
        hub.curl(&[], "/v2/_catalog").json()["repositories"],
        serde_json::json!([])
    );
    let blobs = fs::read_dir(hub.files.path().join("hub/blobs"))
        .unwrap()
        .count();
    assert_eq!(blobs, 0);
}

#[test]
fn tags_come_in_pages_referrers_are_listed_and_manifests_go() {
    let hub = Hub::start(&[]);
    let place = hub
        .curl(&["-X", "POST"], "/v2/a/blobs/uploads/")
        .header("location");
    let config = "{}";
    let digest = sha256(config.as_bytes());
    let put = format!("{place}?digest={digest}");
    assert_eq!(
        hub.curl(&["-X", "PUT", "--data-binary", config], &put)
            .status,
        201
    );
    let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    let push = |reference: &str, more: &str| {
        let body = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"x/y","digest":"{digest}","size":2}},"layers":[]{more}}}"#
        );
        let path = format!("/v2/a/manifests/{reference}");
        let answer = hub.curl(&["-X", "PUT", "-H", kind, "--data-binary", &body], &path);
        assert_eq!(answer.status, 201, "{answer:?}");
        sha256(body.as_bytes())
    };
    for tag in ["1", "2", "3"] {
        push(tag, "");
    }
    let page = hub.curl(&[], "/v2/a/tags/list?n=2");
    assert_eq!(page.json()["tags"], serde_json::json!(["1", "2"]));
    assert!(page.header("link").contains("last=2"), "{page:?}");
    let next = hub.curl(&[], "/v2/a/tags/list?n=2&last=2");
    assert_eq!(
        (next.json()["tags"].clone(), next.header("link")),
        (serde_json::json!(["3"]), String::new())
    );
    let subject = hub
        .curl(&["-I"], "/v2/a/manifests/1")
        .header("docker-content-digest");
    let more = format!(r#","subject":{{"digest":"{subject}","size":1}}"#);
    let signature = push("signature", &more);
    let found = hub
        .curl(&[], &format!("/v2/a/referrers/{subject}?artifactType=x/y"))
        .json();
    assert_eq!(found["manifests"][0]["digest"], signature.as_str());
    let none = hub
        .curl(&[], &format!("/v2/a/referrers/{subject}?artifactType=z"))
        .json();
    assert_eq!(none["manifests"], serde_json::json!([]));
    let gone = hub.curl(&["-X", "DELETE"], &format!("/v2/a/manifests/{signature}"));
    assert_eq!(gone.status, 202);
    assert_eq!(hub.curl(&[], "/v2/a/manifests/signature").status, 404);
    let after = hub.curl(&[], &format!("/v2/a/referrers/{subject}")).json();
    assert_eq!(after["manifests"], serde_json::json!([]));
    // Taken over from one repository by another.
    let mount = format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    assert_eq!(hub.curl(&["-X", "POST"], &mount).status, 201);
    let unknown = format!("/v2/c/blobs/uploads/?mount={digest}&from=nobody");
    assert_eq!(hub.curl(&["-X", "POST"], &unknown).status, 202);
    assert!(Path::new(&hub.files.path().join("hub/blobs")).exists());
}
