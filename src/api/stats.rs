//! What containers use, and their processes.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    answer::{Failure, Outcome, json, streamed},
    ask::Ask,
    serve::Server,
};
use crate::{
    model::{ContainerId, Process, Visible},
    wire::{self, stats::Look},
};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// `GET /containers/ID/stats`
pub async fn stats(server: Arc<Server>, ask: &Ask, id: ContainerId) -> Outcome {
    let stream = ask.query.is_on_or("stream", true);
    let one_shot = ask.query.is_on("one-shot");
    if stream && one_shot {
        return Err(Failure::bad("cannot have stream=true and one-shot=true"));
    }
    let host = server.engine.world(Visible::default()).await?.host.clone();
    let (total, cpus) = (host.memory_total_bytes, host.cpus);
    let look = {
        let server = server.clone();
        move |id: ContainerId| {
            let server = server.clone();
            async move {
                let counters = server.engine.counters(&id).await.ok();
                counters.map(|counters| (Timestamp::now(), counters))
            }
        }
    };
    let container = server.engine.inspect(&id).await?;
    let mut before: Option<Look> = None;
    if !stream {
        if !one_shot && container.state.has_process() {
            before = look(id.clone()).await;
            tokio::time::sleep(INTERVAL).await;
        }
        let now = look(id).await;
        let answer = wire::stats::stats(&container, now.as_ref(), before.as_ref(), total, cpus);
        return json(&answer);
    }
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = sender.closed() => return,
            }
            let Ok(container) = server.engine.inspect(&id).await else {
                // It is gone, and so is the stream.
                return;
            };
            let now = look(id.clone()).await;
            let answer = wire::stats::stats(&container, now.as_ref(), before.as_ref(), total, cpus);
            before = now;
            if sender.send(Ok(format!("{answer}\n").into())).await.is_err() {
                return;
            }
        }
    });
    Ok(streamed("application/json", receiver))
}

/// `GET /containers/ID/top`
pub async fn top(server: &Server, ask: &Ask, id: &ContainerId) -> Outcome {
    let container = server.engine.inspect(id).await?;
    if !container.state.has_process() {
        return Err(Failure::conflict(format!("container {id} is not running")));
    }
    let processes = server.engine.processes(id).await?;
    let arguments = ask.query.text("ps_args").unwrap_or("-ef");
    if arguments == "-ef" {
        let rows: Vec<_> = processes.iter().map(full).collect();
        let titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
        return json(&json!({"Titles": titles, "Processes": rows}));
    }
    let (titles, rows) = ps(arguments, &processes).await?;
    json(&json!({"Titles": titles, "Processes": rows}))
}

/// One process as `ps -ef` shows it.
fn full(process: &Process) -> [String; 8] {
    let zone = TimeZone::system();
    let started = zone.to_datetime(process.started);
    let today = zone.to_datetime(Timestamp::now()).date();
    let started = match started.date() == today {
        true => started.strftime("%H:%M").to_string(),
        false => started.strftime("%b%d").to_string(),
    };
    let used = process.cpu_time.as_secs();
    let age = Timestamp::now()
        .duration_since(process.started)
        .as_secs()
        .max(1) as u64;
    [
        process.user.clone(),
        process.pid.to_string(),
        process.parent.to_string(),
        (used * 100 / age).min(99).to_string(),
        started,
        "?".into(),
        format!("{:02}:{:02}:{:02}", used / 3600, used / 60 % 60, used % 60),
        process.command.clone(),
    ]
}

/// Other columns are the host's own ps(1)'s, of which those lines are taken that are of the
/// container, as the daemon does it.
async fn ps(
    arguments: &str,
    processes: &[Process],
) -> Result<(Vec<String>, Vec<Vec<String>>), Failure> {
    let words = shlex::split(arguments)
        .ok_or_else(|| Failure::bad(format!("ps_args={arguments}: a quote has no end")))?;
    // As the daemon asks: for these processes, or, where the arguments don't allow that, for
    // all of them.
    let pids: Vec<_> = processes
        .iter()
        .map(|process| process.pid.to_string())
        .collect();
    let only = format!("-q{}", pids.join(","));
    let run = move || {
        let ps = |words: &[String]| {
            let mut command = std::process::Command::new("ps");
            command.args(words).stdin(std::process::Stdio::null());
            command.output()
        };
        let output = ps(&[words.as_slice(), &[only]].concat())?;
        match output.status.success() {
            true => Ok(output),
            false => ps(&words),
        }
    };
    let output = super::archive::in_thread(run)
        .await
        .map_err(|error| Failure::bad(format!("error running ps: {error}")))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).into_owned();
        let reason = reason.lines().next().unwrap_or_default();
        return Err(Failure::bad(format!("ps: {reason}")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let titles: Vec<String> = lines
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let pid_column = titles
        .iter()
        .position(|title| title == "PID")
        .ok_or_else(|| Failure::bad("Couldn't find PID field in ps output"))?;
    let rows = lines.filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let pid: i32 = fields.get(pid_column)?.parse().ok()?;
        processes.iter().find(|process| process.pid == pid)?;
        let last = titles.len().checked_sub(1)?;
        let mut row: Vec<String> = fields.iter().take(last).map(|f| (*f).to_owned()).collect();
        row.push(fields.get(last..)?.join(" "));
        Some(row)
    });
    let rows = rows.collect();
    Ok((titles, rows))
}
