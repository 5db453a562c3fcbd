//! Images between an engine elsewhere and a registry that wants a login: who somebody is
//! lies with the client, and what moves never passes through it.

use std::{fs, process::Command};

use crate::{
    dockerd,
    far::{Served, desk},
    support::{
        Sandbox,
        host::Host,
        process::{self, Finished},
        registry::{Door, Registry},
        sandbox::{BUSYBOX, wharf},
    },
};

/// Somebody with a home, who drives an engine with wharf.
struct User {
    home: tempfile::TempDir,
    address: String,
}

impl User {
    fn of(address: String) -> Self {
        Self {
            home: desk(),
            address,
        }
    }

    fn say(&self, words: &[&str], input: &str) -> Finished {
        let mut command = Command::new(wharf());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("WHARF_CONFIG", "/dev/null")
            .args(["-H", &self.address])
            .args(words);
        process::finish(command, input.as_bytes())
    }

    #[track_caller]
    fn ok(&self, words: &[&str]) -> String {
        let done = self.say(words, "");
        assert_eq!(done.code, 0, "wharf {words:?}: {done:?}");
        done.stdout.trim_end().to_owned()
    }

    /// Must fail by one line and at most a hint.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> String {
        let done = self.say(words, "");
        assert_eq!(done.code, 1, "wharf {words:?}: {done:?}");
        let told = done
            .stderr
            .lines()
            .filter(|line| line.starts_with("wharf: "));
        assert_eq!(told.count(), 1, "wharf {words:?}: {done:?}");
        done.stderr
    }

    fn log_in(&self, password: &str, registry: &Registry) -> Finished {
        let words = ["login", "-u", "me", "--password-stdin", &registry.host()];
        self.say(&words, password)
    }

    fn id(&self, name: &str) -> String {
        self.ok(&["image", "inspect", "-f", "{{.Id}}", name])
    }
}

fn images_come_and_go(user: &User) {
    let registry = Registry::start(Door::Guarded);
    let (one, two) = (registry.name("team/app:1"), registry.name("team/app:2"));
    user.ok(&["tag", BUSYBOX, &one]);
    let id = user.id(&one);
    let refused = user.refused(&["push", &one]);
    assert!(refused.contains("wharf login"), "{refused}");

    let wrong = user.log_in("wrong", &registry);
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let right = user.log_in("secret", &registry);
    assert_eq!(right.code, 0, "{right:?}");
    let auth = user.home.path().join(".config/wharf/auth.json");
    assert!(fs::read_to_string(auth).unwrap().contains(&registry.host()));

    let pushed = user.ok(&["push", &one]);
    assert!(pushed.contains("pushed"), "{pushed}");
    assert_eq!(registry.count("PUT /v2/team/app/manifests/1"), 1);
    user.ok(&["tag", &one, &two]);
    user.ok(&["push", "-a", &registry.name("team/app")]);
    assert_eq!(registry.count("PUT /v2/team/app/manifests/2"), 1);

    user.ok(&["rmi", &one, &two, BUSYBOX]);
    let pulled = user.ok(&["pull", &one]);
    assert!(pulled.contains("was pulled"), "{pulled}");
    assert_eq!(user.id(&one), id);
    let again = user.ok(&["pull", &one]);
    assert!(again.contains("is up to date"), "{again}");
    let digest = again.lines().find_map(|line| line.strip_prefix("Digest: "));
    user.ok(&["rmi", &one]);
    let by_digest = format!("{}@{}", registry.name("team/app"), digest.unwrap());
    assert_eq!(user.ok(&["pull", "-q", &by_digest]), by_digest);
    assert_eq!(user.id(&by_digest), id);
    user.ok(&["rmi", &by_digest]);
    user.ok(&["pull", "-a", &registry.name("team/app")]);
    assert_eq!((user.id(&one), user.id(&two)), (id.clone(), id));
    let ran = user.ok(&["run", "--rm", "--network", "none", &two, "echo", "it runs"]);
    assert_eq!(ran, "it runs");
    let missing = user.refused(&["pull", &registry.name("team/app:9")]);
    assert!(missing.contains("manifest"), "{missing}");
    let missing = user.refused(&["push", &registry.name("team/none:1")]);
    assert!(missing.contains("team/none"), "{missing}");

    user.ok(&["logout", &registry.host()]);
    let refused = user.refused(&["pull", &one]);
    assert!(refused.contains("wharf login"), "{refused}");
}

#[test]
fn images_of_dockerd_come_from_a_registry_and_go_there() {
    let _host = Host::enter();
    let desk = desk();
    let docker = dockerd(desk.path());
    images_come_and_go(&User::of(docker.address()));
}

#[test]
fn images_of_a_wharf_elsewhere_come_from_a_registry_and_go_there() {
    let _host = Host::enter();
    let served = Served::start(Sandbox::new(), &[]);
    images_come_and_go(&User::of(served.address()));
}
