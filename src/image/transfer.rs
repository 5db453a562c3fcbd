//! The board of a transfer: workers write on it how far they are, whoever shows it takes
//! pictures of it.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::model::{
    Digest, Direction, LayerState, LayerTransfer, Phase, Transfer, TransferOutcome,
};

/// How a transfer is going.
#[derive(Debug)]
pub struct Board {
    id: u64,
    direction: Direction,
    reference: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    layers: Vec<Row>,
    outcome: Option<TransferOutcome>,
}

#[derive(Clone, Debug)]
struct Row {
    digest: Digest,
    total: u64,
    state: LayerState,
    moved: Arc<AtomicU64>,
}

impl Board {
    /// An empty one.
    pub fn new(direction: Direction, reference: impl Into<String>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            direction,
            reference: reference.into(),
            state: Mutex::new(State {
                phase: Phase::Resolving,
                layers: Vec::new(),
                outcome: None,
            }),
        }
    }

    /// A picture of it.
    pub fn picture(&self) -> Transfer {
        let state = self.state();
        let layer = |row: &Row| LayerTransfer {
            digest: row.digest.clone(),
            state: row.state,
            moved_bytes: row.moved.load(Ordering::Relaxed).min(row.total),
            total_bytes: row.total,
        };
        Transfer {
            id: self.id,
            direction: self.direction,
            reference: self.reference.clone(),
            phase: state.phase,
            layers: state.layers.iter().map(layer).collect(),
            outcome: state.outcome.clone(),
        }
    }

    /// Says what it is at now.
    pub(super) fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// Says what is to be moved: digests and sizes, lowest first.
    pub(super) fn list<'a>(&self, layers: impl IntoIterator<Item = (&'a Digest, u64)>) {
        let row = |(digest, total): (&Digest, u64)| Row {
            digest: digest.clone(),
            total,
            state: LayerState::Waiting,
            moved: Arc::default(),
        };
        self.state().layers = layers.into_iter().map(row).collect();
    }

    /// Says what the layers of a blob are at.
    pub(super) fn set(&self, digest: &Digest, to: LayerState) {
        for row in &mut self.state().layers {
            if row.digest == *digest {
                row.state = to;
                if to.is_over() {
                    row.moved.store(row.total, Ordering::Relaxed);
                }
            }
        }
    }

    /// Where the moved bytes of a blob are counted. Every row of it has the same counter.
    pub(super) fn counter(&self, digest: &Digest) -> Arc<AtomicU64> {
        let counter = Arc::<AtomicU64>::default();
        for row in &mut self.state().layers {
            if row.digest == *digest {
                row.moved = counter.clone();
            }
        }
        counter
    }

    /// Says how it ended.
    pub(super) fn finish(&self, outcome: TransferOutcome) {
        let mut state = self.state();
        state.phase = Phase::Done;
        state.outcome = Some(outcome);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_is_listed_twice_moves_in_both_rows() {
        let board = Board::new(Direction::Pull, "debian:12");
        let digests = [1, 2].map(|byte| Digest::from_sha256(&[byte; 32]));
        board.list([(&digests[0], 10), (&digests[1], 5), (&digests[0], 10)]);
        board.counter(&digests[0]).fetch_add(7, Ordering::Relaxed);
        board.set(&digests[0], LayerState::Moving);
        let picture = board.picture();
        let moved: Vec<_> = picture
            .layers
            .iter()
            .map(|layer| layer.moved_bytes)
            .collect();
        assert_eq!(moved, [7, 0, 7]);
        assert_eq!(picture.total(), (14, 25));
        board.set(&digests[1], LayerState::Present);
        assert_eq!(board.picture().total(), (14, 20));
        assert_ne!(
            board.picture().id,
            Board::new(Direction::Pull, "x").picture().id
        );
    }
}
