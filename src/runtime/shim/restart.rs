//! When a container is started again by itself: docker's rules, without I/O.

use std::time::Duration;

use crate::model::RestartPolicy;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(60);
/// A run this long counts as a success: the next wait is short again.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// How long the next wait is: doubled with each run that ended soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The wait before a restart, after a run of this length.
    pub fn after(&mut self, run: Duration) -> Duration {
        let next = match self.last {
            Some(last) if run < GOOD_RUN => (last * 2).min(LONGEST),
            _ => FIRST,
        };
        self.last = Some(next);
        next
    }
}

/// Whether an exit leads to a restart. `code` is `None` where nobody could see it, which
/// counts as a failure; `stopped` is the user's wish.
pub fn restarts(policy: RestartPolicy, code: Option<i32>, restarts: u32, stopped: bool) -> bool {
    if stopped {
        return false;
    }
    match policy {
        RestartPolicy::No => false,
        RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
        RestartPolicy::OnFailure { max_retries } => {
            code != Some(0) && (max_retries == 0 || restarts < max_retries)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_doubles_to_a_minute_and_begins_anew_after_a_good_run() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..12)
            .map(|_| backoff.after(Duration::ZERO).as_millis())
            .collect();
        assert_eq!(waits[..4], [100, 200, 400, 800]);
        assert_eq!(waits[10..], [60_000, 60_000]);
        assert_eq!(backoff.after(GOOD_RUN), FIRST);
        assert_eq!(backoff.after(Duration::ZERO), FIRST * 2);
    }

    #[test]
    fn policies_are_dockers() {
        use RestartPolicy::*;
        let on_failure = |max_retries| OnFailure { max_retries };
        for (policy, code, count, expected) in [
            (No, Some(1), 0, false),
            (Always, Some(0), 99, true),
            (UnlessStopped, Some(0), 99, true),
            (on_failure(0), Some(0), 0, false),
            (on_failure(0), Some(1), 99, true),
            (on_failure(3), Some(1), 2, true),
            (on_failure(3), Some(1), 3, false),
            (on_failure(3), None, 0, true),
        ] {
            assert_eq!(restarts(policy, code, count, false), expected, "{policy}");
            assert!(!restarts(policy, code, count, true));
        }
    }
}
