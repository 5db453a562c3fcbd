//! `wharf import`

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
};

use clap::Args;
use tokio::sync::mpsc;

use super::{
    Context,
    failure::{Failure, Outcome},
    output::line,
};
use crate::{format::bytes, model::ImportProgress};

/// Arguments of `import`.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// A tar: plain, gzip or zstd; - is stdin
    #[arg(value_name = "FILE|-")]
    source: String,
    /// What the image is to be called
    #[arg(value_name = "NAME[:TAG]")]
    name: String,
}

/// Makes an image from a root file system's tar, and prints its id.
pub async fn run(args: &ImportArgs, context: &Context) -> Outcome {
    let source: Box<dyn Read + Send> = match args.source.as_str() {
        "-" if io::stdin().is_terminal() => {
            return Err(Failure::new("import -: stdin is a terminal")
                .with_hint("pipe a tar into it, or name a file"));
        }
        "-" => Box::new(io::stdin()),
        path => Box::new(
            File::open(path).map_err(|error| Failure::new(format!("import {path}: {error}")))?,
        ),
    };
    if !io::stderr().is_terminal() {
        let id = context.engine.import(source, &args.name, None).await?;
        line(id.as_str())?;
        return Ok(0);
    }
    let (sender, mut progress) = mpsc::channel::<ImportProgress>(4);
    let show = async {
        while let Some(ImportProgress {
            read_bytes,
            entries,
        }) = progress.recv().await
        {
            let read = bytes::decimal(read_bytes);
            eprint!("\r{read} read, {entries} entries\x1b[K");
            // Progress that can't be shown is no reason to stop.
            let _ = io::stderr().flush();
        }
        eprint!("\r\x1b[K");
    };
    let import = context.engine.import(source, &args.name, Some(sender));
    let (id, ()) = futures_util::future::join(import, show).await;
    line(id?.as_str())?;
    Ok(0)
}
