//! `wharf context …`: engines by name.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    failure::{Failure, Outcome},
    inspect,
    output::{Output, line, print},
    table::{GridColumn, Row, grid},
};
use crate::{
    config::contexts::{Contexts, DEFAULT, missing},
    format::{
        columns::{Align, Width},
        text::sanitize,
    },
    model::{Address, TlsFiles},
};

/// The commands below `context`.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List the engines that have names
    #[command(alias = "list")]
    Ls(LsArgs),
    /// Keep an engine's address under a name
    Create(CreateArgs),
    /// Drive that engine from now on; `default` is wharf's own
    Use {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Print the name of the engine that is driven
    Show,
    /// Show all that is known about named engines
    Inspect {
        /// json, or a Go template
        #[arg(short, long, value_name = "FORMAT")]
        format: Option<String>,
        /// Their names; the one in use if none is given
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Forget names of engines
    #[command(alias = "remove")]
    Rm {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Arguments of `context ls`.
#[derive(Args, Debug)]
pub struct LsArgs {
    /// Names only
    #[arg(short, long)]
    quiet: bool,
    /// All that is known, as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `context create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// What it is, in words
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// The same as docker takes it: host=ADDRESS,ca=FILE,cert=FILE,key=FILE
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "address")]
    docker: Option<String>,
    /// A directory with ca.pem, cert.pem and key.pem, which are copied
    #[arg(long, value_name = "DIR")]
    certificates: Option<std::path::PathBuf>,
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Where it is: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST
    #[arg(value_name = "ADDRESS", required_unless_present = "docker")]
    address: Option<String>,
}

/// Runs one of them. `driven` is what a flag or the environment says in place of the
/// context in use.
pub fn run(command: &ContextCommand, driven: Option<&str>) -> Outcome {
    let contexts = Contexts::of_user(|name| std::env::var(name).ok());
    let current = contexts.current().unwrap_or_else(|| DEFAULT.into());
    match command {
        ContextCommand::Ls(args) => list(args, &contexts, &current),
        ContextCommand::Create(args) => create(args, &contexts),
        ContextCommand::Use { name } => {
            contexts.choose(name).map_err(failed("context use"))?;
            line(name)?;
            match driven {
                Some(by) => {
                    eprintln!("hint: {} goes before it while it is set", sanitize(by));
                    Ok(0)
                }
                None => Ok(0),
            }
        }
        ContextCommand::Show => {
            line(&current)?;
            Ok(0)
        }
        ContextCommand::Inspect { format, names } => {
            let names = match names.is_empty() {
                true => std::slice::from_ref(&current),
                false => names,
            };
            inspect(names, format.as_deref(), &contexts)
        }
        ContextCommand::Rm { names } => {
            let mut code = 0;
            for name in names {
                match contexts.remove(name) {
                    Ok(()) => line(name)?,
                    Err(why) => {
                        failed("context rm")(why).report();
                        code = 1;
                    }
                }
            }
            Ok(code)
        }
    }
}

fn failed(what: &'static str) -> impl Fn(String) -> Failure {
    move |why| Failure::new(format!("{what}: {why}")).with_hint("`wharf context ls` lists them")
}

fn list(args: &LsArgs, contexts: &Contexts, current: &str) -> Outcome {
    let mut rows = vec![(
        DEFAULT.to_owned(),
        "The engine inside of wharf".to_owned(),
        "(embedded)".to_owned(),
        "wharf",
    )];
    for context in contexts.list() {
        let address = match &context.address {
            Ok(address) => address.to_string(),
            Err(why) => format!("({why})"),
        };
        let keeper = if context.is_dockers {
            "docker"
        } else {
            "wharf"
        };
        rows.push((context.name, context.description, address, keeper));
    }
    if args.quiet {
        for (name, ..) in rows {
            line(&name)?;
        }
        return Ok(0);
    }
    if args.json {
        for (name, description, address, keeper) in rows {
            line(
                &json!({
                    "Name": name, "Description": description, "DockerEndpoint": address,
                    "Keeper": keeper, "Current": name == current,
                })
                .to_string(),
            )?;
        }
        return Ok(0);
    }
    let titles = ["NAME", "DESCRIPTION", "ENGINE", "KEPT BY"];
    let columns: Vec<_> = titles
        .iter()
        .map(|title| GridColumn {
            id: title,
            title,
            width: Width::Whole,
            align: Align::Left,
        })
        .collect();
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, description, address, keeper)| {
            let mark = if name == current { " *" } else { "" };
            let cells = [
                format!("{name}{mark}"),
                sanitize(&description).into_owned(),
                sanitize(&address).into_owned(),
                keeper.to_owned(),
            ];
            Row::Cells(cells.into_iter().map(Into::into).collect())
        })
        .collect();
    print(&grid(&columns, &rows, &[], &Output::of_stdout()))?;
    Ok(0)
}

fn create(args: &CreateArgs, contexts: &Contexts) -> Outcome {
    let failed = failed("context create");
    let mut files: Option<TlsFiles> = args.certificates.as_deref().map(TlsFiles::in_directory);
    let mut address = args.address.clone();
    for pair in args.docker.iter().flat_map(|text| text.split(',')) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| failed(format!("{pair:?} is no KEY=VALUE")))?;
        let mut file = |which: fn(&mut TlsFiles) -> &mut std::path::PathBuf| {
            let nothing = || TlsFiles::in_directory(std::path::Path::new("/nonexistent"));
            *which(files.get_or_insert_with(nothing)) = value.into();
        };
        match key {
            "host" => address = Some(value.to_owned()),
            "ca" => file(|files| &mut files.authority),
            "cert" => file(|files| &mut files.certificate),
            "key" => file(|files| &mut files.key),
            other => {
                return Err(failed(format!(
                    "there is no key {other}: host, ca, cert, key"
                )));
            }
        }
    }
    let address = address.ok_or_else(|| failed("--docker names no host".into()))?;
    let address: Address = address.parse().map_err(&failed)?;
    let address = match files {
        Some(files) => address.with_tls(files),
        None => address,
    };
    contexts
        .create(&args.name, &args.description, &address)
        .map_err(&failed)?;
    line(&args.name)?;
    Ok(0)
}

fn inspect(names: &[String], format: Option<&str>, contexts: &Contexts) -> Outcome {
    let mut found = Vec::new();
    for name in names {
        if name == DEFAULT {
            found.push(json!({
                "Name": DEFAULT, "Metadata": { "Description": "The engine inside of wharf" },
                "Endpoints": {}, "TLSMaterial": {},
            }));
            continue;
        }
        let context = contexts
            .find(name)
            .ok_or_else(|| failed("context inspect")(missing(name)))?;
        let tls = match &context.address {
            Ok(Address::Tcp {
                tls: Some(files), ..
            }) => json!({ "docker": [files.authority, files.certificate, files.key] }),
            _ => json!({}),
        };
        found.push(json!({
            "Name": context.name,
            "Metadata": { "Description": context.description },
            "Endpoints": { "docker": {
                "Host": context.address.as_ref().map(ToString::to_string).unwrap_or_default(),
                "SkipTLSVerify": false,
            } },
            "TLSMaterial": tls,
            "Problem": context.address.err(),
        }));
    }
    inspect::tell(&found, format)?;
    Ok(0)
}
