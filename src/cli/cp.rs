//! `wharf cp`

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    Context, archive,
    failure::{Failure, Outcome},
};
use crate::{
    engine::{CopyFrom, CopyTo},
    model::CopyRequest,
};

/// Arguments of `cp`.
#[derive(Args, Debug)]
pub struct CpArgs {
    /// Keep each file's owner by number
    #[arg(short, long)]
    archive: bool,
    /// Follow a link at the source's end
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// Taken for docker's sake: nothing is said
    #[arg(short, long, hide = true)]
    quiet: bool,
    /// CONTAINER:PATH or PATH; - is a tar on stdin
    source: String,
    /// PATH or CONTAINER:PATH; - is a tar on stdout
    #[arg(value_name = "TARGET")]
    target: String,
}

/// One end of a copy.
enum End<'a> {
    Container(&'a str, &'a str),
    Host(&'a str),
    Archive,
}

/// A name with a colon is a container's path, unless it begins as a path of this host.
fn end(text: &str) -> End<'_> {
    match text.split_once(':') {
        _ if text == "-" => End::Archive,
        Some((container, path)) if !container.starts_with(['.', '/']) && !container.is_empty() => {
            End::Container(container, path)
        }
        _ => End::Host(text),
    }
}

/// Copies files into a container or out of one.
pub async fn run(args: &CpArgs, context: &Context) -> Outcome {
    let request = async |container: &str, path: &str| {
        Ok::<_, Failure>(CopyRequest {
            id: context.resolve(container).await?,
            path: Path::new("/").join(path),
            follow_link: args.follow_link,
            keep_owner: args.archive,
            unchanged: None,
        })
    };
    match (end(&args.source), end(&args.target)) {
        (End::Container(container, path), End::Host(target)) => {
            let request = request(container, path).await?;
            let target = absolute(target)?;
            context
                .engine
                .copy_out(request, CopyTo::Host(target))
                .await?;
        }
        (End::Container(container, path), End::Archive) => {
            let request = request(container, path).await?;
            let out = archive::Target::open("cp", None)?;
            let to = CopyTo::Archive(out.writer()?);
            context.engine.copy_out(request, to).await?;
        }
        (End::Host(source), End::Container(container, path)) => {
            let request = request(container, path).await?;
            let source = absolute(source)?;
            context
                .engine
                .copy_in(request, CopyFrom::Host(source))
                .await?;
        }
        (End::Archive, End::Container(container, path)) => {
            let request = request(container, path).await?;
            let from = CopyFrom::Archive(archive::source("cp", "-")?);
            context.engine.copy_in(request, from).await?;
        }
        (End::Container(..), End::Container(..)) => {
            return Err(
                Failure::usage("cp: it does not copy between containers").with_hint(
                    "copy to this host first, or pipe: wharf cp A:PATH - | wharf cp - B:PATH",
                ),
            );
        }
        _ => {
            return Err(Failure::usage("cp: neither end is in a container")
                .with_hint("name one as CONTAINER:PATH"));
        }
    }
    Ok(0)
}

/// The same path from the root, with what its end says of it.
fn absolute(path: &str) -> Result<PathBuf, Failure> {
    if path.is_empty() {
        return Err(Failure::usage("cp: a path is empty"));
    }
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(format!("cp: look where we are: {error}")))?;
    // Joined as text: `/.` at the end has a meaning.
    Ok(match path.starts_with('/') {
        true => PathBuf::from(path),
        false => {
            let mut text = here.into_os_string();
            text.push("/");
            text.push(path);
            text.into()
        }
    })
}
