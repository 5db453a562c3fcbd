//! Debian's docker command moves images between us and Debian's docker-registry, which
//! wants a login.

use crate::{
    Server, sandbox,
    support::{
        host::Host,
        process::{self, Finished},
        registry::{Door, Registry},
        sandbox::BUSYBOX,
    },
};

fn log_in(server: &Server, password: &str, registry: &Registry) -> Finished {
    let words = ["login", "-u", "me", "--password-stdin", &registry.host()];
    let command = server.client("/usr/bin/docker", &words);
    process::finish(command, password.as_bytes())
}

#[test]
fn docker_pushes_and_pulls_with_a_login_one_tag_or_all() {
    let _host = Host::enter();
    let sandbox = sandbox();
    let server = Server::start(&sandbox);
    let registry = Registry::start(Door::Guarded);
    let id = |name: &str| server.ok(&["image", "inspect", "-f", "{{.Id}}", name]);
    let repository = registry.name("team/app");
    let (one, two) = (format!("{repository}:1"), format!("{repository}:2"));
    server.ok(&["tag", BUSYBOX, &one]);
    let whole = id(&one);
    let refused = server.refused(&["push", &one]);
    assert!(refused.contains("refuses access"), "{refused}");
    assert_ne!(log_in(&server, "wrong", &registry).code, 0);
    let right = log_in(&server, "secret", &registry);
    assert!(right.stdout.contains("Login Succeeded"), "{right:?}");

    let pushed = server.ok(&["push", &one]);
    let heading = format!("The push refers to repository [{repository}]");
    assert!(pushed.starts_with(&heading), "{pushed}");
    let digest = pushed.split("1: digest: ").nth(1).unwrap();
    let digest = digest.split(' ').next().unwrap();
    // All that are here: one is there already.
    server.ok(&["tag", &one, &two]);
    let pushed = server.ok(&["push", "-a", &repository]);
    assert_eq!(pushed.matches("The push refers to").count(), 1, "{pushed}");
    for tag in ["1", "2"] {
        let told = format!("{tag}: digest: {digest}");
        assert!(pushed.contains(&told), "{pushed}");
        assert!(registry.count(&format!("PUT /v2/team/app/manifests/{tag}")) > 0);
    }

    server.ok(&["rmi", &one, &two, BUSYBOX]);
    let pulled = server.ok(&["pull", &one]);
    assert!(pulled.starts_with("1: Pulling from team/app\n"), "{pulled}");
    assert!(pulled.contains(&format!("Digest: {digest}\n")), "{pulled}");
    let newer = format!("Status: Downloaded newer image for {one}\n{one}");
    assert!(pulled.ends_with(&newer), "{pulled}");
    assert_eq!(id(&one), whole);
    server.ok(&["rmi", &one]);
    let pulled = server.ok(&["pull", "-a", &repository]);
    for tag in ["1", "2"] {
        let told = format!("{tag}: Pulling from team/app\n");
        assert!(pulled.contains(&told), "{pulled}");
    }
    let newer = format!("Status: Downloaded newer image for {repository}\n{repository}");
    assert!(pulled.ends_with(&newer), "{pulled}");
    assert_eq!((id(&one), id(&two)), (whole.clone(), whole));
    let pulled = server.ok(&["pull", "-a", &repository]);
    assert!(
        pulled.contains("Status: Image is up to date for"),
        "{pulled}"
    );
    let by_digest = format!("{repository}@{digest}");
    let pulled = server.ok(&["pull", &by_digest]);
    let heading = format!("{digest}: Pulling from team/app\n");
    assert!(pulled.starts_with(&heading), "{pulled}");

    server.ok(&["logout", &registry.host()]);
    let refused = server.refused(&["pull", &one]);
    assert!(refused.contains("refuses access"), "{refused}");
    server.refused(&["pull", "-a", &registry.name("team/none")]);
    let refused = server.refused(&["push", "-a", &registry.name("team/none")]);
    assert!(refused.contains("has no tags"), "{refused}");
}
