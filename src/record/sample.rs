//! Pictures for tests, with nothing in them that changes from run to run.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::model::{
    Container, ContainerConfig, ContainerId, ContainerRow, Digest, Host, Limits, State, Usage,
    World,
};

/// The picture of second `n` with so many containers: the first rises and falls, each
/// tenth moves a little, the others stay as they are; every 50 s one is another.
pub fn world(n: u64, count: usize) -> World {
    let containers = (0..count).map(|k| row(n, k)).collect();
    World {
        generation: n,
        at: Timestamp::from_second(1_790_000_000).unwrap() + Duration::from_secs(n),
        host: Host {
            name: "lab".into(),
            cpus: 4,
            cpus_online: Some("0-3".into()),
            cpu_cores: Some(f64::from(n as u32 % 7) / 2.0),
            memory_total_bytes: Some(16 << 30),
            memory_used_bytes: Some((2 << 30) + (n << 16)),
            load: Some([0.5, 0.25, 0.125]),
            missing: Vec::new(),
            lacks: Vec::new(),
        },
        containers,
        ..World::default()
    }
}

fn row(n: u64, k: usize) -> ContainerRow {
    let wave = if k == 0 { n % 60 } else { n / 10 % 3 };
    let is_running = k != 2;
    ContainerRow {
        container: Arc::new(container(n, k, is_running)),
        usage: is_running.then(|| Usage {
            cpu_cores: (n > 0).then_some(wave as f64 / 100.0),
            throttled_share: (k == 0).then_some(if wave > 50 { 0.5 } else { 0.0 }),
            memory_bytes: Some((100 << 20) + (wave << 20)),
            anon_bytes: Some(64 << 20),
            oom_kills: Some(u64::from(n >= 90)),
            pids: Some(3 + wave),
            read_bps: Some(wave as f64 * 1000.0),
            write_bytes: Some(n / 10 * 4096),
            ..Usage::default()
        }),
    }
}

fn container(n: u64, k: usize, is_running: bool) -> Container {
    let mut bytes = [0x22; 32];
    bytes[0] = k as u8;
    if k == 1 {
        bytes[1] = (n / 50) as u8;
    }
    Container {
        id: ContainerId::from_bytes(&bytes),
        name: format!("web-{k}"),
        image_id: Digest::from_sha256(&[0xab; 32]),
        config: ContainerConfig {
            image: "shop/web:1".into(),
            env: vec!["PASSWORD=secret".into()],
            limits: Limits {
                cpu_millis: Some(500),
                memory_bytes: Some(1 << 30),
                pids: Some(100),
                ..Limits::default()
            },
            ..ContainerConfig::default()
        },
        argv: vec!["serve".into()],
        created: Timestamp::UNIX_EPOCH,
        state: if is_running {
            State::Running
        } else {
            State::Exited
        },
        pid: is_running.then_some(4000 + k as i32),
        started: Some(Timestamp::UNIX_EPOCH),
        exit: None,
        restarts: 0,
        error: None,
        connectivity: Default::default(),
        health: None,
    }
}

/// Holds a picture that was read against the one that was written.
pub fn assert_same(read: &World, written: &World) {
    assert_eq!(read.at, written.at);
    assert_eq!(read.host, written.host);
    assert_eq!(read.problems, written.problems);
    assert_eq!(read.images, written.images);
    assert_eq!(read.containers.len(), written.containers.len());
    for (read, written) in read.containers.iter().zip(&written.containers) {
        let mut expected = (*written.container).clone();
        expected.config.env.clear();
        assert_eq!(*read.container, expected);
        assert_eq!(read.usage, written.usage);
    }
}
