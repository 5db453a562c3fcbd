//! Bodies that are right but for one field: of another type, far too large, or missing.
//! Each is answered by a status and a message, none by a failure of the server's own, and
//! none changes anything.

use serde_json::{Value, json};

use crate::{Server, beginning, body, sandbox, status, support::host::Host};

/// Values of every type, and some that no reader expects.
fn strange() -> Vec<Value> {
    let mut deep = json!([]);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{0}"),
        json!("../../../etc"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([5]),
        json!([null]),
        json!({}),
        json!({"x": {"y": []}}),
        deep,
    ]
}

/// Every body that has one value replaced, or left out.
fn mutants(body: &Value) -> Vec<(String, Value)> {
    fn paths(at: &str, value: &Value, all: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    let at = format!("{at}/{key}");
                    all.push(at.clone());
                    paths(&at, value, all);
                }
            }
            Value::Array(list) => {
                for (number, value) in list.iter().enumerate() {
                    let at = format!("{at}/{number}");
                    all.push(at.clone());
                    paths(&at, value, all);
                }
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    paths("", body, &mut all);
    let mut mutants = Vec::new();
    for path in all {
        for value in strange() {
            let mut mutant = body.clone();
            *mutant.pointer_mut(&path).unwrap() = value;
            mutants.push((path.clone(), mutant));
        }
    }
    mutants
}

/// Whether a value is of another type than the one that stood there.
fn is_of_another_type(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (_, Value::Null) => false,
        (Value::Number(_), Value::Number(number)) => number.is_f64(),
        _ => std::mem::discriminant(old) != std::mem::discriminant(new),
    }
}

#[test]
fn bodies_with_one_wrong_field_are_refused_and_change_nothing() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    server.ok(&["network", "create", "net"]);
    server.run_detached(&["--name", "box"], &["sleep", "600"]);
    let full = json!({
        "Image": "busybox:1", "Cmd": ["true"], "Entrypoint": ["sh"], "Env": ["A=b"],
        "Hostname": "box", "User": "0", "Tty": false, "OpenStdin": false, "Labels": {"a": "b"},
        "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}}, "WorkingDir": "/tmp",
        "StopSignal": "INT", "StopTimeout": 3,
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000_000, "Retries": 3},
        "HostConfig": {
            "Binds": ["data:/data"], "Memory": 67_108_864, "MemorySwap": -1, "NanoCpus": 500_000_000,
            "CpuShares": 512, "PidsLimit": 50, "CpusetCpus": "0", "BlkioWeight": 300,
            "BlkioDeviceReadBps": [{"Path": "/dev/null", "Rate": 1000}],
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8400"}]},
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}, "NetworkMode": "net",
            "CapAdd": ["SYS_ADMIN"], "CapDrop": ["NET_RAW"], "Dns": ["10.0.0.53"],
            "ExtraHosts": ["db:10.0.0.1"], "Privileged": false, "ReadonlyRootfs": true,
            "SecurityOpt": ["no-new-privileges"], "Tmpfs": {"/t": "size=1m"}, "ShmSize": 1_048_576,
            "Sysctls": {"net.ipv4.ip_forward": "1"}, "GroupAdd": ["1001"], "OomScoreAdj": 5,
            "Ulimits": [{"Name": "nofile", "Soft": 100, "Hard": 200}],
            "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}],
            "DeviceCgroupRules": ["c 10:200 rw"],
            "Mounts": [{"Type": "tmpfs", "Target": "/m", "TmpfsOptions": {"SizeBytes": 1_048_576}}],
        },
        "NetworkingConfig": {"EndpointsConfig": {"net": {"Aliases": ["al"], "IPAMConfig": {}}}},
    });
    let cases = [
        ("/containers/create", full),
        (
            "/containers/box/exec",
            json!({"Cmd": ["true"], "Env": ["A=b"], "Tty": false, "User": "0", "WorkingDir": "/tmp", "ConsoleSize": [24, 80]}),
        ),
        (
            "/containers/box/update",
            json!({"Memory": 67_108_864, "MemorySwap": 134_217_728, "RestartPolicy": {"Name": "no"}}),
        ),
        (
            "/networks/create",
            json!({"Name": "made", "Driver": "bridge", "Internal": false, "Labels": {"a": "b"}, "Options": {"com.docker.network.driver.mtu": "1400"}, "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.99.0.0/24", "Gateway": "10.99.0.1"}]}}),
        ),
        (
            "/networks/net/connect",
            json!({"Container": "no-such", "EndpointConfig": {"Aliases": ["x"]}}),
        ),
        (
            "/networks/net/disconnect",
            json!({"Container": "no-such", "Force": false}),
        ),
        (
            "/volumes/create",
            json!({"Name": "made", "Driver": "local", "Labels": {"a": "b"}, "DriverOpts": {"type": "tmpfs", "device": "tmpfs"}}),
        ),
    ];
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, right) in cases {
        for (at, mutant) in mutants(&right) {
            count += 1;
            let answer = server.send("POST", path, &mutant.to_string());
            let told = body(&answer);
            let value: Value = serde_json::from_str(told).unwrap_or_default();
            let status = status(&answer);
            let new = mutant.pointer(&at).unwrap();
            let shown = beginning(&new.to_string());
            let mut fault = |what: &str| {
                wrong.push(format!(
                    "{path} {at} = {shown}: {status} {what}: {}",
                    beginning(told)
                ))
            };
            match status {
                200..300 => {
                    if is_of_another_type(right.pointer(&at).unwrap(), new) {
                        fault("is taken though it is of another type");
                    }
                    // What was made goes again.
                    let (kind, name) = match path {
                        "/containers/create" => ("containers", value["Id"].as_str()),
                        "/networks/create" => ("networks", value["Id"].as_str()),
                        "/volumes/create" => ("volumes", value["Name"].as_str()),
                        _ => ("", None),
                    };
                    if let Some(name) = name {
                        let gone = server.send("DELETE", &format!("/{kind}/{name}?v=1"), "");
                        assert_eq!(crate::status(&gone), 204, "{path} {at}: {gone}");
                    }
                }
                400..500
                    if value["message"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()) => {}
                _ => fault("is no refusal"),
            }
        }
    }
    assert!(count > 1000, "only {count}");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(server.ok(&["ps", "-aq", "--format", "{{.Names}}"]), "box");
    let networks = server.ok(&[
        "network",
        "ls",
        "--filter",
        "type=custom",
        "--format",
        "{{.Name}}",
    ]);
    assert_eq!(networks, "net");
}

#[test]
fn queries_with_wrong_values_are_refused_or_mean_nothing() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    server.run_detached(&["--name", "box"], &["sleep", "600"]);
    let cases = [
        (
            "GET",
            "/containers/json",
            "all limit size filters since before",
        ),
        ("GET", "/containers/box/json", "size"),
        ("GET", "/containers/box/top", "ps_args"),
        (
            "GET",
            "/containers/box/logs",
            "stdout stderr tail since until timestamps details",
        ),
        ("GET", "/containers/box/archive", "path"),
        ("GET", "/images/json", "all filters shared-size digests"),
        ("GET", "/networks", "filters"),
        ("GET", "/volumes", "filters"),
        ("GET", "/system/df", "type verbose"),
        ("GET", "/events", "since filters"),
        ("POST", "/containers/box/resize", "h w"),
        ("POST", "/containers/box/kill", "signal"),
        ("POST", "/containers/box/rename", "name"),
        ("POST", "/containers/prune", "filters"),
        ("POST", "/images/prune", "filters"),
        ("POST", "/networks/prune", "filters"),
        ("POST", "/volumes/prune", "filters"),
        ("POST", "/images/create", "fromImage tag platform"),
        ("POST", "/images/busybox:1/tag", "repo tag"),
        ("POST", "/commit", "container repo"),
        (
            "POST",
            "/build",
            "buildargs labels memory cpuquota networkmode platform shmsize extrahosts",
        ),
    ];
    let strange = [
        "x".to_owned(),
        "-1".into(),
        "99999999999999999999".into(),
        "1e9".into(),
        "%00".into(),
        "%ff".into(),
        "%0a".into(),
        "..%2f..%2fetc".into(),
        "%7B".into(),
        "%5B%5D".into(),
        "%7B%22a%22%3A%5B1%5D%7D".into(),
        "a".repeat(8000),
    ];
    let mut wrong = Vec::new();
    for (method, path, keys) in cases {
        for key in keys.split(' ') {
            for value in &strange {
                let until = match path {
                    "/events" => "&until=1",
                    "/containers/box/logs" => "&stdout=1",
                    _ => "",
                };
                let answer = server.send(method, &format!("{path}?{key}={value}{until}"), "");
                let status = status(&answer);
                let told = body(&answer);
                // A registry that can't be reached is the one failure that is ours to tell.
                let is_told = told.contains("\"message\":\"") || told.contains("\"error\":\"");
                if status >= 500 && !(path == "/images/create" && is_told)
                    || status >= 400 && !is_told && method != "HEAD"
                {
                    wrong.push(format!(
                        "{method} {path} {key}={}: {status} {}",
                        beginning(value),
                        beginning(told)
                    ));
                }
            }
        }
    }
    // A name that can be one was taken by rename, or kept.
    assert_eq!(server.ok(&["ps", "-aq"]).lines().count(), 1);
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
