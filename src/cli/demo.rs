//! `wharf demo`: six containers that make the screen worth watching, made of nothing but
//! this host's own shell and core utilities.

use std::{
    fs,
    io::{self, BufRead, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use tokio::runtime::Runtime;

use super::{
    Context, Faces, Settings,
    failure::{Failure, Outcome},
    output::print,
    ps::PsArgs,
};
use crate::{
    engine,
    model::{
        ContainerConfig, CreateRequest, DeviceRate, Limits, RemoveRequest, RestartPolicy,
        StartRequest, Visible,
    },
};

/// The label by which the demo knows its containers again.
const LABEL: &str = "wharf.demo";
/// The starter image.
const IMAGE: &str = "wharf-demo:latest";
/// What the six run.
const COMMANDS: [&str; 6] = ["sh", "sleep", "dd", "head", "tr", "cat"];
/// Quota of the CPU-bound one: small, so that it reaches it on a busy machine too.
const CPU_MILLIS: u64 = 250;
/// What the disk writer may write a second.
const WRITE_BPS: u64 = 4 << 20;
/// Most processes of the fork-happy one.
const PIDS: i64 = 32;
/// What usage is measured over at the end: ten of the kernel's quota periods.
const MEASURE: Duration = Duration::from_secs(1);

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Without a screen: run for SECONDS, print what they use, and remove them
    #[arg(long, value_name = "SECONDS", value_parser = super::ps::seconds)]
    headless: Option<Duration>,
    /// Keep them at the end
    #[arg(long)]
    keep: bool,
}

/// One container of the demo.
struct Scene {
    name: &'static str,
    about: &'static str,
    script: String,
    limits: Limits,
    restart: RestartPolicy,
}

/// Runs the demo.
pub fn run(
    args: &DemoArgs,
    context: &Context,
    runtime: &Runtime,
    faces: &Faces,
    root: Option<&Path>,
    settings: Settings,
) -> Outcome {
    let device = disk_below(&(faces.data)(root));
    if device.is_none() {
        eprintln!("wharf: no block device lies below the data directory: demo-disk has no limit");
    }
    let started = runtime.block_on(async {
        tokio::select! {
            started = start(device, context) => started,
            _ = tokio::signal::ctrl_c() => Err(Failure::silent(130)),
        }
    });
    let shown = started.and_then(|()| match args.headless {
        Some(duration) => runtime.block_on(watch(duration, context)),
        None => (faces.dashboard)(context.engine.clone(), settings).map_err(Failure::new),
    });
    let keep = match &shown {
        Ok(()) => args.keep || (args.headless.is_none() && wants_to_keep()),
        Err(_) => false,
    };
    let removed = match keep {
        true => Ok(()),
        false => runtime.block_on(remove(context)),
    };
    // What failed first is what is told.
    shown.and(removed).map(|()| 0)
}

async fn start(device: Option<PathBuf>, context: &Context) -> Result<(), Failure> {
    let engine = &context.engine;
    remove_containers(context).await?;
    let commands = COMMANDS.map(String::from);
    engine.image_from_host(IMAGE, &commands).await?;
    for scene in scenes(device) {
        let config = ContainerConfig {
            image: IMAGE.into(),
            command: vec!["sh".into(), "-c".into(), scene.script],
            labels: [(LABEL.to_owned(), scene.about.to_owned())].into(),
            limits: scene.limits,
            restart: scene.restart,
            ..ContainerConfig::default()
        };
        let request = CreateRequest {
            pools: Vec::new(),
            name: Some(scene.name.into()),
            config,
        };
        let id = engine.create(request).await?;
        engine.start(StartRequest { id, attach: None }).await?;
    }
    Ok(())
}

/// Lets them run, then prints what they use.
async fn watch(duration: Duration, context: &Context) -> Result<(), Failure> {
    let visible = Visible {
        stats: true,
        images: false,
        ..Visible::default()
    };
    let measured = async {
        tokio::time::sleep(duration.saturating_sub(MEASURE)).await;
        // Rates are against this world.
        context.engine.world(visible).await?;
        tokio::time::sleep(MEASURE).await;
        context.engine.world(visible).await
    };
    let world = tokio::select! {
        world = measured => world?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::silent(130)),
    };
    let table = PsArgs::of_demo(LABEL).text(&world, context).await?;
    print(&table)?;
    Ok(())
}

async fn remove(context: &Context) -> Result<(), Failure> {
    remove_containers(context).await?;
    match context.engine.remove_image(IMAGE, true).await {
        Err(error) if error.kind != engine::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

async fn remove_containers(context: &Context) -> Result<(), Failure> {
    let visible = Visible {
        stats: false,
        images: false,
        ..Visible::default()
    };
    let world = context.engine.world(visible).await?;
    let ours = world
        .containers
        .iter()
        .filter(|row| row.container.config.labels.contains_key(LABEL));
    let removals = ours.map(|row| {
        context.engine.remove(RemoveRequest {
            id: row.container.id.clone(),
            force: true,
            volumes: true,
        })
    });
    let results = futures_util::future::join_all(removals).await;
    results.into_iter().collect::<engine::Result<()>>()?;
    Ok(())
}

fn wants_to_keep() -> bool {
    print!("Keep the demo's containers running? [y/N] ");
    // An answer that can't be asked for or read is no.
    let _ = io::stdout().flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim_start().to_ascii_lowercase().starts_with('y')
}

fn scenes(device: Option<PathBuf>) -> [Scene; 6] {
    let write_bps = device.into_iter().map(|path| DeviceRate {
        path,
        rate: WRITE_BPS,
    });
    let scene = |name, about, script: &str| Scene {
        name,
        about,
        script: script.to_owned(),
        limits: Limits::default(),
        restart: RestartPolicy::No,
    };
    [
        Scene {
            limits: Limits {
                cpu_millis: Some(CPU_MILLIS),
                ..Limits::default()
            },
            ..scene("demo-cpu", "cpu held at its quota", "while :; do :; done")
        },
        Scene {
            limits: Limits {
                memory_bytes: Some(64 << 20),
                memory_swap_bytes: Some(64 << 20),
                ..Limits::default()
            },
            restart: RestartPolicy::Always,
            ..scene(
                "demo-memory",
                "memory climbs to its limit, is killed and restarted",
                // A shell's variable, made larger by 2 MiB a step. The first climb takes
                // some five seconds, so that one need not wait; later ones more than
                // ten, because the policy waits ever longer after shorter runs.
                "pause=0.2; [ ! -e /again ] || pause=0.5; : >/again; echo climbing; \
                 piece=$(head -c 2097152 /dev/zero | tr '\\0' x); all=; \
                 while :; do all=$all$piece; sleep $pause; done",
            )
        },
        Scene {
            limits: Limits {
                write_bps: write_bps.collect(),
                ..Limits::default()
            },
            ..scene(
                "demo-disk",
                "writes to disk under an IO limit",
                // Direct, because cgroup v1 does not hold buffered writes back.
                "while :; do \
                 dd if=/dev/zero of=/blocks bs=1048576 count=32 conv=notrunc oflag=direct 2>&1 || \
                 dd if=/dev/zero of=/blocks bs=1048576 count=32 conv=notrunc,fsync 2>&1; \
                 done",
            )
        },
        Scene {
            limits: Limits {
                pids: Some(PIDS),
                ..Limits::default()
            },
            ..scene(
                "demo-forks",
                "forks up to its pids limit",
                // A shell that can't fork gives up, so an inner one does the failing: it
                // takes the last place, is refused the next one, and ends. The outer
                // shell then has that place for its own pause, and tries again.
                &format!(
                    "n=0; while [ $n -lt {} ]; do sleep 1000000 & n=$((n+1)); done; \
                     while :; do sh -c 'sleep 1000000 & sleep 1000000 & wait'; sleep 1; done",
                    PIDS - 3
                ),
            )
        },
        scene("demo-idle", "does nothing", "exec sleep 1000000"),
        scene(
            "demo-chatty",
            "logs ten lines a second",
            "n=0; while :; do n=$((n+1)); echo \"request $n answered in $((n * 7919 % 97)) ms\"; \
             [ $((n % 25)) -ne 0 ] || echo \"request $n was slow\" >&2; sleep 0.1; done",
        ),
    ]
}

/// The whole disk that a directory, or the nearest one above it that exists, lies on:
/// the kernel limits disks, not partitions. None for file systems without a device.
fn disk_below(directory: &Path) -> Option<PathBuf> {
    let device = directory
        .ancestors()
        .find_map(|path| fs::metadata(path).ok())?
        .dev();
    let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
    let mut node = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    if node.join("partition").exists() {
        node.pop();
    }
    let path = Path::new("/dev").join(node.file_name()?);
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_scenes_have_names_of_their_own() {
        let scenes = scenes(Some("/dev/vda".into()));
        let mut names: Vec<_> = scenes.iter().map(|scene| scene.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| name.starts_with("demo-")));
    }

    #[test]
    fn file_system_without_a_device_has_no_disk() {
        assert_eq!(disk_below(Path::new("/proc")), None);
    }
}
