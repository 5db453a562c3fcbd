//! Archives as people give them: plain or packed, told by their first bytes. For `ADD`
//! and for contexts that come as a stream.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    os::fd::{AsRawFd, BorrowedFd},
};

/// Bytes of a tar's header.
const HEADER: u64 = 512;

/// A stream, unpacked, whose beginning was looked at.
pub(super) enum Sniffed {
    /// A tar.
    Tar(Box<dyn Read>),
    /// Anything else.
    Other(Box<dyn Read>),
}

/// Looks at what comes, and unpacks it. Only what unpacks to a whole header is a tar:
/// docker looks at no name either.
///
/// # Errors
/// A source that can't be read, or whose packing is broken at once.
pub(super) fn sniff(source: impl Read + 'static) -> io::Result<Sniffed> {
    let mut plain = plain(source)?;
    let mut head = Vec::new();
    plain.by_ref().take(HEADER).read_to_end(&mut head)?;
    let is_tar = is_header(&head);
    let whole = Box::new(Cursor::new(head).chain(plain));
    Ok(match is_tar {
        true => Sniffed::Tar(whole),
        false => Sniffed::Other(whole),
    })
}

/// The tar that a file is, unpacked; none if it is no archive.
///
/// # Errors
/// A file that can't be read.
pub(super) fn tar_of(node: BorrowedFd<'_>) -> io::Result<Option<Box<dyn Read>>> {
    let file = File::open(format!("/proc/self/fd/{}", node.as_raw_fd()))?;
    Ok(match sniff(file) {
        Ok(Sniffed::Tar(tar)) => Some(tar),
        // A file that only begins like something packed is just a file.
        Ok(Sniffed::Other(_)) | Err(_) => None,
    })
}

/// The bytes of a stream, unpacked by its first bytes.
fn plain(source: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut source = BufReader::with_capacity(256 << 10, source);
    let mut magic = Vec::new();
    source.by_ref().take(6).read_to_end(&mut magic)?;
    let is_packed = |with: &[u8]| magic.starts_with(with);
    if is_packed(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(again(
            magic, source,
        ))));
    }
    if is_packed(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(zstd::Decoder::with_buffer(again(magic, source))?));
    }
    if is_packed(b"BZh") {
        return Ok(Box::new(bzip2::bufread::MultiBzDecoder::new(again(
            magic, source,
        ))));
    }
    if is_packed(b"\xfd7zXZ\0") {
        return Ok(Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(
            again(magic, source),
        )));
    }
    Ok(Box::new(again(magic, source)))
}

fn again(head: Vec<u8>, rest: impl BufRead) -> impl BufRead {
    Cursor::new(head).chain(rest)
}

/// Whether a block is a tar's header: its sum is right, whatever dialect it is in. The sum
/// is of all bytes, its own field taken as blanks.
fn is_header(block: &[u8]) -> bool {
    if block.len() as u64 != HEADER || block[0] == 0 {
        return false;
    }
    let field = String::from_utf8_lossy(&block[148..156]);
    let field = field.trim_matches(['\0', ' ']);
    let Ok(sum) = u32::from_str_radix(field, 8) else {
        return false;
    };
    let own: u32 = block[148..156].iter().map(|byte| u32::from(*byte)).sum();
    let all: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    all - own + 8 * u32::from(b' ') == sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append_data(&mut header, "f", &b"x"[..]).unwrap();
        tar.into_inner().unwrap()
    }

    #[test]
    fn a_tar_is_known_however_it_is_packed() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut gzip, &tar()).unwrap();
        let packed = [
            tar(),
            gzip.finish().unwrap(),
            zstd::encode_all(&tar()[..], 1).unwrap(),
        ];
        for bytes in packed {
            let Sniffed::Tar(mut plain) = sniff(Cursor::new(bytes)).unwrap() else {
                panic!("it is a tar");
            };
            let mut whole = Vec::new();
            plain.read_to_end(&mut whole).unwrap();
            assert_eq!(whole, tar());
        }
    }

    #[test]
    fn what_is_no_tar_comes_as_it_is() {
        for text in ["FROM scratch\n", "", &"x".repeat(2000)] {
            let bytes = Cursor::new(text.as_bytes().to_vec());
            let Sniffed::Other(mut plain) = sniff(bytes).unwrap() else {
                panic!("{text:?} is no tar");
            };
            let mut whole = String::new();
            plain.read_to_string(&mut whole).unwrap();
            assert_eq!(whole, text);
        }
        assert!(sniff(Cursor::new(b"\x1f\x8bbroken".to_vec())).is_err());
    }
}
