//! The columns of an image, declared once: the images screen, its sort menu and
//! `wharf images` are made from [`IMAGES`].

use jiff::Timestamp;

use super::{
    Key,
    list::{self, ListColumn, Listed, figure, number, text},
};
use crate::{
    format::{Glyphs, bytes, duration, text::sanitize},
    model::Image,
};

/// Columns of images.
#[derive(Debug)]
pub enum OfImages {}

impl Listed for OfImages {
    type Item<'a> = ImageItem<'a>;
}

/// One column.
pub type ImageColumn = ListColumn<OfImages>;

/// What a column is asked about.
#[derive(Clone, Copy, Debug)]
pub struct ImageItem<'a> {
    /// The image.
    pub image: &'a Image,
    /// Its name, or one of several.
    pub name: Option<&'a str>,
    /// How many containers are made from it.
    pub users: usize,
    /// When it was looked at.
    pub now: Timestamp,
    /// Whether ids are told whole.
    pub full: bool,
    /// Which signs may be used.
    pub glyphs: Glyphs,
}

impl<'a> ImageItem<'a> {
    /// An image by its first name.
    pub fn new(image: &'a Image, users: usize, now: Timestamp) -> Self {
        Self {
            image,
            name: image.references.first().map(String::as_str),
            users,
            now,
            full: false,
            glyphs: Glyphs::Unicode,
        }
    }

    /// Its name as docker takes it apart: repository and tag.
    pub fn parts(&self) -> (&'a str, &'a str) {
        match self.name.map(|name| (name, name.rsplit_once(':'))) {
            None => ("<none>", "<none>"),
            // A colon before a slash is a registry's port.
            Some((_, Some((repository, tag)))) if !tag.contains('/') => (repository, tag),
            Some((name, _)) => (name, "<none>"),
        }
    }

    /// Bytes that no other image has.
    pub fn own_bytes(&self) -> u64 {
        self.image
            .size_bytes
            .saturating_sub(self.image.shared_bytes)
    }

    /// How long ago it was made.
    pub fn age(&self) -> Option<String> {
        let age = |at| duration::ago(at, self.now);
        self.image.created.map(age)
    }
}

/// The column that is called so.
pub fn find(id: &str) -> Option<&'static ImageColumn> {
    list::find(IMAGES, id)
}

/// All of them.
pub const IMAGES: &[ImageColumn] = &[
    ImageColumn {
        cell: |item| match (item.name, item.image.references.len()) {
            (None, _) => "no name".to_owned(),
            (Some(name), 0 | 1) => sanitize(name).into_owned(),
            (Some(name), n) => format!("{} +{}", sanitize(name), n - 1),
        },
        key: |item| {
            item.name
                .map_or(Key::Unknown, |name| Key::Text(name.to_owned()))
        },
        ..text("name", "NAME", 12, 9)
    },
    ImageColumn {
        cell: |item| sanitize(item.parts().0).into_owned(),
        key: |item| Key::Text(item.parts().0.to_owned()),
        ..text("repository", "REPOSITORY", 12, 8)
    },
    ImageColumn {
        cell: |item| sanitize(item.parts().1).into_owned(),
        key: |item| Key::Text(item.parts().1.to_owned()),
        ..text("tag", "TAG", 8, 8)
    },
    ImageColumn {
        cell: |item| match item.full {
            true => item.image.id.to_string(),
            false => item.image.id.short().to_owned(),
        },
        key: |item| Key::Text(item.image.id.hex().to_owned()),
        ..text("id", "ID", 12, 5)
    },
    ImageColumn {
        cell: |item| bytes::decimal(item.image.size_bytes),
        key: |item| number(item.image.size_bytes),
        ..figure("size", "SIZE", 8, 8)
    },
    ImageColumn {
        cell: |item| bytes::decimal(item.own_bytes()),
        key: |item| number(item.own_bytes()),
        ..figure("own", "OWN", 8, 6)
    },
    ImageColumn {
        cell: |item| bytes::decimal(item.image.shared_bytes),
        key: |item| number(item.image.shared_bytes),
        ..figure("shared", "SHARED", 8, 4)
    },
    ImageColumn {
        cell: |item| match item.users {
            0 => "-".to_owned(),
            users => users.to_string(),
        },
        key: |item| number(item.users as u64),
        ..figure("in_use", "IN USE", 6, 7)
    },
    ImageColumn {
        cell: |item| item.image.layers.len().to_string(),
        key: |item| number(item.image.layers.len() as u64),
        ..figure("layers", "LAYERS", 6, 2)
    },
    ImageColumn {
        cell: |item| {
            item.age()
                .unwrap_or_else(|| item.glyphs.unknown().to_owned())
        },
        key: |item| match item.image.created {
            Some(at) => Key::Number(at.as_second() as f64),
            None => Key::Unknown,
        },
        ..figure("created", "CREATED", 14, 6)
    },
    ImageColumn {
        cell: |item| sanitize(&item.image.platform).into_owned(),
        key: |item| Key::Text(item.image.platform.clone()),
        ..text("platform", "PLATFORM", 11, 3)
    },
    ImageColumn {
        cell: |item| match item.full {
            true => item.image.manifest.to_string(),
            false => item.image.manifest.short().to_owned(),
        },
        key: |item| Key::Text(item.image.manifest.hex().to_owned()),
        ..text("digest", "DIGEST", 12, 1)
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, ImageDefaults};

    fn image() -> Image {
        Image {
            id: Digest::from_sha256(&[1; 32]),
            manifest: Digest::from_sha256(&[2; 32]),
            references: vec!["host:5000/app:v1".into(), "b".into()],
            repo_digests: Vec::new(),
            created: Some(Timestamp::UNIX_EPOCH),
            size_bytes: 3_000_000,
            shared_bytes: 1_000_000,
            layers: Vec::new(),
            labels: Default::default(),
            platform: "linux/amd64".into(),
            defaults: ImageDefaults::default(),
        }
    }

    #[test]
    fn ids_are_unique_and_every_column_has_text_and_a_key() {
        let image = image();
        for (n, column) in IMAGES.iter().enumerate() {
            assert!(IMAGES[..n].iter().all(|other| other.id != column.id));
            let item = ImageItem::new(&image, 2, Timestamp::UNIX_EPOCH);
            assert!(!(column.cell)(&item).is_empty(), "{}", column.id);
            assert_ne!((column.key)(&item), Key::Unknown, "{}", column.id);
        }
        let own = find("own").expect("it is there");
        let item = ImageItem::new(&image, 0, Timestamp::UNIX_EPOCH);
        assert_eq!((own.cell)(&item), "2MB");
    }

    #[test]
    fn a_port_is_no_tag() {
        let image = image();
        let item = |name| ImageItem {
            name,
            ..ImageItem::new(&image, 0, Timestamp::UNIX_EPOCH)
        };
        assert_eq!(
            item(Some("host:5000/app")).parts(),
            ("host:5000/app", "<none>")
        );
        assert_eq!(
            item(Some("host:5000/app:v1")).parts(),
            ("host:5000/app", "v1")
        );
        assert_eq!(item(None).parts(), ("<none>", "<none>"));
    }
}
