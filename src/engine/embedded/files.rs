//! Looking into images, containers and volumes. What was looked at last stays open, because the
//! next look mostly is at the same.

use std::{
    io,
    time::{Duration, Instant},
};

use async_trait::async_trait;

use super::{Embedded, lock};
use crate::{
    engine::{Files, Result},
    layer::Explorer,
    model::{
        Digest, ExtractRequest, Extracted, FilePage, FilesOf, ImageLayers, Mark, ReadRequest,
        TreePage, TreeRequest,
    },
    runtime::lifecycle::{self, Lifecycle},
};

/// How old a view of a container may be: what it writes is listed anew then.
const FRESH: Duration = Duration::from_secs(2);
/// And how many times as old as listing it took.
const WORTH: u32 = 20;

/// The view that was looked through last.
#[derive(Debug, Default)]
pub(super) struct Kept(Option<(Of, Explorer)>);

#[derive(Debug, PartialEq)]
enum Of {
    Image(Vec<Digest>),
    /// A container or a volume, whose files change.
    Changing {
        of: FilesOf,
        until: Instant,
    },
}

#[async_trait]
impl Files for Embedded {
    async fn image_layers(&self, reference: &str) -> Result<ImageLayers> {
        let owned = reference.to_owned();
        let kept = self.files.clone();
        self.blocking("list the layers of", reference, move |lifecycle| {
            let mut image = lifecycle.images()?.stack(&owned)?;
            let of = FilesOf::Image {
                reference: owned,
                layer: 0,
            };
            let mut kept = lock(&kept);
            look(lifecycle, &mut kept, &of, "list", b"", |explorer, _| {
                let (waste, of_layer) = explorer.waste()?;
                for (n, layer) in image.layers.iter_mut().enumerate() {
                    layer.files = explorer.files_of(n)?;
                    layer.size_bytes = explorer.bytes_of(n)?;
                    layer.wasted_bytes = of_layer.get(n).copied().unwrap_or(0);
                }
                image.waste = waste;
                Ok(())
            })?;
            Ok(image)
        })
        .await
    }

    async fn tree(&self, request: TreeRequest) -> Result<TreePage> {
        let subject = request.of.subject().to_owned();
        let kept = self.files.clone();
        self.blocking("list the files of", &subject, move |lifecycle| {
            let mut kept = lock(&kept);
            let mut page = look(
                lifecycle,
                &mut kept,
                &request.of,
                "list",
                b"",
                |explorer, top| explorer.tree(top, &request),
            )?;
            if let FilesOf::Volume(_) = request.of {
                // There is nothing below it that it could have changed.
                page.rows
                    .iter_mut()
                    .for_each(|row| row.mark = Mark::Unchanged);
            }
            Ok(page)
        })
        .await
    }

    async fn read_file(&self, request: ReadRequest) -> Result<FilePage> {
        let subject = request.of.subject().to_owned();
        let kept = self.files.clone();
        self.blocking("read a file of", &subject, move |lifecycle| {
            let mut kept = lock(&kept);
            let path = &request.path;
            look(
                lifecycle,
                &mut kept,
                &request.of,
                "read",
                path,
                |explorer, top| explorer.read(top, &request),
            )
        })
        .await
    }

    async fn extract(&self, request: ExtractRequest) -> Result<Extracted> {
        let subject = request.of.subject().to_owned();
        self.blocking("extract from", &subject, move |lifecycle| {
            // By a view of its own: a large copy holds up nobody who goes on looking.
            let mut own = Kept::default();
            let path = &request.path;
            look(
                lifecycle,
                &mut own,
                &request.of,
                "copy",
                path,
                |explorer, top| explorer.extract(top, &request),
            )
        })
        .await
    }
}

/// Looks through the view of some files. If a record of what a layer holds turns out to
/// be damaged it is made anew, once.
fn look<T>(
    lifecycle: &Lifecycle,
    kept: &mut Kept,
    of: &FilesOf,
    operation: &'static str,
    path: &[u8],
    mut through: impl FnMut(&Explorer, usize) -> io::Result<T>,
) -> lifecycle::Result<T> {
    let mut is_renewed = false;
    loop {
        let (explorer, top) = open(lifecycle, kept, of)?;
        match through(explorer, top) {
            Ok(value) => return Ok(value),
            Err(error) if error.kind() == io::ErrorKind::InvalidData && !is_renewed => {
                is_renewed = true;
                kept.0 = None;
                lifecycle.renew_contents(&layers(lifecycle, of)?)?;
            }
            Err(source) => {
                return Err(lifecycle::Error::Io {
                    operation,
                    path: format!("/{}", String::from_utf8_lossy(path)).into(),
                    source,
                });
            }
        }
    }
}

fn layers(lifecycle: &Lifecycle, of: &FilesOf) -> lifecycle::Result<Vec<Digest>> {
    match of {
        FilesOf::Image { reference, .. } => Ok(lifecycle.images()?.resolve(reference)?.layers),
        FilesOf::Container(id) => lifecycle.container_layers(id),
        // What it holds is listed anew each time.
        FilesOf::Volume(_) => Ok(Vec::new()),
    }
}

/// The view into some files, and the layer on top of it.
fn open<'a>(
    lifecycle: &Lifecycle,
    kept: &'a mut Kept,
    of: &FilesOf,
) -> lifecycle::Result<(&'a Explorer, usize)> {
    let top = match of {
        FilesOf::Image { reference, layer } => {
            let wanted = Of::Image(lifecycle.images()?.resolve(reference)?.layers);
            if kept.0.as_ref().is_none_or(|(of, _)| *of != wanted)
                && let Of::Image(layers) = &wanted
            {
                let explorer = lifecycle.images()?.explorer(layers)?;
                kept.0 = Some((wanted, explorer));
            }
            *layer
        }
        FilesOf::Container(_) | FilesOf::Volume(_) => {
            let now = Instant::now();
            let is_fresh = matches!(&kept.0, Some((Of::Changing { of: last, until }, _))
                if last == of && now < *until);
            if !is_fresh {
                let explorer = match of {
                    FilesOf::Container(id) => lifecycle.container_files(id)?,
                    FilesOf::Volume(name) => lifecycle.volume_files(name)?,
                    FilesOf::Image { .. } => unreachable!("an image is opened above"),
                };
                let until = Instant::now() + FRESH.max(now.elapsed() * WORTH);
                let of = of.clone();
                kept.0 = Some((Of::Changing { of, until }, explorer));
            }
            usize::MAX
        }
    };
    let (_, explorer) = kept.0.as_ref().expect("it was opened above");
    Ok((explorer, top))
}
