//! Requests and answers of the OCI distribution API 1.1.
//!
//! ```text
//! GET            /v2/  /v2/_catalog  /v2/NAME/tags/list  /v2/NAME/referrers/DIGEST
//! GET HEAD PUT DELETE   /v2/NAME/manifests/TAG-or-DIGEST
//! GET HEAD DELETE       /v2/NAME/blobs/DIGEST
//! POST                  /v2/NAME/blobs/uploads/   ?digest=  ?mount=&from=
//! GET PATCH PUT DELETE  /v2/NAME/blobs/uploads/ID
//! ```

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Method, Request, StatusCode,
    body::{Frame, Incoming},
    header::{self, HeaderMap, HeaderName},
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{
    manifest::{self, LARGEST},
    name::{Reference, Repository},
    refusal::{Answer, Body, Outcome, Refusal, done, reply, whole},
    shelf::{Kept, Shelf},
    upload::{self, Trouble, Upload},
};
use crate::model::Digest;

/// Names in one page if nothing is said, and the most.
const PAGE: usize = 100;
const MOST: usize = 1000;
/// Bytes that are read of a file at a time.
const PIECE: usize = 256 << 10;
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Answers one request.
pub async fn answer(shelf: &Shelf, request: Request<Incoming>) -> Answer {
    let is_head = request.method() == Method::HEAD;
    let outcome = route(shelf, request).await;
    let answer = outcome.unwrap_or_else(Refusal::answer);
    match is_head {
        // A body would be sent as the beginning of the next answer.
        true => answer.map(|_| whole(Bytes::new())),
        false => answer,
    }
}

async fn route(shelf: &Shelf, request: Request<Incoming>) -> Outcome {
    let (head, body) = request.into_parts();
    let path = percent_decode_str(head.uri.path()).decode_utf8();
    let path = path.map_err(|_| Refusal::page())?.into_owned();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let of = |key: &str| {
        let found = query.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    };
    let (method, headers) = (&head.method, &head.headers);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let rest = path.strip_prefix("/v2").ok_or_else(Refusal::page)?;
    if matches!(rest, "" | "/") {
        return Ok(json_answer(json!({})));
    }
    let rest = rest.strip_prefix('/').ok_or_else(Refusal::page)?;
    if rest == "_catalog" && reads {
        let all = block_in_place(|| shelf.repositories())?;
        return page(
            "repositories",
            "/v2/_catalog",
            None,
            all,
            of("n"),
            of("last"),
        );
    }
    // Names have slashes in them, so paths are read from behind.
    let parts: Vec<&str> = rest.split('/').collect();
    let repository = |n: usize| Repository::parse(&parts[..n].join("/")).ok_or_else(Refusal::name);
    let digest = |text: &str| Digest::parse(text).ok_or_else(Refusal::digest);
    let n = parts.len();
    match parts[..] {
        [.., "tags", "list"] if n > 2 && reads => {
            let name = repository(n - 2)?;
            let tags = block_in_place(|| shelf.tags(&name))?;
            let tags = tags.ok_or_else(|| Refusal::unknown("NAME_UNKNOWN", &name))?;
            let path = format!("/v2/{name}/tags/list");
            page("tags", &path, Some(&name), tags, of("n"), of("last"))
        }
        [.., "referrers", of_digest] if n > 2 && reads => {
            let name = repository(n - 2)?;
            referrers(shelf, &name, &digest(of_digest)?, of("artifactType"))
        }
        [.., "manifests", reference] if n > 2 => {
            let name = repository(n - 2)?;
            let reference = Reference::parse(reference).ok_or_else(|| {
                Refusal(
                    StatusCode::BAD_REQUEST,
                    "MANIFEST_INVALID",
                    "it is neither a tag nor a digest".into(),
                )
            })?;
            match *method {
                Method::GET | Method::HEAD => get_manifest(shelf, &name, &reference),
                Method::PUT => put_manifest(shelf, &name, &reference, headers, body).await,
                Method::DELETE => {
                    match block_in_place(|| shelf.forget_manifest(&name, &reference))? {
                        true => Ok(done(reply(StatusCode::ACCEPTED))),
                        false => Err(Refusal::unknown("MANIFEST_UNKNOWN", "the manifest")),
                    }
                }
                _ => Err(wrong_method()),
            }
        }
        [.., "blobs", "uploads"] | [.., "blobs", "uploads", ""] if *method == Method::POST => {
            let name = repository(n - if parts[n - 1].is_empty() { 3 } else { 2 })?;
            if let (Some(mount), Some(from)) = (of("mount"), of("from")) {
                let (mount, from) = (digest(mount)?, Repository::parse(from));
                let from = from.ok_or_else(Refusal::name)?;
                if block_in_place(|| shelf.mount(&name, &from, &mount))? {
                    return Ok(created(&format!("/v2/{name}/blobs/{mount}"), &mount));
                }
            }
            let id = block_in_place(|| upload::begin(shelf))?;
            match of("digest") {
                Some(whole) => finish(shelf, &name, &id, &digest(whole)?, headers, body).await,
                None => Ok(under_way(StatusCode::ACCEPTED, &name, &id, 0)),
            }
        }
        [.., "blobs", "uploads", id] if n > 3 => {
            let name = repository(n - 3)?;
            match *method {
                Method::GET => {
                    let written = block_in_place(|| upload::progress(shelf, id))?;
                    Ok(under_way(StatusCode::NO_CONTENT, &name, id, written))
                }
                Method::PATCH => {
                    let mut upload = Upload::resume(shelf, id, start_of(headers)?)?;
                    take(&mut upload, body).await?;
                    Ok(under_way(StatusCode::ACCEPTED, &name, id, upload.written()))
                }
                Method::PUT => {
                    let claimed = digest(of("digest").unwrap_or_default())?;
                    finish(shelf, &name, id, &claimed, headers, body).await
                }
                Method::DELETE => {
                    block_in_place(|| upload::cancel(shelf, id))?;
                    Ok(done(reply(StatusCode::NO_CONTENT)))
                }
                _ => Err(wrong_method()),
            }
        }
        [.., "blobs", of_digest] if n > 2 => {
            let (name, digest) = (repository(n - 2)?, digest(of_digest)?);
            match *method {
                Method::GET | Method::HEAD => get_blob(shelf, &name, &digest, headers),
                Method::DELETE => match block_in_place(|| shelf.forget_blob(&name, &digest))? {
                    true => Ok(done(reply(StatusCode::ACCEPTED))),
                    false => Err(Refusal::unknown("BLOB_UNKNOWN", "the blob")),
                },
                _ => Err(wrong_method()),
            }
        }
        _ => Err(Refusal::page()),
    }
}

fn wrong_method() -> Refusal {
    Refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "UNSUPPORTED",
        "that can't be done to it".into(),
    )
}

fn json_answer(value: Value) -> Answer {
    reply(StatusCode::OK)
        .header(header::CONTENT_TYPE, "application/json")
        .body(whole(value.to_string()))
        .expect("its headers are constants")
}

fn created(location: &str, digest: &Digest) -> Answer {
    done(
        reply(StatusCode::CREATED)
            .header(header::LOCATION, location)
            .header(CONTENT_DIGEST, digest.as_str()),
    )
}

fn under_way(status: StatusCode, name: &Repository, id: &str, written: u64) -> Answer {
    done(
        reply(status)
            .header(header::LOCATION, format!("/v2/{name}/blobs/uploads/{id}"))
            .header(header::RANGE, format!("0-{}", written.saturating_sub(1)))
            .header(UPLOAD_ID, id),
    )
}

/// One page of names after `last`, and where the next is.
fn page(
    key: &str,
    path: &str,
    name: Option<&Repository>,
    mut all: Vec<String>,
    n: Option<&str>,
    last: Option<&str>,
) -> Outcome {
    let wrong = |_| {
        Refusal(
            StatusCode::BAD_REQUEST,
            "PAGINATION_NUMBER_INVALID",
            "n is no number".into(),
        )
    };
    let most = n.map(str::parse::<usize>).transpose().map_err(wrong)?;
    // Whoever asks for no pages gets all tags, as other registries do.
    let most = match (most, key) {
        (Some(most), _) => most.min(MOST),
        (None, "tags") => usize::MAX,
        (None, _) => PAGE,
    };
    if let Some(last) = last {
        all.retain(|name| name.as_str() > last);
    }
    let has_more = all.len() > most;
    all.truncate(most);
    let mut builder = reply(StatusCode::OK).header(header::CONTENT_TYPE, "application/json");
    if let (true, Some(end)) = (has_more, all.last()) {
        let end: String = form_urlencoded::byte_serialize(end.as_bytes()).collect();
        builder = builder.header(
            header::LINK,
            format!("<{path}?n={most}&last={end}>; rel=\"next\""),
        );
    }
    let mut body = json!({});
    if let Some(name) = name {
        body["name"] = json!(name.as_str());
    }
    body[key] = json!(all);
    Ok(builder
        .body(whole(body.to_string()))
        .expect("names were read by their grammar"))
}

fn get_manifest(shelf: &Shelf, name: &Repository, reference: &Reference) -> Outcome {
    let kept = block_in_place(|| shelf.manifest(name, reference))?;
    let kept = kept.ok_or_else(|| Refusal::unknown("MANIFEST_UNKNOWN", "the manifest"))?;
    Ok(reply(StatusCode::OK)
        .header(header::CONTENT_TYPE, kept.media_type)
        .header(CONTENT_DIGEST, kept.digest.as_str())
        .header(header::ETAG, format!("\"{}\"", kept.digest))
        .header(header::CONTENT_LENGTH, kept.content.len())
        .body(whole(kept.content))
        .expect("its media type was checked when it came"))
}

async fn put_manifest(
    shelf: &Shelf,
    name: &Repository,
    reference: &Reference,
    headers: &HeaderMap,
    body: Incoming,
) -> Outcome {
    let invalid = |why: String| Refusal(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", why);
    let mut content = Vec::new();
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| invalid(error.to_string()))?;
        if let Ok(piece) = frame.into_data() {
            content.extend_from_slice(&piece);
        }
        if content.len() > LARGEST {
            let why = format!("a manifest has at most {LARGEST} bytes");
            return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", why));
        }
    }
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type
        .and_then(|text| text.to_str().ok())
        .unwrap_or_default();
    let digest = super::shelf::digest(content.as_slice())?;
    let tag = match reference {
        Reference::Tag(tag) => Some(tag.as_str()),
        Reference::Digest(claimed) if *claimed == digest => None,
        Reference::Digest(_) => return Err(Trouble::Lie.into()),
    };
    let checked = manifest::check(&content, media_type, &digest).map_err(invalid)?;
    block_in_place(|| {
        for blob in &checked.blobs {
            if shelf.open_blob(name, blob)?.is_none() {
                let what = format!("the blob {blob}");
                return Err(Refusal(
                    StatusCode::BAD_REQUEST,
                    "MANIFEST_BLOB_UNKNOWN",
                    format!("{what} is not known here"),
                ));
            }
        }
        for listed in &checked.manifests {
            let listed = Reference::Digest(listed.clone());
            if shelf.manifest(name, &listed)?.is_none() {
                let why = "a manifest that it lists is not known here".into();
                return Err(Refusal(
                    StatusCode::BAD_REQUEST,
                    "MANIFEST_BLOB_UNKNOWN",
                    why,
                ));
            }
        }
        let descriptor = checked.descriptor.to_string();
        let kept = Kept {
            digest: digest.clone(),
            media_type: media_type.to_owned(),
            content,
        };
        let subject = checked.subject.as_ref();
        let subject = subject.map(|subject| (subject, descriptor.as_bytes()));
        Ok(shelf.put_manifest(name, &kept, tag, subject)?)
    })?;
    let mut answer = created(&format!("/v2/{name}/manifests/{digest}"), &digest);
    if let Some(subject) = checked.subject
        && let Ok(value) = subject.as_str().parse()
    {
        answer.headers_mut().insert(SUBJECT, value);
    }
    Ok(answer)
}

fn referrers(shelf: &Shelf, name: &Repository, of: &Digest, wanted: Option<&str>) -> Outcome {
    let all = block_in_place(|| shelf.referrers(name, of))?;
    let all = all
        .iter()
        .filter_map(|text| serde_json::from_slice::<Value>(text).ok());
    let is_wanted =
        |descriptor: &Value| wanted.is_none_or(|kind| descriptor["artifactType"] == kind);
    let body = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": all.filter(is_wanted).collect::<Vec<_>>(),
    });
    let mut builder = reply(StatusCode::OK).header(
        header::CONTENT_TYPE,
        "application/vnd.oci.image.index.v1+json",
    );
    if wanted.is_some() {
        builder = builder.header(FILTERS, "artifactType");
    }
    Ok(builder
        .body(whole(body.to_string()))
        .expect("its headers are constants"))
}

fn get_blob(shelf: &Shelf, name: &Repository, digest: &Digest, headers: &HeaderMap) -> Outcome {
    let found = block_in_place(|| shelf.open_blob(name, digest))?;
    let (mut file, length) = found.ok_or_else(|| Refusal::unknown("BLOB_UNKNOWN", "the blob"))?;
    let range = headers
        .get(header::RANGE)
        .and_then(|text| text.to_str().ok());
    let (status, first, last) = match range.map(|text| range_of(text, length)) {
        None | Some(None) => (StatusCode::OK, 0, length),
        Some(Some(Ok((first, end)))) => (StatusCode::PARTIAL_CONTENT, first, end),
        Some(Some(Err(()))) => {
            let answer = reply(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, format!("bytes */{length}"));
            return Ok(done(answer));
        }
    };
    let mut builder = reply(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_DIGEST, digest.as_str())
        .header(header::ETAG, format!("\"{digest}\""))
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_LENGTH, last - first);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{length}", last.saturating_sub(1));
        builder = builder.header(header::CONTENT_RANGE, range);
    }
    block_in_place(|| file.seek(SeekFrom::Start(first)))?;
    Ok(builder
        .body(file_body(file, last - first))
        .expect("its headers are constants and digits"))
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT` as first byte and end. `None` is a
/// range that may be left unheeded, as several are.
fn range_of(text: &str, length: u64) -> Option<Result<(u64, u64), ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) if last.is_empty() => (first, length),
        (Err(_), Ok(count)) if first.is_empty() => (length.saturating_sub(count), length),
        _ => return None,
    };
    Some(match range.0 < length {
        true => Ok(range),
        false => Err(()),
    })
}

fn file_body(file: File, length: u64) -> Body {
    let pieces = stream::unfold((Some(file), length), |(file, left)| async move {
        let mut file = file.filter(|_| left > 0)?;
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; usize::try_from(left).unwrap_or(PIECE).min(PIECE)];
            file.read_exact(&mut piece)?;
            Ok::<_, io::Error>((file, piece))
        });
        Some(match read.await.map_err(io::Error::other).flatten() {
            Ok((file, piece)) => {
                let left = left - piece.len() as u64;
                (Ok(Frame::data(Bytes::from(piece))), (Some(file), left))
            }
            // The answer breaks off: half a blob is never taken for a whole one.
            Err(error) => (Err(error), (None, 0)),
        })
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// Where a piece begins, if the client says so.
fn start_of(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let Some(range) = headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    let text = range.to_str().unwrap_or_default();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let start = text
        .split('-')
        .next()
        .and_then(|start| start.trim().parse().ok());
    start.map(Some).ok_or_else(|| {
        Refusal(
            StatusCode::BAD_REQUEST,
            "BLOB_UPLOAD_INVALID",
            "the range of the piece is no range".into(),
        )
    })
}

async fn take(upload: &mut Upload, mut body: Incoming) -> Result<(), Refusal> {
    while let Some(frame) = body.frame().await {
        // What came before it broke off stays: the client goes on from there.
        let frame = frame.map_err(|error| {
            let why = format!("the body broke off: {error}");
            Refusal(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", why)
        })?;
        if let Ok(piece) = frame.into_data() {
            block_in_place(|| upload.append(&piece))?;
        }
    }
    Ok(())
}

async fn finish(
    shelf: &Shelf,
    name: &Repository,
    id: &str,
    claimed: &Digest,
    headers: &HeaderMap,
    body: Incoming,
) -> Outcome {
    let mut upload = Upload::resume(shelf, id, start_of(headers)?)?;
    take(&mut upload, body).await?;
    block_in_place(|| upload.finish(shelf, name, claimed))?;
    Ok(created(&format!("/v2/{name}/blobs/{claimed}"), claimed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_odd_ones_left_unheeded() {
        assert_eq!(range_of("bytes=0-4", 10), Some(Ok((0, 5))));
        assert_eq!(range_of("bytes=5-", 10), Some(Ok((5, 10))));
        assert_eq!(range_of("bytes=-3", 10), Some(Ok((7, 10))));
        assert_eq!(range_of("bytes=2-99", 10), Some(Ok((2, 10))));
        assert_eq!(range_of("bytes=10-", 10), Some(Err(())));
        for odd in [
            "bytes=4-2",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=a-b",
            "bytes=-",
        ] {
            assert_eq!(range_of(odd, 10), None, "{odd}");
        }
    }
}
