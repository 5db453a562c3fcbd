//! Keys of the time line, and what comes of them.

use std::{sync::Arc, time::Duration};

use super::{
    super::{
        Effect, Failure, Inquiry, Pending, State, Tab, Timeline,
        timeline::{Before, Moment},
    },
    TOAST,
};
use crate::{
    action::Action,
    format::text::sanitize,
    model::{ContainerId, World},
    record::{Recording, advice::Advice},
};

/// What a key for scrubbing moves, as a part of the line.
const SCRUB: u32 = 10;
/// How often limits are weighed anew.
const ADVICE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

impl State {
    /// Shows a recording in place of the present, and what of it is damaged.
    pub fn replay(&mut self, recording: &Arc<Recording>, number: u64, speed: i32) {
        self.timeline = Timeline::replay(Arc::clone(recording), number, speed);
        // A recording holds figures; logs it has none.
        self.details.tab = Tab::Stats;
        if !recording.damages().is_empty() {
            self.tell_failure(Failure {
                message: sanitize(&recording.damages().join("; ")).into_owned(),
                hint: None,
            });
        }
    }

    /// Moves in time.
    pub(super) fn travel(&mut self, action: Action) {
        let clock = self.clock;
        let part = self.timeline.track().span() / SCRUB;
        let live = match self.timeline.past {
            None => self.world.clone(),
            Some(_) => None,
        };
        match action {
            Action::Freeze => {
                let was_past = self.timeline.past.is_some();
                let live = self.timeline.toggle(clock);
                if was_past && self.timeline.past.is_none() {
                    self.show_live(live);
                }
            }
            Action::StepBack => self.timeline.step(-1),
            Action::StepForward => self.timeline.step(1),
            Action::MinuteBack => self.timeline.travel(MINUTE, true),
            Action::MinuteForward => self.timeline.travel(MINUTE, false),
            Action::ScrubBack => self.timeline.travel(part, true),
            Action::ScrubForward => self.timeline.travel(part, false),
            Action::Faster | Action::Slower => {
                let by = if action == Action::Faster { 1 } else { -1 };
                if !self.timeline.quicken(by, clock) {
                    let line = "only a replay has a speed".to_owned();
                    self.tell(false, vec![line], None, TOAST);
                }
            }
            _ => {}
        }
        if live.is_some() {
            self.timeline.leave(live);
        }
    }

    /// The newest picture of the present, whatever is on screen.
    pub(in super::super) fn present(&self) -> Option<Arc<World>> {
        match &self.timeline.past {
            Some(past) => past.present(),
            None => self.world.clone(),
        }
    }

    /// Goes back to the present.
    fn show_live(&mut self, live: Option<Arc<World>>) {
        // Without a picture since, the one on screen may be old: the next one corrects it.
        if let Some(world) = live {
            self.show_world(world);
        }
        self.details.log.bottom = None;
        self.effects.push(Effect::Refresh);
    }

    pub(super) fn on_moment(&mut self, moment: Result<Moment, Failure>) {
        let Some(past) = &mut self.timeline.past else {
            // It came after the present did.
            return;
        };
        match moment {
            Ok(moment) => {
                past.shown = Some(moment.number);
                past.history = moment.history;
                past.failure = None;
                if self.timeline.is_replay() {
                    self.judge_past(&moment.world);
                }
                self.show_world(moment.world);
                self.rewind_log(true);
            }
            Err(failure) => past.failure = Some(failure),
        }
    }

    /// Brings the log back to the moment that is shown: its lines have their times. Where
    /// somebody reads elsewhere in it, that stays unless it must not.
    pub(super) fn rewind_log(&mut self, must: bool) {
        let is_past = self.timeline.past.is_some() && !self.timeline.is_replay();
        if is_past && (must || self.details.log.follows()) {
            let (at, fold) = (self.now(), self.log_frame().fold);
            self.details.log.show_until(at, fold);
        }
    }

    pub(super) fn on_before(&mut self, before: Before) {
        self.timeline.prepend(before.frames);
        for (id, history) in before.histories {
            self.histories.entry(id).or_default().prepend(history);
        }
    }

    pub(super) fn on_advice(&mut self, id: &ContainerId, advice: Result<Advice, Failure>) {
        if self.details.of.as_ref() != Some(id) {
            return;
        }
        self.details.advice = advice.map_or_else(Pending::Failed, Pending::Ready);
        if let Some((_, has_come)) = &mut self.details.advised {
            *has_come = true;
        }
    }

    /// Asks what the selected container's limits are worth, while one looks at that, and
    /// again from time to time: there is more history then.
    pub(super) fn advise(&mut self) {
        if self.details.tab != Tab::Advice || self.timeline.track().is_empty() {
            return;
        }
        let is_due = match self.details.advised {
            None => true,
            // All of a recording is there from the beginning.
            Some((at, has_come)) => {
                has_come && !self.timeline.is_replay() && self.clock >= at + ADVICE
            }
        };
        let Some(row) = self.selected_container().filter(|_| is_due) else {
            return;
        };
        let inquiry = Inquiry {
            id: row.container.id.clone(),
            limits: row.container.config.limits.clone(),
            source: self.timeline.source(),
            recording: self.timeline.recording.clone(),
        };
        self.details.advised = Some((self.clock, false));
        self.effects.push(Effect::Advise(Box::new(inquiry)));
    }

    /// Keeps what is read of the past in step with what is wanted and selected.
    pub(super) fn seek(&mut self) {
        if self.timeline.past.is_none() {
            return;
        }
        let of = self
            .selected_container()
            .map(|row| row.container.id.clone());
        if let Some(seek) = self.timeline.seek(of.as_ref()) {
            self.effects.push(Effect::Seek(seek));
        }
    }
}
