//! One sampling pass over 1,000 cgroups beside a bare C loop that preads the same files
//! through descriptors kept open. Goal: at most 1.3 times the loop.

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::run;
use wharf::sys::cgroup::{Cgroups, Sampler};

const GROUPS: usize = 1_000;
const ROUNDS: usize = 60;

/// Groups that are gone with it. Not held open: the descriptors are for the samplers.
struct Groups<'a>(&'a Cgroups, &'a [String]);

impl Drop for Groups<'_> {
    fn drop(&mut self) {
        for path in self.1 {
            let removed = self.0.open(path).and_then(|group| match group {
                Some(group) => group.remove(),
                None => Ok(()),
            });
            if let Err(failure) = removed {
                eprintln!("{failure}");
            }
        }
    }
}

fn main() {
    // Eleven files a group; the peer has descriptors of its own.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("the soft limit can be the hard one");
    let cgroups = Cgroups::detect().expect("there are control groups");
    let paths: Vec<String> = (0..GROUPS).map(|n| format!("wharf/bench-{n}")).collect();
    let _groups = Groups(&cgroups, &paths);
    for path in &paths {
        let made = cgroups.create(path);
        made.expect("groups can be made: needs root");
    }
    let mut samplers: Vec<Sampler> = paths
        .iter()
        .map(|path| {
            let sampler = cgroups.sampler(path).expect("the files open");
            sampler.expect("the group exists")
        })
        .collect();
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let files = dir.path().join("files");
    fs::write(&files, opened_files().join("\n")).expect("a file can be written");
    let program = dir.path().join("sampling");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/sampling.c");
    run(Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&program)
        .arg(source));
    let mut peer = Peer::start(&program, &files);

    let mut pass = |sample: fn(&mut Sampler, u64)| {
        let start = Instant::now();
        for sampler in &mut samplers {
            sample(sampler, 1);
        }
        start.elapsed()
    };
    let all: fn(&mut Sampler, u64) = |sampler, now| {
        sampler.sample(now).expect("the group exists");
    };
    let changed: fn(&mut Sampler, u64) = |sampler, now| {
        sampler.sample_changed(now).expect("the group exists");
    };
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        times[0].push(peer.pass());
        times[1].push(pass(all));
        times[2].push(pass(changed));
    }
    let [bare, all, changed] = times.map(median);
    println!("one pass over {GROUPS} cgroups, median of {ROUNDS} interleaved rounds:");
    println!("  bare C loop         {bare:>10.2?}");
    for (name, time) in [("every counter", all), ("idle groups", changed)] {
        let ratio = time.as_secs_f64() / bare.as_secs_f64();
        println!("  wharf, {name:<13}{time:>10.2?}   {ratio:.2} x");
    }
}

/// The counter files that this process holds open: just those that the samplers read.
fn opened_files() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc is mounted");
    let targets = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let counters = targets.filter(|path: &PathBuf| {
        path.is_file()
            && path
                .to_str()
                .is_some_and(|path| path.contains("/wharf/bench-"))
    });
    counters.map(|path| path.display().to_string()).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The C loop.
struct Peer {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &std::path::Path, files: &std::path::Path) -> Self {
        let mut child = Command::new(program)
            .arg(files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was compiled");
        let ask = child.stdin.take().expect("stdin is a pipe");
        let answers = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Self {
            child,
            ask,
            answers,
        }
    }

    fn pass(&mut self) -> Duration {
        self.ask.write_all(b"1").expect("the peer runs");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the peer runs");
        Duration::from_nanos(line.trim().parse().expect("the peer answers by a number"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It has nothing to save.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
