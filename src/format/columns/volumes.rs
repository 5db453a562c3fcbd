//! The columns of a volume, declared once: the volumes screen and its sort menu are made
//! from [`VOLUMES`].

use jiff::Timestamp;

use super::{
    Key,
    list::{self, ListColumn, Listed, figure, number, text},
};
use crate::{
    format::{Glyphs, duration, text::sanitize, volume as words},
    model::{Volume, VolumeSize, World},
};

/// Columns of volumes.
#[derive(Debug)]
pub enum OfVolumes {}

impl Listed for OfVolumes {
    type Item<'a> = VolumeItem<'a>;
}

/// One column.
pub type VolumeColumn = ListColumn<OfVolumes>;

/// What a column is asked about.
#[derive(Clone, Copy, Debug)]
pub struct VolumeItem<'a> {
    /// The volume.
    pub volume: &'a Volume,
    /// Who else there is.
    pub world: &'a World,
    /// Which signs may be used.
    pub glyphs: Glyphs,
}

impl<'a> VolumeItem<'a> {
    /// A volume of a world.
    pub fn new(volume: &'a Volume, world: &'a World) -> Self {
        Self {
            volume,
            world,
            glyphs: Glyphs::Unicode,
        }
    }

    /// How many containers use it, running or not.
    pub fn users(&self) -> usize {
        self.world.users(&self.volume.name).count()
    }

    /// What was measured of it, and whether that holds still.
    pub fn size(&self) -> Option<VolumeSize> {
        let size = self.volume.size?;
        Some(VolumeSize {
            is_current: size.is_current && !self.world.is_written(self.volume),
            ..size
        })
    }

    /// How old the figure of its size is.
    pub fn measured(&self) -> String {
        match &self.size() {
            None => "never".to_owned(),
            Some(size) if size.is_current => "up to date".to_owned(),
            Some(size) => {
                let age = duration::between(size.at, self.world.at);
                format!("{} ago", duration::short(age))
            }
        }
    }

    fn created(&self) -> Option<Timestamp> {
        Some(self.volume.created).filter(|at| *at > Timestamp::UNIX_EPOCH)
    }
}

/// The column that is called so.
pub fn find(id: &str) -> Option<&'static VolumeColumn> {
    list::find(VOLUMES, id)
}

/// All of them.
pub const VOLUMES: &[VolumeColumn] = &[
    ListColumn {
        cell: |item| sanitize(words::name(item.volume)).into_owned(),
        key: |item| Key::Text(item.volume.name.clone()),
        ..text("name", "NAME", 12, 9)
    },
    ListColumn {
        cell: |item| match item.volume.anonymous {
            true => "anonymous".to_owned(),
            false => "named".to_owned(),
        },
        key: |item| Key::Text(if item.volume.anonymous { "b" } else { "a" }.to_owned()),
        ..text("kind", "KIND", 9, 5)
    },
    ListColumn {
        cell: |item| match &item.volume.size {
            Some(size) => crate::format::bytes::decimal(size.bytes),
            None => "?".to_owned(),
        },
        key: |item| {
            item.volume
                .size
                .map_or(Key::Unknown, |size| number(size.bytes))
        },
        ..figure("size", "SIZE", 8, 8)
    },
    ListColumn {
        cell: |item| item.measured(),
        key: |item| match &item.volume.size {
            Some(size) => Key::Number(size.at.as_second() as f64),
            None => Key::Unknown,
        },
        is_largest_first: true,
        ..text("measured", "MEASURED", 10, 6)
    },
    ListColumn {
        cell: |item| match item.users() {
            0 => "-".to_owned(),
            users => users.to_string(),
        },
        key: |item| number(item.users() as u64),
        ..figure("users", "USED BY", 7, 7)
    },
    ListColumn {
        cell: |item| match item.created() {
            Some(at) => duration::ago(at, item.world.at),
            None => item.glyphs.unknown().to_owned(),
        },
        key: |item| match item.created() {
            Some(at) => Key::Number(at.as_second() as f64),
            None => Key::Unknown,
        },
        is_largest_first: true,
        ..text("created", "CREATED", 14, 4)
    },
    ListColumn {
        cell: |item| sanitize(&item.volume.driver).into_owned(),
        key: |item| Key::Text(item.volume.driver.clone()),
        ..text("driver", "DRIVER", 6, 3)
    },
    ListColumn {
        cell: |item| words::pairs(&item.volume.labels, " "),
        key: |item| Key::Number(item.volume.labels.len() as f64),
        ..text("labels", "LABELS", 16, 2)
    },
    ListColumn {
        cell: |item| sanitize(&item.volume.mountpoint.to_string_lossy()).into_owned(),
        key: |item| Key::Text(item.volume.mountpoint.to_string_lossy().into_owned()),
        ..text("mountpoint", "MOUNTPOINT", 30, 1)
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_every_column_has_a_key_and_an_old_size_tells_its_age() {
        let volume = Volume {
            name: "da\u{1b}ta".into(),
            driver: "local".into(),
            created: Timestamp::from_second(100).unwrap(),
            labels: [("a".to_owned(), "b".to_owned())].into(),
            options: Default::default(),
            anonymous: false,
            mountpoint: "/srv/data".into(),
            size: Some(VolumeSize {
                bytes: 1_500_000,
                files: 3,
                at: Timestamp::from_second(100).unwrap(),
                took_ms: 1,
                is_current: false,
            }),
        };
        let world = World {
            at: Timestamp::from_second(400).unwrap(),
            ..World::default()
        };
        let item = VolumeItem::new(&volume, &world);
        for (n, column) in VOLUMES.iter().enumerate() {
            assert!(VOLUMES[..n].iter().all(|other| other.id != column.id));
            let cell = (column.cell)(&item);
            assert!(
                !cell.is_empty() && !cell.contains('\u{1b}'),
                "{}",
                column.id
            );
            assert_ne!((column.key)(&item), Key::Unknown, "{}", column.id);
        }
        assert_eq!(item.measured(), "5m00s ago");
    }
}
