//! The task that asks the engine for pictures: one a second, of what is on screen, the
//! newest only. A picture that nobody took before the next is lost, not queued.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, Interval, MissedTickBehavior, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::Failure;
use crate::{
    engine::Engine,
    model::{Visible, World},
};

/// The second picture with figures comes earlier: rates need two, and people look at once.
const FIRST_INTERVAL: Duration = Duration::from_millis(300);
/// No two pictures come closer than this: over less time, rates are noise.
const LEAST: Duration = Duration::from_millis(150);

/// A picture, or why there is none.
pub type Picture = Option<Result<Arc<World>, Failure>>;

/// The ends of the collector that the loop holds.
#[derive(Debug)]
pub struct Collector {
    /// The newest picture.
    pub picture: watch::Receiver<Picture>,
    visible: watch::Sender<Visible>,
    pace: watch::Sender<Duration>,
    refresh: Arc<Notify>,
}

impl Collector {
    /// Says what is on screen from now on.
    pub fn show(&self, visible: Visible) {
        self.visible.send_replace(visible);
    }

    /// Says how much time lies between two pictures from now on.
    pub fn pace(&self, interval: Duration) {
        self.pace.send_replace(interval);
    }

    /// Asks for a picture as soon as one makes sense.
    pub fn refresh(&self) {
        self.refresh.notify_one();
    }
}

/// The collector and its task, which ends with `stop`.
pub fn collector(
    engine: Arc<dyn Engine>,
    visible: Visible,
    interval: Duration,
    stop: CancellationToken,
) -> (Collector, impl Future<Output = ()> + Send + 'static) {
    let (pictures, picture) = watch::channel(None);
    let (visible, mut shown) = watch::channel(visible);
    let (pace, mut paced) = watch::channel(interval);
    let refresh = Arc::new(Notify::new());
    let asked = Arc::clone(&refresh);
    let task = async move {
        let mut ticks = rhythm(interval);
        let mut last: Option<Instant> = None;
        // The first picture tells what is there, without figures: to open all counters
        // takes as long again, and follows at once.
        let mut is_first = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
                () = asked.notified() => {}
                changed = shown.changed() => if changed.is_err() { break },
                changed = paced.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    ticks = rhythm(*paced.borrow_and_update());
                }
            }
            if let Some(last) = last {
                sleep_until(last + LEAST).await;
            }
            let mut visible = *shown.borrow_and_update();
            visible.stats &= !is_first;
            let world = tokio::select! {
                () = stop.cancelled() => break,
                world = engine.world(visible) => world.map_err(Failure::from),
            };
            if is_first {
                ticks.reset_immediately();
            } else {
                if last.is_none() {
                    ticks.reset_after(FIRST_INTERVAL.min(ticks.period()));
                }
                last = Some(Instant::now());
            }
            is_first = false;
            pictures.send_replace(Some(world));
        }
    };
    let collector = Collector {
        picture,
        visible,
        pace,
        refresh,
    };
    (collector, task)
}

fn rhythm(interval: Duration) -> Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::Fake;

    #[tokio::test(start_paused = true)]
    async fn pictures_come_each_second_and_a_slow_reader_gets_the_newest() {
        let engine = Arc::new(Fake::full());
        let stop = CancellationToken::new();
        let visible = Visible {
            stats: true,
            images: false,
        };
        let (mut collector, task) =
            collector(engine, visible, Duration::from_secs(1), stop.clone());
        let task = tokio::spawn(task);
        tokio::time::sleep(Duration::from_millis(10)).await;
        let generation = |picture: &Picture| match picture {
            Some(Ok(world)) => world.generation,
            other => panic!("{other:?}"),
        };
        // The one without figures, and the first with them.
        assert_eq!(generation(&collector.picture.borrow_and_update()), 2);
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert_eq!(generation(&collector.picture.borrow_and_update()), 5);
        collector.refresh();
        collector.picture.changed().await.unwrap();
        assert_eq!(generation(&collector.picture.borrow_and_update()), 6);
        collector.pace(Duration::from_millis(250));
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(generation(&collector.picture.borrow_and_update()) >= 10);
        stop.cancel();
        task.await.unwrap();
    }
}
