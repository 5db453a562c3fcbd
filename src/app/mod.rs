//! The dashboard as a state machine, without a pixel of it.
//!
//! ```text
//! terminal keys ─┐
//! collector ─────┤                       ┌─> draw(&State), once a turn, if dirty
//! effects ───────┼─> Message -> update ──┤
//! signals ───────┘      (pure)           └─> Effect -> a task with a cancel token
//! ```
//!
//! [`State`] has one owner, the loop in `run`. [`update`](State::update) is the only
//! code that changes it, does no I/O and never waits; whatever takes time is an
//! [`Effect`] whose result comes back as a [`Message`]. `geometry` says what is where,
//! for drawing, for scrolling and for the mouse alike.

mod activity;
mod advisor;
pub mod alerts;
mod arrange;
mod build;
pub mod builds;
mod collector;
pub mod columns;
mod comparison;
mod details;
mod driven;
mod edit;
mod effect;
mod engines;
mod events;
mod explorer;
mod follow;
mod form;
mod geometry;
mod group_prompt;
mod group_slots;
mod groups;
mod heads;
mod hints;
mod history;
mod image_prune;
mod job;
mod keymap;
mod layout;
mod limits;
mod list;
mod listed;
pub mod log;
mod menu;
mod message;
mod modal;
mod networks;
mod notify;
mod operation;
mod palette;
mod paths;
mod pointer;
mod processes;
mod projector;
mod prune;
mod run;
mod saved;
mod slots;
mod state;
mod still;
mod subject;
mod table;
mod terminal;
mod timebar;
mod timeline;
mod transfers;
mod tree;
mod update;
mod viewer;
mod volumes;

pub use crate::format::Depth;
pub use activity::{Activity, Entry, Outcome};
#[cfg(test)]
pub use advisor::Advisor;
pub use advisor::Inquiry;
pub use builds::{BuildLine, BuildRun, BuildState, Builds};
#[cfg(test)]
pub use comparison::compare;
pub use comparison::{Compared, Comparison, Difference, Named, Tally};
pub use details::{Details, Pending, Tab};
pub use engines::{EngineList, Engines, Greeted, Open};
pub use events::{EventRow, Events};
pub use explorer::{Explorer, Looked};
pub use follow::Logs;
pub use form::{Field, Flag, Form, Makes, Order, Plan, Value, form_area, form_top};
pub use geometry::{Geometry, HINT_LINES, MIN_HEIGHT, MIN_WIDTH, geometry};
pub use group_prompt::GroupPrompt;
pub use group_slots::{GROUP_GAP, GROUP_GUTTER, GroupSlot, group_slots};
pub use groups::GroupsView;
pub use heads::{Head, image_heads, network_heads, volume_heads};
pub use hints::{Hint, HintBar, Note, hint_bar};
pub use history::{History, Point};
pub use image_prune::ImagePrune;
#[cfg(test)]
pub use image_prune::preview as preview_image_prune;
pub use layout::{Choosable, Layout, Saved, Show, Shown};
pub use limits::{Change, Editor, Forecast, NONE, SETTINGS, Setting};
pub use list::{Extent, List, Sort};
pub use menu::{Asked, Menu, Pick, Picked, Prompt, Question};
pub use message::{Effect, Failure, Job, Made, Message, Passage, Said, Target};
pub use modal::{Chooser, Columns, Explanation, Modal, Results};
pub use networks::NetworksView;
pub use operation::{Operations, Running};
pub use palette::{Argument, Choice, Found};
pub use pointer::{
    Bar, Gesture, Hit, centered, hit, inside, menu_area, menu_top, palette_area, screen_places,
    sort_area, tab_places, tabs_name,
};
pub use processes::{PROCESS_GAP, ProcessColumn, ProcessRow, ProcessView, process_columns};
#[cfg(test)]
pub use projector::moment;
pub use prune::{Prune, PruneItem, Pruned};
pub use run::{Interact, Options, run};
pub use saved::state_file;
pub use slots::{GAP, GUTTER, Slot, slots};
pub use state::{Look, Pane, Screen, Stale, State, Toast};
pub use still::{Still, still};
pub use subject::Subjects;
pub use table::{Group, Groups, Line, Table};
pub use timebar::{TimeBar, time_bar};
pub use timeline::{Moment, Past, Seek, Timeline};
pub use transfers::{Transfers, Underway};
pub use tree::{Content, Node, Tree};
pub use update::{LogMargin, Pointer};
pub use viewer::Viewer;
pub use volumes::VolumesView;

pub use crate::record::advice::{Advice, Confidence, Line as AdviceLine, Verdict};

#[cfg(test)]
mod tests;
