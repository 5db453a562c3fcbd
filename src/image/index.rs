//! Names in the index: pure functions over its descriptors.

use std::collections::HashMap;

use oci_spec::image::{ANNOTATION_REF_NAME, Descriptor};

use super::{layout::digest_of, reference::Reference};
use crate::model::Digest;

/// Where containerd looks for the full name.
pub(super) const FULL_NAME: &str = "io.containerd.image.name";

/// What a registry gives for the name: the digest of the manifest, or of an index for
/// several platforms.
const PUBLISHED: &str = "wharf.published";

/// The name that a descriptor carries.
pub(super) fn name_of(descriptor: &Descriptor) -> Option<&str> {
    let annotations = descriptor.annotations().as_ref()?;
    annotations.get(ANNOTATION_REF_NAME).map(String::as_str)
}

/// A reference as the index has it: short, unless that reads as another registry's, as it
/// does of a name at Docker Hub whose first part looks like a host.
fn written(reference: &Reference) -> String {
    let short = reference.familiar();
    match Reference::parse(&short).is_ok_and(|read| read == *reference) {
        true => short,
        false => reference.to_string(),
    }
}

/// Whether a descriptor carries exactly this name.
pub(super) fn carries(descriptor: &Descriptor, reference: &Reference) -> bool {
    name_of(descriptor).is_some_and(|name| {
        // The second is of another tool, perhaps written in full.
        name == written(reference)
            || Reference::parse(name).is_ok_and(|parsed| parsed == *reference)
    })
}

/// Whether a descriptor is what a reference names.
pub(super) fn is_named(descriptor: &Descriptor, reference: &Reference) -> bool {
    // Where there is a digest, a tag beside it says nothing more.
    let Some(digest) = reference.digest() else {
        return carries(descriptor, reference);
    };
    let is_of = |name: &str| {
        Reference::parse(name).is_ok_and(|parsed| parsed.repository() == reference.repository())
    };
    (digest_of(descriptor).as_ref() == Some(digest)
        || published(descriptor).as_ref() == Some(digest))
        && name_of(descriptor).is_some_and(is_of)
}

/// The digest that a registry gives for a descriptor's name, if one is known to.
pub(super) fn published(descriptor: &Descriptor) -> Option<Digest> {
    let annotations = descriptor.annotations().as_ref()?;
    annotations
        .get(PUBLISHED)
        .and_then(|text| Digest::parse(text))
}

/// Notes what a registry gives for a name.
pub(super) fn publish(
    descriptors: &mut [Descriptor],
    reference: &Reference,
    digest: Option<&Digest>,
) {
    let named = descriptors.iter_mut().find(|d| carries(d, reference));
    if let Some((descriptor, digest)) = named.zip(digest) {
        let mut annotations = descriptor.annotations().clone().unwrap_or_default();
        annotations.insert(PUBLISHED.to_owned(), digest.to_string());
        descriptor.set_annotations(Some(annotations));
    }
}

/// Adds a manifest without a name, unless it is there.
pub(super) fn add(descriptors: &mut Vec<Descriptor>, descriptor: &Descriptor) {
    let is_there = |other: &Descriptor| other.digest() == descriptor.digest();
    if !descriptors.iter().any(is_there) {
        descriptors.push(descriptor.clone());
    }
}

/// Gives the manifest of `descriptor` a name, which is taken from whatever had it.
pub(super) fn give_name(
    descriptors: &mut Vec<Descriptor>,
    descriptor: &Descriptor,
    reference: &Reference,
) {
    take_name(descriptors, reference);
    // A nameless descriptor of the same manifest was only there to keep it.
    descriptors.retain(|other| other.digest() != descriptor.digest() || name_of(other).is_some());
    let mut named = descriptor.clone();
    named.set_annotations(Some(HashMap::from([
        (ANNOTATION_REF_NAME.to_owned(), written(reference)),
        (FULL_NAME.to_owned(), reference.to_string()),
    ])));
    descriptors.push(named);
}

/// Takes a name away. A manifest that has no other name left stays, nameless.
pub(super) fn take_name(descriptors: &mut Vec<Descriptor>, reference: &Reference) {
    let Some(position) = descriptors.iter().position(|d| carries(d, reference)) else {
        return;
    };
    let mut descriptor = descriptors.remove(position);
    if !descriptors
        .iter()
        .any(|d| d.digest() == descriptor.digest())
    {
        descriptor.set_annotations(None);
        descriptors.push(descriptor);
    }
}

#[cfg(test)]
mod tests {
    use oci_spec::image::MediaType;

    use super::{super::layout::oci_digest, *};

    fn descriptor(byte: u8) -> Descriptor {
        let digest = Digest::from_sha256(&[byte; 32]);
        Descriptor::new(MediaType::ImageManifest, 1, oci_digest(&digest))
    }

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    fn names(descriptors: &[Descriptor]) -> Vec<Option<&str>> {
        descriptors.iter().map(name_of).collect()
    }

    #[test]
    fn a_name_moves_and_leaves_its_old_image_nameless() {
        let mut index = Vec::new();
        give_name(&mut index, &descriptor(1), &reference("a"));
        give_name(&mut index, &descriptor(2), &reference("a"));
        assert_eq!(names(&index), [None, Some("a:latest")]);
        give_name(&mut index, &descriptor(1), &reference("docker.io/b:1"));
        assert_eq!(names(&index), [Some("a:latest"), Some("b:1")]);
    }

    #[test]
    fn a_name_at_docker_hub_never_passes_for_another_registrys() {
        let mut index = Vec::new();
        give_name(
            &mut index,
            &descriptor(1),
            &reference("docker.io/evil.example/a"),
        );
        assert!(!carries(&index[0], &reference("evil.example/a")));
        assert!(carries(&index[0], &reference("docker.io/evil.example/a")));
    }

    #[test]
    fn an_image_with_two_names_loses_one_and_keeps_the_other() {
        let mut index = Vec::new();
        give_name(&mut index, &descriptor(1), &reference("a"));
        give_name(&mut index, &descriptor(1), &reference("b"));
        take_name(&mut index, &reference("a"));
        assert_eq!(names(&index), [Some("b:latest")]);
        take_name(&mut index, &reference("b"));
        assert_eq!(names(&index), [None]);
    }

    #[test]
    fn a_digest_names_a_manifest_within_its_repository() {
        let mut index = Vec::new();
        give_name(&mut index, &descriptor(1), &reference("a:1"));
        let digest = Digest::from_sha256(&[1; 32]);
        assert!(is_named(&index[0], &reference(&format!("a@{digest}"))));
        assert!(!is_named(&index[0], &reference(&format!("b@{digest}"))));
    }
}
