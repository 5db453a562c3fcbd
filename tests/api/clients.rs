//! Clients beside the command: docker's Python SDK and docker-compose, both Debian's.

use crate::{
    Server, desk, sandbox,
    support::{
        eventually,
        host::Host,
        process,
        registry::{Door, Registry},
        sandbox::BUSYBOX,
    },
};

#[test]
fn pythons_sdk_finds_all_that_it_asks_for() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let registry = Registry::start(Door::Open);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/sdk.py");
    let arguments = [script, BUSYBOX, &registry.host()];
    let done = process::finish(server.client("/usr/bin/python3", &arguments), b"");
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(done.stdout, "ok\n");
}

/// Three services: one answers on a network of its own and keeps its data in a volume, one
/// is open to the outside, one ends.
const PROJECT: &str = r#"
version: "2.4"
services:
  db:
    image: busybox:1
    command: sh -c "echo kept > /data/file; while :; do echo hello from db | nc -l -p 80; done"
    volumes: ["dbdata:/data"]
    networks: [back]
    healthcheck: {test: "grep kept /data/file", interval: 100ms, timeout: 5s, retries: 100}
  web:
    image: busybox:1
    command: sh -c "echo web is up; exec sleep 600"
    depends_on: {db: {condition: service_healthy}}
    networks: [back, front]
    ports: ["8088:80"]
    environment: {WHO: compose}
  job:
    image: busybox:1
    command: sh -c "until nc db 80 < /dev/null; do sleep 0.1; done"
    depends_on: [db]
    networks: {back: {aliases: [thejob]}}
networks: {back: {}, front: {}}
volumes: {dbdata: {}}
"#;

#[test]
fn compose_brings_a_project_up_and_down_again() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let directory = desk().join("project");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("docker-compose.yml"), PROJECT).unwrap();
    let compose = |arguments: &[&str]| {
        let mut command = server.client("/usr/bin/docker-compose", arguments);
        command.current_dir(&directory);
        let done = process::finish(command, b"");
        assert_eq!(done.code, 0, "docker-compose {arguments:?}: {done:?}");
        done.stdout
    };
    compose(&["up", "-d"]);
    eventually("the job has heard the database", || {
        compose(&["logs", "--no-color", "job"]).contains("hello from db")
    });
    assert!(compose(&["ps"]).contains("0.0.0.0:8088->80/tcp"));
    assert_eq!(
        compose(&["exec", "-T", "web", "sh", "-c", "echo $WHO"]),
        "compose\n"
    );
    assert!(compose(&["top", "web"]).contains("sleep"));
    let before = server.ok(&["inspect", "-f", "{{.Id}}", "project_web_1"]);
    compose(&["restart", "-t", "0", "web"]);
    compose(&["up", "-d"]);
    // Nothing has changed, so nothing was made anew.
    assert_eq!(
        server.ok(&["inspect", "-f", "{{.Id}}", "project_web_1"]),
        before
    );
    compose(&["stop", "-t", "0"]);
    compose(&["start"]);
    compose(&["down", "-v", "-t", "0"]);
    assert_eq!(server.ok(&["ps", "-aq"]), "");
    assert_eq!(server.ok(&["volume", "ls", "-q"]), "");
    let networks = server.ok(&["network", "ls", "--format", "{{.Name}}"]);
    assert!(!networks.contains("project"), "{networks}");
}
