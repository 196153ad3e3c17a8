//! A form with a file in it (RFC 7578), before its token is checked.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;

use crate::form::{Pairs, ProtectedForm};
use crate::page::ErrorKind;
use crate::site::Site;
use crate::visit::Failure;

/// How long a browser may take to send a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most parts that are looked at.
const MAX_PARTS: usize = 12;
/// The longest boundary (RFC 2046 section 5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;

/// The parts of a form with a file, at most [`crate::MAX_UPLOAD_BYTES`] long.
pub(crate) struct Upload(Pairs);

impl Upload {
    /// The form, locked until its token is checked.
    pub(crate) fn protect<T>(
        self,
        parse: impl FnOnce(Vec<(String, String)>) -> T,
    ) -> ProtectedForm<T> {
        self.0.protect(parse)
    }
}

impl FromRequest<Site> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Failure> {
        let parts = received(request, site).await?.into_iter();
        let texts = parts.map(|(name, body)| Some((name, String::from_utf8(body).ok()?)));
        let texts = texts.collect::<Option<Vec<_>>>();
        Ok(Self(Pairs::new(texts.ok_or(Failure::BAD_REQUEST)?)))
    }
}

/// The parts of a form with pictures in it: texts, locked until the token is checked, and files by the name of their part.
pub(crate) struct PictureUpload {
    texts: Pairs,
    files: Vec<Vec<u8>>,
}

/// The name of the parts that are pictures.
const PICTURE: &str = "photo";

impl PictureUpload {
    /// The texts and the pictures, locked until the token is checked. A part without a byte is a picture that nobody chose.
    pub(crate) fn protect<T>(
        self,
        parse: impl FnOnce(Vec<(String, String)>, Vec<Vec<u8>>) -> T,
    ) -> ProtectedForm<T> {
        let files = self.files;
        self.texts.protect(|pairs| parse(pairs, files))
    }
}

impl FromRequest<Site> for PictureUpload {
    type Rejection = Failure;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Failure> {
        let (mut texts, mut files) = (Vec::new(), Vec::new());
        for (name, body) in received(request, site).await? {
            match name == PICTURE {
                true if body.is_empty() => {}
                true => files.push(body),
                false => {
                    let text = String::from_utf8(body).map_err(|_| Failure::BAD_REQUEST)?;
                    texts.push((name, text));
                }
            }
        }
        Ok(Self {
            texts: Pairs::new(texts),
            files,
        })
    }
}

/// Names and bytes of the parts of a request.
async fn received(request: Request, site: &Site) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let media_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = tokio::time::timeout(PATIENCE, Bytes::from_request(request, site)).await;
    let body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) if refused.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(Failure(ErrorKind::TooLarge));
        }
        _ => return Err(Failure::BAD_REQUEST),
    };
    let media_type = media_type.as_ref().and_then(|it| it.to_str().ok());
    let boundary = media_type.and_then(boundary).ok_or(Failure::BAD_REQUEST)?;
    parts(&body, boundary).ok_or(Failure::BAD_REQUEST)
}

/// The boundary in `multipart/form-data; boundary=…`.
fn boundary(media_type: &str) -> Option<&str> {
    let (kind, parameters) = media_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut parameters = parameters.split(';').map(str::trim);
    let boundary = parameters.find_map(|it| it.strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches('"');
    (!boundary.is_empty() && boundary.len() <= MAX_BOUNDARY_BYTES).then_some(boundary)
}

/// Names and bytes of the parts; `None` where the body is no such form.
fn parts(body: &[u8], boundary: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let open = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(open.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let (part, after) = split_once(rest.strip_prefix(b"\r\n")?, between.as_bytes())?;
        let (head, body) = split_once(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(head).ok()?;
        parts.push((name(head)?.to_owned(), body.to_vec()));
        if parts.len() > MAX_PARTS {
            return None;
        }
        rest = after;
    }
}

fn split_once<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = memchr::memmem::find(bytes, at)?;
    let (before, rest) = bytes.split_at_checked(place)?;
    Some((before, rest.strip_prefix(at)?))
}

/// The name in `Content-Disposition: form-data; name="…"`.
fn name(head: &str) -> Option<&str> {
    let disposition = head.split("\r\n").find(|it| {
        let header = it.split(':').next();
        header.is_some_and(|it| it.eq_ignore_ascii_case("content-disposition"))
    })?;
    let mut parameters = disposition.split(';').map(str::trim);
    let name = parameters.find_map(|it| it.strip_prefix("name=\""))?;
    name.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<&[(&str, &str)]>) {
        let found = parts(body.as_bytes(), "xx");
        let expected = expected.map(|it| {
            let owned = it
                .iter()
                .map(|(a, b)| ((*a).to_owned(), b.as_bytes().to_vec()));
            owned.collect::<Vec<_>>()
        });
        assert_eq!(found, expected, "{body:?}");
    }

    #[test]
    fn parts_are_read_with_their_names_and_nothing_else_is() {
        let disposition = "Content-Disposition: form-data; name=";
        check(
            &format!(
                "--xx\r\n{disposition}\"form\"\r\n\r\ntoken\r\n--xx\r\n{disposition}\"file\"; filename=\"a;b.json\"\r\n\
                 Content-Type: application/json\r\n\r\n{{\r\n--x}}\r\n--xx--\r\n"
            ),
            Some(&[("form", "token"), ("file", "{\r\n--x}")]),
        );
        check("--xx--\r\n", Some(&[]));
        for broken in [
            "",
            "xx",
            "--xx\r\n",
            "--xx\r\nname=\"a\"\r\n\r\nb\r\n--xx--",
        ] {
            check(broken, None);
        }
        let many = format!(
            "--xx{}--",
            format!("\r\n{disposition}\"a\"\r\n\r\n\r\n--xx").repeat(13)
        );
        check(&many, None);
        assert_eq!(parts(b"--xx\r\n\xff", "xx"), None);
        let picture = [
            b"--xx\r\n".as_slice(),
            disposition.as_bytes(),
            b"\"photo\"\r\n\r\n\xff\xd8\0\r\n--xx--",
        ]
        .concat();
        assert_eq!(
            parts(&picture, "xx"),
            Some(vec![("photo".to_owned(), b"\xff\xd8\0".to_vec())])
        );
    }

    #[test]
    fn the_boundary_stands_in_the_media_type() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc"));
        assert_eq!(
            boundary("Multipart/Form-Data; x=y; boundary=\"a c\""),
            Some("a c")
        );
        for wrong in [
            "text/plain; boundary=a",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }
}
