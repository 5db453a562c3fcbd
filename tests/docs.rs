//! Documents that are made from the program's own declarations: they lie in the
//! repository, and these tests fail when one of them is old. To renew them:
//! `WHARF_BLESS=1 cargo test --test docs`

// A test panics where a fact that it stands on does not hold.
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

const BEGIN: &str = "<!-- keys: made by the program -->\n";
const END: &str = "<!-- keys end -->";

#[track_caller]
fn hold(name: &str, wanted: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(path, wanted).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(wanted.lines()).position(|(a, b)| a != b);
    assert!(
        found == wanted,
        "{name} is old (line {}); renew it by: WHARF_BLESS=1 cargo test --test docs",
        differs.map_or(found.lines().count().min(wanted.lines().count()), |n| n) + 1
    );
}

#[test]
fn reference_of_the_configuration_is_current() {
    hold("assets/config.toml", &wharf::config::reference::file());
}

#[test]
fn manual_is_current() {
    hold("assets/wharf.1", &wharf::cli::manual());
}

#[test]
fn key_table_of_the_readme_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the marker");
    let (_, after) = rest.split_once(END).expect("the README has the end marker");
    let table = wharf::config::reference::key_table();
    hold(
        "README.md",
        &format!("{before}{BEGIN}\n{table}\n{END}{after}"),
    );
}
