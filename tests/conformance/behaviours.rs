//! What every engine does, each a sentence and a check of it.

use std::{future::Future, io::Write, pin::Pin, time::Duration};

use wharf::{
    engine::{CopyFrom, CopyTo, ErrorKind, Session},
    model::{
        AttachStreams, CommitRequest, ContainerConfig, ContainerId, CopyRequest, CreateRequest,
        EventsRequest, ExecConfig, Exit, KillRequest, Limits, LogsRequest, NetworkCreateRequest,
        NetworkMode, RemoveRequest, RestartPolicy, SaveRequest, StartRequest, State, StopRequest,
        Stream, TerminalSize, UpdateRequest, Visible, WaitCondition,
    },
};

use super::engines::{Bench, IMAGE};

type Check = for<'a> fn(&'a Bench) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        /// All of them, by name.
        pub const BEHAVIOURS: &[(&str, Check)] =
            &[$((stringify!($name), |bench| Box::pin($name(bench)))),*];
    };
}

behaviours!(
    engine_says_what_it_is,
    created_container_is_listed_as_it_was_asked_for,
    attached_run_gives_both_streams_and_the_exit_code,
    stdin_reaches_the_process_and_its_end_too,
    five_megabytes_of_output_arrive_whole,
    container_that_removes_itself_tells_its_exit_first,
    missing_command_is_its_own_kind_of_failure,
    missing_containers_and_images_are_not_found,
    name_that_is_taken_is_a_conflict,
    names_and_prefixes_of_ids_mean_the_container,
    stop_asks_and_then_kills,
    stopping_what_does_not_run_is_no_error,
    signals_reach_the_first_process,
    paused_container_is_paused_and_runs_on_after,
    log_has_lines_times_and_streams,
    followed_log_ends_with_its_container,
    exec_gives_output_and_exit_code,
    exec_in_a_stopped_container_is_a_conflict,
    detached_exec_is_waited_for,
    restart_begins_a_new_run,
    renamed_container_goes_by_its_new_name,
    limits_are_changed_while_it_runs,
    changed_files_are_listed,
    running_container_is_removed_by_force_only,
    events_tell_a_life,
    files_go_in_and_come_out,
    commit_makes_an_image_with_the_files,
    saved_image_is_loaded,
    picture_has_what_a_container_uses,
    figures_of_this_machine_cost_its_engine_no_question,
    terminal_has_its_size_and_one_stream,
    processes_are_listed,
    network_is_made_listed_and_removed,
    restart_policy_starts_again_and_counts,
    wait_for_the_next_exit_sees_it,
);

/// `true`, and what else a config needs.
fn config(command: &[&str]) -> ContainerConfig {
    ContainerConfig {
        image: IMAGE.into(),
        command: command.iter().map(|word| (*word).into()).collect(),
        network: NetworkMode::None,
        env: vec!["PATH=/bin".into()],
        ..ContainerConfig::default()
    }
}

async fn create(bench: &Bench, name: &str, config: ContainerConfig) -> ContainerId {
    let request = CreateRequest {
        name: Some(name.into()),
        config,
        ..CreateRequest::default()
    };
    bench.engine.create(request).await.expect("it is created")
}

async fn start(bench: &Bench, id: &ContainerId) {
    let request = StartRequest {
        id: id.clone(),
        attach: None,
    };
    bench.engine.start(request).await.expect("it starts");
}

async fn running(bench: &Bench, name: &str, script: &str) -> ContainerId {
    let id = create(bench, name, config(&["sh", "-c", script])).await;
    start(bench, &id).await;
    id
}

const ALL: AttachStreams = AttachStreams {
    stdin: true,
    stdout: true,
    stderr: true,
    size: None,
};

async fn attached(bench: &Bench, id: &ContainerId, streams: AttachStreams) -> Session {
    let request = StartRequest {
        id: id.clone(),
        attach: Some(streams),
    };
    let session = bench.engine.start(request).await.expect("it starts");
    session.expect("it is attached")
}

/// Everything that comes; its stdin stays open till then.
async fn output(session: &mut Session) -> (String, String) {
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    while let Some((stream, bytes)) = session.output.recv().await {
        match stream {
            Stream::Stdout => out.extend_from_slice(&bytes),
            Stream::Stderr => errors.extend_from_slice(&bytes),
        }
    }
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out), text(errors))
}

async fn exit(bench: &Bench, id: &ContainerId) -> Exit {
    let waited = bench.engine.wait(id, WaitCondition::NotRunning).await;
    waited.expect("its exit is told")
}

async fn state(bench: &Bench, id: &ContainerId) -> State {
    bench.engine.inspect(id).await.unwrap().state
}

fn stop(id: &ContainerId, seconds: i64) -> StopRequest {
    StopRequest {
        id: id.clone(),
        timeout_secs: Some(seconds),
        signal: None,
    }
}

fn copy(id: &ContainerId, path: &str) -> CopyRequest {
    CopyRequest {
        id: id.clone(),
        path: path.into(),
        follow_link: false,
        keep_owner: false,
        unchanged: None,
    }
}

async fn eventually<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    for _ in 0..300 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to {what}");
}

async fn engine_says_what_it_is(bench: &Bench) {
    bench.engine.world(Visible::default()).await.unwrap();
    let can = bench.engine.capabilities();
    assert!(can.engine.contains(char::is_numeric), "{}", can.engine);
    assert_eq!(can.read_only_because, None);
}

async fn created_container_is_listed_as_it_was_asked_for(bench: &Bench) {
    let mut wanted = config(&["sleep", "1"]);
    wanted.labels = [("a.b".to_owned(), "c d".to_owned())].into();
    wanted.working_dir = Some("/tmp".into());
    wanted.hostname = Some("box".into());
    wanted.restart = RestartPolicy::OnFailure { max_retries: 2 };
    wanted.limits = Limits {
        memory_bytes: Some(64 << 20),
        cpu_millis: Some(500),
        pids: Some(20),
        ..Limits::default()
    };
    let id = create(bench, "listed", wanted.clone()).await;
    let world = bench.engine.world(Visible::default()).await.unwrap();
    let row = world.container(&id).expect("it is listed");
    let found = &row.container;
    assert_eq!(
        (found.name.as_str(), found.state),
        ("listed", State::Created)
    );
    assert_eq!((found.pid, found.exit), (None, None));
    assert_eq!(found.argv, ["sleep", "1"]);
    assert_eq!(found.config.labels["a.b"], "c d");
    assert_eq!(found.config.working_dir, wanted.working_dir);
    assert_eq!(found.config.hostname, wanted.hostname);
    assert_eq!(found.config.restart, wanted.restart);
    let limits = &found.config.limits;
    assert_eq!(limits.memory_bytes, Some(64 << 20));
    assert_eq!((limits.cpu_millis, limits.pids), (Some(500), Some(20)));
    assert_eq!(found.config.network, NetworkMode::None);
}

async fn attached_run_gives_both_streams_and_the_exit_code(bench: &Bench) {
    let script = "echo out; echo err >&2; exit 7";
    let id = create(bench, "streams", config(&["sh", "-c", script])).await;
    let streams = AttachStreams {
        stdin: false,
        ..ALL
    };
    let mut session = attached(bench, &id, streams).await;
    let (out, errors) = output(&mut session).await;
    assert_eq!((out.as_str(), errors.as_str()), ("out\n", "err\n"));
    assert_eq!(exit(bench, &id).await.code, Some(7));
    assert_eq!(state(bench, &id).await, State::Exited);
}

async fn stdin_reaches_the_process_and_its_end_too(bench: &Bench) {
    let mut wanted = config(&["cat"]);
    wanted.open_stdin = true;
    let id = create(bench, "cat", wanted).await;
    let mut session = attached(bench, &id, ALL).await;
    session.input.send("hello\n".into()).await.unwrap();
    // Dropping it is the end of its stdin.
    let (closed, _) = tokio::sync::mpsc::channel(1);
    session.input = closed;
    let (out, _) = output(&mut session).await;
    assert_eq!(out, "hello\n");
    assert_eq!(exit(bench, &id).await.code, Some(0));
}

async fn five_megabytes_of_output_arrive_whole(bench: &Bench) {
    let script = "yes 0123456789abcde | head -c 5242880";
    let id = create(bench, "much", config(&["sh", "-c", script])).await;
    let mut session = attached(bench, &id, ALL).await;
    let (out, _) = output(&mut session).await;
    assert_eq!(out.len(), 5 << 20);
}

async fn container_that_removes_itself_tells_its_exit_first(bench: &Bench) {
    let mut wanted = config(&["sh", "-c", "exit 5"]);
    wanted.auto_remove = true;
    let id = create(bench, "gone", wanted).await;
    let mut session = attached(bench, &id, ALL).await;
    output(&mut session).await;
    let exit = bench
        .engine
        .wait(&id, WaitCondition::Removed)
        .await
        .unwrap();
    assert_eq!(exit.code, Some(5));
    let missing = bench.engine.inspect(&id).await.unwrap_err();
    assert_eq!(missing.kind, ErrorKind::NotFound);
}

async fn missing_command_is_its_own_kind_of_failure(bench: &Bench) {
    let id = create(bench, "nocmd", config(&["no-such-command"])).await;
    let request = StartRequest { id, attach: None };
    let error = bench.engine.start(request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::CommandNotFound, "{error}");
}

async fn missing_containers_and_images_are_not_found(bench: &Bench) {
    let kinds = [
        bench.engine.resolve("nobody").await.unwrap_err().kind,
        bench.engine.image("no/such:image").await.unwrap_err().kind,
        bench
            .engine
            .inspect(&ContainerId::from_bytes(&[9; 32]))
            .await
            .unwrap_err()
            .kind,
    ];
    assert_eq!(kinds, [ErrorKind::NotFound; 3]);
    let mut wanted = config(&["true"]);
    wanted.image = "no/such:image".into();
    let request = CreateRequest {
        config: wanted,
        ..CreateRequest::default()
    };
    let error = bench.engine.create(request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

async fn name_that_is_taken_is_a_conflict(bench: &Bench) {
    create(bench, "taken", config(&["true"])).await;
    let request = CreateRequest {
        name: Some("taken".into()),
        config: config(&["true"]),
        ..CreateRequest::default()
    };
    let error = bench.engine.create(request).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
}

async fn names_and_prefixes_of_ids_mean_the_container(bench: &Bench) {
    let id = create(bench, "known", config(&["true"])).await;
    for reference in ["known", id.as_str(), id.short()] {
        assert_eq!(bench.engine.resolve(reference).await.unwrap(), id);
    }
}

async fn stop_asks_and_then_kills(bench: &Bench) {
    let polite = running(
        bench,
        "polite",
        "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done",
    )
    .await;
    has_written(bench, &polite).await;
    bench.engine.stop(stop(&polite, 30)).await.unwrap();
    assert_eq!(exit(bench, &polite).await.code, Some(3));
    let deaf = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    let deaf = running(bench, "deaf", deaf).await;
    has_written(bench, &deaf).await;
    bench.engine.stop(stop(&deaf, 0)).await.unwrap();
    assert_eq!(exit(bench, &deaf).await.code, Some(137));
}

async fn stopping_what_does_not_run_is_no_error(bench: &Bench) {
    let id = create(bench, "idle", config(&["true"])).await;
    start(bench, &id).await;
    exit(bench, &id).await;
    bench.engine.stop(stop(&id, 1)).await.unwrap();
    let kill = KillRequest { id, signal: None };
    let error = bench.engine.kill(kill).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
}

async fn signals_reach_the_first_process(bench: &Bench) {
    let script = "trap 'exit 42' USR1; echo ready; while :; do sleep 0.1; done";
    let id = create(bench, "signals", config(&["sh", "-c", script])).await;
    let mut session = attached(bench, &id, ALL).await;
    assert!(session.output.recv().await.is_some());
    let request = KillRequest {
        id: id.clone(),
        signal: Some("USR1".into()),
    };
    bench.engine.kill(request).await.unwrap();
    assert_eq!(exit(bench, &id).await.code, Some(42));
}

async fn paused_container_is_paused_and_runs_on_after(bench: &Bench) {
    let id = running(bench, "frozen", "sleep 600").await;
    bench.engine.pause(&id).await.unwrap();
    assert_eq!(state(bench, &id).await, State::Paused);
    let again = bench.engine.pause(&id).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Conflict, "{again}");
    bench.engine.unpause(&id).await.unwrap();
    assert_eq!(state(bench, &id).await, State::Running);
}

fn logs(id: &ContainerId) -> LogsRequest {
    LogsRequest {
        id: id.clone(),
        follow: false,
        tail: None,
        since: None,
        until: None,
        stdout: true,
        stderr: true,
    }
}

async fn lines(bench: &Bench, request: LogsRequest) -> Vec<(Stream, String)> {
    let mut log = bench.engine.logs(request).await.unwrap();
    let mut lines = Vec::new();
    while let Some(line) = log.recv().await {
        let line = line.unwrap();
        lines.push((line.stream, String::from_utf8(line.text).unwrap()));
    }
    lines
}

/// Waits until there is something in its log.
async fn has_written(bench: &Bench, id: &ContainerId) {
    eventually("its first line", || async {
        !lines(bench, logs(id)).await.is_empty()
    })
    .await;
}

async fn log_has_lines_times_and_streams(bench: &Bench) {
    let id = running(
        bench,
        "talks",
        "echo one; echo two; sleep 0.5; echo bad >&2",
    )
    .await;
    exit(bench, &id).await;
    let all = lines(bench, logs(&id)).await;
    let expected = [
        (Stream::Stdout, "one"),
        (Stream::Stdout, "two"),
        (Stream::Stderr, "bad"),
    ];
    let expected = expected.map(|(stream, text)| (stream, text.to_owned()));
    assert_eq!(all, expected);
    let last = LogsRequest {
        tail: Some(1),
        ..logs(&id)
    };
    assert_eq!(lines(bench, last).await, expected[2..]);
    let errors = LogsRequest {
        stdout: false,
        ..logs(&id)
    };
    assert_eq!(lines(bench, errors).await, expected[2..]);
    let later = LogsRequest {
        since: Some(jiff::Timestamp::now()),
        ..logs(&id)
    };
    assert!(lines(bench, later).await.is_empty());
}

async fn followed_log_ends_with_its_container(bench: &Bench) {
    let id = running(
        bench,
        "followed",
        "for i in 1 2 3; do echo $i; sleep 0.2; done",
    )
    .await;
    let request = LogsRequest {
        follow: true,
        ..logs(&id)
    };
    let all = lines(bench, request).await;
    let texts: Vec<_> = all.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["1", "2", "3"]);
}

async fn exec_gives_output_and_exit_code(bench: &Bench) {
    let id = running(bench, "execs", "sleep 600").await;
    let exec = ExecConfig {
        argv: ["sh", "-c", "echo $V; pwd; echo e >&2; exit 9"]
            .map(str::to_owned)
            .to_vec(),
        env: vec!["V=w".into()],
        working_dir: Some("/tmp".into()),
        attach: Some(AttachStreams {
            stdin: false,
            ..ALL
        }),
        ..ExecConfig::default()
    };
    let exec = bench.engine.exec(&id, exec).await.unwrap();
    let mut session = exec.session.expect("it is attached");
    let (out, errors) = output(&mut session).await;
    assert_eq!((out.as_str(), errors.as_str()), ("w\n/tmp\n", "e\n"));
    assert_eq!(bench.engine.exec_wait(&id, &exec.id).await.unwrap(), 9);
}

async fn exec_in_a_stopped_container_is_a_conflict(bench: &Bench) {
    let id = create(bench, "still", config(&["true"])).await;
    let exec = ExecConfig {
        argv: vec!["true".into()],
        ..ExecConfig::default()
    };
    let error = bench.engine.exec(&id, exec).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
}

async fn detached_exec_is_waited_for(bench: &Bench) {
    let id = running(bench, "detached", "sleep 600").await;
    let exec = ExecConfig {
        argv: ["sh", "-c", "sleep 0.5; exit 4"]
            .map(str::to_owned)
            .to_vec(),
        ..ExecConfig::default()
    };
    let exec = bench.engine.exec(&id, exec).await.unwrap();
    assert!(exec.session.is_none());
    assert_eq!(bench.engine.exec_wait(&id, &exec.id).await.unwrap(), 4);
}

async fn restart_begins_a_new_run(bench: &Bench) {
    let id = running(bench, "again", "sleep 600").await;
    let before = bench.engine.inspect(&id).await.unwrap();
    bench.engine.restart(stop(&id, 0)).await.unwrap();
    let after = bench.engine.inspect(&id).await.unwrap();
    assert_eq!(after.state, State::Running);
    assert!(after.started > before.started && after.pid != before.pid);
}

async fn renamed_container_goes_by_its_new_name(bench: &Bench) {
    let id = create(bench, "before", config(&["true"])).await;
    create(bench, "other", config(&["true"])).await;
    let taken = bench.engine.rename(&id, "other").await.unwrap_err();
    assert_eq!(taken.kind, ErrorKind::Conflict, "{taken}");
    bench.engine.rename(&id, "after").await.unwrap();
    assert_eq!(bench.engine.resolve("after").await.unwrap(), id);
    assert!(bench.engine.resolve("before").await.is_err());
}

async fn limits_are_changed_while_it_runs(bench: &Bench) {
    let id = running(bench, "bounded", "sleep 600").await;
    let request = UpdateRequest {
        id: id.clone(),
        limits: Limits {
            memory_bytes: Some(128 << 20),
            memory_swap_bytes: Some(128 << 20),
            pids: Some(33),
            ..Limits::default()
        },
        unset: Vec::new(),
        restart: Some(RestartPolicy::Always),
    };
    bench.engine.update(request).await.unwrap();
    let found = bench.engine.inspect(&id).await.unwrap();
    let limits = &found.config.limits;
    assert_eq!(
        (limits.memory_bytes, limits.pids),
        (Some(128 << 20), Some(33))
    );
    assert_eq!(found.config.restart, RestartPolicy::Always);
    let group = wharf::sys::cgroup::Cgroups::detect().unwrap();
    let path = format!("/proc/{}/cgroup", found.pid.unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let path = text.lines().find_map(|line| {
        let path = line.splitn(3, ':').nth(2)?;
        path.contains(id.as_str())
            .then(|| path.trim_start_matches('/').to_owned())
    });
    assert!(group.open(&path.unwrap()).unwrap().is_some());
}

async fn changed_files_are_listed(bench: &Bench) {
    let id = running(bench, "writes", "echo x > /tmp/new; rm /bin/yes").await;
    exit(bench, &id).await;
    let changes = bench.engine.changes(&id).await.unwrap();
    let has = |letter: char, path: &str| {
        changes
            .iter()
            .any(|change| change.kind.letter() == letter && change.path.as_os_str() == path)
    };
    assert!(has('A', "/tmp/new") && has('D', "/bin/yes"), "{changes:?}");
}

async fn running_container_is_removed_by_force_only(bench: &Bench) {
    let id = running(bench, "stays", "sleep 600").await;
    let remove = |force| RemoveRequest {
        id: id.clone(),
        force,
        volumes: true,
    };
    let error = bench.engine.remove(remove(false)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    bench.engine.remove(remove(true)).await.unwrap();
    assert!(bench.engine.inspect(&id).await.is_err());
}

async fn events_tell_a_life(bench: &Bench) {
    let mut events = bench.engine.events(EventsRequest::default()).await.unwrap();
    let id = running(bench, "lives", "exit 3").await;
    exit(bench, &id).await;
    let request = RemoveRequest {
        id: id.clone(),
        force: false,
        volumes: true,
    };
    bench.engine.remove(request).await.unwrap();
    let mut told = Vec::new();
    while !told.iter().any(|action| action == "destroy") {
        let event = events.recv().await.expect("it goes on").unwrap();
        if event.id != id.as_str() {
            continue;
        }
        if event.action == "die" {
            assert_eq!(event.attributes["exitCode"], "3");
        }
        told.push(event.action);
    }
    let wanted: Vec<_> = told
        .iter()
        .filter(|action| ["create", "start", "die", "destroy"].contains(&action.as_str()))
        .collect();
    assert_eq!(wanted, ["create", "start", "die", "destroy"]);
}

async fn files_go_in_and_come_out(bench: &Bench) {
    let id = create(bench, "files", config(&["true"])).await;
    let here = bench.directory.path().join(format!("copy-{}", id.short()));
    std::fs::create_dir_all(here.join("tree/below")).unwrap();
    std::fs::write(here.join("tree/below/file"), "content").unwrap();
    let from = CopyFrom::Host(here.join("tree"));
    bench.engine.copy_in(copy(&id, "/tmp"), from).await.unwrap();
    let from = CopyFrom::Host(here.join("tree"));
    bench
        .engine
        .copy_in(copy(&id, "/named"), from)
        .await
        .unwrap();
    for (path, to) in [
        ("/tmp/tree/below/file", "one"),
        ("/named/below/file", "two"),
    ] {
        let to = here.join(to);
        bench
            .engine
            .copy_out(copy(&id, path), CopyTo::Host(to.clone()))
            .await
            .unwrap();
        assert_eq!(std::fs::read_to_string(to).unwrap(), "content");
    }
    let to = CopyTo::Host(here.join("tree-out"));
    bench
        .engine
        .copy_out(copy(&id, "/named"), to)
        .await
        .unwrap();
    assert!(here.join("tree-out/below/file").exists());
    let to = CopyTo::Host(here.join("never"));
    let error = bench
        .engine
        .copy_out(copy(&id, "/no/such"), to)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

async fn commit_makes_an_image_with_the_files(bench: &Bench) {
    let id = running(bench, "author", "echo kept > /tmp/kept").await;
    exit(bench, &id).await;
    let request = CommitRequest {
        id,
        name: Some("committed:1".into()),
        author: None,
        comment: String::new(),
        changes: vec!["ENV WHO=me".into()],
        pause: false,
    };
    let image = bench.engine.commit(request).await.unwrap();
    assert_eq!(bench.engine.image("committed:1").await.unwrap().id, image);
    let mut wanted = config(&["sh", "-c", "cat /tmp/kept; echo $WHO"]);
    wanted.image = "committed:1".into();
    let id = create(bench, "reader", wanted).await;
    let mut session = attached(bench, &id, ALL).await;
    assert_eq!(output(&mut session).await.0, "kept\nme\n");
    exit(bench, &id).await;
    let remove = RemoveRequest {
        id,
        force: true,
        volumes: true,
    };
    bench.engine.remove(remove).await.unwrap();
    bench
        .engine
        .remove_image("committed:1", true)
        .await
        .unwrap();
    let gone = bench.engine.image("committed:1").await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

async fn saved_image_is_loaded(bench: &Bench) {
    bench.engine.tag(IMAGE, "travels:1").await.unwrap();
    let before = bench.engine.image("travels:1").await.unwrap();
    let file = bench.directory.path().join("saved.tar");
    let mut out = std::fs::File::create(&file).unwrap();
    let request = SaveRequest {
        references: vec!["travels:1".into()],
        format: Default::default(),
    };
    bench
        .engine
        .save(request, Box::new(out.try_clone().unwrap()), None)
        .await
        .unwrap();
    out.flush().unwrap();
    bench.engine.remove_image("travels:1", false).await.unwrap();
    let source = std::fs::File::open(&file).unwrap();
    let loaded = bench.engine.load(Box::new(source), None).await.unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!(bench.engine.image("travels:1").await.unwrap().id, before.id);
    bench.engine.remove_image("travels:1", false).await.unwrap();
}

async fn picture_has_what_a_container_uses(bench: &Bench) {
    let id = running(bench, "busy", "while :; do :; done").await;
    let visible = Visible {
        stats: true,
        images: true,
        ..Visible::default()
    };
    eventually("figures of a busy container", || async {
        let world = bench.engine.world(visible).await.unwrap();
        assert!(world.problems.is_empty(), "{:?}", world.problems);
        let usage = world.container(&id).and_then(|row| row.usage);
        usage.is_some_and(|usage| {
            usage.memory_bytes.is_some_and(|bytes| bytes > 0)
                && usage.cpu_cores.is_some_and(|cores| cores > 0.01)
                && usage.pids == Some(1)
        })
    })
    .await;
    let world = bench.engine.world(visible).await.unwrap();
    assert!(
        world
            .images
            .iter()
            .any(|image| image.references.iter().any(|name| name == IMAGE))
    );
    assert!(world.host.cpus > 0 && world.host.memory_total_bytes.is_some());
}

async fn figures_of_this_machine_cost_its_engine_no_question(bench: &Bench) {
    let id = running(bench, "metered", "while :; do :; done").await;
    let visible = Visible {
        stats: true,
        ..Visible::default()
    };
    let figures = || async {
        let world = bench.engine.world(visible).await.unwrap();
        assert!(world.problems.is_empty(), "{:?}", world.problems);
        let usage = world.container(&id).and_then(|row| row.usage);
        usage.and_then(|usage| Some((usage.cpu_cores?, usage.memory_bytes?)))
    };
    eventually("figures", || async { figures().await.is_some() }).await;
    // What its start set off has been told by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    figures().await;
    if let Some(tap) = &bench.tap {
        tap.forget();
    }
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (cores, memory_bytes) = figures().await.expect("it has figures each time");
        assert!(cores > 0.01 && memory_bytes > 0, "{cores} {memory_bytes}");
    }
    let asked = bench.tap.as_ref().map(|tap| tap.requests());
    assert!(asked.as_ref().is_none_or(Vec::is_empty), "{asked:?}");
}

async fn terminal_has_its_size_and_one_stream(bench: &Bench) {
    let mut wanted = config(&["sh", "-c", "read x; stty size; echo err >&2; echo got $x"]);
    wanted.tty = true;
    wanted.open_stdin = true;
    let id = create(bench, "tty", wanted).await;
    let size = TerminalSize { rows: 33, cols: 77 };
    let streams = AttachStreams {
        size: Some(size),
        ..ALL
    };
    let mut session = attached(bench, &id, streams).await;
    session.resize.send(size).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    session.input.send("word\n".into()).await.unwrap();
    let (out, errors) = output(&mut session).await;
    assert!(out.contains("33 77") && out.contains("err"), "{out:?}");
    assert!(out.contains("got word") && errors.is_empty(), "{out:?}");
}

async fn processes_are_listed(bench: &Bench) {
    let id = running(bench, "family", "sleep 601 & sleep 602 & wait").await;
    eventually("three processes", || async {
        let all = bench.engine.processes(&id).await.unwrap();
        let has = |text: &str| {
            all.iter()
                .any(|one| one.command.contains(text) && one.pid > 0)
        };
        all.len() == 3 && has("sleep 601") && has("sleep 602")
    })
    .await;
}

async fn network_is_made_listed_and_removed(bench: &Bench) {
    let request = || NetworkCreateRequest {
        name: "conf-net".into(),
        subnets: vec!["10.231.7.0/24".parse().unwrap()],
        labels: [("k".to_owned(), "v".to_owned())].into(),
        ..NetworkCreateRequest::default()
    };
    let made = bench.engine.create_network(request()).await.unwrap();
    assert_eq!(made.name, "conf-net");
    let again = bench.engine.create_network(request()).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Conflict, "{again}");
    let all = bench.engine.networks().await.unwrap();
    let found = all.iter().find(|network| network.id == made.id).unwrap();
    assert_eq!(found.subnets[0].net.to_string(), "10.231.7.0/24");
    assert_eq!(found.labels["k"], "v");
    assert_eq!(
        bench.engine.network("conf-net").await.unwrap().network.id,
        made.id
    );
    bench.engine.remove_network("conf-net").await.unwrap();
    let gone = bench.engine.network("conf-net").await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound);
}

async fn restart_policy_starts_again_and_counts(bench: &Bench) {
    let mut wanted = config(&["sh", "-c", "exit 1"]);
    wanted.restart = RestartPolicy::OnFailure { max_retries: 2 };
    let id = create(bench, "stubborn", wanted).await;
    start(bench, &id).await;
    eventually("its last exit", || async {
        let found = bench.engine.inspect(&id).await.unwrap();
        found.state == State::Exited && found.restarts == 2
    })
    .await;
}

async fn wait_for_the_next_exit_sees_it(bench: &Bench) {
    let id = create(bench, "awaited", config(&["sh", "-c", "sleep 2; exit 6"])).await;
    let waiting = {
        let (engine, id) = (bench.engine.clone(), id.clone());
        tokio::spawn(async move { engine.wait(&id, WaitCondition::NextExit).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    start(bench, &id).await;
    assert_eq!(waiting.await.unwrap().unwrap().code, Some(6));
}
