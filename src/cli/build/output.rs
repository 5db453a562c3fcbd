//! `build --output`: where the result goes.

use std::path::PathBuf;

use crate::{
    cli::{archive::Target, failure::Failure},
    model::{BuildOutput, OutputStream, SaveFormat},
};

/// The outputs of a build, their files opened.
pub struct Outputs(Vec<Output>);

enum Output {
    Image,
    Cache,
    Directory(PathBuf),
    Tar(Target),
    Archive(SaveFormat, Target),
}

impl Outputs {
    /// Reads the flags, and opens what is written to. Without any the image goes into the
    /// store.
    pub fn open(flags: &[String]) -> Result<Self, Failure> {
        let outputs = flags.iter().map(|text| open(text));
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        Ok(Self(match outputs.is_empty() {
            true => vec![Output::Image],
            false => outputs,
        }))
    }

    /// What to ask of the engine.
    pub fn requested(&self) -> Result<Vec<BuildOutput>, Failure> {
        let stream = |target: &Target| Ok::<_, Failure>(OutputStream::new(target.writer()?));
        let outputs = self.0.iter().map(|output| {
            Ok(match output {
                Output::Image => BuildOutput::Image,
                Output::Cache => BuildOutput::Cache,
                Output::Directory(path) => BuildOutput::Directory(path.clone()),
                Output::Tar(target) => BuildOutput::Tar(stream(target)?),
                Output::Archive(format, target) => BuildOutput::Archive(*format, stream(target)?),
            })
        });
        outputs.collect()
    }

    /// Whether the image goes into the store.
    pub fn is_image(&self) -> bool {
        self.0.iter().any(|output| matches!(output, Output::Image))
    }

    /// Gives files their names: they are whole.
    pub fn finish(self) -> Result<(), Failure> {
        for output in self.0 {
            if let Output::Tar(target) | Output::Archive(_, target) = output {
                target.finish()?;
            }
        }
        Ok(())
    }
}

fn open(text: &str) -> Result<Output, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("--output {text}: {why}")).with_hint(
            "write a directory, - for a tar, or type=local|tar|oci|docker|image|cacheonly,dest=PATH",
        )
    };
    if text == "-" {
        return Ok(Output::Tar(Target::open("build", None)?));
    }
    if !text.contains('=') {
        return Ok(Output::Directory(text.into()));
    }
    let (mut kind, mut place) = (None, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("type", value)) => kind = Some(value),
            Some(("dest", value)) => place = Some(value),
            _ => return Err(wrong("it has a field that doesn't exist")),
        }
    }
    let target = || match place {
        None | Some("-") => Target::open("build", None),
        Some(path) => Target::open("build", Some(path.as_ref())),
    };
    Ok(match kind {
        Some("local") => match place {
            Some(path) => Output::Directory(path.into()),
            None => return Err(wrong("it needs dest=DIRECTORY")),
        },
        Some("tar") => Output::Tar(target()?),
        Some("oci") => Output::Archive(SaveFormat::Oci, target()?),
        // Without a place, docker's is the store of the docker that one has.
        Some("docker") if place.is_some() => Output::Archive(SaveFormat::Docker, target()?),
        Some("docker" | "image") => Output::Image,
        Some("cacheonly") => Output::Cache,
        Some(_) => return Err(wrong("there is no such type")),
        None => return Err(wrong("it has no type")),
    })
}
