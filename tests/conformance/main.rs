//! One suite of behaviours over `trait Engine`, run on each engine that there is: the one
//! inside of wharf, a wharf, Debian's dockerd and podman behind their sockets. What an engine does
//! otherwise is a row with its reason, and a row that no longer holds fails too.
//!
//! It drives the library and not the binary: the shims of the engine inside are this
//! program again, so it has no test harness but a `main` of its own.
//!
//! ```text
//! cargo test --test conformance                  every engine
//! cargo test --test conformance -- docker exec   those whose names have both words
//! ```

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

mod behaviours;
mod differences;
mod engines;
#[path = "../support/mod.rs"]
mod support;
mod tap;

use std::{
    os::unix::ffi::OsStrExt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Duration,
};

use wharf::runtime::shim;

use self::{behaviours::BEHAVIOURS, differences::difference, engines::Bench, support::host::Host};

/// No behaviour takes longer, on any engine, on a machine under load.
const LONGEST: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    if (args.next()).is_some_and(|name| name.as_bytes() == shim::NAME.as_bytes()) {
        return shim::main();
    }
    let args: Vec<_> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    // What the usual harness takes is taken; only words choose.
    let words: Vec<_> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, Vec::new());
    for start in engines::ALL {
        let name = start.name;
        let chosen: Vec<_> = BEHAVIOURS
            .iter()
            .filter(|(what, _)| {
                let full = format!("{name}: {what}");
                words.iter().all(|word| full.contains(word.as_str()))
            })
            .collect();
        if chosen.is_empty() {
            continue;
        }
        // Each finds a host where nobody was before, as do the threads that are begun here.
        let _host = Host::enter();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let bench = match (start.open)(&runtime) {
            Ok(bench) => bench,
            Err(why) => {
                println!("engine {name}: FAILED to start: {why}");
                failed.push(format!("{name}: {why}"));
                continue;
            }
        };
        for (what, check) in chosen {
            let ran = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    let checked = tokio::time::timeout(LONGEST, check(&bench)).await;
                    checked.expect("it ends in time");
                });
            }));
            let expected = difference(name, what);
            let verdict = match (ran.is_ok(), expected) {
                (true, None) => "ok".to_owned(),
                (false, Some(reason)) => format!("differs: {reason}"),
                (false, None) => "FAILED".to_owned(),
                (true, Some(_)) => "FAILED: it no longer differs; take its row out".to_owned(),
            };
            println!("test {name}: {what} ... {verdict}");
            match verdict.starts_with("FAILED") {
                true => failed.push(format!("{name}: {what}")),
                false => passed += 1,
            }
            runtime.block_on(bench.clear());
        }
        drop(bench);
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
    for name in &failed {
        println!("    {name}");
    }
    // As cargo's own harness closes, for `tests/run` to add up.
    println!(
        "\ntest result: {}. {passed} passed; {} failed; 0 ignored; 0 measured; 0 filtered out",
        if failed.is_empty() { "ok" } else { "FAILED" },
        failed.len()
    );
    match failed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What a behaviour is given, with short ways to what most of them need.
impl Bench {
    /// Removes what a behaviour left, so that the next begins with nothing.
    async fn clear(&self) {
        let visible = wharf::model::Visible::default();
        let Ok(world) = self.engine.world(visible).await else {
            return;
        };
        for row in &world.containers {
            let id = row.container.id.clone();
            if row.container.state == wharf::model::State::Paused {
                let _ = self.engine.unpause(&id).await;
            }
            let request = wharf::model::RemoveRequest {
                id,
                force: true,
                volumes: true,
            };
            let _ = self.engine.remove(request).await;
        }
    }
}
