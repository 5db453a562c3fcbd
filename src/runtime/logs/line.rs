//! One record of a log: written, and read back from bytes that may hold anything.

use jiff::Timestamp;

use crate::model::{LogLine, Stream};

/// Appends one record to `out`. `text` holds no newline; `time` is RFC 3339 in UTC.
pub(super) fn write(out: &mut Vec<u8>, time: &str, stream: Stream, partial: bool, text: &[u8]) {
    out.extend_from_slice(time.as_bytes());
    out.extend_from_slice(match stream {
        Stream::Stdout => b" stdout ",
        Stream::Stderr => b" stderr ",
    });
    out.extend_from_slice(if partial { b"P " } else { b"F " });
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// RFC 3339 with all nine digits, so that times sort as text.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// Reads one record without its newline; `None` for a torn or foreign one.
pub(super) fn parse(record: &[u8]) -> Option<LogLine> {
    let (at, rest) = word(record)?;
    let (stream, rest) = word(rest)?;
    let (tag, text) = word(rest)?;
    Some(LogLine {
        at: std::str::from_utf8(at).ok()?.parse().ok()?,
        stream: match stream {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        },
        // CRI allows further tags after a colon.
        partial: match tag.split(|&b| b == b':').next()? {
            b"F" => false,
            b"P" => true,
            _ => return None,
        },
        text: text.to_vec(),
    })
}

fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&b| b == b' ')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            text in proptest::collection::vec(any::<u8>().prop_filter("newline", |b| *b != b'\n'), 0..300),
            nanos in 0..4_000_000_000_000_000_000_i128,
            partial: bool,
            err: bool,
        ) {
            let stream = if err { Stream::Stderr } else { Stream::Stdout };
            let at = Timestamp::from_nanosecond(nanos).unwrap();
            let mut out = Vec::new();
            write(&mut out, &time(at), stream, partial, &text);
            prop_assert_eq!(out.pop(), Some(b'\n'));
            prop_assert_eq!(parse(&out), Some(LogLine { at, stream, text, partial }));
        }

        #[test]
        fn any_bytes_are_parsed_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn torn_and_foreign_records_are_refused() {
        for bad in [
            &b""[..],
            b"2026-11-23T18:58:02.1Z",
            b"2026-11-23T18:58:02.1Z stdout",
            b"2026-11-23T18:58:02.1Z stdlog F x",
            b"2026-11-23T18:58:02.1Z stdout X x",
            b"yesterday stdout F x",
            b":02.1Z stdout F x",
        ] {
            assert_eq!(parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
