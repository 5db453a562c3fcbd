//! The real docker command against Debian's dockerd and against `wharf serve`: the same
//! steps with the same images, and what each printed and answered compared field by field.
//!
//! `steps/` has the steps, a line each; `differences.json` where the two may differ, and
//! why. All clients that are on this machine take all steps: Debian's docker, and a newer
//! one where there is one.
//!
//! ```text
//! cargo test --test compare                          every step
//! WHARF_COMPARE=logs,exec cargo test --test compare  those of these files
//! ```

#![allow(clippy::unwrap_used)]

mod differences;
mod engines;
mod plain;
mod steps;
#[path = "../support/mod.rs"]
mod support;

use std::{collections::BTreeMap, env, path::PathBuf, process::Command, thread};

use serde_json::Value;

use engines::Side;
use support::host::Host;

/// A docker command of this machine.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its program.
    pub program: PathBuf,
    /// `28.2.2`
    pub version: String,
}

/// Every version that is on the path, each once.
fn clients() -> Vec<Client> {
    let mut found = BTreeMap::new();
    for directory in env::split_paths(&env::var_os("PATH").unwrap()) {
        let program = directory.join("docker");
        let asked = Command::new(&program).arg("--version").output();
        let Ok(said) = asked else { continue };
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let version = said.strip_prefix("Docker version ");
        let version = version.and_then(|rest| rest.split(['+', ',']).next());
        if let Some(version) = version {
            found.entry(version.to_owned()).or_insert(program);
        }
    }
    assert!(!found.is_empty(), "no docker: apt-get install docker.io");
    let clients = found.into_iter();
    clients
        .map(|(version, program)| Client { program, version })
        .collect()
}

/// What every step came to at one engine.
fn takes(side: &'static str, client: &Client, files: &[steps::File]) -> Vec<(String, Value)> {
    let host = Host::enter();
    let side = Side::start(side, &host, client);
    let mut results = Vec::new();
    for file in files {
        results.extend(steps::take(file, &side));
        side.clear();
    }
    results
}

#[test]
fn docker_does_here_what_it_does_with_its_own_daemon() {
    let files = steps::files();
    let mut known = differences::Known::read();
    let mut wrong = Vec::new();
    let clients = clients();
    for client in &clients {
        let results = thread::scope(|scope| {
            let sides = ["dockerd", "wharf"].map(|side| {
                let files = &files;
                scope.spawn(move || takes(side, client, files))
            });
            sides.map(|side| side.join().unwrap())
        });
        let [theirs, ours] = results;
        let mut found = BTreeMap::new();
        for ((at, theirs), (_, ours)) in theirs.iter().zip(&ours) {
            differences::walk(at, ours, theirs, &mut found);
        }
        println!(
            "docker {}: {} steps, {} differences",
            client.version,
            theirs.len(),
            found.len()
        );
        wrong.extend(known.unexplained(&client.version, found));
    }
    if env::var_os("WHARF_COMPARE").is_none() {
        let versions = clients.iter().map(|client| client.version.clone());
        wrong.extend(known.unused(&versions.collect::<Vec<_>>()));
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
