//! Docker's `Status` text, to the letter.

use jiff::Timestamp;

use super::duration;
use crate::model::{Container, HealthStatus, State};

/// What docker's STATUS column says of a container: `Up 3 minutes (Paused)`,
/// `Exited (137) 5 minutes ago`. An exit code that nobody could see is `(?)`.
pub fn status(container: &Container, now: Timestamp) -> String {
    let up = || {
        container
            .started
            .map(|at| duration::words_between(at, now))
            .unwrap_or_else(|| duration::words(std::time::Duration::ZERO))
    };
    match container.state {
        State::Running => match &container.health {
            None => format!("Up {}", up()),
            Some(health) => match health.status {
                HealthStatus::Starting => format!("Up {} (health: starting)", up()),
                status => format!("Up {} ({status})", up()),
            },
        },
        State::Paused => format!("Up {} (Paused)", up()),
        State::Restarting => ended("Restarting", container, now),
        State::Removing => "Removal In Progress".into(),
        State::Dead => "Dead".into(),
        State::Created => "Created".into(),
        State::Exited => ended("Exited", container, now),
    }
}

fn ended(word: &str, container: &Container, now: Timestamp) -> String {
    let Some(exit) = container.exit else {
        return format!("{word} (?)");
    };
    let ago = duration::words_between(exit.at, now);
    match exit.code {
        Some(code) => format!("{word} ({code}) {ago} ago"),
        None => format!("{word} (?) {ago} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{format::columns::sample, model::Exit};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn running_and_paused_tell_how_long() {
        let mut web = sample::container("web", State::Running);
        web.started = Some(at(0));
        assert_eq!(status(&web, at(200)), "Up 3 minutes");
        for (status_, shown) in [
            (HealthStatus::Starting, "Up 3 minutes (health: starting)"),
            (HealthStatus::Healthy, "Up 3 minutes (healthy)"),
            (HealthStatus::Unhealthy, "Up 3 minutes (unhealthy)"),
        ] {
            web.health = Some(crate::model::Health {
                status: status_,
                ..Default::default()
            });
            assert_eq!(status(&web, at(200)), shown);
        }
        web.state = State::Paused;
        assert_eq!(status(&web, at(200)), "Up 3 minutes (Paused)");
    }

    #[test]
    fn exit_tells_its_code_or_that_nobody_saw_it() {
        let mut job = sample::container("job", State::Exited);
        job.exit = Some(Exit {
            code: Some(137),
            at: at(0),
            oom_killed: true,
        });
        assert_eq!(status(&job, at(301)), "Exited (137) 5 minutes ago");
        job.exit.as_mut().unwrap().code = None;
        assert_eq!(status(&job, at(301)), "Exited (?) 5 minutes ago");
        job.state = State::Restarting;
        assert_eq!(status(&job, at(1)), "Restarting (?) 1 second ago");
        job.exit = None;
        job.state = State::Exited;
        assert_eq!(status(&job, at(1)), "Exited (?)");
    }

    #[test]
    fn states_without_a_time_are_one_word() {
        let mut new = sample::container("new", State::Created);
        assert_eq!(status(&new, at(9)), "Created");
        new.state = State::Dead;
        assert_eq!(status(&new, at(9)), "Dead");
    }
}
