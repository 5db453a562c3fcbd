//! A recording, or one picture, as others read it.

mod csv;
mod json;
mod openmetrics;

use std::{io, time::Duration};

use jiff::Timestamp;

pub use self::{csv::csv, json::json, openmetrics::openmetrics};
use super::{Decoder, Encoder, Error, Player, Result, Source};
use crate::model::World;

/// What is exported: frames of a source, by their time.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// Where they come from.
    pub source: Source,
    /// None before this time.
    pub since: Option<Timestamp>,
    /// None from this time on.
    pub until: Option<Timestamp>,
    /// Whether times are told; one picture of now needs none.
    pub has_times: bool,
}

impl Excerpt {
    /// The one picture of now.
    pub fn of(world: &World) -> Result<Self> {
        let frame = Encoder::new(Duration::from_secs(1))
            .encode(world, Duration::ZERO)
            .map_err(Error::Output)?;
        Ok(Self {
            source: Source::Memory {
                first: 0,
                frames: [frame.into()].into(),
            },
            since: None,
            until: None,
            has_times: false,
        })
    }

    /// How many frames are in it.
    pub fn len(&self) -> usize {
        self.numbers().count()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.numbers().next().is_none()
    }

    /// Shows each picture in turn.
    pub fn each(&self, mut show: impl FnMut(&Decoder) -> io::Result<()>) -> Result<()> {
        let mut player = Player::default();
        for number in self.numbers() {
            let mut shown = Ok(());
            player.seek(&self.source, number, number, |decoder, _| {
                shown = show(decoder);
            })?;
            shown.map_err(Error::Output)?;
        }
        Ok(())
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        (self.source.first()..self.source.end()).filter(|number| {
            self.source.at(*number).is_some_and(|at| {
                self.since.is_none_or(|since| at >= since)
                    && self.until.is_none_or(|until| at < until)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{FIGURES, Ring, sample};
    use super::*;
    use crate::model::{Container, ContainerConfig};

    fn excerpt(seconds: u64) -> Excerpt {
        let mut ring = Ring::new(Duration::from_secs(1));
        for n in 0..seconds {
            ring.push(&sample::world(n, 3), Duration::from_secs(n));
        }
        Excerpt {
            source: ring.source(),
            since: None,
            until: None,
            has_times: true,
        }
    }

    fn hostile() -> Excerpt {
        let mut world = sample::world(1, 1);
        let container = Container {
            name: "a\"b\\c,\n\r\u{1b}[2J".into(),
            config: ContainerConfig {
                image: "x,\"y\"".into(),
                ..ContainerConfig::default()
            },
            ..(*world.containers[0].container).clone()
        };
        world.containers[0].container = Arc::new(container);
        Excerpt::of(&world).unwrap()
    }

    fn text(export: fn(&Excerpt, &mut dyn io::Write) -> Result<()>, excerpt: &Excerpt) -> String {
        let mut out = Vec::new();
        export(excerpt, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_array_with_a_line_for_each_picture() {
        let all = text(json, &excerpt(4));
        assert_eq!(all.lines().count(), 6);
        let value: serde_json::Value = serde_json::from_str(&all).unwrap();
        let pictures = value.as_array().unwrap();
        assert_eq!(pictures.len(), 4);
        let row = &pictures[3]["containers"][0];
        assert_eq!(row["name"], "web-0");
        assert_eq!(row["usage"]["cpu_cores"], 0.03);
        assert_eq!(row["limits"]["cpu_millis"], 500);
        assert_eq!(
            pictures[3]["containers"][2]["usage"],
            serde_json::Value::Null
        );
        assert!(!all.contains("secret"), "no environment leaves");
        let none = Excerpt {
            until: Some(Timestamp::UNIX_EPOCH),
            ..excerpt(2)
        };
        assert_eq!(text(json, &none), "[\n]\n");
    }

    #[test]
    fn csv_is_that_of_rfc_4180() {
        let all = text(csv, &hostile());
        assert!(
            all.split_inclusive("\r\n")
                .next()
                .unwrap()
                .starts_with("time,id,name,")
        );
        let mut reader = ::csv::Reader::from_reader(all.as_bytes());
        assert_eq!(reader.headers().unwrap().len(), 8 + FIGURES.len());
        let rows: Vec<_> = reader.records().map(std::result::Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(&rows[0][2], "a\"b\\c,\n\r\u{1b}[2J");
        assert_eq!(&rows[0][3], "x,\"y\"");
        assert_eq!(text(csv, &excerpt(5)).matches("\r\n").count(), 1 + 5 * 3);
    }

    #[test]
    fn openmetrics_groups_by_family_and_never_goes_back() {
        let all = text(openmetrics, &excerpt(3));
        assert!(all.ends_with("# EOF\n"));
        let kills: Vec<_> = all
            .lines()
            .filter(|l| l.contains("web-0") && l.contains("oom"))
            .collect();
        assert_eq!(kills.len(), 3);
        assert!(
            kills[0].starts_with("wharf_container_oom_kills_total{"),
            "{}",
            kills[0]
        );
        assert!(kills[0].ends_with("} 0 1790000000.000"), "{}", kills[0]);
        for line in all.lines().filter(|line| line.starts_with("# TYPE")) {
            assert_eq!(all.matches(line).count(), 1);
        }
    }

    #[test]
    fn openmetrics_labels_are_escaped_and_one_picture_has_no_times() {
        let all = text(openmetrics, &hostile());
        let line = all
            .lines()
            .find(|line| line.contains("memory_bytes{"))
            .unwrap();
        assert!(
            line.contains(
                r#"name="a\"b\\c,\n\ufffd\ufffd[2J""#.replace("\\ufffd", "\u{fffd}").as_str()
            ),
            "{line}"
        );
        assert!(line.ends_with("} 105906176"), "{line}");
    }
}
