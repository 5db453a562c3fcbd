//! Our answers held against the API's published description, by the types that
//! bollard-stubs has generated of it: each answer must be one of its type, and have no
//! field that the type does not know.

use std::io::{BufRead, BufReader};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use wharf::wire::models;

use crate::{
    Server, body, sandbox, status,
    support::{eventually, host::Host, sandbox::BUSYBOX},
};

/// Fields that the daemon of our version still sends, and the description of a later one
/// has no more; many scripts read them.
const OLDER: [&str; 31] = [
    ".Images.VirtualSize",
    ".Containers",
    ".NetworkSettings.Bridge",
    ".NetworkSettings.HairpinMode",
    ".NetworkSettings.LinkLocalIPv6Address",
    ".NetworkSettings.LinkLocalIPv6PrefixLen",
    ".NetworkSettings.SecondaryIPAddresses",
    ".NetworkSettings.SecondaryIPv6Addresses",
    ".NetworkSettings.EndpointID",
    ".NetworkSettings.Gateway",
    ".NetworkSettings.IPAddress",
    ".NetworkSettings.IPPrefixLen",
    ".NetworkSettings.IPv6Gateway",
    ".NetworkSettings.GlobalIPv6Address",
    ".NetworkSettings.GlobalIPv6PrefixLen",
    ".NetworkSettings.MacAddress",
    ".VirtualSize",
    ".Container",
    ".DockerVersion",
    ".Parent",
    ".OsVersion",
    ".Config.Hostname",
    ".Config.Domainname",
    ".Config.AttachStdin",
    ".Config.AttachStdout",
    ".Config.AttachStderr",
    ".Config.Tty",
    ".Config.OpenStdin",
    ".Config.StdinOnce",
    ".Config.Image",
    ".Config.MacAddress",
];

/// What is wrong with an answer as a `T`.
fn faults<T: DeserializeOwned + Serialize>(answer: &Value) -> Vec<String> {
    let typed: T = match serde_json::from_value(answer.clone()) {
        Ok(typed) => typed,
        Err(error) => return vec![error.to_string()],
    };
    let mut lost = Vec::new();
    compare("", answer, &serde_json::to_value(typed).unwrap(), &mut lost);
    lost
}

/// What of `told` the type did not keep.
fn compare(at: &str, told: &Value, kept: &Value, lost: &mut Vec<String>) {
    match (told, kept) {
        (Value::Object(told), Value::Object(kept)) => {
            for (name, value) in told {
                let kept = kept.get(name).unwrap_or(&Value::Null);
                compare(&format!("{at}.{name}"), value, kept, lost);
            }
        }
        (Value::Array(told), Value::Array(kept)) if told.len() == kept.len() => {
            for (told, kept) in told.iter().zip(kept) {
                compare(at, told, kept, lost);
            }
        }
        (Value::Null, _) => {}
        // A map whose values say nothing is written as it likes.
        (Value::Object(told), Value::Array(kept)) if told.len() == kept.len() => {}
        (told, kept)
            if told == kept || told.as_f64().is_some() && told.as_f64() == kept.as_f64() => {}
        (told, kept) if told.as_array().is_some_and(Vec::is_empty) && kept.is_null() => {}
        _ if OLDER.contains(&at) => {}
        _ => lost.push(format!("{at}: {told} is {kept} to the type")),
    }
}

type Check = fn(&Value) -> Vec<String>;

/// The body of an answer as JSON, chunks put together.
#[track_caller]
fn json(answer: &str) -> Value {
    let is_chunked = answer.to_lowercase().contains("transfer-encoding: chunked");
    let text = match is_chunked {
        false => body(answer).to_owned(),
        true => dechunked(body(answer)),
    };
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn dechunked(body: &str) -> String {
    let (mut rest, mut text) = (body, String::new());
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        text.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    text
}

#[test]
fn answers_have_the_shapes_of_the_published_description() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let mut wrong = Vec::new();
    let mut holds = |what: &str, answer: &Value, check: Check| {
        let faults = check(answer).into_iter();
        wrong.extend(faults.map(|fault| format!("{what}: {fault}")));
    };

    // What is asked to be made.
    let posted = |path: &str, body: &str, wanted: u16| {
        let answer = server.send("POST", path, body);
        assert_eq!(status(&answer), wanted, "{path}: {answer}");
        json(&answer)
    };
    let made = posted(
        "/networks/create",
        r#"{"Name":"net","Labels":{"a":"b"},"IPAM":{"Config":[{"Subnet":"10.77.0.0/24"}]}}"#,
        201,
    );
    holds(
        "network create",
        &made,
        faults::<models::NetworkCreateResponse>,
    );
    let made = posted(
        "/volumes/create",
        r#"{"Name":"data","Labels":{"a":"b"}}"#,
        201,
    );
    holds("volume create", &made, faults::<models::Volume>);
    let full = r#"{"Image":"busybox:1","Cmd":["sh","-c","echo x > /x; sleep 600"],"Env":["A=b"],
        "Labels":{"l":"m"},"ExposedPorts":{"90/tcp":{}},"Volumes":{"/anon":{}},"WorkingDir":"/tmp",
        "Healthcheck":{"Test":["CMD","true"],"Interval":100000000},
        "HostConfig":{"Binds":["data:/data:ro","/tmp:/host"],"Memory":67108864,"NanoCpus":500000000,
        "NetworkMode":"net","PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8300"}]},
        "RestartPolicy":{"Name":"on-failure","MaximumRetryCount":2},"CapAdd":["SYS_ADMIN"],
        "Tmpfs":{"/t":"size=1m"},"Ulimits":[{"Name":"nofile","Soft":100,"Hard":200}],
        "Devices":[{"PathOnHost":"/dev/null","PathInContainer":"/dev/mine","CgroupPermissions":"r"}],
        "DeviceCgroupRules":["c 10:200 rw"],
        "ExtraHosts":["db:10.0.0.1"],"Sysctls":{"net.ipv4.ip_forward":"1"}}}"#;
    let made = posted("/containers/create?name=web", full, 201);
    holds("create", &made, faults::<models::ContainerCreateResponse>);
    let created = json(&server.get("/containers/web/json").unwrap());
    holds(
        "inspect a created one",
        &created,
        faults::<models::ContainerInspectResponse>,
    );
    server.ok(&["start", "web"]);
    server.ok(&[
        "create",
        "--name",
        "bare",
        "--network",
        "none",
        BUSYBOX,
        "true",
    ]);
    eventually("its health is known", || {
        server.ok(&["inspect", "-f", "{{.State.Health.Status}}", "web"]) == "healthy"
    });
    let exec = posted("/containers/web/exec", r#"{"Cmd":["sleep","600"]}"#, 201);
    holds("exec create", &exec, faults::<Made>);
    let exec = exec["Id"].as_str().unwrap().to_owned();
    let inspect = format!("/exec/{exec}/json");
    let asked = json(&server.get(&inspect).unwrap());
    holds(
        "exec before its start",
        &asked,
        faults::<models::ExecInspectResponse>,
    );
    let started = server.send("POST", &format!("/exec/{exec}/start"), r#"{"Detach":true}"#);
    assert_eq!(status(&started), 200);
    let updated = posted("/containers/web/update", r#"{"CpuShares":512}"#, 200);
    holds(
        "update",
        &updated,
        faults::<models::ContainerUpdateResponse>,
    );
    let committed = posted("/commit?container=web&repo=made&tag=1&comment=c", "", 201);
    holds("commit", &committed, faults::<Made>);

    // What is looked at.
    let answers: [(&str, Check); 24] = [
        ("/version", faults::<models::SystemVersion>),
        ("/info", faults::<models::SystemInfo>),
        ("/system/df", faults::<Older>),
        (
            "/containers/json?all=1",
            faults::<Vec<models::ContainerSummary>>,
        ),
        (
            "/containers/json?all=1&size=1",
            faults::<Vec<models::ContainerSummary>>,
        ),
        (
            "/containers/web/json",
            faults::<models::ContainerInspectResponse>,
        ),
        (
            "/containers/web/json?size=1",
            faults::<models::ContainerInspectResponse>,
        ),
        (
            "/containers/bare/json",
            faults::<models::ContainerInspectResponse>,
        ),
        (
            "/containers/web/top",
            faults::<models::ContainerTopResponse>,
        ),
        (
            "/containers/web/top?ps_args=aux",
            faults::<models::ContainerTopResponse>,
        ),
        (
            "/containers/web/changes",
            faults::<Vec<models::FilesystemChange>>,
        ),
        (
            "/containers/web/stats?stream=0",
            faults::<models::ContainerStatsResponse>,
        ),
        (
            "/containers/bare/stats?stream=0&one-shot=1",
            faults::<models::ContainerStatsResponse>,
        ),
        (inspect.as_str(), faults::<models::ExecInspectResponse>),
        ("/images/json", faults::<Vec<models::ImageSummary>>),
        (
            "/images/json?shared-size=1",
            faults::<Vec<models::ImageSummary>>,
        ),
        ("/images/busybox:1/json", faults::<models::ImageInspect>),
        ("/images/made:1/json", faults::<models::ImageInspect>),
        (
            "/images/made:1/history",
            faults::<Vec<models::ImageHistoryResponseItem>>,
        ),
        ("/networks", faults::<Vec<models::NetworkSummary>>),
        ("/networks/net", faults::<models::NetworkInspect>),
        ("/volumes", faults::<models::VolumeListResponse>),
        ("/volumes/data", faults::<models::Volume>),
        ("/plugins", faults::<Vec<models::Plugin>>),
    ];
    for (path, check) in answers {
        let answer = server.get(path).unwrap();
        assert_eq!(status(&answer), 200, "{path}: {answer}");
        holds(path, &json(&answer), check);
    }
    for path in [
        "/containers/none/json",
        "/images/none/json",
        "/networks/no-such",
        "/volumes/none",
        "/exec/none/json",
        "/nodes",
        "/none",
    ] {
        let answer = server.get(path).unwrap();
        holds(path, &json(&answer), faults::<models::ErrorResponse>);
    }

    // What goes again.
    let killed = server.send("POST", "/containers/web/kill", "");
    assert_eq!(status(&killed), 204);
    let waited = posted("/containers/web/wait", "", 200);
    holds("wait", &waited, faults::<models::ContainerWaitResponse>);
    let pruned = posted("/containers/prune", "", 200);
    holds(
        "container prune",
        &pruned,
        faults::<models::ContainerPruneResponse>,
    );
    let gone = server.send("DELETE", "/images/made:1", "");
    holds(
        "image remove",
        &json(&gone),
        faults::<Vec<models::ImageDeleteResponseItem>>,
    );
    for (path, check) in [
        (
            "/images/prune",
            faults::<models::ImagePruneResponse> as Check,
        ),
        ("/networks/prune", faults::<models::NetworkPruneResponse>),
        ("/volumes/prune", faults::<models::VolumePruneResponse>),
        ("/build/prune", faults::<models::BuildPruneResponse>),
    ] {
        holds(path, &posted(path, "", 200), check);
    }
    let now = jiff::Timestamp::now().as_second();
    let events = server
        .get(&format!("/events?since={}&until={now}", now - 600))
        .unwrap();
    let events = dechunked(body(&events));
    let mut count = 0;
    for line in BufReader::new(events.as_bytes()).lines() {
        let event = serde_json::from_str(&line.unwrap()).unwrap();
        holds("event", &event, faults::<Event>);
        count += 1;
    }
    assert!(count > 10, "only {count} events");
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// An id alone: bollard-stubs reads it, and writes it by another name.
#[derive(serde::Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

/// An event, with what clients of versions before 1.22 read.
#[derive(serde::Deserialize, Serialize)]
struct Event {
    status: Option<String>,
    id: Option<String>,
    from: Option<String>,
    #[serde(flatten)]
    now: models::EventMessage,
}

/// The usage as versions before 1.52 have it.
#[derive(serde::Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Older {
    layers_size: i64,
    images: Vec<models::ImageSummary>,
    containers: Vec<models::ContainerSummary>,
    volumes: Vec<models::Volume>,
    build_cache: Vec<models::BuildCache>,
}
