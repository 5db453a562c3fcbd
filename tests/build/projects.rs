//! Projects as people have them, in several stages, from an image of Debian's packages:
//! built without a network, run, and asked.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
};

use crate::support::{process::eventually, sandbox::Sandbox};

fn ask(port: u16) -> Option<String> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).ok()?;
    server.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    server.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn services_in_c_python_go_and_rust_are_built_run_and_answer() {
    let engine = Sandbox::empty();
    engine.import("projects.tar", "projects:1");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/build/projects");
    for (name, flags, says, layers) in [
        ("c", &[][..], "hello from C", Some(2)),
        (
            "python",
            &["--build-arg", "GREETING=good day"][..],
            "good day from Python",
            None,
        ),
        ("go", &[][..], "hello from Go", Some(1)),
        ("rust", &[][..], "hello from Rust", Some(1)),
    ] {
        let context = here.join(name);
        let words = [&["build", "-t", name], flags, &[context.to_str().unwrap()]].concat();
        let built = engine.run(&words);
        assert_eq!(built.code, 0, "{name}: {built:?}");
        if let Some(layers) = layers {
            // The compiler stayed behind.
            let format = [
                "image",
                "inspect",
                "--format",
                "{{len .RootFS.Layers}}",
                name,
            ];
            assert_eq!(engine.ok(&format), layers.to_string(), "{name}");
        }
        // Free a moment ago; the host's loopback is where it is asked.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let env = format!("PORT={port}");
        let id = engine.start(&["--network=host", "-e", &env, name]);
        let mut answer = None;
        eventually(&format!("{name} answers"), || {
            answer = ask(port);
            answer.is_some()
        });
        let answer = answer.unwrap();
        assert!(
            answer.contains("200 OK") && answer.contains(says),
            "{name}: {answer}"
        );
        engine.ok(&["rm", "-f", &id]);
        let again = engine.run(&words);
        assert!(
            !again.stderr.contains(" DONE"),
            "{name} did it all again: {again:?}"
        );
    }
    engine.ok(&["builder", "prune", "-af"]);
}
