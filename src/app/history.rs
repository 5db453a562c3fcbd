//! What a container used over the last minutes, for graphs: a bounded ring each.

use std::collections::VecDeque;

use crate::model::Usage;

/// How many points are kept: five minutes at one a second.
pub const CAPACITY: usize = 300;

/// The figures of one second. Unknown is NaN, which no graph draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Cores in use.
    pub cpu: f32,
    /// Bytes of memory.
    pub memory: f32,
    /// Bytes read a second.
    pub read: f32,
    /// Bytes written a second.
    pub write: f32,
    /// Bytes received a second.
    pub net_in: f32,
    /// Bytes sent a second.
    pub net_out: f32,
}

/// The last points of one container, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    points: VecDeque<Point>,
}

impl History {
    /// Adds the figures of a second.
    pub fn push(&mut self, usage: &Usage) {
        if self.points.len() == CAPACITY {
            self.points.pop_front();
        }
        let known = |value: Option<f64>| value.map_or(f32::NAN, |value| value as f32);
        self.points.push_back(Point {
            cpu: known(usage.cpu_cores),
            memory: known(usage.memory_bytes.map(|bytes| bytes as f64)),
            read: known(usage.read_bps),
            write: known(usage.write_bps),
            net_in: known(usage.net_in_bps),
            net_out: known(usage.net_out_bps),
        });
    }

    /// Puts what was before in front, as far as there is room.
    pub fn prepend(&mut self, before: Self) {
        let room = CAPACITY - self.points.len();
        let surplus = before.points.len().saturating_sub(room);
        for point in before.points.into_iter().skip(surplus).rev() {
            self.points.push_front(point);
        }
    }

    /// The last `count` points, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = Point> + '_ {
        self.points.iter().rev().take(count).copied()
    }

    /// Whether nothing was seen yet.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_comes_before_as_far_as_there_is_room() {
        let history = |range: std::ops::Range<usize>| {
            let mut history = History::default();
            for n in range {
                history.push(&Usage {
                    memory_bytes: Some(n as u64),
                    ..Usage::default()
                });
            }
            history
        };
        let mut all = history(250..350);
        all.prepend(history(0..250));
        let points: Vec<f32> = all.newest(CAPACITY).map(|point| point.memory).collect();
        assert_eq!(points.len(), CAPACITY);
        assert_eq!((points[0], points[CAPACITY - 1]), (349.0, 50.0));
    }

    #[test]
    fn old_points_make_room_and_unknown_is_not_zero() {
        let mut history = History::default();
        for n in 0..CAPACITY + 5 {
            history.push(&Usage {
                memory_bytes: Some(n as u64),
                ..Usage::default()
            });
        }
        let newest: Vec<_> = history.newest(2).collect();
        assert_eq!(newest[0].memory, 304.0);
        assert!(newest[0].cpu.is_nan());
        assert_eq!(history.newest(1000).count(), CAPACITY);
    }
}
