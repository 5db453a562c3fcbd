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

mod advisor;
mod collector;
pub mod columns;
mod details;
mod effect;
mod geometry;
mod history;
mod inspect;
mod keymap;
mod list;
mod message;
mod modal;
mod operation;
mod projector;
mod run;
mod state;
mod still;
mod terminal;
mod timeline;
mod update;

#[cfg(test)]
pub use advisor::Advisor;
pub use advisor::Inquiry;
pub use details::{Details, LogRow, Pending, Tab};
pub use geometry::{Geometry, HINT_LINES, MIN_HEIGHT, MIN_WIDTH, geometry};
pub use history::{History, Point};
pub use list::{List, Sort};
pub use message::{Effect, Failure, Message, Passage, Target};
pub use modal::{Choice, Modal};
pub use operation::{Operations, Running};
#[cfg(test)]
pub use projector::moment;
pub use run::{Interact, Options, run};
pub use state::{Look, Pane, Screen, Stale, State, Toast};
pub use still::{Still, still};
pub use timeline::{Moment, Past, Seek, Timeline};
pub use update::LOG_MARGIN;

pub use crate::record::advice::{Advice, Confidence, Line as AdviceLine, Verdict};

#[cfg(test)]
mod tests;
