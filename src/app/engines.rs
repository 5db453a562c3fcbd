//! Other engines than the one that is driven: who knows them, and the list that one is
//! chosen from.

use std::{fmt, sync::Arc, time::Duration};

use super::{Pending, activity::quoted};
use crate::{
    config::{KnownEngine, Target},
    engine::{self, Engine},
    model::Greeting,
    record::Showing,
};

/// Opens an engine, none is the one inside; it, and its own recording.
pub type Open =
    Arc<dyn Fn(Option<&Target>) -> engine::Result<(Arc<dyn Engine>, Showing)> + Send + Sync>;

/// Tells which engines there are.
pub type List = Arc<dyn Fn() -> Vec<KnownEngine> + Send + Sync>;

/// Who knows the engines, and opens them.
#[derive(Clone)]
pub struct Engines {
    /// Those that there are.
    pub list: List,
    /// Opens one.
    pub open: Open,
    /// The one that is driven at first.
    pub first: Option<Target>,
}

impl From<(List, Open, Option<Target>)> for Engines {
    fn from((list, open, first): (List, Open, Option<Target>)) -> Self {
        Self { list, open, first }
    }
}

impl fmt::Debug for Engines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engines({:?})", self.first)
    }
}

impl Engines {
    /// What a command of wharf's must be told so that it means the same engine as this
    /// dashboard; nothing where it does anyway.
    pub fn flag(&self, target: Option<&Target>) -> Option<String> {
        let is_first = target == self.first.as_ref();
        match target {
            None if is_first => None,
            None => Some("--context default".into()),
            Some(target) => match target.chosen_by.strip_prefix("context ") {
                Some(name) => Some(format!("--context {}", quoted(name))),
                // What the environment names is named for commands too.
                None if is_first && target.chosen_by != "--host" => None,
                None => Some(format!("-H {}", quoted(&target.address.to_string()))),
            },
        }
    }
}

/// What an engine said of itself, and after how long.
pub type Greeted = Pending<(Greeting, Duration)>;

/// The list, while it lies over the screen.
#[derive(Clone, Debug)]
pub struct EngineList {
    /// Number of the look; answers of another are late and dropped.
    pub look: u64,
    /// Them, and what each said.
    pub rows: Vec<(KnownEngine, Greeted)>,
    /// The one under the cursor.
    pub cursor: usize,
}
