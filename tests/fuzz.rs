//! Bounded fuzzing of everything that reads what comes from outside: references, tar
//! archives, manifests and configs. A fixed run by default; `WHARF_FUZZ_SECONDS` says how
//! long each part goes on instead, with other seeds every time.
//!
//! Nothing may panic, whatever is refused must be the input's fault, and must leave the
//! store as it was.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use wharf::{
    image::{ImageStore, Reference},
    layer::{Archive, Kind, LayerStore, Position},
};

/// A small generator of our own, so that a seed gives the same run everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64* (Vigna, 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// One to four changes of a text: bytes replaced, pieces removed, doubled, joined in
    /// from the others, or words that have a meaning.
    fn mutate(&mut self, corpus: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
        let mut text = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(text.len() + 1);
            let end = (at + self.below(64)).min(text.len());
            match self.below(6) {
                0 if at < text.len() => text[at] = self.next() as u8,
                1 if at < text.len() => text[at] ^= 1 << self.below(8),
                2 => drop(text.drain(at..end)),
                3 => {
                    let piece = text[at..end].to_vec();
                    text.splice(at..at, piece);
                }
                4 => {
                    let other = &corpus[self.below(corpus.len())];
                    let from = self.below(other.len() + 1);
                    let to = (from + self.below(1024)).min(other.len());
                    text.splice(at..at, other[from..to].to_vec());
                }
                _ => {
                    let word = words[self.below(words.len())];
                    let end = (at + word.len()).min(text.len());
                    text.splice(at..end, word.to_vec());
                }
            }
        }
        text
    }
}

/// Runs `attempt` with one seed after another.
fn run(fixed: u64, mut attempt: impl FnMut(&mut Random)) {
    let seconds = std::env::var("WHARF_FUZZ_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|text| text.parse().expect("a number of seconds"));
    let begin = Instant::now();
    let first = match seconds {
        Some(_) => std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
        None => 1,
    };
    let mut seed = first;
    loop {
        let is_over = match seconds {
            Some(seconds) => begin.elapsed() >= Duration::from_secs(seconds),
            None => seed - first >= fixed,
        };
        if is_over {
            break;
        }
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let attempt = std::panic::AssertUnwindSafe(|| attempt(&mut random));
        if let Err(panic) = std::panic::catch_unwind(attempt) {
            eprintln!("that was seed {seed}");
            std::panic::resume_unwind(panic);
        }
        seed += 1;
    }
    println!("{} attempts", seed - first);
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Archives with something of everything: long names, pax records, links, devices, marks.
fn archives() -> Vec<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    let long = "n".repeat(150);
    let entry = |builder: &mut tar::Builder<Vec<u8>>, kind, name: &str, link: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o755);
        header.set_entry_type(kind);
        match link {
            "" => builder.append_data(&mut header, name, &b""[..]).unwrap(),
            link => builder.append_link(&mut header, name, link).unwrap(),
        }
    };
    use tar::EntryType;
    builder
        .append_pax_extensions([
            ("mtime", &b"12.5"[..]),
            ("SCHILY.xattr.user.note", b"x"),
            ("GNU.sparse.size", b"20"),
            ("GNU.sparse.map", b"0,2,10,3"),
            ("uid", b"70000"),
        ])
        .unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    builder
        .append_data(&mut header, "sparse", &b"hello"[..])
        .unwrap();
    entry(&mut builder, EntryType::Directory, "d", "");
    entry(&mut builder, EntryType::Regular, &format!("d/{long}"), "");
    entry(
        &mut builder,
        EntryType::Symlink,
        "d/link",
        &format!("../{long}"),
    );
    entry(&mut builder, EntryType::Link, "hard", "sparse");
    entry(&mut builder, EntryType::Fifo, "fifo", "");
    entry(&mut builder, EntryType::Regular, "d/.wh.gone", "");
    entry(&mut builder, EntryType::Regular, "d/.wh..wh..opq", "");
    let whole = builder.into_inner().unwrap();
    vec![whole, tar(&[("a", b"one"), ("b/c", &[7; 2000])]), tar(&[])]
}

/// Makes the checksums of all headers right again, so that what lies behind them is met.
fn reseal(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

const TAR_WORDS: &[&[u8]] = &[
    b"../",
    b"/",
    b"\0",
    b"77777777777\0",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\0\0\0\0\0\0\0",
    b".wh.",
    b"ustar\x0000",
    b"00000001000\0",
    b"5",
    b"x",
    b"L",
    b"S",
    b"99999 path=x\n",
    b"GNU.sparse.major=1\n",
];

fn mutated_archive(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut archive = random.mutate(corpus, TAR_WORDS);
    if random.below(4) > 0 {
        reseal(&mut archive);
    }
    archive
}

/// Everything below a directory, by name.
fn names(path: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut paths = vec![path.to_owned()];
    while let Some(path) = paths.pop() {
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn references_of_any_text() {
    let corpus: Vec<Vec<u8>> = [
        "debian",
        "debian:12",
        "docker.io/library/debian:latest",
        "localhost:5000/a/b__c:T_1.x-y",
        "[::1]:5000/app:1",
        "index.docker.io/a",
        "HOST/app@sha256:",
        "a.b-c/d---e/f:v1@sha256:",
    ]
    .iter()
    .map(|text| match text.strip_suffix("sha256:") {
        Some(start) => format!("{start}sha256:{}", "0a".repeat(32)).into_bytes(),
        None => text.as_bytes().to_vec(),
    })
    .collect();
    let words: &[&[u8]] = &[
        b":",
        b"/",
        b"@",
        b"__",
        b".",
        b"-",
        b"A",
        b"[",
        b"]",
        b"sha256:",
        "é".as_bytes(),
    ];
    run(20_000, |random| {
        let text = random.mutate(&corpus, words);
        let text = String::from_utf8_lossy(&text);
        if let Ok(reference) = Reference::parse(&text) {
            assert_eq!(
                Reference::parse(&reference.to_string()).as_ref(),
                Ok(&reference)
            );
            // Distribution's short form of a name at Docker Hub may read as another
            // registry's, if its first part looks like a host.
            let short = Reference::parse(&reference.familiar());
            let is_hubs = reference.to_string().starts_with("docker.io/");
            assert!(short.as_ref() == Ok(&reference) || is_hubs, "{text}");
        }
    });
}

#[test]
fn archives_of_any_bytes() {
    let corpus = archives();
    run(3_000, |random| {
        let archive = mutated_archive(random, &corpus);
        let mut reader = Archive::new(archive.as_slice());
        let mut read = 0;
        loop {
            match reader.next() {
                Ok(Some(entry)) => {
                    if let Kind::File { .. } = entry.kind {
                        while let Ok(Some(piece)) = reader.content() {
                            read += piece.len();
                        }
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    assert!(error.is_invalid_input(), "{error:?}");
                    break;
                }
            }
        }
        assert!(read <= archive.len());
    });
}

#[test]
fn layers_of_any_archive() {
    let corpus = archives();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("outside"), "untouched").unwrap();
    let most = 1 << 20;
    let store = LayerStore::open(directory.path().join("layers"))
        .unwrap()
        .with_most_bytes(most);
    let before = names(directory.path());
    run(300, |random| {
        let archive = mutated_archive(random, &corpus);
        match store.unpack(archive.as_slice(), Position::Above, None, &mut |_| {}) {
            Ok(unpacked) => assert!(unpacked.record.size_bytes <= most),
            Err(error) => assert!(error.is_invalid_input(), "{error:?}"),
        }
        // Not kept, so gone again.
        assert_eq!(names(directory.path()), before);
        assert_eq!(
            fs::read(directory.path().join("outside")).unwrap(),
            b"untouched"
        );
    });
}

#[test]
fn manifests_and_configs_of_any_text() {
    let directory = tempfile::tempdir().unwrap();
    let (images, layers) = (
        directory.path().join("images"),
        directory.path().join("layers"),
    );
    let store = ImageStore::open(&images, &layers).unwrap();
    let layer = tar(&[("file", b"content")]);
    let hex = |content: &[u8]| -> String {
        Sha256::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","created":"2026-01-01T00:00:00Z","config":{{"Cmd":["sh"],"Env":["A=1"],"Labels":{{"a":"b"}}}},"rootfs":{{"type":"layers","diff_ids":["sha256:{}"]}},"history":[{{"created_by":"x","empty_layer":false}}]}}"#,
        hex(&layer)
    );
    let docker = r#"[{"Config":"c","RepoTags":["a:1","b/c:2"],"Layers":["l"]}]"#;
    let manifest = |config: &[u8]| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{}","size":{}}}]}}"#,
            hex(config),
            config.len(),
            hex(&layer),
            layer.len()
        )
    };
    let words: &[&[u8]] = &[
        b"null",
        b"[]",
        b"{}",
        b"\"\"",
        b"-1",
        b"1e99",
        b"\"sha256:\"",
        b"99999999999999999999",
        b"\xff",
        b"../",
        b"\\u0000",
        b"[[[[[[[[",
    ];
    run(250, |random| {
        let change = |random: &mut Random, text: &[u8], chance: bool| match chance {
            true => random.mutate(&[text.to_vec()], words),
            false => text.to_vec(),
        };
        let which = random.below(4);
        let config = change(random, config.as_bytes(), which == 0);
        let archive = if random.below(2) == 0 {
            let docker = change(random, docker.as_bytes(), which != 0);
            tar(&[("manifest.json", &docker), ("c", &config), ("l", &layer)])
        } else {
            let manifest = change(random, manifest(&config).as_bytes(), which == 1);
            let index = format!(
                r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"a:1"}}}}]}}"#,
                hex(&manifest),
                manifest.len()
            );
            let index = change(random, index.as_bytes(), which > 1);
            let blob = |content: &[u8]| format!("blobs/sha256/{}", hex(content));
            tar(&[
                ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#),
                ("index.json", &index),
                (&blob(&manifest), &manifest),
                (&blob(&config), &config),
                (&blob(&layer), &layer),
            ])
        };
        match store.load(archive.as_slice(), &mut |_| {}) {
            Ok(loaded) => {
                for image in loaded {
                    // What was taken can be used and goes again.
                    store.resolve(image.id.as_str()).unwrap();
                    store
                        .remove(image.id.as_str(), true, &|_| Vec::new())
                        .unwrap();
                }
            }
            Err(error) => assert!(error.is_invalid_input(), "{error:?}"),
        }
        assert_eq!(store.list().unwrap(), []);
        let left = |path: &str| fs::read_dir(images.join(path)).unwrap().count();
        assert_eq!((left("blobs/sha256"), left("ingest")), (0, 0));
        assert_eq!(fs::read_dir(&layers).unwrap().count(), 0);
    });
}
