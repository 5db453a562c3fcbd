//! Images from outside: leases, partial blobs, positions of layers, what a loss of power takes.

use std::{fs, path::PathBuf, thread};

use oci_spec::image::MediaType;
use sha2::{Digest as _, Sha256};

use super::{
    super::{ingest::Arrival, layout::oci_digest, lease::Unfinished},
    *,
};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

struct Outside {
    directory: tempfile::TempDir,
    store: ImageStore,
}

fn digest(content: &[u8]) -> Digest {
    Digest::from_sha256(&Sha256::digest(content).into())
}

fn tar(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_mode(0o644);
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_data(&mut header, name, &b"hi"[..]).unwrap();
    builder.into_inner().unwrap()
}

impl Outside {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        Self { directory, store }
    }

    fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join(path));
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Config and manifest of an image of these layers, as a docker registry has it.
    fn documents(&self, lease: &Lease, layers: &[Vec<u8>]) -> Descriptor {
        let diff_ids: Vec<_> = layers.iter().map(|l| digest(l).to_string()).collect();
        let config = serde_json::json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        })
        .to_string();
        let config_digest = self.store.put_blob(lease, config.as_bytes()).unwrap();
        let blobs: Vec<_> = layers
            .iter()
            .map(|layer| {
                serde_json::json!({
                    "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
                    "size": layer.len(), "digest": digest(layer).to_string(),
                })
            })
            .collect();
        // Spaces that a parser would not keep: the digest is of these bytes.
        let manifest = format!(
            "{{  \"schemaVersion\": 2, \"mediaType\": \"{DOCKER}\", \"config\": {}, \"layers\": {}  }}",
            serde_json::json!({
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(), "digest": config_digest.to_string(),
            }),
            serde_json::json!(blobs),
        );
        let digest = self.store.put_blob(lease, manifest.as_bytes()).unwrap();
        Descriptor::new(
            MediaType::Other(DOCKER.to_owned()),
            manifest.len() as u64,
            oci_digest(&digest),
        )
    }

    fn bring(&self, lease: &Lease, layer: &[u8], position: Position) -> Result<()> {
        let id = digest(layer);
        if let Some(mut blob) = self.store.ingest(lease, &id, layer.len() as u64)? {
            blob.restart()?;
            blob.append(layer)?;
            blob.commit()?;
        }
        let file = self.store.open_blob(&id)?;
        self.store
            .unpack_layer(lease, &id, position, file, &mut |_| {})
    }
}

fn open(directory: &std::path::Path) -> ImageStore {
    ImageStore::open(&directory.join("images"), &directory.join("layers")).unwrap()
}

fn assembly(manifest: Descriptor, name: &str) -> Assembly {
    Assembly {
        manifest,
        names: vec![Reference::parse(name).unwrap()],
        index: None,
        is_published: true,
    }
}

#[test]
fn image_from_outside_keeps_its_manifest_and_is_found_by_every_digest() {
    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    let layers = [tar("low"), tar("high")];
    o.bring(&lease, &layers[0], Position::Lowest).unwrap();
    o.bring(&lease, &layers[1], Position::Above).unwrap();
    let manifest = o.documents(&lease, &layers);
    let index = o.store.put_blob(&lease, b"{\"manifests\":[]}").unwrap();
    let assembly = Assembly {
        index: Some(index.clone()),
        ..assembly(manifest.clone(), "reg:5000/app:1")
    };
    let ids = o.store.assemble(lease, &[assembly]).unwrap();
    let own = digest_of(&manifest).unwrap();
    for name in [
        "reg:5000/app:1".to_owned(),
        format!("reg:5000/app@{index}"),
        format!("reg:5000/app@{own}"),
        format!("reg:5000/app:1@{own}"),
    ] {
        assert_eq!(o.store.resolve(&name).unwrap().id, ids[0], "{name}");
    }
    assert!(o.store.resolve(&format!("other@{index}")).is_err());
    let image = &o.store.list().unwrap()[0];
    assert_eq!(image.repo_digests, [format!("reg:5000/app@{index}")]);
    assert_eq!((&image.manifest, image.layers.len()), (&own, 2));
    assert_eq!(o.names("images/ingest"), Vec::<String>::new());
    // A collection keeps the index too, and the last name takes all with it.
    o.store.tag("reg:5000/app:1", "b").unwrap();
    o.store.remove("b", false, &|_| Vec::new()).unwrap();
    assert!(o.store.has_blob(&index));
    o.store
        .remove("reg:5000/app:1", false, &|_| Vec::new())
        .unwrap();
    assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
    assert_eq!(o.names("layers"), Vec::<String>::new());
}

#[test]
fn what_a_dead_writer_left_is_gone_on_with() {
    let o = Outside::new();
    let content = vec![7; 100_000];
    let id = digest(&content);
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    let mut blob = o.store.ingest(&lease, &id, 100_000).unwrap().unwrap();
    blob.append(&content[..60_000]).unwrap();
    // As if killed: nothing is dropped in order, the locks go by themselves.
    drop(blob);
    drop(lease);
    o.store.sweep().unwrap();
    assert_eq!(o.names("images/ingest"), [id.hex()]);
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    let mut blob = o.store.ingest(&lease, &id, 100_000).unwrap().unwrap();
    assert_eq!(blob.written(), 60_000);
    let mut before = Vec::new();
    blob.reader().unwrap().read_to_end(&mut before).unwrap();
    assert_eq!(before, content[..60_000]);
    assert!(blob.append(&[7; 50_000]).is_err(), "too long");
    blob.append(&content[60_000..]).unwrap();
    blob.commit().unwrap();
    assert!(o.store.has_blob(&id));
    // Its pull fails: the blob waits among the partial ones, whole.
    drop(lease);
    assert!(!o.store.has_blob(&id));
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let blob = o.store.ingest(&lease, &id, 100_000).unwrap().unwrap();
    assert_eq!(blob.written(), 100_000);
    blob.commit().unwrap();
    drop(lease);
    assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
    assert_eq!(o.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn one_process_writes_and_the_others_wait_for_the_blob() {
    let o = Outside::new();
    let content = b"content".as_slice();
    let id = digest(content);
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    let mut blob = o.store.ingest(&lease, &id, 7).unwrap().unwrap();
    blob.append(b"con").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let store = open(o.directory.path());
            let lease = store.lease(Unfinished::Resume).unwrap();
            assert!(matches!(
                store.try_ingest(&lease, &id, 7).unwrap(),
                Arrival::Busy { written: 3.. } | Arrival::Present
            ));
            let ours = store.ingest(&lease, &id, 7).unwrap();
            assert!(ours.is_none(), "it came without us");
            // Its lease keeps the blob when the writer's ends.
            lease
        });
        blob.append(b"tent").unwrap();
        while !waiting.is_finished() && o.names("images/ingest").len() < 3 {
            thread::yield_now();
        }
        blob.commit().unwrap();
        let other = waiting.join().unwrap();
        drop(lease);
        assert!(o.store.has_blob(&id));
        drop(other);
        assert!(!o.store.has_blob(&id));
    });
}

#[test]
fn lease_of_a_living_process_keeps_what_no_image_names() {
    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let layer = tar("file");
    o.bring(&lease, &layer, Position::Lowest).unwrap();
    o.store.collect().unwrap();
    o.store.sweep().unwrap();
    assert!(o.store.has_blob(&digest(&layer)));
    assert_eq!(o.names("layers"), [digest(&layer).hex()]);
    drop(lease);
    assert_eq!(o.names("layers"), Vec::<String>::new());
    assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
    assert_eq!(o.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn whatever_is_not_what_its_digest_says_is_refused() {
    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let mut blob = o.store.ingest(&lease, &digest(b"a"), 1).unwrap().unwrap();
    blob.append(b"b").unwrap();
    assert!(matches!(
        blob.commit().unwrap_err(),
        Error::BlobDigest { .. }
    ));
    assert!(!o.store.has_blob(&digest(b"a")));
    assert_eq!(o.names("images/ingest").len(), 1, "only the lease");

    let (layer, other) = (tar("file"), digest(b"other"));
    let error = o.store.unpack_layer(
        &lease,
        &other,
        Position::Lowest,
        layer.as_slice(),
        &mut |_| {},
    );
    assert!(matches!(error.unwrap_err(), Error::LayerDigest { .. }));
    assert_eq!(o.names("layers"), Vec::<String>::new());

    // A manifest whose layer is not here, and one with more than any image has.
    let manifest = o.documents(&lease, std::slice::from_ref(&layer));
    let error = o
        .store
        .assemble(lease, &[assembly(manifest, "a")])
        .unwrap_err();
    assert!(matches!(error, Error::MissingBlob { .. }), "{error}");
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let manifest = o.documents(&lease, &vec![layer; 10_000]);
    let error = o
        .store
        .assemble(lease, &[assembly(manifest, "a")])
        .unwrap_err();
    assert!(error.to_string().contains("10000 layers"), "{error}");
    assert_eq!(o.store.list().unwrap(), []);
    assert_eq!(o.names("images/blobs/sha256"), Vec::<String>::new());
}

/// A tar of some files, each with two bytes.
fn tar_of(names: &[&str]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in names {
        let mut header = tar::Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &b"hi"[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

#[test]
fn layer_that_is_lowest_in_one_image_hides_what_is_below_it_in_another() {
    use std::os::unix::fs::FileTypeExt;

    let o = Outside::new();
    let (base, marked) = (tar_of(&["gone", "kept"]), tar_of(&[".wh.gone", "new"]));
    let is_whiteout = |tree: &std::path::Path| {
        let metadata = fs::symlink_metadata(tree.join("gone"));
        metadata.is_ok_and(|metadata| metadata.file_type().is_char_device())
    };
    for lowest_first in [true, false] {
        let lease = o.store.lease(Unfinished::Discard).unwrap();
        let mut positions = [Position::Lowest, Position::Above];
        if !lowest_first {
            positions.reverse();
        }
        for position in positions {
            o.bring(&lease, &marked, position).unwrap();
            assert!(o.store.layers.has(&digest(&marked), position).unwrap());
        }
        o.bring(&lease, &base, Position::Lowest).unwrap();
        let lower = |layers: &[&[u8]]| {
            let layers: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
            o.store.layers.overlay(&layers, "".into(), "".into()).lower
        };
        // Topmost first.
        let stacked = lower(&[&base, &marked]);
        assert!(is_whiteout(&stacked[0]), "{lowest_first}");
        assert!(stacked[0].join("new").exists());
        let alone = lower(&[&marked]);
        assert!(!is_whiteout(&alone[0]) && alone[0].join("new").exists());
        // What it holds is told with its marks.
        let contents = o.store.layers.contents(&digest(&marked)).unwrap();
        let gone = contents.find(b"gone").unwrap().unwrap();
        let kind = contents.entry(gone).unwrap().kind;
        assert_eq!(kind, crate::model::FileKind::Whiteout);
        assert_eq!(o.store.layers.find_damage(&digest(&marked)).unwrap(), None);
        drop(lease);
        assert_eq!(o.names("layers"), Vec::<String>::new());
    }
}

#[test]
fn layer_of_a_builder_lies_lowest_without_its_marks() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let adopt = |name: &str, position| {
        let upper = o.directory.path().join("upper");
        fs::create_dir(&upper).unwrap();
        fs::write(upper.join(name), "hi").unwrap();
        let gone = upper.join("gone");
        mknodat(CWD, &gone, FileType::CharacterDevice, Mode::empty(), 0).unwrap();
        let adopted = o.store.adopt_layer(&lease, position, &upper, &|_| false);
        adopted.unwrap().diff_id
    };
    let has = |layer: &Digest, position| o.store.layers.has(layer, position).unwrap();
    let above = adopt("a", Position::Above);
    assert!(has(&above, Position::Above) && !has(&above, Position::Lowest));
    let lowest = adopt("b", Position::Lowest);
    assert!(has(&lowest, Position::Above) && has(&lowest, Position::Lowest));
    let overlay = (o.store.layers).overlay(std::slice::from_ref(&lowest), "".into(), "".into());
    assert!(overlay.lower[0].join("b").exists());
    assert!(fs::symlink_metadata(overlay.lower[0].join("gone")).is_err());
}

#[test]
fn layer_that_is_listed_twice_lies_where_it_is_highest() {
    let [a, b, c] = [b"a", b"b", b"c"].map(|text| digest(text));
    let of = |layers: &[&Digest]| {
        let layers: Vec<_> = layers.iter().map(|&layer| layer.clone()).collect();
        Position::of(&layers)
    };
    use Position::{Above, Lowest};
    assert_eq!(of(&[]), []);
    assert_eq!(of(&[&a, &b, &c]), [Lowest, Above, Above]);
    assert_eq!(of(&[&a, &b, &a]), [Above, Lowest, Above]);
    assert_eq!(of(&[&a, &a]), [Lowest, Lowest]);
}

/// Names an image as a pull does, and makes it look as if that had been before a boot.
fn pull_before_boot(o: &Outside, layers: &[Vec<u8>]) -> PathBuf {
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    for (layer, position) in layers.iter().zip([Position::Lowest, Position::Above]) {
        o.bring(&lease, layer, position).unwrap();
    }
    let manifest = o.documents(&lease, layers);
    let assembly = assembly(manifest, "a");
    o.store.assemble_unsynced(lease, &assembly).unwrap();
    let notes = o.names("images/unsynced");
    assert_eq!(notes.len(), 1);
    let note = o.directory.path().join("images/unsynced").join(&notes[0]);
    let text = fs::read_to_string(&note).unwrap();
    let lines = text.lines().skip(1).map(|line| format!("{line}\n"));
    let text = format!("resume of-another-boot\n{}", lines.collect::<String>());
    fs::write(&note, text).unwrap();
    note
}

#[test]
fn what_a_loss_of_power_took_of_a_layer_is_unpacked_again() {
    let o = Outside::new();
    let layers = [tar("low"), tar("high")];
    let note = pull_before_boot(&o, &layers);
    let file = o.store.layers.path(&digest(&layers[0])).join("low");
    fs::write(&file, "").unwrap();
    let record = o
        .directory
        .path()
        .join("layers")
        .join(digest(&layers[1]).hex());
    fs::write(record.join("layer.json"), "").unwrap();
    o.store.settle().unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"hi");
    assert_eq!(o.store.resolve("a").unwrap().layers.len(), 2);
    assert!(o.store.verify(&[], &mut |_| {}).unwrap().damaged.is_empty());
    assert!(!note.exists());
    assert_eq!(o.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn image_whose_blob_a_loss_of_power_took_is_damaged_until_it_is_pulled_again() {
    let o = Outside::new();
    let layers = [tar("low"), tar("high")];
    pull_before_boot(&o, &layers);
    let blob = o.store.layout.blob(&digest(&layers[1]));
    fs::write(&blob, vec![0; layers[1].len()]).unwrap();
    o.store.settle().unwrap();
    let error = o.store.resolve("a").unwrap_err();
    assert!(matches!(error, Error::MissingLayer { .. }), "{error}");
    assert!(!blob.exists());
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    o.bring(&lease, &layers[1], Position::Above).unwrap();
    drop(lease);
    assert_eq!(o.store.resolve("a").unwrap().layers.len(), 2);
}

#[test]
fn lease_of_another_boot_is_looked_at_as_well() {
    let o = Outside::new();
    let layers = [tar("low"), tar("high")];
    let note = pull_before_boot(&o, &layers);
    // The note's own place was lost with the power.
    let name = note.file_name().unwrap();
    fs::rename(&note, o.store.layout.ingest().join(name)).unwrap();
    let file = o.store.layers.path(&digest(&layers[0])).join("low");
    fs::write(&file, "").unwrap();
    o.store.settle().unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"hi");
    assert_eq!(o.names("images/ingest"), Vec::<String>::new());
}

#[test]
fn sync_of_everything_takes_the_notes_of_this_boot() {
    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    let layers = [tar("low")];
    o.bring(&lease, &layers[0], Position::Lowest).unwrap();
    let manifest = o.documents(&lease, &layers);
    o.store
        .assemble_unsynced(lease, &assembly(manifest, "a"))
        .unwrap();
    o.store.settle().unwrap();
    assert_eq!(o.names("images/unsynced").len(), 1);
    o.store.sync().unwrap();
    assert_eq!(o.names("images/unsynced"), Vec::<String>::new());
}

/// The parts of a tar that other tools pack one by one: each entry, and the end.
fn parts(tar: &[u8]) -> Vec<&[u8]> {
    let (entries, end) = tar.split_at(tar.len() - 1024);
    entries.chunks(1024).chain([end]).collect()
}

#[test]
fn zstd_chunked_layer_is_read_as_an_ordinary_one() {
    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let tar = tar_of(&["a", "b", "c"]);
    let skipped = |content: &[u8]| {
        let length = (content.len() as u32).to_le_bytes();
        [&[0x50, 0x2a, 0x4d, 0x18][..], &length, content].concat()
    };
    // A frame for each entry, then the table of contents and a footer that says where
    // it is, in frames that readers skip (containers/storage, pkg/chunked).
    let frames = parts(&tar);
    let frames = frames
        .iter()
        .map(|part| zstd::bulk::compress(part, 3).unwrap());
    let mut packed: Vec<u8> = frames.flatten().collect();
    let toc = br#"{"version":1,"entries":[{"type":"reg","name":"a","size":2}]}"#;
    packed.extend(skipped(&zstd::bulk::compress(toc, 3).unwrap()));
    packed.extend(skipped(b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0GNUlInUx"));
    for position in [Position::Lowest, Position::Above] {
        let unpacked = o.store.unpack_layer(
            &lease,
            &digest(&tar),
            position,
            packed.as_slice(),
            &mut |_| {},
        );
        unpacked.unwrap();
    }
    let files = o.store.layers.path(&digest(&tar));
    assert_eq!(fs::read(files.join("c")).unwrap(), b"hi");
    // Cut in the middle of a frame it is no layer.
    let other = digest(b"other");
    let error = o.store.unpack_layer(
        &lease,
        &other,
        Position::Lowest,
        &packed[..packed.len() / 3],
        &mut |_| {},
    );
    assert!(error.is_err());
}

#[test]
fn estargz_layer_is_read_as_an_ordinary_one() {
    use std::io::Write;

    use flate2::{Compression, GzBuilder, write::GzEncoder};

    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Discard).unwrap();
    let tar = tar_of(&["a", "b", ".no.prefetch.landmark", "stargz.index.json"]);
    let mut packed = Vec::new();
    for part in parts(&tar) {
        let mut member = GzEncoder::new(Vec::new(), Compression::best());
        member.write_all(part).unwrap();
        packed.extend(member.finish().unwrap());
    }
    // The footer: an empty member whose extra field says where the table begins
    // (stargz-snapshotter, docs/estargz.md).
    let extra = b"SG\x16\x00000000000000000aSTARGZ".to_vec();
    let footer = GzBuilder::new().extra(extra);
    packed.extend(
        footer
            .write(Vec::new(), Compression::none())
            .finish()
            .unwrap(),
    );
    let unpacked = o.store.unpack_layer(
        &lease,
        &digest(&tar),
        Position::Lowest,
        packed.as_slice(),
        &mut |_| {},
    );
    unpacked.unwrap();
    let files = o.store.layers.path(&digest(&tar));
    assert_eq!(fs::read(files.join("b")).unwrap(), b"hi");
    // As with docker, the table is a file like any other: the diff-id says so.
    assert!(files.join("stargz.index.json").exists());
}

#[test]
fn partial_blobs_go_after_a_day() {
    let o = Outside::new();
    let lease = o.store.lease(Unfinished::Resume).unwrap();
    for content in ["old", "new", "written"] {
        let blob = o.store.ingest(&lease, &digest(content.as_bytes()), 9);
        let mut blob = blob.unwrap().unwrap();
        blob.append(b"part").unwrap();
        let path: PathBuf = o.store.layout.ingest();
        let file = fs::File::open(path.join(digest(content.as_bytes()).hex())).unwrap();
        if content != "new" {
            let day = std::time::Duration::from_secs(25 * 60 * 60);
            file.set_modified(std::time::SystemTime::now() - day)
                .unwrap();
        }
        if content == "written" {
            o.store.sweep().unwrap();
            let names = o.names("images/ingest");
            assert!(names.contains(&digest(b"written").hex().to_owned()), "held");
        }
    }
    drop(lease);
    assert_eq!(o.names("images/ingest").len(), 1);
    assert_eq!(o.store.clear_ingest(true).unwrap(), 4);
    assert_eq!(o.names("images/ingest"), Vec::<String>::new());
}
