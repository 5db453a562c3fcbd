//! A real database keeps its data in a volume, whatever happens to its containers.

use crate::support::{Sandbox, eventually, process};

/// A Debian with servers, made of its packages.
const SERVERS: &str = "servers:12";

/// Makes a cluster where there is none, then serves it.
const POSTGRES: &str = "bin=$(echo /usr/lib/postgresql/*/bin); \
    install -d -m 700 -o postgres /data/db /run/postgresql; \
    as() { setpriv --reuid postgres --regid postgres --clear-groups \"$@\"; }; \
    test -e /data/db/PG_VERSION || as $bin/initdb -D /data/db -A trust >/dev/null; \
    exec setpriv --reuid postgres --regid postgres --clear-groups $bin/postgres -D /data/db";

fn serve(s: &Sandbox, name: &str) {
    s.start(&[
        "--name", name, "-v", "pg:/data", SERVERS, "sh", "-c", POSTGRES,
    ]);
    eventually("the database answers", || {
        query(s, name, "select 1").as_deref() == Some("1")
    });
}

fn query(s: &Sandbox, name: &str, sql: &str) -> Option<String> {
    let words = ["exec", name, "psql", "-U", "postgres", "-Atc", sql];
    let done = s.run(&words);
    (done.code == 0).then(|| done.stdout.trim_end().to_owned())
}

#[test]
fn database_keeps_its_data_over_removal_and_a_kill_of_everything() {
    let s = Sandbox::empty();
    s.import("servers.tar", SERVERS);
    serve(&s, "db1");
    query(
        &s,
        "db1",
        "create table kept (n int); insert into kept select generate_series(1, 1000)",
    )
    .unwrap();
    // Everything at once, in the middle of its work: the shim, the container's init, and
    // with that all of its processes.
    let (shim, init) = (s.shim("db1"), s.pid("db1"));
    process::signal(shim, libc::SIGKILL);
    process::signal(init, libc::SIGKILL);
    eventually("its end is seen", || s.state("db1") == "exited");
    s.ok(&["rm", "-v", "db1"]);

    serve(&s, "db2");
    let sum = "select count(*), sum(n) from kept";
    assert_eq!(query(&s, "db2", sum).as_deref(), Some("1000|500500"));
    query(&s, "db2", "insert into kept values (1001)").unwrap();
    s.ok(&["stop", "db2"]);
    s.ok(&["rm", "db2"]);

    serve(&s, "db3");
    assert_eq!(query(&s, "db3", sum).as_deref(), Some("1001|501501"));
    let line = s.refused(&["volume", "rm", "pg"], 1);
    assert!(line.contains("db3"), "{line}");
}
