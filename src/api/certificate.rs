//! Certificates: who one says that it is of, and an authority of one's own.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::CertificateDer;

/// The files of an authority, of the server and of its first client. Docker's clients look
/// for the last two, and the first, by these names.
const FILES: [&str; 6] = [
    "ca.pem",
    "ca-key.pem",
    "server-cert.pem",
    "server-key.pem",
    "cert.pem",
    "key.pem",
];

/// Makes an authority, a certificate for a server of these names and one for a client, in
/// a directory that holds none of them yet.
pub fn init(directory: &Path, names: &[String]) -> Result<(), String> {
    let about = |error: &dyn std::fmt::Display| format!("{}: {error}", directory.display());
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    made.map_err(|error| about(&error))?;
    if let Some(file) = FILES.iter().find(|file| directory.join(file).exists()) {
        return Err(format!(
            "{}: it exists already: whoever has a certificate of it would be shut out",
            directory.join(file).display()
        ));
    }
    let texts = texts(names).map_err(|error| about(&error))?;
    for (file, text) in FILES.iter().zip(&texts) {
        write(&directory.join(file), text).map_err(|error| about(&error))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The content of each of [`FILES`].
fn texts(names: &[String]) -> Result<[String; 6], rcgen::Error> {
    let named = |params: &mut CertificateParams, name: &str| {
        params.distinguished_name.push(DnType::CommonName, name);
    };
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    named(&mut params, "wharf authority");
    let authority = params.self_signed(&key)?;
    let issuer = Issuer::from_params(&params, &key);

    let server_key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names)?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    named(&mut server, names.first().map_or("wharf", String::as_str));
    let server = server.signed_by(&server_key, &issuer)?;

    let client_key = KeyPair::generate()?;
    let mut client = CertificateParams::default();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    named(&mut client, "client");
    let client = client.signed_by(&client_key, &issuer)?;
    Ok([
        authority.pem(),
        key.serialize_pem(),
        server.pem(),
        server_key.serialize_pem(),
        client.pem(),
        client_key.serialize_pem(),
    ])
}

/// The name of this host, and those of its loopback.
pub fn own_names() -> Vec<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = [name.trim(), "localhost", "127.0.0.1", "::1"];
    let own = own.into_iter().filter(|name| !name.is_empty());
    own.map(str::to_owned).collect()
}

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
    fn authority_server_and_client_are_made_once_and_named() {
        use tokio_rustls::rustls::pki_types::pem::PemObject;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tls");
        init(&path, &["box".into(), "127.0.0.1".into()]).unwrap();
        let of = |file: &str| {
            let certificate = CertificateDer::from_pem_file(path.join(file)).unwrap();
            name(&certificate).unwrap()
        };
        assert_eq!(
            (of("server-cert.pem"), of("cert.pem")),
            ("box".into(), "client".into())
        );
        assert!(init(&path, &[]).unwrap_err().contains("exists already"));
    }

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
