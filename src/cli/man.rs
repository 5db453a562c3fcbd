//! `wharf man`: the manual, from the same declarations as `--help` and the reference.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::{
    Man,
    roff::{Roff, bold, italic, roman},
};

use super::{
    failure::{Failure, Outcome},
    output::{line, print},
};
use crate::{
    action::{ACTIONS, Scope},
    config::SETTINGS,
};

/// Arguments of `man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Write the pages of all commands into this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints the page, or writes all pages.
pub fn run(args: &ManArgs) -> Outcome {
    let Some(dir) = &args.dir else {
        print(&page())?;
        return Ok(0);
    };
    std::fs::create_dir_all(dir).map_err(failed("make", dir))?;
    let mut command = super::command();
    command.build();
    let count = write_all(&command, dir, "wharf")?;
    line(&format!("{count} pages"))?;
    Ok(0)
}

fn failed<'a>(what: &'a str, path: &'a Path) -> impl Fn(std::io::Error) -> Failure + 'a {
    move |error| Failure::new(format!("{what} {}: {error}", path.display()))
}

fn write_all(command: &clap::Command, dir: &Path, name: &str) -> Result<usize, Failure> {
    let path = dir.join(format!("{name}.1"));
    let text = match name {
        "wharf" => page(),
        _ => render(command.clone().name(name.to_owned())),
    };
    std::fs::write(&path, text).map_err(failed("write", &path))?;
    let mut count = 1;
    for sub in command.get_subcommands() {
        if !sub.is_hide_set() && sub.get_name() != "help" {
            count += write_all(sub, dir, &format!("{name}-{}", sub.get_name()))?;
        }
    }
    Ok(count)
}

fn render(command: clap::Command) -> String {
    let mut out = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = Man::new(command).render(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The page of `wharf` itself.
pub fn page() -> String {
    let mut command = super::command();
    // Its list of commands names them all; without this, clap knows them half.
    command.build();
    let man = Man::new(command);
    let mut out = Vec::new();
    // Writing to a Vec cannot fail, here and below.
    let _ = man.render_title(&mut out);
    let _ = man.render_name_section(&mut out);
    let _ = man.render_synopsis_section(&mut out);
    let _ = man.render_description_section(&mut out);
    let _ = man.render_options_section(&mut out);
    let _ = man.render_subcommands_section(&mut out);
    let mut roff = Roff::new();
    keys(&mut roff);
    configuration(&mut roff);
    environment(&mut roff);
    files(&mut roff);
    exit_status(&mut roff);
    let _ = roff.to_writer(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn entry(roff: &mut Roff, head: &str, text: &str) {
    roff.control("TP", []);
    roff.text([bold(head)]);
    roff.text([roman(text)]);
}

fn keys(roff: &mut Roff) {
    roff.control("SH", ["KEYS"]);
    roff.text([roman(
        "Of the dashboard; the configuration can change them.",
    )]);
    let rows = ACTIONS
        .iter()
        .filter(|spec| spec.scope != Scope::CommandLine);
    for spec in rows.filter(|spec| !spec.keys.is_empty()) {
        let keys: Vec<_> = spec.keys.iter().map(ToString::to_string).collect();
        entry(roff, &keys.join(" "), spec.summary);
    }
}

fn configuration(roff: &mut Roff) {
    roff.control("SH", ["CONFIGURATION"]);
    roff.text([
        roman("A TOML file; "),
        bold("wharf config default"),
        roman(" prints all that can stand in it, with comments, and "),
        bold("wharf config check"),
        roman(" finds mistakes. A dashboard that runs takes a saved file at once."),
    ]);
    for setting in SETTINGS {
        let text = format!(
            "{}: {}. Default: {}.",
            setting.doc,
            setting.kind.allowed(),
            setting.default
        );
        entry(roff, setting.key, &text);
    }
}

fn environment(roff: &mut Roff) {
    roff.control("SH", ["ENVIRONMENT"]);
    entry(
        roff,
        "WHARF_CONFIG",
        "The configuration file to read in place of the usual ones.",
    );
    entry(
        roff,
        "WHARF_ROOT",
        "The directory below which the engine keeps its state.",
    );
    for setting in SETTINGS {
        if let Some(name) = setting.env {
            entry(roff, name, &format!("Goes before {}.", setting.key));
        }
    }
    entry(roff, "NO_COLOR", "No colours, whatever the theme.");
    entry(roff, "CLICOLOR_FORCE", "Colours even in a pipe.");
    entry(
        roff,
        "COLORTERM, TERM",
        "Which colours the terminal has; themes use the nearest of them.",
    );
    entry(
        roff,
        "LC_ALL, LC_CTYPE, LANG",
        "Whether signs beyond ASCII may be used.",
    );
}

fn files(roff: &mut Roff) {
    roff.control("SH", ["FILES"]);
    for (path, text) in [
        (
            "$XDG_CONFIG_HOME/wharf/config.toml",
            "The configuration; $XDG_CONFIG_HOME is ~/.config where it isn't set.",
        ),
        (
            "/etc/wharf/config.toml",
            "The configuration of those who have none.",
        ),
        ("/var/lib/wharf", "Images, containers and what they wrote."),
        (
            "/run/wharf",
            "What must only outlive a process, not the machine.",
        ),
    ] {
        roff.control("TP", []);
        roff.text([italic(path)]);
        roff.text([roman(text)]);
    }
}

fn exit_status(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, text) in [
        ("0", "It was done."),
        ("1", "It was not done; one line on standard error says why."),
        (
            "125",
            "The arguments are wrong, or a run or exec failed before its command began.",
        ),
        ("126", "The command of a run or exec can't be executed."),
        (
            "127",
            "The command of a run or exec isn't in the container.",
        ),
        (
            "128+n",
            "The command of a run or exec was ended by signal n.",
        ),
        ("other", "Of a run or exec: what its command gave."),
    ] {
        entry(roff, code, text);
    }
}
