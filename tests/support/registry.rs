//! Debian's docker-registry, one process for each test.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::process::eventually;

/// A registry on loopback.
pub struct Registry {
    dir: tempfile::TempDir,
    process: Option<Child>,
    port: u16,
}

/// What it asks of its clients.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Nothing.
    Open,
    /// The login `me` with `secret`.
    Guarded,
    /// The same, and TLS by an authority of our own.
    Locked,
}

impl Registry {
    pub fn start(door: Door) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("wharf-docker-registry-")
            .tempdir()
            .unwrap();
        let path = |name: &str| dir.path().join(name);
        let mut config = String::from("version: 0.1\nhttp:\n  addr: 127.0.0.1:PORT\n");
        if door == Door::Locked {
            make_certificates(&path("tls"));
            config.push_str(&format!(
                "  tls:\n    certificate: {0}/server.crt\n    key: {0}/server.key\n",
                path("tls").display()
            ));
        }
        if door != Door::Open {
            let users = Command::new("htpasswd")
                .args(["-Bbn", "me", "secret"])
                .output()
                .unwrap();
            fs::write(path("users"), users.stdout).unwrap();
            config.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                path("users").display()
            ));
        }
        config.push_str(&format!(
            "storage:\n  filesystem:\n    rootdirectory: {}\n",
            path("data").display()
        ));
        fs::write(path("config.yml"), config).unwrap();
        let mut registry = Self {
            dir,
            process: None,
            port: 0,
        };
        registry.again();
        registry
    }

    /// Starts it, after its end on the same port.
    pub fn again(&mut self) {
        let config = fs::read_to_string(self.path("config.yml")).unwrap();
        let fresh = config.replace("PORT", &self.port.to_string());
        fs::write(self.path("now.yml"), fresh).unwrap();
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.path("log"))
            .unwrap();
        let before = self.log().matches("listening on").count();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(self.path("now.yml"))
            .env_clear()
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("apt-get install docker-registry");
        self.process = Some(process);
        eventually("docker-registry listens", || {
            self.log().matches("listening on").count() > before
        });
        let log = self.log();
        let at = log.rfind("listening on 127.0.0.1:").unwrap();
        let digits = log[at..].split(':').nth(1).unwrap();
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        self.port = digits[..end].parse().unwrap();
    }

    /// Kills it, in the middle of whatever it does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A name in it.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.host())
    }

    /// The authority that signed its certificate.
    pub fn authority(&self) -> PathBuf {
        self.path("tls/ca.crt")
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// How often its access log has a request whose line begins so.
    pub fn count(&self, request: &str) -> usize {
        self.log().matches(&format!("\"{request}")).count()
    }

    /// Requests for blobs, as `(digest, status)`, in the order of their ends.
    pub fn blob_reads(&self) -> Vec<(String, String)> {
        let log = self.log();
        let reads = log.lines().filter_map(|line| {
            let request = line.split("\"GET /v2/").nth(1)?;
            let digest = request.split("/blobs/").nth(1)?.split(' ').next()?;
            let status = request.split("HTTP/1.1\" ").nth(1)?.split(' ').next()?;
            Some((digest.to_owned(), status.to_owned()))
        });
        reads.collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An authority, and a certificate of it for 127.0.0.1.
fn make_certificates(dir: &std::path::Path) {
    fs::create_dir(dir).unwrap();
    let openssl = |line: &str| {
        let done = Command::new("openssl")
            .args(line.split(' '))
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(done.status.success(), "openssl {line}: {done:?}");
    };
    fs::write(
        dir.join("server.ext"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.crt -days 2 -subj /CN=test-authority"
    ));
    openssl(&format!(
        "req {key} -keyout server.key -out server.csr -subj /CN=127.0.0.1"
    ));
    openssl(
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt \
         -days 2 -extfile server.ext"
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .as_str(),
    );
}
