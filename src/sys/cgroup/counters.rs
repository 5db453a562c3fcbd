//! Parsers of the counter files: over bytes, without allocation, tolerant of lines they
//! don't know. Each takes the whole text of a file.

/// The number at the start of a text; `None` if there is none, as in `max`.
pub fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, _) = text.split_at(digits);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// The value of a key in a file of `key value` lines.
pub fn value(text: &[u8], key: &[u8]) -> Option<u64> {
    lines(text).find_map(|line| after(line, key))
}

/// The values of several keys, in one walk.
pub fn values<const N: usize>(text: &[u8], keys: [&[u8]; N]) -> [Option<u64>; N] {
    let mut found = [None; N];
    let mut missing = N;
    for line in lines(text) {
        for (slot, key) in found.iter_mut().zip(keys) {
            if slot.is_none()
                && let Some(value) = after(line, key)
            {
                *slot = Some(value);
                missing -= 1;
                break;
            }
        }
        if missing == 0 {
            break;
        }
    }
    found
}

/// Bytes read and written in a v1 `blkio` file: lines of `8:0 Read 4096`, one of each
/// kind a device, and a total.
pub fn v1_io(text: &[u8]) -> [u64; 2] {
    let mut sums = [0; 2];
    for line in lines(text) {
        let Some(blank) = line.iter().position(|&b| b == b' ') else {
            continue;
        };
        let rest = &line[blank + 1..];
        for (sum, key) in sums.iter_mut().zip([b"Read".as_slice(), b"Write"]) {
            if let Some(value) = after(rest, key) {
                *sum += value;
            }
        }
    }
    sums
}

/// Bytes read and written, reads and writes in v2's `io.stat`: lines of
/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`. Some kernels print a device
/// without keys, or `(unknown)` in its place, or two devices in one line.
pub fn v2_io(text: &[u8]) -> [u64; 4] {
    let mut sums = [0; 4];
    for word in text.split(|b| matches!(b, b' ' | b'\n')) {
        // All four begin with r or w: most words are told apart by their first byte.
        let slot = match word {
            [b'r', b'b', b'y', b't', b'e', b's', b'=', ..] => 0,
            [b'w', b'b', b'y', b't', b'e', b's', b'=', ..] => 1,
            [b'r', b'i', b'o', b's', b'=', ..] => 2,
            [b'w', b'i', b'o', b's', b'=', ..] => 3,
            _ => continue,
        };
        let start = if slot < 2 { 7 } else { 5 };
        sums[slot] += number(&word[start..]).unwrap_or(0);
    }
    sums
}

/// Bytes (or operations) read and written in a v1 `blkio` file, a device each.
pub fn v1_devices(text: &str) -> Vec<(&str, [u64; 2])> {
    let mut found: Vec<(&str, [u64; 2])> = Vec::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let (Some(device), Some(kind), Some(value)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let slot = match kind {
            "Read" => 0,
            "Write" => 1,
            _ => continue,
        };
        let Ok(value) = value.parse::<u64>() else {
            continue;
        };
        if found.last().is_none_or(|(last, _)| *last != device) {
            found.push((device, [0; 2]));
        }
        if let Some((_, sums)) = found.last_mut() {
            sums[slot] += value;
        }
    }
    found
}

/// Bytes read and written, reads and writes in v2's `io.stat`, a device each. Of several
/// devices in one line the last is the one that the figures are of.
pub fn v2_devices(text: &str) -> Vec<(&str, [u64; 4])> {
    let mut found = Vec::new();
    for line in text.lines() {
        let mut device = None;
        let mut figures = None;
        for word in line.split(' ').filter(|word| !word.is_empty()) {
            let Some((key, value)) = word.split_once('=') else {
                device = Some(word);
                continue;
            };
            let keys = ["rbytes", "wbytes", "rios", "wios"];
            if let (Some(n), Ok(value)) = (keys.iter().position(|k| *k == key), value.parse()) {
                figures.get_or_insert([0; 4])[n] = value;
            }
        }
        found.extend(device.zip(figures));
    }
    found
}

/// Total microseconds of `some` and `full` in a file of pressure stall information: lines
/// of `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
pub fn stalls(text: &[u8]) -> [Option<u64>; 2] {
    let mut totals = [None; 2];
    for line in lines(text) {
        let slot = match line {
            [b's', ..] => 0,
            [b'f', ..] => 1,
            _ => continue,
        };
        let total = b"total=";
        let at = line.windows(total.len()).rposition(|word| word == total);
        totals[slot] = at.and_then(|at| number(&line[at + total.len()..]));
    }
    totals
}

/// The number behind `key` and a blank at the start of a line.
fn after(line: &[u8], key: &[u8]) -> Option<u64> {
    match line.strip_prefix(key)? {
        [b' ', value @ ..] => number(value),
        _ => None,
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_keys_are_found() {
        let text = b"oom_kill_disable 0\nunder_oom 0\noom_kill 17\n";
        assert_eq!(value(text, b"oom_kill"), Some(17));
        assert_eq!(value(text, b"oom"), None);
    }

    #[test]
    fn several_keys_are_found_in_any_order() {
        let text = b"anon 1\nfile 2\nkernel 3\ninactive_file 4";
        let keys = [b"inactive_file".as_slice(), b"anon", b"swap"];
        assert_eq!(values(text, keys), [Some(4), Some(1), None]);
    }

    #[test]
    fn no_number_and_an_overlong_one_are_unknown() {
        assert_eq!(number(b"max\n"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"18446744073709551615\n"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616\n"), None);
    }

    #[test]
    fn v1_io_sums_devices_and_leaves_the_total_out() {
        let text = b"8:0 Read 10\n8:0 Write 20\n8:0 Sync 5\n8:0 Total 30\n8:16 Read 1\nTotal 31\n";
        assert_eq!(v1_io(text), [11, 20]);
        assert_eq!(v1_io(b"Total 0\n"), [0, 0]);
        assert_eq!(v1_io(b""), [0, 0]);
        let text = std::str::from_utf8(text).unwrap();
        assert_eq!(v1_devices(text), [("8:0", [10, 20]), ("8:16", [1, 0])]);
    }

    #[test]
    fn stalls_are_the_totals_of_both_lines() {
        let text = b"some avg10=1.00 avg60=0.00 avg300=0.00 total=17\n\
            full avg10=0.00 avg60=0.00 avg300=0.00 total=4\n";
        assert_eq!(stalls(text), [Some(17), Some(4)]);
        assert_eq!(stalls(b"some avg10=1.00\n"), [None, None]);
        assert_eq!(stalls(b""), [None, None]);
    }

    #[test]
    fn v2_io_tolerates_the_lines_that_kernels_print() {
        let text = b"254:0 \n(unknown) rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n\
            7:0 7:1 8:0 rbytes=10 wbytes=20 rios=30 wios=40 dbytes=9 dios=9\n";
        assert_eq!(v2_io(text), [11, 22, 33, 44]);
        let text = std::str::from_utf8(text).unwrap();
        let devices = [("(unknown)", [1, 2, 3, 4]), ("8:0", [10, 20, 30, 40])];
        assert_eq!(v2_devices(text), devices);
    }
}
