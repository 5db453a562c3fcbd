//! Images: references, the store, archives in and out, and starter images made from this host.
//!
//! The store is an OCI image layout that any OCI tool can read:
//!
//! ```text
//! images/oci-layout, index.json        the layout; one descriptor for each name
//! images/list.json                     what that comes to, while it is the same
//! images/blobs/sha256/<hex>            manifests, configs, layers as they were given
//! images/ingest/<hex>                  a blob on its way in; locked by its single writer
//! images/ingest/lease-<random>         what a pull or load under way keeps; locked by it
//! images/ingest/layer-<hex>            locked by whoever unpacks that layer
//! images/unsynced/lease-<random>       what a pull named that may not be on the disk yet
//! images/lock                          shared: use an image; exclusive: change names, remove
//! images/.tmp-<random>/                a change under way; locked by whoever makes it
//! ```
//!
//! A name stands in the annotation `org.opencontainers.image.ref.name` in its familiar
//! form with its tag, such as `debian:12` or `localhost:5000/app:v1`, so that
//! `skopeo inspect oci:DIR:debian:12` and `umoci unpack --image DIR:debian:12` find it.
//! The full form stands beside it in `io.containerd.image.name`. Names with `__`, or tags
//! that end in a separator, are valid here but not in the grammar of that annotation:
//! other tools see such images but can't address them by name. An image without a name
//! has a descriptor without these annotations.
//!
//! Whatever makes or brings an image takes a [`Lease`], puts blobs and layers in place
//! under it, and names the image by [`ImageStore::assemble`]. What comes in pieces (a
//! pull, a load) writes each blob by [`ImageStore::ingest`] and unpacks each layer by
//! [`ImageStore::unpack_layer`]. Any number of processes may do so at once, and
//! share what they bring. Manifests are kept byte by byte under their own media types, so
//! that digests stay true.
//!
//! `index.json` is replaced last, and first by a removal. So whatever dies when, the index
//! only ever names what is complete, and the lease of the dead tells
//! [`ImageStore::sweep`] to look for what nothing names. What is named is on the disk; only
//! a pull may leave that to the kernel, see [`ImageStore::settle`].

mod assemble;
mod build;
mod commit;
mod compression;
mod config;
mod error;
mod host;
mod import;
mod index;
mod ingest;
mod layout;
mod lease;
mod listing;
mod load;
mod prune;
mod pull;
mod push;
mod reference;
pub mod registry;
mod remove;
mod save;
mod settle;
mod shared_cache;
mod stack;
mod store;
mod transfer;
mod verify;

pub use assemble::{Assembly, LONGEST_DOCUMENT, MOST_LAYERS};
pub use build::{Base, Cached, PackedLayer};
pub use commit::Commit;
pub use error::{Error, Result};
pub use host::HostError;
pub use ingest::{Arrival, Ingest};
pub use lease::{Lease, Unfinished};
pub use reference::{Reference, ReferenceError, registry_host};
pub use store::{ImageStore, ResolvedImage, SharedLock};
pub use transfer::Board;
