//! glibc's cache of libraries, `/etc/ld.so.cache`: which path a library's name means.
//! Layout: `struct cache_file_new` in glibc's sysdeps/generic/dl-cache.h.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;

/// The file's content; empty where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct LoaderCache(Vec<u8>);

impl LoaderCache {
    pub(super) fn read() -> Self {
        // Its absence is normal: musl has none.
        let content = std::fs::read("/etc/ld.so.cache").unwrap_or_default();
        Self(content)
    }

    /// Paths of libraries of that name, best first. Variants for better processors are
    /// left out: the image shall run on any.
    pub(super) fn paths(&self, name: &[u8]) -> Vec<PathBuf> {
        // An older table may come first.
        let start = self.0.windows(MAGIC.len()).position(|part| part == MAGIC);
        let Some(cache) = start.map(|start| &self.0[start..]) else {
            return Vec::new();
        };
        let number = |at: usize| {
            let bytes = cache.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_ne_bytes(bytes) as usize)
        };
        let text = |at: usize| {
            let text = cache.get(at..)?;
            Some(&text[..text.iter().position(|byte| *byte == 0)?])
        };
        let count = number(MAGIC.len()).unwrap_or(0);
        let entries = (0..count).map_while(|index| {
            let at = HEADER + index * ENTRY;
            let hwcap = cache.get(at + 16..at + ENTRY)?;
            let (key, value) = (text(number(at + 4)?)?, text(number(at + 8)?)?);
            Some((key, value, hwcap.iter().all(|byte| *byte == 0)))
        });
        entries
            .filter(|(key, _, any_processor)| *key == name && *any_processor)
            .map(|(_, path, _)| Path::new(OsStr::from_bytes(path)).to_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: u32, value: u32, hwcap: u64) -> Vec<u8> {
        let flags_and_version = 0_u32.to_ne_bytes();
        let parts = [key.to_ne_bytes(), value.to_ne_bytes(), flags_and_version];
        [
            &flags_and_version[..],
            &parts.concat(),
            &hwcap.to_ne_bytes(),
        ]
        .concat()
    }

    #[test]
    fn plain_variant_of_a_library_is_found() {
        let mut cache = [MAGIC, &2_u32.to_ne_bytes()].concat();
        cache.resize(HEADER, 0);
        let strings = (HEADER + 2 * ENTRY) as u32;
        cache.extend(entry(strings, strings + 5, 1 << 62));
        cache.extend(entry(strings, strings + 12, 0));
        cache.extend(b"a.so\0/v3/a\0\0/lib/a.so\0");
        let old_table_before = [b"ld.so-1.7.0\0", cache.as_slice()].concat();
        for content in [cache, old_table_before] {
            let paths = LoaderCache(content).paths(b"a.so");
            assert_eq!(paths, [Path::new("/lib/a.so")]);
        }
        assert!(LoaderCache(MAGIC.to_vec()).paths(b"a.so").is_empty());
    }
}
