//! Extended attributes in extended headers, as star and as libarchive write them.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::archive::Records;

/// Extended attributes, without those that steer overlayfs.
pub(super) fn xattrs(records: &Records) -> Records {
    let mut attributes: Records = Vec::new();
    // Libarchive writes each in two ways; star's, which keeps the bytes, counts.
    for (key, value) in records {
        if let Some(name) = key.strip_prefix(b"LIBARCHIVE.xattr.")
            && let Some(name) = unescaped(name)
            && let Ok(value) = LIBARCHIVE.decode(value)
        {
            keep_xattr(&mut attributes, &name, &value);
        }
    }
    for (key, value) in records {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            keep_xattr(&mut attributes, name, value);
        }
    }
    attributes
}

/// Libarchive's base64: without padding, which some copies of it write nevertheless.
const LIBARCHIVE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Adds an attribute in the place of an earlier one of its name, unless it steers
/// overlayfs.
fn keep_xattr(attributes: &mut Records, name: &[u8], value: &[u8]) {
    let steers = name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.");
    if steers || name.is_empty() || name.contains(&0) {
        return;
    }
    attributes.retain(|(earlier, _)| earlier != name);
    attributes.push((name.to_vec(), value.to_vec()));
}

/// A name in which `%` and two digits stand for a byte.
fn unescaped(name: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                (u8::from_str_radix(digits, 16).ok()?, after)
            }
            (b'%', _) => return None,
            (byte, after) => (byte, after),
        };
        plain.push(byte);
        rest = after;
    }
    Some(plain)
}
