//! Who a certificate says that it is of.

use tokio_rustls::rustls::pki_types::CertificateDer;

/// The object identifier of a common name (2.5.4.3), as DER has it.
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];

/// The common name of a certificate's subject. The issuer's name stands before the
/// subject's in a certificate, so the last one that is found is the subject's; the
/// certificate was verified before, so nothing hostile is read here.
pub fn name(certificate: &CertificateDer<'_>) -> Option<String> {
    let bytes = certificate.as_ref();
    let at = bytes
        .windows(COMMON_NAME.len())
        .rposition(|window| window == COMMON_NAME)?;
    // A tag of a string, a length below 128, and that many bytes.
    let rest = &bytes[at + COMMON_NAME.len()..];
    let [tag, len, text @ ..] = rest else {
        return None;
    };
    let is_text = matches!(tag, 0x0c | 0x13 | 0x14 | 0x16) && *len < 0x80;
    let text = text.get(..usize::from(*len)).filter(|_| is_text)?;
    let name: String = String::from_utf8_lossy(text)
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subject_is_the_last_common_name() {
        let mut bytes = vec![0x30, 0x82];
        for name in ["authority", "ops"] {
            bytes.extend_from_slice(COMMON_NAME);
            bytes.extend_from_slice(&[0x0c, name.len() as u8]);
            bytes.extend_from_slice(name.as_bytes());
        }
        let certificate = CertificateDer::from(bytes);
        assert_eq!(name(&certificate).as_deref(), Some("ops"));
        assert_eq!(name(&CertificateDer::from(vec![0x30])), None);
    }
}
