//! Looking into images: what layers waste, limits that fail a build, and records of
//! contents that are damaged or missing.

use std::{fs, path::PathBuf};

use crate::support::{Sandbox, sandbox::BUSYBOX};

/// What is left of a file.
type Damage = fn(&[u8]) -> Option<Vec<u8>>;

/// An image whose second layer adds a file of 100 KiB that its third removes.
fn wasteful() -> Sandbox {
    let s = Sandbox::new();
    let steps = [
        (
            BUSYBOX,
            "dd if=/dev/zero of=/large bs=1k count=100",
            "step:1",
        ),
        ("step:1", "rm /large; echo small > /small", "step:2"),
    ];
    for (from, script, to) in steps {
        s.ok(&["run", "--name", "maker", from, "sh", "-c", script]);
        s.ok(&["commit", "maker", to]);
        s.ok(&["rm", "maker"]);
    }
    s
}

fn contents(s: &Sandbox) -> Vec<PathBuf> {
    let layers = fs::read_dir(s.root().join("layers")).unwrap();
    let files = layers.map(|layer| layer.unwrap().path().join("contents"));
    files.filter(|file| file.exists()).collect()
}

#[test]
fn waste_is_told_and_fails_the_limit_that_it_passes() {
    let s = wasteful();
    let told: serde_json::Value =
        serde_json::from_str(&s.ok(&["image", "explore", "--json", "step:2"])).unwrap();
    assert_eq!(told["layers"].as_array().unwrap().len(), 3);
    assert_eq!(told["waste"]["wasted_bytes"], 102_400);
    let found = &told["waste"]["files"][0];
    assert_eq!(
        (&found["path"], &found["layer"]),
        (&"large".into(), &3.into())
    );
    assert_eq!(found["is_removed"], true);

    s.ok(&["image", "explore", "--max-wasted-bytes", "1m", "step:2"]);
    let line = s.refused(
        &["image", "explore", "--max-wasted-bytes", "1k", "step:2"],
        1,
    );
    assert!(line.contains("are wasted, more than"), "{line}");
    assert_eq!(line.trim().lines().count(), 1, "{line}");

    let changes = s.ok(&["image", "explore", "--layer", "3", "step:2"]);
    let line = |name: &str| changes.lines().find(|line| line.ends_with(name)).unwrap();
    assert!(
        line("/large").starts_with('-') && line("/small").starts_with('+'),
        "{changes}"
    );
}

#[test]
fn damaged_and_missing_records_of_contents_are_made_again() {
    let s = wasteful();
    let look = || s.ok(&["image", "explore", "-R", "--path", "/", "step:2"]);
    let before = look();
    assert!(before.contains("/bin/busybox"), "{before}");
    let files = contents(&s);
    assert_eq!(files.len(), 3);
    let whole: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let damages: [Damage; 4] = [
        |_| None,
        |whole| Some(whole[..whole.len() / 2].to_vec()),
        // In the records, which only a walk reads.
        |whole| Some([&[whole[0] ^ 1], &whole[1..]].concat()),
        |_| Some(b"not what it was".to_vec()),
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        for (file, whole) in files.iter().zip(&whole) {
            match damage(whole) {
                Some(bytes) => fs::write(file, bytes).unwrap(),
                None => fs::remove_file(file).unwrap(),
            }
        }
        assert_eq!(look(), before, "damage {n}");
        for (file, whole) in files.iter().zip(&whole) {
            assert!(fs::read(file).unwrap() == *whole, "damage {n} is mended");
        }
    }
    let left = fs::read_dir(s.root().join("layers")).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with(".tmp-")
    });
    assert_eq!(left.count(), 0);
}
