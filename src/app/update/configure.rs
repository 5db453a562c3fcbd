//! What the configuration changes in a dashboard, at its start and while it runs.

use std::{path::Path, sync::Arc};

use super::{
    super::{Depth, Effect, State, columns::starts_descending, layout::Layout, list::Sort},
    TOAST,
};
use crate::{
    config::{Config, Loaded, Origin},
    format::{
        Glyphs,
        columns::{self, CONTAINERS},
        cpu::CpuDisplay,
        group::GroupBy,
        text::sanitize,
    },
    model::{Problem, Source},
};

impl State {
    /// Takes a configuration. What the user arranged since stays, unless the line about
    /// it changed.
    pub fn configure(&mut self, config: Arc<Config>, depth: Depth) {
        let before = std::mem::replace(&mut self.config, config);
        let config = Arc::clone(&self.config);
        self.depth = depth;
        self.look = self.given.0;
        if config.ui.is_ascii {
            self.look.glyphs = Glyphs::Ascii;
        }
        self.zone = config.ui.zone.clone();
        if before.ui.mouse != config.ui.mouse {
            self.hears_mouse = config.ui.mouse;
            self.effects.push(Effect::Mouse(self.hears_mouse));
        }
        self.capabilities.read_only_because = match config.ui.is_read_only {
            true => Some(format!("the dashboard only looks ({})", whose(&config))),
            false => self.given.1.clone(),
        };
        if before.ui.sort != config.ui.sort {
            self.containers.sort = sort(&config.ui.sort);
        }
        if before.ui.cpu != config.ui.cpu {
            self.table.cpu = CpuDisplay::parse(&config.ui.cpu).unwrap_or_default();
        }
        if before.ui.columns != config.ui.columns {
            self.table.layout = Layout::of(&config.ui.columns);
        }
        if before.ui.group != config.ui.group {
            // `none` is no group; all else was checked.
            self.table.groups.by = GroupBy::parse(&config.ui.group).ok();
        }
        if before.ui.interval != config.ui.interval {
            self.effects.push(Effect::Pace(config.ui.interval));
        }
        let now = self.now();
        self.alerts.set_rules(&config.alerts, now);
        self.arrange_alerts();
        self.arrange();
    }

    /// A configuration was saved: it holds at once, or nothing of it does.
    pub(super) fn on_config(&mut self, loaded: &Loaded) {
        self.on_mistakes(loaded);
        if !loaded.problems.is_empty() {
            return;
        }
        self.configure(Arc::new(loaded.config.clone()), self.depth);
        let line = match &loaded.file {
            Some(file) => format!("read {}", file.display()),
            None => "the configuration is gone; defaults hold".to_owned(),
        };
        self.tell(false, vec![sanitize(&line).into_owned()], None, TOAST);
    }

    /// Tells what is wrong with a configuration until one comes that is right.
    pub fn on_mistakes(&mut self, loaded: &Loaded) {
        let more = loaded.problems.len().saturating_sub(1);
        let first = loaded.problems.first().map(|problem| Problem {
            source: Source::Engine,
            message: match &problem.origin {
                Origin::File { path, .. } => {
                    let dir = path.with_file_name("").display().to_string();
                    problem.to_string().replacen(&dir, "", 1)
                }
                _ => problem.to_string(),
            },
            hint: (more > 0).then(|| format!("and {more} more: wharf config check")),
        });
        self.mistakes = first.into_iter().collect();
    }
}

/// Who asked to only look.
fn whose(config: &Config) -> String {
    let asked = config
        .values()
        .find(|(setting, ..)| setting.key == "ui.read_only");
    match asked {
        Some((.., Origin::File { path, line })) => format!("{}:{line}", name(path)),
        Some((.., origin)) if *origin != Origin::Default => origin.to_string(),
        _ => "ui.read_only".into(),
    }
}

/// The name of a file without its directories: a screen has little room.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn sort(text: &str) -> Sort {
    let (is_turned, id) = match text.strip_prefix('-') {
        Some(id) => (true, id),
        None => (false, text),
    };
    let column = columns::find(CONTAINERS, id).map_or("state", |column| column.id);
    Sort {
        column,
        is_descending: starts_descending(column) != is_turned,
    }
}
