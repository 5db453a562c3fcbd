//! A registry that says whatever a test wants.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::bench::{config, digest, gzip, random, tar};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// With its query.
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What is answered.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

pub enum Body {
    /// These bytes.
    Whole(Vec<u8>),
    /// These bytes of a longer body, then the connection ends.
    Cut(Vec<u8>, usize),
    /// These bytes of a longer body, then nothing.
    Stalled(Vec<u8>, usize),
    /// Without end, in chunks.
    Endless,
}

pub struct Liar {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Liar {
    /// Answers by `answer`, which also gets the number of the request.
    pub fn new(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, seen) = (Arc::new(answer), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (answer.clone(), seen.clone());
                thread::spawn(move || {
                    let Some(request) = read(&stream) else {
                        // The look whether we speak TLS.
                        return;
                    };
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    // A client that has enough hangs up.
                    let _ = write(&stream, answer(&request, number));
                });
            }
        });
        Self { port, requests }
    }

    pub fn name(&self, name: &str) -> String {
        format!("127.0.0.1:{}/{name}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Requests for blobs.
    pub fn blobs(&self) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|r| r.path.contains("/blobs/"))
            .count()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut first = [0];
    reader.read_exact(&mut first).ok()?;
    if first[0] == 0x16 {
        let mut stream = stream;
        // As Go's server does.
        let _ = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nno TLS here\n");
        return None;
    }
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = format!("{}{line}", first[0] as char);
    let mut words = line.split_whitespace();
    let path = words.nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|l| l.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        path,
        headers,
        body,
    })
}

fn write(mut stream: &TcpStream, reply: Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let (bytes, length) = match &reply.body {
        Body::Whole(bytes) => (bytes.as_slice(), Some(bytes.len())),
        Body::Cut(bytes, length) | Body::Stalled(bytes, length) => {
            (bytes.as_slice(), Some(*length))
        }
        Body::Endless => (&[][..], None),
    };
    match length {
        Some(length) => head.push_str(&format!("Content-Length: {length}\r\n\r\n")),
        None => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(bytes)?;
    match reply.body {
        Body::Whole(_) | Body::Cut(..) => Ok(()),
        Body::Stalled(..) => {
            thread::sleep(Duration::from_secs(120));
            Ok(())
        }
        Body::Endless => loop {
            stream.write_all(b"1000\r\n")?;
            stream.write_all(&[b' '; 0x1000])?;
            stream.write_all(b"\r\n")?;
        },
    }
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, Body::Whole(body.into()))
    }

    pub fn new(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An honest image of one layer, to be lied about.
#[derive(Clone)]
pub struct Image {
    pub layer: Vec<u8>,
    pub config: Vec<u8>,
    pub manifest: Vec<u8>,
}

impl Image {
    pub fn new(size: usize) -> Self {
        Self::of(&tar("file-0", &random(size)), "amd64")
    }

    pub fn of(tar: &[u8], architecture: &str) -> Self {
        let layer = gzip(tar);
        let config = config(&[digest(tar)], architecture);
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "size": config.len(), "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "size": layer.len(), "digest": digest(&layer),
            }],
        });
        Self {
            layer,
            config,
            manifest: manifest.to_string().into_bytes(),
        }
    }

    /// The honest answer, ranges and all.
    pub fn answer(&self, request: &Request) -> Reply {
        let is = |content: &[u8]| request.path.ends_with(&digest(content));
        if request.path.contains("/manifests/") {
            return Reply::ok(self.manifest.clone()).with("Content-Type", MANIFEST);
        }
        let content = match request.path.as_str() {
            _ if is(&self.layer) => &self.layer,
            _ if is(&self.config) => &self.config,
            "/v2/" => return Reply::ok("{}"),
            _ => return Reply::new(404, Body::Whole(Vec::new())),
        };
        let range = request.headers.get("range").and_then(|range| {
            let start = range.strip_prefix("bytes=")?.strip_suffix('-')?;
            start.parse::<usize>().ok()
        });
        match range {
            None => Reply::ok(content.clone()),
            Some(start) => {
                let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
                let mut reply = Reply::ok(&content[start..]).with("Content-Range", &range);
                reply.status = 206;
                reply
            }
        }
    }
}
