//! Transfers that are cut: by the network, by the registry's death, by our own, and
//! several processes that want the same.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
};

use crate::{
    bench::Bench,
    gate::Gate,
    support::{
        process::{self, eventually},
        registry::{Door, Registry},
    },
};

/// Bytes of a blob that are let through before everything waits.
const MIDDLE: u64 = 2_000_000;

fn spawn(bench: &Bench, arguments: &[&str]) -> Child {
    bench
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[track_caller]
fn succeeds(mut child: Child) {
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let code = process::wait(child);
    let (mut said, mut failed) = (String::new(), String::new());
    out.read_to_string(&mut said).unwrap();
    err.read_to_string(&mut failed).unwrap();
    assert_eq!(code, 0, "{said}\n{failed}");
}

/// Whether a part of a blob was asked for, not all of it.
fn has_gone_on(registry: &Registry) -> bool {
    registry
        .blob_reads()
        .iter()
        .any(|(_, status)| status == "206")
}

#[test]
fn pull_goes_on_where_it_was_after_the_registry_was_killed_in_the_middle() {
    let mut registry = Registry::start(Door::Open);
    let bench = Bench::new();
    // More than all the buffers between the registry and the gate hold.
    let diff_ids = bench.image(&registry.name("big:1"), &[32_000_000]);
    let gate = Gate::before(registry.port(), MIDDLE);
    let name = gate.name("big:1");
    let pull = spawn(&bench, &["pull", &name]);
    eventually("half of the layer is here", || {
        bench.partial_bytes() > MIDDLE / 2
    });
    registry.kill();
    registry.again();
    gate.open();
    succeeds(pull);
    assert_eq!(bench.layers(&name), diff_ids);
    // It asked for the rest, not for all.
    assert!(has_gone_on(&registry), "{}", registry.log());
    assert_eq!(bench.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn pull_goes_on_where_one_that_was_killed_ended() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let diff_ids = bench.image(&registry.name("big:1"), &[5_000_000, 1_000]);
    let gate = Gate::before(registry.port(), MIDDLE);
    let name = gate.name("big:1");
    let mut pull = spawn(&bench, &["pull", &name]);
    eventually("half of the layer is here", || {
        bench.partial_bytes() > MIDDLE / 2
    });
    pull.kill().unwrap();
    pull.wait().unwrap();
    assert_eq!(bench.ok(&["images", "-q"]), "");
    let kept = bench.partial_bytes();
    assert!(kept > MIDDLE / 2, "{kept}");
    gate.open();
    bench.ok(&["pull", &name]);
    assert_eq!(bench.layers(&name), diff_ids);
    assert!(has_gone_on(&registry), "{}", registry.log());
    assert_eq!(bench.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn two_processes_that_want_one_image_fetch_each_blob_once() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let diff_ids = bench.image(&registry.name("big:1"), &[4_000_000, 3_000_000, 1_000]);
    let gate = Gate::before(registry.port(), MIDDLE);
    let name = gate.name("big:1");
    let first = spawn(&bench, &["pull", "--json", &name]);
    eventually("the first is in the middle", || {
        bench.partial_bytes() > MIDDLE / 2
    });
    // Not through the gate: it would wait there, and not for the first.
    let second = spawn(&bench, &["pull", &registry.name("big:1")]);
    eventually("the second has its manifest", || {
        registry.count("GET /v2/big/manifests/") >= 2
    });
    gate.open();
    succeeds(first);
    succeeds(second);
    assert_eq!(bench.layers(&name), diff_ids);
    assert_eq!(bench.layers(&registry.name("big:1")), diff_ids);
    let mut reads: Vec<String> = registry.blob_reads().into_iter().map(|(d, _)| d).collect();
    let all = reads.len();
    reads.sort();
    reads.dedup();
    assert_eq!(
        (all, reads.len()),
        (4, 4),
        "three layers and a config, each once"
    );
}

#[test]
fn one_takes_over_from_another_that_dies() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let diff_ids = bench.image(&registry.name("big:1"), &[5_000_000]);
    let gate = Gate::before(registry.port(), MIDDLE);
    let mut first = spawn(&bench, &["pull", &gate.name("big:1")]);
    eventually("the first is in the middle", || {
        bench.partial_bytes() > MIDDLE / 2
    });
    let name = registry.name("big:1");
    let second = spawn(&bench, &["pull", &name]);
    eventually("the second has its manifest", || {
        registry.count("GET /v2/big/manifests/") >= 2
    });
    first.kill().unwrap();
    first.wait().unwrap();
    succeeds(second);
    assert_eq!(bench.layers(&name), diff_ids);
    gate.open();
}

#[test]
fn interrupt_ends_a_pull_and_what_has_come_is_kept() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    bench.image(&registry.name("big:1"), &[5_000_000]);
    let gate = Gate::before(registry.port(), MIDDLE);
    // Whoever started these tests in the background may have it ignore interrupts, which
    // every program inherits.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT");
    let ours = bench.command(&["pull", &gate.name("big:1")]);
    command.arg(ours.get_program()).args(ours.get_args());
    command.env_clear();
    for (name, value) in ours.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let pull = command.stdin(Stdio::null()).spawn().unwrap();
    eventually("half of the layer is here", || {
        bench.partial_bytes() > MIDDLE / 2
    });
    assert!(process::signal(pull.id() as i32, libc::SIGINT));
    assert_ne!(process::wait(pull), 0);
    assert_eq!(bench.ok(&["images", "-q"]), "");
    assert!(bench.partial_bytes() > MIDDLE / 2);
    let scratch = bench.names("layers");
    assert_eq!(
        scratch,
        Vec::<String>::new(),
        "half-unpacked layers are swept"
    );
    gate.open();
}

#[test]
fn push_survives_a_connection_that_is_cut() {
    let registry = Registry::start(Door::Open);
    let bench = Bench::new();
    let gate = Gate::cutting(registry.port(), 1_000_000);
    let name = gate.name("pushed:1");
    let file = bench.dir.path().join("large.tar");
    fs::write(
        &file,
        crate::bench::tar("file-0", &crate::bench::random(3_000_000)),
    )
    .unwrap();
    bench.ok(&["import", file.to_str().unwrap(), &name]);
    bench.ok(&["push", &name]);
    assert!(gate.has_cut(), "the connection was cut in the middle");
    let other = Bench::new();
    other.ok(&["pull", &registry.name("pushed:1")]);
    assert_eq!(
        other.layers(&registry.name("pushed:1")),
        bench.layers(&name)
    );
}
