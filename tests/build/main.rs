//! Builds, as root, with real containers for each `RUN`.
//!
//! Needs what `tests/run` prepares: the busybox root file system.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod checks;
mod contexts;
mod equivalence;
mod files;
mod outputs;
mod projects;
mod refusals;
mod secrets;
mod sources;
mod steps;

use std::{fs, path::Path};

use support::{
    process::Finished,
    sandbox::{BUSYBOX, Sandbox},
};

/// A context and an engine to build it with.
pub struct Project {
    /// The engine.
    pub engine: Sandbox,
    /// The context.
    pub context: tempfile::TempDir,
}

impl Drop for Project {
    fn drop(&mut self) {
        // The cache keeps layers that no image names; without it the engine must be bare.
        self.engine.run(&["builder", "prune", "-af"]);
    }
}

impl Project {
    /// With a Dockerfile; `BASE` in it is the busybox image.
    pub fn new(dockerfile: &str) -> Self {
        let project = Self {
            engine: Sandbox::new(),
            context: tempfile::tempdir().unwrap(),
        };
        project.dockerfile(dockerfile);
        project
    }

    /// Another Dockerfile.
    pub fn dockerfile(&self, text: &str) {
        self.file("Dockerfile", &text.replace("BASE", BUSYBOX));
    }

    /// A file of the context.
    pub fn file(&self, path: &str, content: &str) {
        let path = self.context.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// `build` of the context, named `it`.
    pub fn try_build(&self, flags: &[&str]) -> Finished {
        let context = self.context.path().to_str().unwrap();
        let mut words = vec!["build", "-t", "it"];
        words.extend(flags);
        words.push(context);
        self.engine.run(&words)
    }

    /// The same, which must succeed; what it said.
    #[track_caller]
    pub fn build(&self, flags: &[&str]) -> String {
        let done = self.try_build(flags);
        assert_eq!(done.code, 0, "{done:?}");
        done.stderr
    }

    /// What a shell script prints in the image that was built.
    #[track_caller]
    pub fn shell(&self, script: &str) -> String {
        let run = ["run", "--rm", "--entrypoint", "sh", "it", "-c", script];
        self.engine.ok(&run)
    }

    /// The image's config.
    #[track_caller]
    pub fn config(&self) -> serde_json::Value {
        let text = self
            .engine
            .ok(&["image", "inspect", "--format", "{{json .Config}}", "it"]);
        serde_json::from_str(&text).unwrap()
    }

    /// How many steps a build took from the cache, and how many it did.
    pub fn cached(&self, said: &str) -> (usize, usize) {
        let count = |word: &str| said.lines().filter(|line| line.contains(word)).count();
        (count(" CACHED"), count(" DONE"))
    }
}

/// What is left below a directory.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}
