//! Recordings of real containers: a recorder that is killed in the middle, and what is
//! left of it in each form.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Sandbox, eventually, process, sandbox::BUSYBOX};

const SPIN: &str = "while :; do :; done";

fn recording(s: &Sandbox) -> PathBuf {
    s.root().join("recording")
}

fn bytes(s: &Sandbox) -> u64 {
    let files = fs::read_dir(recording(s)).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}

fn pictures(s: &Sandbox) -> Vec<Value> {
    let dumped = s.ok(&["dump", "--json", recording(s).to_str().unwrap()]);
    serde_json::from_str(&dumped).unwrap()
}

#[test]
fn killed_recorder_leaves_every_whole_second() {
    let s = Sandbox::new();
    s.start(&[
        "--name", "spin", "--cpus", "0.2", "-m", "64m", BUSYBOX, "sh", "-c", SPIN,
    ]);
    s.start(&["--name", "idle", BUSYBOX, "sleep", "1000"]);
    let recorder = s.spawn(&["record"]);
    eventually("there is something", || bytes(&s) > 500);
    eventually("it took some pictures", || pictures(&s).len() >= 5);
    let second = s.refused(&["record", "--for", "1s"], 1);
    assert!(second.contains("another wharf is recording"), "{second}");
    let whole = pictures(&s);
    process::signal(recorder.pid(), libc::SIGKILL);
    drop(recorder);

    // What anybody could read before is there after: at most the second is lost that it
    // was at.
    let all = pictures(&s);
    assert!(all.len() >= 5, "{} pictures", all.len());
    assert_eq!(all[..whole.len()], whole[..]);
    for pair in all.windows(2) {
        let time = |picture: &Value| -> jiff::Timestamp {
            picture["time"].as_str().unwrap().parse().unwrap()
        };
        let passed = time(&pair[1]).duration_since(time(&pair[0]));
        assert!(passed.as_millis() > 0);
    }
    let row = |name: &str| {
        let rows = all[all.len() - 1]["containers"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap().clone()
    };
    let cores = row("spin")["usage"]["cpu_cores"].as_f64().unwrap();
    assert!((0.02..0.6).contains(&cores), "{cores}");
    assert_eq!(row("spin")["limits"]["memory_bytes"], 64 << 20);
    assert_eq!(row("idle")["usage"]["pids"], 1);

    // What a cut write left behind is left out, and said.
    let file = fs::read_dir(recording(&s))
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .find(|path| path.extension().is_some())
        .unwrap();
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    let cut = s.run(&["dump", "--json", recording(&s).to_str().unwrap()]);
    assert_eq!(cut.code, 0, "{cut:?}");
    assert!(cut.stderr.contains("it ends within a frame"), "{cut:?}");
    let read: Vec<Value> = serde_json::from_str(&cut.stdout).unwrap();
    assert_eq!(read.len(), all.len() - 1);
    assert_eq!(read[..], all[..all.len() - 1]);

    // A new recorder goes on in a file of its own.
    s.ok(&["record", "--for", "2s"]);
    assert!(pictures(&s).len() > read.len());
    fs::remove_dir_all(recording(&s)).unwrap();
}

#[test]
fn each_form_is_read_back_and_signals_end_a_recorder_cleanly() {
    let s = Sandbox::new();
    s.start(&[
        "--name",
        "web",
        "--pids-limit",
        "20",
        BUSYBOX,
        "sleep",
        "1000",
    ]);
    let file = s.root().join("one.wharf");
    let path = file.to_str().unwrap();
    let mut recorder = s
        .command(&["record", path])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("there is something", || {
        fs::metadata(&file).is_ok_and(|file| file.len() > 600)
    });
    eventually("it took some pictures", || {
        let dumped = s.run(&["dump", "--csv", path]);
        dumped.stdout.lines().count() >= 3
    });
    process::signal(recorder.id() as i32, libc::SIGTERM);
    let told = process::read_all(recorder.stderr.take().unwrap());
    assert_eq!(process::wait(recorder), 0);
    let told = told.join().unwrap();
    assert!(
        told.contains("recorded") && told.contains("pictures"),
        "{told}"
    );
    let taken = s.refused(&["record", path, "--for", "1s"], 1);
    assert!(taken.contains("create"), "{taken}");

    let csv = s.ok(&["dump", "--csv", path]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let titles = reader.headers().unwrap().clone();
    let column = |name: &str| titles.iter().position(|title| title == name).unwrap();
    let (name, pids, limit) = (column("name"), column("pids"), column("pids_limit"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert!(rows.len() >= 2);
    for row in &rows {
        assert_eq!((&row[name], &row[pids], &row[limit]), ("web", "1", "20"));
    }

    let metrics = s.ok(&["dump", "--openmetrics", path]);
    assert!(metrics.ends_with("# EOF"), "{metrics}");
    check_openmetrics(&metrics);
    let now = s.ok(&["dump", "--openmetrics"]);
    check_openmetrics(&now);
    assert!(now.contains("wharf_container_pids{"));

    let until = s.ok(&["dump", "--json", "--until", "1700000000", path]);
    assert_eq!(until, "[\n]");
    let advice = s.ok(&["advise", "--json", "--recording", path, "web"]);
    let advice: Value = serde_json::from_str(&advice).unwrap();
    assert_eq!(advice[0]["name"], "web");
    assert_eq!(advice[0]["confidence"], "none");
    s.refused(&["advise", "--recording", path, "nobody"], 1);

    fs::write(&file, b"wharfrec\x09\0\0\0").unwrap();
    let newer = s.refused(&["dump", "--json", path], 1);
    assert!(newer.contains("version 9"), "{newer}");
    s.refused(&["replay", path], 1);
    fs::remove_file(file).unwrap();
}

/// Every line in the order and the form that the specification asks for; and by
/// Prometheus' own parser, where `OPENMETRICS_PYTHON` names a Python that has it.
fn check_openmetrics(text: &str) {
    let mut families: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let family = rest.split(' ').next().unwrap();
            assert!(!families.contains(&family), "{family} twice");
            families.push(family);
        } else if !line.starts_with('#') {
            let family = families.last().unwrap();
            assert!(line.starts_with(family), "{line} is not of {family}");
        }
    }
    let Ok(python) = std::env::var("OPENMETRICS_PYTHON") else {
        // In the virtual machine, which has no Python.
        println!("NOT PARSED by Prometheus: OPENMETRICS_PYTHON is not set");
        return;
    };
    // Its version 0.16 takes 2.1 for later than 3.0; 0.26 doesn't.
    let parse = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as p\n\
        from prometheus_client.samples import Timestamp as T\n\
        T.__gt__ = lambda a, b: (a.sec, a.nsec) > (b.sec, b.nsec)\n\
        assert len(list(p(sys.stdin.read()))) > 20";
    let mut command = Command::new(python);
    command.args(["-c", parse]);
    let parsed = process::finish(command, format!("{text}\n").as_bytes());
    assert_eq!(parsed.code, 0, "{parsed:?}");
}
