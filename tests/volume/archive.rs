//! A volume's files as a tar, out and in.

use crate::support::{Sandbox, sandbox::BUSYBOX};

#[test]
fn what_is_exported_can_be_imported_elsewhere() {
    let s = Sandbox::new();
    let fill =
        "mkdir /v/d; echo text > /v/d/f; ln /v/d/f /v/hard; chown 7:8 /v/d/f; chmod 640 /v/d/f";
    s.ok(&["run", "--rm", "-v", "from:/v", BUSYBOX, "sh", "-c", fill]);
    let tar = s.root().join("volume.tar");
    s.ok(&["volume", "export", "from", "-o", tar.to_str().unwrap()]);
    s.ok(&["volume", "create", "to"]);
    s.ok(&["volume", "import", "to", tar.to_str().unwrap()]);
    let stat = "stat -c '%u %g %a %h' /v/hard; cat /v/d/f";
    assert_eq!(
        s.ok(&["run", "--rm", "-v", "to:/v", BUSYBOX, "sh", "-c", stat]),
        "7 8 640 2\ntext"
    );
    std::fs::remove_file(&tar).unwrap();
    // From one pipe into another.
    let piped = s
        .command(&["volume", "export", "from"])
        .output()
        .unwrap()
        .stdout;
    s.ok(&["volume", "create", "piped"]);
    let done = s.run_with_input(&["volume", "import", "piped"], &piped);
    assert_eq!(done.code, 0, "{done:?}");
    let cat = ["run", "--rm", "-v", "piped:/v", BUSYBOX, "cat", "/v/hard"];
    assert_eq!(s.ok(&cat), "text");
    let broken = s.run_with_input(&["volume", "import", "piped"], b"this is no tar at all");
    assert_eq!(broken.code, 1, "{broken:?}");
}
