//! What comes from elsewhere: addresses, git repositories, ssh agents.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    Project,
    support::process::{Background, eventually, finish},
};

/// A web server that gives one body for every path but `/no`, and counts.
struct Web {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Web {
    fn new(body: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                answer(client, body);
            }
        });
        Self { address, asked }
    }
}

fn answer(mut client: TcpStream, body: &[u8]) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
    let (status, body) = match request.starts_with(b"GET /no ") {
        true => ("404 Not Found", &b""[..]),
        false => ("200 OK", body),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n\r\n",
        body.len()
    );
    let _ = client.write_all(head.as_bytes());
    let _ = client.write_all(body);
}

/// sha256 of `hello\n`.
const HELLO: &str = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

#[test]
fn a_file_is_added_by_its_address() {
    let web = Web::new(b"hello\n");
    let at = &web.address;
    let project = Project::new(&format!(
        "FROM BASE\nARG WHERE={at}\nADD $WHERE/a/f.txt?x=y /d/\nADD --chmod=640 --chown=3:4 {at}/f /named\n"
    ));
    project.build(&[]);
    let said = project.shell("stat -c '%n %a %u:%g %Y' /d/f.txt /named; cat /d/f.txt /named");
    assert_eq!(
        said,
        "/d/f.txt 600 0:0 1000000000\n/named 640 3:4 1000000000\nhello\nhello"
    );
    let again = project.build(&[]);
    assert_eq!(project.cached(&again), (2, 0), "{again}");
}

#[test]
fn a_checksum_is_held_against_and_spares_the_look() {
    let web = Web::new(b"hello\n");
    let at = &web.address;
    let project = Project::new(&format!("FROM BASE\nADD --checksum={HELLO} {at}/f /f\n"));
    project.build(&[]);
    let asked = web.asked.load(Ordering::SeqCst);
    let again = project.build(&[]);
    assert_eq!(project.cached(&again), (1, 0), "{again}");
    assert_eq!(
        web.asked.load(Ordering::SeqCst),
        asked,
        "it was asked again"
    );
    let other = HELLO.replace("5891", "1234");
    for (line, says) in [
        (
            format!("ADD --checksum={other} {at}/f /f"),
            "has the checksum",
        ),
        (format!("ADD {at}/no /f"), "has no /no"),
        (format!("ADD --checksum=md5:1 {at}/f /f"), "is no checksum"),
        ("ADD http://127.0.0.1:1/f /f".to_owned(), "127.0.0.1:1"),
    ] {
        project.dockerfile(&format!("FROM BASE\n{line}\n"));
        let said = project.try_build(&[]);
        assert_eq!(said.code, 1, "{line}: {said:?}");
        assert!(
            said.stderr.contains("Dockerfile:2: ") && said.stderr.contains(says),
            "{line}: {said:?}"
        );
    }
}

/// A repository behind a git daemon, in which `main` has a directory and `v1` is older.
struct Daemon {
    url: String,
    commit: String,
    _daemon: Background,
    _files: tempfile::TempDir,
}

fn git(directory: &Path, words: &[&str]) -> String {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(done.status.success(), "git {words:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

impl Daemon {
    fn new() -> Self {
        let files = tempfile::tempdir().unwrap();
        let repository = files.path().join("r.git");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet"]);
        let write = |path: &str, text: &str| {
            let path = repository.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("f", "one\n");
        git(&repository, &["add", "."]);
        git(&repository, &["commit", "--quiet", "-m", "one"]);
        git(&repository, &["tag", "v1"]);
        write("f", "two\n");
        write("sub/Dockerfile", "FROM scratch\nCOPY g /g\n");
        write("sub/g", "below\n");
        git(&repository, &["add", "."]);
        git(&repository, &["commit", "--quiet", "-m", "two"]);
        let commit = git(&repository, &["rev-parse", "v1"]);
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        // Itself and not `git daemon`, whose end would leave its child.
        let program = git(&repository, &["--exec-path"]);
        let daemon = Command::new(Path::new(program.trim()).join("git-daemon"))
            .args(["--export-all", "--reuseaddr", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", files.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Background(daemon);
        eventually("the daemon listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            url: format!("git://127.0.0.1:{port}/r.git"),
            commit,
            _daemon: daemon,
            _files: files,
        }
    }
}

#[test]
fn repositories_are_added_and_are_contexts() {
    let daemon = Daemon::new();
    let Daemon { url, commit, .. } = &daemon;
    let project = Project::new(&format!(
        "FROM BASE\nADD {url} /main/\nADD {url}#v1 /v1\nADD --keep-git-dir=true {url}#{commit} /kept\n\
         ADD --checksum={commit} {url}#v1:. /sum\nADD {url}#main:sub /sub\n"
    ));
    project.build(&[]);
    let said = project.shell(
        "cd /; cat main/f v1/f kept/f sum/f sub/g; ls -d */.git; stat -c %a /main/f /main/sub; \
         grep -c url /kept/.git/config",
    );
    assert_eq!(said, "two\none\none\none\nbelow\nkept/.git\n644\n755\n1");
    let context = format!("{url}#main:sub");
    let built = project.engine.run(&["build", "-t", "other", &context]);
    assert_eq!(built.code, 0, "{built:?}");
    let missing = project.engine.run(&["build", &format!("{url}#no-such")]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("no-such"), "{missing:?}");
    let moved = format!("FROM BASE\nADD --checksum={commit} {url}#main /x\n");
    project.dockerfile(&moved);
    let said = project.try_build(&[]);
    assert!(
        said.stderr.contains(&format!("not at {commit}")),
        "{said:?}"
    );
}

#[test]
fn hostile_repositories_and_names_run_nothing() {
    let project = Project::new("FROM BASE\n");
    let mark = project.context.path().join("ran");
    let run = format!("touch {}", mark.display());
    for context in [
        format!("git@-oProxyCommand={run}:x"),
        format!("ssh://-oProxyCommand={run}/x"),
        format!("git://127.0.0.1:1/r.git#--upload-pack={run}"),
        format!("git://127.0.0.1:1/ext::sh -c '{run}'.git"),
    ] {
        let said = project.engine.run(&["build", &context]);
        assert_eq!(said.code, 1, "{context}: {said:?}");
        assert!(!mark.exists(), "{context} ran something");
    }
}

#[test]
fn an_agent_answers_behind_the_sockets_of_its_step_only() {
    let project = Project::new(
        "FROM BASE\nRUN --mount=type=ssh,id=mine,required,uid=7,mode=0660 \
         stat -c '%u %a %F' $SSH_AUTH_SOCK > /said; until [ -e /go ]; do sleep 0.05; done; rm /go\n\
         RUN --mount=type=ssh env | grep -c SSH_AUTH_SOCK > /none || true\n",
    );
    let agents = tempfile::tempdir().unwrap();
    let socket = agents.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut asked = [0; 9];
            client.read_exact(&mut asked).unwrap();
            client.write_all(b"answer to ").unwrap();
            client.write_all(&asked).unwrap();
        }
    });
    let flag = format!("mine={}", socket.display());
    let context = project.context.path().to_str().unwrap();
    let build = project
        .engine
        .command(&["build", "-t", "it", "--ssh", &flag, context]);
    thread::scope(|scope| {
        let build = scope.spawn(|| finish(build, b""));
        let inside = || {
            let id = project.engine.ok(&["ps", "-q"]);
            let pid = (!id.is_empty()).then(|| project.engine.inspect(&id, "{{.State.Pid}}"))?;
            let root = format!("/proc/{pid}/root");
            let socket = format!("{root}/run/buildkit/ssh_agent.0");
            Some((root, UnixStream::connect(socket).ok()?))
        };
        let mut found = None;
        eventually("the step has its socket", || {
            found = inside();
            found.is_some()
        });
        let (root, mut agent) = found.unwrap();
        agent.write_all(b"question\n").unwrap();
        let mut answer = [0; 19];
        agent.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"answer to question\n");
        std::fs::write(format!("{root}/go"), "").unwrap();
        let done = build.join().unwrap();
        assert_eq!(done.code, 0, "{done:?}");
    });
    assert_eq!(
        project.shell("cat /said /none; ls -A /run/buildkit 2>/dev/null || true"),
        "7 660 socket\n0"
    );
    let missing = project.try_build(&["--no-cache"]);
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("--ssh mine"), "{missing:?}");
    let none = project.try_build(&["--ssh", "mine=/no/such"]);
    assert_eq!(none.code, 125, "{none:?}");
}
