//! `wharf debug`: what documentation and bug reports are made with. Not in the help.

mod dockerfile;
mod reference;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Subcommand};

use super::{
    Context, Faces, Settings,
    failure::{Failure, Outcome},
};
use crate::{action::Key, config::Config};

/// The commands below `debug`.
#[derive(Debug, Subcommand)]
pub enum DebugCommand {
    /// Write the dashboard's screen as an SVG picture
    Screenshot(ScreenshotArgs),
    /// Write as JSON how names of images are read, a line each
    Reference {
        /// Names, as users write them
        #[arg(required = true, value_name = "NAME", allow_hyphen_values = true)]
        names: Vec<String>,
    },
    /// Write as JSON how a Dockerfile is read
    Dockerfile {
        /// The file; - is standard input
        file: PathBuf,
    },
    /// Write as JSON which paths a .dockerignore leaves out, and by which line
    Ignore {
        /// The .dockerignore; - is standard input
        file: PathBuf,
        /// Paths from the context's root
        #[arg(required = true)]
        paths: Vec<String>,
    },
    /// Write as JSON what becomes of words after NAME=value
    Words {
        /// Variables, as NAME=value
        environment: Vec<String>,
        /// What escapes
        #[arg(long, value_name = "CHARACTER", default_value_t = '\\')]
        escape: char,
        /// Words of a Dockerfile
        #[arg(last = true, required = true)]
        words: Vec<String>,
    },
}

/// Arguments of `debug screenshot`.
#[derive(Args, Debug)]
pub struct ScreenshotArgs {
    /// Columns and rows
    #[arg(long, value_name = "WxH", default_value = "160x45", value_parser = size)]
    size: (u16, u16),
    /// Seconds to watch before, so that graphs have a past
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    watch: u64,
    /// Keys to press then, such as "j t tab"
    #[arg(long, value_name = "KEYS", default_value = "", value_parser = keys)]
    keys: Keys,
    /// Where to write it
    out: PathBuf,
}

#[derive(Clone, Debug)]
struct Keys(Vec<Key>);

/// What a picture is to show.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Columns and rows.
    pub size: (u16, u16),
    /// How long to watch first.
    pub watch: Duration,
    /// Keys to press then.
    pub keys: Vec<Key>,
    /// The configuration.
    pub config: Arc<Config>,
}

/// Does one of them.
pub fn run(command: DebugCommand, context: &Context, faces: &Faces, settings: Settings) -> Outcome {
    match command {
        DebugCommand::Screenshot(args) => screenshot(args, context, faces, settings),
        DebugCommand::Reference { names } => reference::show(&names),
        DebugCommand::Dockerfile { file } => dockerfile::show(&file),
        DebugCommand::Ignore { file, paths } => dockerfile::show_ignored(&file, &paths),
        DebugCommand::Words {
            environment,
            escape,
            words,
        } => dockerfile::show_words(&environment, escape, &words),
    }
}

fn screenshot(
    args: ScreenshotArgs,
    context: &Context,
    faces: &Faces,
    settings: Settings,
) -> Outcome {
    let shot = Shot {
        size: args.size,
        watch: Duration::from_secs(args.watch),
        keys: args.keys.0,
        config: Arc::new(settings.loaded.config),
    };
    let picture = (faces.screenshot)(context.engine.clone(), shot).map_err(Failure::new)?;
    std::fs::write(&args.out, picture)
        .map_err(|error| Failure::new(format!("write {}: {error}", args.out.display())))?;
    Ok(0)
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let parsed = text.split_once('x').and_then(|(width, height)| {
        let size = (width.parse().ok()?, height.parse().ok()?);
        ((1..=1000).contains(&size.0) && (1..=1000).contains(&size.1)).then_some(size)
    });
    parsed.ok_or_else(|| "it is columns x rows, such as 160x45".to_owned())
}

fn keys(text: &str) -> Result<Keys, String> {
    let keys = text.split_whitespace().map(|name| {
        Key::parse(name).ok_or_else(|| format!("{name} is no key; ctrl-k, tab and S are"))
    });
    keys.collect::<Result<_, _>>().map(Keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_keys_are_checked_first() {
        assert_eq!(size("80x24"), Ok((80, 24)));
        for bad in ["80", "x24", "0x1", "80x24x2", "99999x1"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert_eq!(
            keys("j ctrl-k").unwrap().0,
            [Key::char('j'), Key::ctrl('k')]
        );
        assert!(keys("nonsense").is_err());
    }
}
