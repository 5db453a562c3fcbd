//! Numbers and byte strings as a frame's payload holds them.

use super::Corrupt;

/// Appends a number, seven bits a byte, lowest first.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends the step from one number to another: small ones take one byte either way.
pub fn put_step(out: &mut Vec<u8>, from: u64, to: u64) {
    let step = to.wrapping_sub(from) as i64;
    put_number(out, ((step << 1) ^ (step >> 63)) as u64);
}

/// Appends bytes after their length.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes a payload apart; whatever is not there is a [`Corrupt`].
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn number(&mut self) -> Result<u64, Corrupt> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Corrupt("it ends too early"))?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Corrupt("a number has no end"))
    }

    /// A number that counts things which take at least a byte each.
    pub fn count(&mut self) -> Result<usize, Corrupt> {
        let count = self.number()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.0.len())
            .ok_or(Corrupt("a count is too large"))
    }

    pub fn step(&mut self, from: u64) -> Result<u64, Corrupt> {
        let coded = self.number()?;
        let step = (coded >> 1) as i64 ^ -((coded & 1) as i64);
        Ok(from.wrapping_add(step as u64))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.count()?;
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_steps_come_back() {
        let numbers = [0, 1, 127, 128, 300, u64::MAX, 5, u64::MAX - 1, 0];
        let mut out = Vec::new();
        let mut last = 0;
        for number in numbers {
            put_number(&mut out, number);
            put_step(&mut out, last, number);
            last = number;
        }
        let mut reader = Reader(&out);
        let mut last = 0;
        for number in numbers {
            assert_eq!(reader.number().unwrap(), number);
            last = reader.step(last).unwrap();
            assert_eq!(last, number);
        }
        assert!(reader.number().is_err());
    }

    #[test]
    fn lengths_beyond_the_end_are_refused() {
        assert!(Reader(&[200, 1, 0]).bytes().is_err());
        assert!(Reader(&[0xff; 12]).number().is_err());
    }
}
