//! What an ELF file needs to run.

use object::{
    Endianness,
    elf::{self, FileHeader32, FileHeader64},
    read::elf::{Dyn, FileHeader, ProgramHeader},
};

/// What matters here of a program or library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Elf {
    /// The program that loads it; none for a static program or a library.
    pub(super) interpreter: Option<Vec<u8>>,
    /// Libraries by name.
    pub(super) needed: Vec<Vec<u8>>,
    /// Where those are looked for first, unless there is a run path.
    pub(super) rpath: Option<Vec<u8>>,
    /// Where they are looked for.
    pub(super) run_path: Option<Vec<u8>>,
    /// What it runs on.
    pub(super) kind: ElfKind,
}

/// Class, byte order and machine: a program only loads libraries of its own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ElfKind(u8, u8, elf::Machine);

/// Whether the bytes say that they are an ELF file.
pub(super) fn is_elf(content: &[u8]) -> bool {
    content.starts_with(&elf::ELFMAG)
}

/// Reads an ELF file; `None` if it contradicts itself.
pub(super) fn read(content: &[u8]) -> Option<Elf> {
    match content.get(4)? {
        1 => read_class::<FileHeader32<Endianness>>(content),
        2 => read_class::<FileHeader64<Endianness>>(content),
        _ => None,
    }
}

fn read_class<H: FileHeader<Endian = Endianness>>(content: &[u8]) -> Option<Elf> {
    let header = H::parse(content).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, content).ok()?;
    let mut interpreter = None;
    let mut dynamic: &[H::Dyn] = &[];
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, content).ok()? {
            interpreter = Some(path.to_vec());
        }
        if let Some(table) = segment.dynamic(endian, content).ok()? {
            dynamic = table;
        }
    }
    let value = |entry: &H::Dyn| entry.d_val(endian).into();
    let tag = |entry: &H::Dyn| entry.d_tag(endian);
    let find = |wanted: elf::DynamicTag| dynamic.iter().find(|e| tag(e) == wanted).map(value);

    // The table of names is given by its address in memory.
    let names: &[u8] = match find(elf::DT_STRTAB) {
        None => &[],
        Some(address) => segments.iter().find_map(|segment| {
            let is_loaded = segment.p_type(endian) == elf::PT_LOAD;
            let offset = address.checked_sub(segment.p_vaddr(endian).into())?;
            let (start, size) = segment.file_range(endian);
            (is_loaded && offset < size).then(|| {
                let start = usize::try_from(start.checked_add(offset)?).ok()?;
                content.get(start..)
            })?
        })?,
    };
    let name = |offset: u64| -> Option<Vec<u8>> {
        let text = names.get(usize::try_from(offset).ok()?..)?;
        Some(text[..text.iter().position(|byte| *byte == 0)?].to_vec())
    };
    let needed = dynamic
        .iter()
        .take_while(|entry| tag(entry) != elf::DT_NULL)
        .filter(|entry| tag(entry) == elf::DT_NEEDED)
        .map(|entry| name(value(entry)))
        .collect::<Option<Vec<_>>>()?;
    Some(Elf {
        interpreter,
        needed,
        rpath: find(elf::DT_RPATH).and_then(name),
        run_path: find(elf::DT_RUNPATH).and_then(name),
        kind: ElfKind(content[4], content[5], header.e_machine(endian)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn own_executable_can_be_read() {
        let content = std::fs::read("/proc/self/exe").unwrap();
        let own = read(&content).unwrap();
        assert!(is_elf(&content));
        // Tests are static like the binary itself.
        assert_eq!((own.interpreter, own.needed), (None, vec![]));
    }

    proptest! {
        #[test]
        fn damaged_files_are_refused_or_read_but_never_panic(
            at in 0_usize..4096, byte: u8, length in 0_usize..200_000
        ) {
            let mut content = std::fs::read("/usr/bin/env").unwrap();
            content.truncate(length.max(1));
            let at = at % content.len();
            content[at] = byte;
            read(&content);
        }
    }
}
