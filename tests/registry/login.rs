//! TLS by an authority of our own, passwords, and where logins are kept.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use crate::{
    bench::Bench,
    liar::{Body, Image, Liar, Reply},
    support::{
        process,
        registry::{Door, Registry},
    },
};

fn trusting(registry: &Registry) -> Bench {
    Bench::configured(&format!("ca = [\"{}\"]", registry.authority().display()))
}

fn log_in(bench: &Bench, password: &str, host: &str) -> process::Finished {
    let command = bench.command(&["login", "-u", "me", "--password-stdin", host]);
    process::finish(command, format!("{password}\n").as_bytes())
}

#[test]
fn locked_registry_opens_by_its_authority_and_a_login() {
    let registry = Registry::start(Door::Locked);
    let name = registry.name("private/app:1");
    let tar = concat!(env!("CARGO_MANIFEST_DIR"), "/target/rootfs/busybox.tar");

    let stranger = Bench::new();
    let error = stranger.refused(&["pull", &name]);
    assert!(error.contains("nobody whom we trust"), "{error}");
    assert!(error.contains("`ca` in [registry]"), "{error}");

    let bench = trusting(&registry);
    bench.ok(&["import", tar, &name]);
    let error = bench.refused(&["push", &name]);
    assert!(
        error.contains("refuses access") && error.contains("wharf login"),
        "{error}"
    );
    let auth = bench.home().join(".config/wharf/auth.json");
    let wrong = log_in(&bench, "wrong", &registry.host());
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(!auth.exists(), "a login that is refused is not kept");
    let right = log_in(&bench, "secret", &registry.host());
    assert_eq!(
        (right.code, right.stdout.as_str()),
        (0, "Login succeeded\n"),
        "{right:?}"
    );
    assert_eq!(fs::metadata(&auth).unwrap().mode() & 0o777, 0o600);
    bench.ok(&["push", &name]);
    bench.ok(&["rmi", &name]);
    bench.ok(&["pull", &name]);
    bench.ok(&["run", "--rm", "--pull", "always", &name, "true"]);
    bench.ok(&["logout", &registry.host()]);
    let error = bench.refused(&["pull", &name]);
    assert!(error.contains("refuses access"), "{error}");
    assert!(
        !fs::read_to_string(&auth)
            .unwrap()
            .contains(&registry.host())
    );
}

#[test]
fn logins_of_docker_and_of_its_helpers_open_the_door_too() {
    let registry = Registry::start(Door::Locked);
    let mut bench = trusting(&registry);
    let tar = concat!(env!("CARGO_MANIFEST_DIR"), "/target/rootfs/busybox.tar");
    let name = registry.name("app:1");
    bench.ok(&["import", tar, &name]);
    let docker = bench.home().join(".docker");
    fs::create_dir(&docker).unwrap();
    let host = registry.host();
    // me:secret
    let text = format!(r#"{{"auths": {{"{host}": {{"auth": "bWU6c2VjcmV0"}}}}}}"#);
    fs::write(docker.join("config.json"), text).unwrap();
    bench.ok(&["push", &name]);

    let text = format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#);
    fs::write(docker.join("config.json"), text).unwrap();
    let error = bench.refused(&["pull", &name]);
    assert!(error.contains("docker-credential-test"), "{error}");
    let helper = bench.dir.path().join("docker-credential-test");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {host} ] || exit 1\n\
         echo '{{\"ServerURL\":\"{host}\",\"Username\":\"me\",\"Secret\":\"secret\"}}'\n"
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bench.dir.path().display());
    bench.set("PATH", &path);
    bench.ok(&["pull", &name]);
}

/// Gives tokens only to who shows what it should, and blobs only for tokens.
fn token_server(image: &Image, proof: &'static str) -> Liar {
    let image = image.clone();
    Liar::new(move |request, _| {
        let host = request.headers["host"].clone();
        if request.path.starts_with("/token") {
            let shown = format!(
                "{} {}",
                request
                    .headers
                    .get("authorization")
                    .cloned()
                    .unwrap_or_default(),
                String::from_utf8_lossy(&request.body)
            );
            return match shown.contains(proof) && request.path.contains("token") {
                true => Reply::ok(r#"{"access_token": "good", "expires_in": 300}"#),
                false => Reply::new(401, Body::Whole(b"{}".to_vec())),
            };
        }
        match request.headers.get("authorization").map(String::as_str) {
            Some("Bearer good") => image.answer(request),
            _ => Reply::new(401, Body::Whole(Vec::new())).with(
                "WWW-Authenticate",
                &format!(
                    "Bearer realm=\"http://{host}/token\",service=\"s\",scope=\"repository:x:pull\""
                ),
            ),
        }
    })
}

#[test]
fn token_servers_get_passwords_and_identity_tokens_and_are_asked_once() {
    let image = Image::new(1_000);
    for (entry, proof) in [
        (r#"{"auth": "bWU6c2VjcmV0"}"#, "Basic bWU6c2VjcmV0"),
        (
            r#"{"identitytoken": "identity+token/1"}"#,
            "refresh_token=identity%2Btoken%2F1",
        ),
    ] {
        let server = token_server(&image, proof);
        let bench = Bench::new();
        let name = server.name("x:1");
        let error = bench.refused(&["pull", &name]);
        assert!(
            error.contains("refuses access without credentials"),
            "{error}"
        );
        let docker = bench.home().join(".docker");
        fs::create_dir(&docker).unwrap();
        let host = format!("127.0.0.1:{}", server.port);
        let text = format!(r#"{{"auths": {{"{host}": {entry}}}}}"#);
        fs::write(docker.join("config.json"), text).unwrap();
        let before = server.requests().len();
        bench.ok(&["pull", &name]);
        let asked = server.requests()[before..]
            .iter()
            .filter(|request| request.path.starts_with("/token"))
            .count();
        assert_eq!(asked, 1, "one token serves the whole pull");
    }
}
