//! Netlink attributes as nf_tables has them: numbers in network byte order, nests marked.

/// `NLA_F_NESTED`
const NESTED: u16 = 0x8000;
const HEADER_BYTES: usize = 4;
/// `NFTA_DATA_VALUE`
const VALUE: u16 = 1;

/// A list of attributes.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    bytes: Vec<u8>,
}

impl Attributes {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = HEADER_BYTES + value.len();
        self.bytes.extend_from_slice(&(length as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    pub(super) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut text = value.as_bytes().to_vec();
        text.push(0);
        self.bytes(kind, &text)
    }

    pub(super) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        fill(&mut inner);
        self.nested_bytes(kind, &inner)
    }

    pub(super) fn nested_bytes(&mut self, kind: u16, inner: &Self) -> &mut Self {
        self.bytes(kind | NESTED, &inner.bytes)
    }

    /// Bytes as keys, masks and values have them (`NFTA_DATA_VALUE`).
    pub(super) fn data(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.nested(kind, |data| {
            data.bytes(VALUE, value);
        })
    }
}

/// The attributes in some bytes, as far as they are whole.
pub(super) fn parse(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.get(..HEADER_BYTES)?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & !NESTED;
        let value = bytes.get(HEADER_BYTES..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number.
pub(super) fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.get(..4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_a_torn_end_ends_it() {
        let mut attributes = Attributes::default();
        attributes.number(1, 7).nested(2, |inner| {
            inner.text(3, "abc");
        });
        let read: Vec<_> = parse(attributes.as_bytes()).collect();
        assert_eq!((read[0].0, number(read[0].1)), (1, Some(7)));
        assert_eq!(parse(read[1].1).next(), Some((3, &b"abc\0"[..])));
        for end in 0..attributes.as_bytes().len() {
            assert!(parse(&attributes.as_bytes()[..end]).count() <= 2);
        }
        assert_eq!(parse(&[0, 0, 1, 0]).count(), 0);
    }
}
