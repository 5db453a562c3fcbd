//! Debian's docker command moves images between us and Debian's docker-registry, which
//! wants a login.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::{
    Server, sandbox, status,
    support::{
        host::Host,
        process::{self, Finished},
        registry::{Door, Registry},
        sandbox::{BUSYBOX, rootfs},
    },
};

fn log_in(server: &Server, password: &str, registry: &Registry) -> Finished {
    let words = ["login", "-u", "me", "--password-stdin", &registry.host()];
    let command = server.client("/usr/bin/docker", &words);
    process::finish(command, password.as_bytes())
}

#[test]
fn docker_pushes_and_pulls_with_a_login_one_tag_or_all() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let registry = Registry::start(Door::Guarded);
    let id = |name: &str| server.ok(&["image", "inspect", "-f", "{{.Id}}", name]);
    let repository = registry.name("team/app");
    let (one, two) = (format!("{repository}:1"), format!("{repository}:2"));
    server.ok(&["tag", BUSYBOX, &one]);
    let whole = id(&one);
    let refused = server.refused(&["push", &one]);
    assert!(refused.contains("refuses access"), "{refused}");
    assert_ne!(log_in(&server, "wrong", &registry).code, 0);
    let right = log_in(&server, "secret", &registry);
    assert!(right.stdout.contains("Login Succeeded"), "{right:?}");

    let pushed = server.ok(&["push", &one]);
    let heading = format!("The push refers to repository [{repository}]");
    assert!(pushed.starts_with(&heading), "{pushed}");
    let digest = pushed.split("1: digest: ").nth(1).unwrap();
    let (digest, size) = digest.split_once(" size: ").unwrap();
    let manifest = sandbox
        .root()
        .join("images/blobs/sha256")
        .join(&digest[7..]);
    assert_eq!(size, std::fs::metadata(manifest).unwrap().len().to_string());
    // All that are here: one is there already.
    server.ok(&["tag", &one, &two]);
    let pushed = server.ok(&["push", "-a", &repository]);
    assert_eq!(pushed.matches("The push refers to").count(), 1, "{pushed}");
    for tag in ["1", "2"] {
        let told = format!("{tag}: digest: {digest}");
        assert!(pushed.contains(&told), "{pushed}");
        assert!(registry.count(&format!("PUT /v2/team/app/manifests/{tag}")) > 0);
    }

    server.ok(&["rmi", &one, &two, BUSYBOX]);
    let pulled = server.ok(&["pull", &one]);
    assert!(pulled.starts_with("1: Pulling from team/app\n"), "{pulled}");
    assert!(pulled.contains(&format!("Digest: {digest}\n")), "{pulled}");
    let newer = format!("Status: Downloaded newer image for {one}\n{one}");
    assert!(pulled.ends_with(&newer), "{pulled}");
    assert_eq!(id(&one), whole);
    server.ok(&["rmi", &one]);
    let pulled = server.ok(&["pull", "-a", &repository]);
    for tag in ["1", "2"] {
        let told = format!("{tag}: Pulling from team/app\n");
        assert!(pulled.contains(&told), "{pulled}");
    }
    let newer = format!("Status: Downloaded newer image for {repository}\n{repository}");
    assert!(pulled.ends_with(&newer), "{pulled}");
    assert_eq!((id(&one), id(&two)), (whole.clone(), whole));
    let pulled = server.ok(&["pull", "-a", &repository]);
    assert!(
        pulled.contains("Status: Image is up to date for"),
        "{pulled}"
    );
    let by_digest = format!("{repository}@{digest}");
    let pulled = server.ok(&["pull", &by_digest]);
    let heading = format!("{digest}: Pulling from team/app\n");
    assert!(pulled.starts_with(&heading), "{pulled}");

    server.ok(&["logout", &registry.host()]);
    let refused = server.refused(&["pull", &one]);
    assert!(refused.contains("refuses access"), "{refused}");
    server.refused(&["pull", "-a", &registry.name("team/none")]);
    let refused = server.refused(&["push", "-a", &registry.name("team/none")]);
    assert!(refused.contains("has no tags"), "{refused}");
}

/// Serves a file to each who asks, but of the path `/torn` only half. Where.
fn serve_file(content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let n = client.read(&mut request).unwrap_or(0);
            let is_torn = request[..n].starts_with(b"GET /torn");
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                content.len()
            );
            let sent = content.len() / if is_torn { 2 } else { 1 };
            // Who has heard enough goes away.
            let _ = client.write_all(head.as_bytes());
            let _ = client.write_all(&content[..sent]);
        }
    });
    host
}

#[test]
fn images_are_imported_from_an_address_whole_or_not_at_all() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let host = serve_file(std::fs::read(rootfs("busybox.tar")).unwrap());
    let layers = |name: &str| {
        let template = "{{json .RootFS.Layers}}";
        server.ok(&["image", "inspect", "-f", template, name])
    };
    server.ok(&[
        "import",
        &format!("http://{host}/rootfs.tar"),
        "by-docker:1",
    ]);
    assert_eq!(layers("by-docker:1"), layers(BUSYBOX));
    let address = format!("http://{host}/rootfs.tar");
    sandbox.ok(&["import", &address, "by-wharf:1"]);
    assert_eq!(layers("by-wharf:1"), layers(BUSYBOX));
    let comment = server.ok(&["image", "inspect", "-f", "{{.Comment}}", "by-wharf:1"]);
    assert!(comment.contains(&address), "{comment}");
    let before = sandbox.ok(&["images", "-q"]);
    server.refused(&["import", &format!("http://{host}/torn"), "torn:1"]);
    sandbox.refused(&["import", &format!("http://{host}/torn"), "torn:1"], 1);
    let malformed = server.send("POST", "/images/create?fromSrc=http://%5d/", "");
    assert_eq!(status(&malformed), 400, "{malformed}");
    let told = sandbox.refused(&["import", "http://127.0.0.1:1/x.tar", "none:1"], 1);
    assert_eq!(told.matches("wharf: ").count(), 1, "{told}");
    assert_eq!(sandbox.ok(&["images", "-q"]), before);
}
