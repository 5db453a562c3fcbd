//! Pulls and pushes that were begun here: how each goes, whichever screen is shown.

use std::time::Duration;

use super::{Failure, Pending};
use crate::model::{Direction, Transfer};

/// Transfers that ended are kept, but no more than these.
const KEPT: usize = 50;
/// Time over which speed is told.
const SPAN: Duration = Duration::from_secs(3);

/// All of them, the newest first.
#[derive(Debug, Default)]
pub struct Transfers {
    /// Them.
    pub list: Vec<Underway>,
    last: u64,
}

/// One of them.
#[derive(Debug)]
pub struct Underway {
    /// Its number.
    pub number: u64,
    /// Which way it goes.
    pub direction: Direction,
    /// The image, as it was asked for.
    pub reference: String,
    /// The last picture of it.
    pub picture: Option<Transfer>,
    /// Whether it ended, and how.
    pub end: Pending<()>,
    /// Since when, by the dashboard's clock.
    pub since: Duration,
    /// Until when.
    pub until: Option<Duration>,
    /// Its number in the log of what was done.
    pub deed: u64,
    /// Bytes that were moved at some times, the oldest first.
    moved: Vec<(Duration, u64)>,
}

impl Transfers {
    /// Notes a new one; its number.
    pub fn begin(
        &mut self,
        direction: Direction,
        reference: String,
        deed: u64,
        clock: Duration,
    ) -> u64 {
        self.last += 1;
        let begun = Underway {
            number: self.last,
            direction,
            reference,
            picture: None,
            end: Pending::Loading,
            since: clock,
            until: None,
            deed,
            moved: Vec::new(),
        };
        self.list.insert(0, begun);
        while self.list.len() > KEPT
            && let Some(oldest) = self.list.iter().rposition(Underway::is_over)
        {
            self.list.remove(oldest);
        }
        self.last
    }

    /// One of them.
    pub fn find(&mut self, number: u64) -> Option<&mut Underway> {
        self.list.iter_mut().find(|one| one.number == number)
    }

    /// Those that go on.
    pub fn going(&self) -> impl Iterator<Item = &Underway> {
        self.list.iter().filter(|one| !one.is_over())
    }

    /// Bytes moved and bytes in all of those that go on.
    pub fn total(&self) -> (u64, u64) {
        let totals = self.going().filter_map(|one| one.picture.as_ref());
        totals
            .map(Transfer::total)
            .fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
    }

    /// Forgets those that ended.
    pub fn forget_ended(&mut self) {
        self.list.retain(|one| !one.is_over());
    }
}

impl Underway {
    /// Whether it ended.
    pub fn is_over(&self) -> bool {
        !matches!(self.end, Pending::Loading)
    }

    /// A new picture of it.
    pub fn show(&mut self, picture: Transfer, clock: Duration) {
        let (moved, _) = picture.total();
        self.moved.push((clock, moved));
        while self.moved.len() > 2 && self.moved[1].0 + SPAN < clock {
            self.moved.remove(0);
        }
        self.picture = Some(picture);
    }

    /// It ended.
    pub fn end(&mut self, result: Result<(), Failure>, clock: Duration) {
        self.until = Some(clock);
        self.end = result.map_or_else(Pending::Failed, Pending::Ready);
    }

    /// Share of its bytes that are moved, once it is known how many there are.
    pub fn share(&self) -> Option<f64> {
        let (moved, total) = self.picture.as_ref()?.total();
        (total > 0).then(|| moved as f64 / total as f64)
    }

    /// Bytes a second over the last seconds.
    pub fn speed(&self) -> Option<f64> {
        let ((from, before), (to, now)) = (self.moved.first()?, self.moved.last()?);
        let secs = to.saturating_sub(*from).as_secs_f64();
        (secs > 0.2 && !self.is_over()).then(|| now.saturating_sub(*before) as f64 / secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, LayerState, LayerTransfer, Phase};

    fn picture(moved_bytes: u64) -> Transfer {
        Transfer {
            id: 1,
            direction: Direction::Pull,
            reference: "a".into(),
            phase: Phase::Moving,
            layers: vec![LayerTransfer {
                digest: Digest::from_sha256(&[1; 32]),
                state: LayerState::Moving,
                moved_bytes,
                total_bytes: 1000,
            }],
            outcome: None,
        }
    }

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let mut transfers = Transfers::default();
        let at = Duration::from_secs;
        let number = transfers.begin(Direction::Pull, "a".into(), 1, at(0));
        let one = transfers.find(number).unwrap();
        assert_eq!(one.speed(), None);
        for (second, moved) in [
            (0, 0),
            (1, 900),
            (2, 900),
            (3, 900),
            (4, 900),
            (5, 950),
            (6, 1000),
        ] {
            one.show(picture(moved), at(second));
        }
        assert_eq!(one.share(), Some(1.0));
        assert_eq!(one.speed().map(f64::round), Some(25.0));
        assert_eq!(transfers.total(), (1000, 1000));
    }

    #[test]
    fn those_that_ended_are_forgotten_and_those_that_go_on_never() {
        let mut transfers = Transfers::default();
        for n in 0..60 {
            transfers.begin(Direction::Push, n.to_string(), n, Duration::ZERO);
        }
        assert_eq!(transfers.list.len(), 60);
        for one in transfers.list.iter_mut().skip(1) {
            one.end(Ok(()), Duration::ZERO);
        }
        transfers.begin(Direction::Push, "new".into(), 1, Duration::ZERO);
        assert_eq!(transfers.list.len(), KEPT);
        transfers.forget_ended();
        assert_eq!(transfers.list.len(), 2);
    }
}
