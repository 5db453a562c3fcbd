//! Which stages a target needs, and what each stands on.

use std::collections::BTreeSet;

use super::{Error, scope::Globals};
use crate::{
    dockerfile::{InstructionKind, Mount, Stage},
    model::{BuildStage, Platform},
};

/// What a stage, a copy or a mount is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing.
    Scratch,
    /// An earlier stage, by its place in the file.
    Stage(usize),
    /// An image.
    Image(String),
}

/// The stages of a file with what they stand on.
#[derive(Debug)]
pub struct Graph {
    /// What each stage stands on, in the order of the file.
    pub bases: Vec<Origin>,
    /// The stage that is built, by its place.
    pub target: usize,
    /// The stages that it needs, itself included.
    pub needed: BTreeSet<usize>,
}

impl Graph {
    /// Finds them. `target` is a name or a place; none is the last stage.
    ///
    /// # Errors
    /// A target that doesn't exist, a base that can't be read or is empty.
    pub fn new(
        stages: &[Stage],
        globals: &Globals,
        escape: char,
        target: Option<&str>,
    ) -> Result<Self, Error> {
        let target = match target {
            None => stages.len() - 1,
            Some(target) => place(stages, target).ok_or_else(|| {
                let names = stages.iter().filter_map(|stage| stage.name.as_deref());
                let names: Vec<_> = names.collect();
                let hint = match names.is_empty() {
                    true => "no stage has a name".to_owned(),
                    false => format!("there are {}", names.join(", ")),
                };
                Error::new(format!("there is no stage {target}")).hint(hint)
            })?,
        };
        let mut bases = Vec::new();
        for (at, stage) in stages.iter().enumerate() {
            let base = globals
                .expand(escape, &stage.base)
                .map_err(|error| Error::new(error.to_string()).at(&stage.lines))?;
            if base.text.is_empty() {
                let message = format!("FROM {} names no image", stage.base);
                return Err(Error::new(message)
                    .at(&stage.lines)
                    .hint("give its variable a value by --build-arg, or by ARG before it"));
            }
            if let Some(wanted) = &stage.platform {
                let wanted = globals
                    .expand(escape, wanted)
                    .map_err(|error| Error::new(error.to_string()).at(&stage.lines))?;
                check_platform(&wanted.text).map_err(|error| error.at(&stage.lines))?;
            }
            bases.push(match base.text.as_str() {
                "scratch" => Origin::Scratch,
                name => match named(&stages[..at], name) {
                    Some(earlier) => Origin::Stage(earlier),
                    None => Origin::Image(name.to_owned()),
                },
            });
        }
        let mut graph = Self {
            bases,
            target,
            needed: BTreeSet::new(),
        };
        let mut open = vec![target];
        while let Some(at) = open.pop() {
            if graph.needed.insert(at) {
                open.extend(graph.used_by(stages, at)?);
            }
        }
        Ok(graph)
    }

    /// The stages as they are told to whoever watches.
    pub fn planned(&self, stages: &[Stage]) -> Vec<BuildStage> {
        let stages = stages.iter().enumerate();
        let planned = stages.map(|(at, stage)| BuildStage {
            name: stage.title(at),
            base: stage.base.clone(),
            is_needed: self.needed.contains(&at),
            steps: {
                let instructions = stage.instructions.iter();
                instructions.filter(|one| one.kind.is_step()).count()
            },
        });
        planned.collect()
    }

    /// The stages that one uses directly.
    fn used_by(&self, stages: &[Stage], at: usize) -> Result<Vec<usize>, Error> {
        let mut used = Vec::new();
        let mut add = |origin: Origin| {
            if let Origin::Stage(stage) = origin {
                used.push(stage);
            }
        };
        add(self.bases[at].clone());
        for instruction in &stages[at].instructions {
            match &instruction.kind {
                InstructionKind::Copy(copy) => {
                    if let Some(from) = &copy.from {
                        add(origin(stages, at, from).map_err(|e| e.at(&instruction.lines))?);
                    }
                }
                InstructionKind::Run(run) => {
                    for mount in &run.mounts {
                        // Its other fields are read when it runs; from= has no variables.
                        let mount = Mount::parse(mount, &|value| Ok(value.to_owned()));
                        if let Ok(Mount {
                            from: Some(from), ..
                        }) = mount
                        {
                            add(origin(stages, at, &from).map_err(|e| e.at(&instruction.lines))?);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(used)
    }
}

/// Whether a `FROM --platform` is of this host, which is all that runs here.
fn check_platform(text: &str) -> Result<(), Error> {
    let host = Platform::host();
    match Platform::parse(text) {
        _ if text.is_empty() || text.eq_ignore_ascii_case("linux") => Ok(()),
        None => Err(Error::new(format!("--platform={text} is no platform")).hint("linux/amd64 is")),
        Some(wanted) if host.distance(&wanted).is_none() => Err(Error::new(format!(
            "this host builds for {host}, not for {wanted}"
        ))),
        Some(_) => Ok(()),
    }
}

/// What a `--from` of the stage at `at` means: an earlier stage by name or place, or an
/// image.
///
/// # Errors
/// The place of a stage that is not earlier.
pub fn origin(stages: &[Stage], at: usize, from: &str) -> Result<Origin, Error> {
    if let Ok(place) = from.parse::<usize>() {
        if place < at {
            return Ok(Origin::Stage(place));
        }
        let message = format!("--from={from} is no earlier stage");
        return Err(Error::new(message).hint(format!("this is stage {at}; they count from 0")));
    }
    Ok(match named(&stages[..at], from) {
        Some(stage) => Origin::Stage(stage),
        None if from == "scratch" => Origin::Scratch,
        None => Origin::Image(from.to_owned()),
    })
}

/// The last stage of a name: a later one hides an earlier one.
fn named(stages: &[Stage], name: &str) -> Option<usize> {
    let is_named = |stage: &Stage| {
        let own = stage.name.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    stages.iter().rposition(is_named)
}

fn place(stages: &[Stage], target: &str) -> Option<usize> {
    let by_place = || target.parse().ok().filter(|place| *place < stages.len());
    named(stages, target).or_else(by_place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile;

    fn graph(text: &str, target: Option<&str>) -> Result<Graph, Error> {
        let file = dockerfile::Dockerfile::parse(text.as_bytes()).expect("parses");
        let (arguments, stages) = dockerfile::stages(&file).expect("makes sense");
        let mut globals = Globals::default();
        for argument in arguments {
            if let InstructionKind::Arg(pairs) = argument.kind {
                for (name, value) in pairs {
                    globals
                        .declare('\\', &name, value.as_deref())
                        .expect("declares");
                }
            }
        }
        Graph::new(&stages, &globals, '\\', target)
    }

    const FILE: &str = "ARG B=base\nFROM $B AS a\nFROM scratch AS b\nCOPY --from=a /x /\n\
        FROM a AS c\nRUN --mount=from=b,target=/m x\nFROM other AS d\nCOPY --from=0 /x /\n";

    #[test]
    fn only_what_the_target_needs_is_built() {
        let of = |target| graph(FILE, Some(target)).unwrap().needed;
        assert_eq!(of("a"), BTreeSet::from([0]));
        assert_eq!(of("b"), BTreeSet::from([0, 1]));
        assert_eq!(of("C"), BTreeSet::from([0, 1, 2]));
        assert_eq!(of("3"), BTreeSet::from([0, 3]));
        let all = graph(FILE, None).unwrap();
        assert_eq!(all.target, 3);
        assert_eq!(
            all.bases,
            [
                Origin::Image("base".into()),
                Origin::Scratch,
                Origin::Stage(0),
                Origin::Image("other".into())
            ]
        );
    }

    #[test]
    fn what_does_not_exist_is_told() {
        assert!(
            graph(FILE, Some("x"))
                .unwrap_err()
                .hint
                .unwrap()
                .contains("a, b, c, d")
        );
        assert!(graph("FROM $NO\n", None).is_err());
        assert!(graph("FROM a\nCOPY --from=0 a b\n", None).is_err());
    }
}
