//! A server that answers with bytes that it already holds, so that what its client takes is
//! the client's alone.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
};

/// It asks another server what it was never asked before, and keeps the answer.
pub struct Replay {
    /// Where it listens.
    pub socket: PathBuf,
}

/// Answers by the first lines of their requests.
type Known = Arc<Mutex<HashMap<String, Vec<u8>>>>;

impl Replay {
    /// One beside the server at `source`. It ends with this program.
    pub fn of(source: &Path) -> Self {
        let socket = source.with_extension("replay");
        let listener = UnixListener::bind(&socket).expect("a socket can be made");
        let source = source.to_owned();
        let known = Known::default();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (source, known) = (source.clone(), known.clone());
                thread::spawn(move || answer(client, &source, &known));
            }
        });
        Self { socket }
    }
}

/// Answers all that comes over one connection, none of which may have a body.
fn answer(client: UnixStream, source: &Path, known: &Known) {
    let mut writer = client.try_clone().expect("a descriptor can be cloned");
    let mut reader = BufReader::new(client);
    loop {
        let request = read_head(&mut reader);
        let Some((first, _)) = request.split_once("\r\n") else {
            return;
        };
        let mut known = known.lock().expect("nobody panicked with it");
        let ask = || ask(source, &request);
        let bytes = known.entry(first.to_owned()).or_insert_with(ask);
        if writer.write_all(bytes).is_err() {
            return;
        }
    }
}

fn ask(source: &Path, request: &str) -> Vec<u8> {
    let mut stream = UnixStream::connect(source).expect("it listens");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader);
    let mut answer = head.clone().into_bytes();
    if !request.starts_with("HEAD ") {
        answer.extend(read_body(&mut reader, &head));
    }
    answer
}

/// The head of a request or an answer, with the empty line at its end; nothing at the end
/// of the connection.
pub fn read_head(reader: &mut impl BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return String::new();
        }
    }
    head
}

/// The body of an answer, of the length that its head tells.
pub fn read_body(reader: &mut impl Read, head: &str) -> Vec<u8> {
    let len = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().expect("a length is a number"))
    });
    let mut body = vec![0; len.expect("the answer tells its length")];
    reader.read_exact(&mut body).expect("all of it comes");
    body
}
