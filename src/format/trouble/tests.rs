use super::*;
use crate::{
    format::columns::sample,
    model::{Container, ContainerRow, Exit, Host, RestartPolicy, Stalls},
};

const MIB: u64 = 1 << 20;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Badges, tones and words at second 1000.
fn told(container: Container, usage: Option<Usage>, seen: Seen) -> Vec<(String, Tone, String)> {
    let row = ContainerRow {
        container: container.into(),
        usage,
    };
    let host = Host {
        cpus: 4,
        memory_total_bytes: Some(1 << 34),
        ..Host::default()
    };
    let item = Item {
        seen,
        ..Item::new(&row, &host, at(1000))
    };
    let all = troubles(&item).into_iter();
    all.map(|t| (t.badge(), t.tone(&item), t.words(&item)))
        .collect()
}

fn limited() -> Container {
    let mut web = sample::container("web", State::Running);
    web.started = Some(at(0));
    web.config.limits.memory_bytes = Some(64 * MIB);
    web.config.limits.cpu_millis = Some(500);
    web.config.limits.pids = Some(32);
    web
}

#[test]
fn healthy_container_has_none() {
    let usage = Usage {
        memory_bytes: Some(20 * MIB),
        throttled_share: Some(0.01),
        oom_kills: Some(0),
        pids: Some(3),
        ..Usage::default()
    };
    assert_eq!(told(limited(), Some(usage), Seen::default()), []);
    let mut done = sample::container("job", State::Exited);
    done.exit = Some(sample::exit(0));
    assert_eq!(told(done, None, Seen::default()), []);
}

#[test]
fn kill_for_memory_names_the_limit_and_the_time() {
    let mut web = limited();
    web.state = State::Exited;
    web.exit = Some(Exit {
        code: Some(137),
        at: at(988),
        oom_killed: true,
    });
    let (badge, tone, words) = told(web, None, Seen::default()).remove(0);
    assert_eq!((badge.as_str(), tone), ("oom", Tone::Bad));
    assert_eq!(
        words,
        "killed by the kernel: out of memory at its 64MiB limit, 12s ago"
    );
}

#[test]
fn kill_of_a_child_is_loud_while_it_is_fresh() {
    let usage = Usage {
        oom_kills: Some(3),
        ..Usage::default()
    };
    let fresh = Seen {
        oom_kill: Some(at(990)),
        ..Seen::default()
    };
    let (badge, tone, words) = told(limited(), Some(usage), fresh).remove(0);
    assert_eq!((badge.as_str(), tone), ("oom:3", Tone::Bad));
    assert!(words.contains("killed 3 of its processes: out of memory at its 64MiB limit"));
    assert!(words.ends_with("the last 10s ago"), "{words}");
    let (_, tone, words) = told(limited(), Some(usage), Seen::default()).remove(0);
    assert_eq!(tone, Tone::Warn);
    assert!(words.ends_with("earlier in this run"), "{words}");
}

#[test]
fn everything_at_once_comes_in_the_order_of_severity() {
    let mut web = limited();
    web.started = Some(at(995));
    web.restarts = 14;
    web.config.restart = RestartPolicy::Always;
    web.exit = Some(Exit {
        code: Some(1),
        at: at(994),
        oom_killed: false,
    });
    let usage = Usage {
        cpu_cores: Some(0.5),
        throttled_share: Some(0.62),
        throttled_time: Some(0.31),
        memory_bytes: Some(63 * MIB),
        pids: Some(32),
        oom_kills: Some(1),
        pids_max_events: Some(7),
        memory_high_events: Some(4),
        stalls: Stalls {
            cpu_some: Some(0.9),
            memory_some: Some(0.12),
            memory_full: Some(0.06),
            io_some: Some(0.2),
            io_full: Some(0.1),
        },
        ..Usage::default()
    };
    let seen = Seen {
        oom_kill: Some(at(999)),
        memory_high: Some(at(999)),
        pids_max: Some(at(1)),
        ..Seen::default()
    };
    let all = told(web, Some(usage), seen);
    let badges: Vec<_> = all.iter().map(|(badge, ..)| badge.as_str()).collect();
    assert_eq!(
        badges,
        [
            "oom:1",
            "loop:14",
            "mem 98%",
            "psi-mem 12/6%",
            "pids:7",
            "psi-io 20/10%",
            "held 62%",
            "high:4"
        ]
    );
    let words = |badge: &str| &all.iter().find(|(b, ..)| b == badge).unwrap().2;
    assert_eq!(
        words("held 62%"),
        "held back in 62% of its periods, 0.31s each second: it wants more than its 0.5 cores"
    );
    assert_eq!(
        words("loop:14"),
        "started again 14 times by its policy (always); it last exited with 1, 6s ago"
    );
    assert_eq!(
        words("pids:7"),
        "was refused a process or thread 7 times for its limit of 32, the last 16m39s ago"
    );
}

#[test]
fn ends_are_told_by_code_signal_or_not_at_all() {
    for (code, badge, words) in [
        (Some(2), "exit:2", "exited with 2, 16m40s ago"),
        (Some(139), "exit:139", "ended by signal 11, 16m40s ago"),
        (None, "exit:?", "ended with nobody to see how, 16m40s ago"),
    ] {
        let mut job = sample::container("job", State::Exited);
        job.exit = Some(Exit {
            code,
            at: at(0),
            oom_killed: false,
        });
        let got = told(job, None, Seen::default()).remove(0);
        assert_eq!((got.0.as_str(), got.2.as_str()), (badge, words));
    }
}

#[test]
fn what_a_container_says_is_safe_to_print() {
    let mut bad = sample::container("bad", State::Created);
    bad.error = Some("exec \u{1b}[2J: no such file".into());
    let (badge, _, words) = told(bad, None, Seen::default()).remove(0);
    assert_eq!(badge, "failed");
    assert_eq!(words, "could not be started: exec \\x1b[2J: no such file");
}

#[test]
fn only_what_rises_is_seen() {
    let usage = |kills, pids| Usage {
        oom_kills: Some(kills),
        pids_max_events: Some(pids),
        ..Usage::default()
    };
    let mut seen = Seen::default();
    assert!(!seen.note(&usage(1, 1), &usage(1, 1), at(5)));
    assert!(
        !seen.note(&Usage::default(), &usage(1, 1), at(5)),
        "the first look"
    );
    assert!(!seen.note(&usage(4, 1), &usage(0, 1), at(5)), "a new run");
    assert!(seen.note(&usage(1, 1), &usage(2, 1), at(6)));
    assert_eq!((seen.oom_kill, seen.pids_max), (Some(at(6)), None));
}
