//! AWS Signature Version 4 for S3, in the `Authorization` header, over the whole payload.

use std::fmt::Write as _;

use model::Timestamp;
use ring::{digest, hmac};

/// What signs.
pub(super) struct Signer<'a> {
    pub(super) key_id: &'a str,
    pub(super) secret_key: &'a str,
    pub(super) region: &'a str,
}

/// What is signed: a request without query. Header names in lower case.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// Percent-encoded.
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) payload_sha256: &'a str,
    /// `20130524T000000Z`
    pub(super) at: &'a str,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl Signer<'_> {
    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self, request: &Signed<'_>) -> String {
        let mut headers: Vec<_> = request.headers.iter().collect();
        headers.sort_by_key(|(name, _)| *name);
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let mut canonical = format!("{}\n{}\n\n", request.method, request.path);
        for (name, value) in &headers {
            // Writing to a string cannot fail.
            let _ = writeln!(canonical, "{name}:{}", value.trim());
        }
        let _ = write!(canonical, "\n{names}\n{}", request.payload_sha256);
        let day = request.at.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{scope}\n{}",
            request.at,
            sha256(canonical.as_bytes())
        );
        let mut key = sign(
            format!("AWS4{}", self.secret_key).as_bytes(),
            day.as_bytes(),
        );
        for part in [self.region, "s3", "aws4_request"] {
            key = sign(key.as_ref(), part.as_bytes());
        }
        let signature = hex(sign(key.as_ref(), to_sign.as_bytes()).as_ref());
        format!(
            "{ALGORITHM} Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            self.key_id
        )
    }
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message)
}

/// Lower-case hex SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A time as signatures write it: `20130524T000000Z`.
pub(super) fn amz_date(at: Timestamp) -> String {
    let text = at.to_string();
    let second = text.get(..19).unwrap_or_default();
    let digits: String = second
        .chars()
        .filter(|it| !matches!(it, '-' | ':'))
        .collect();
    format!("{digits}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of "Authenticating Requests: Using the Authorization Header" in the Amazon S3 API reference.
    const SIGNER: Signer<'static> = Signer {
        key_id: "AKIAIOSFODNN7EXAMPLE",
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region: "us-east-1",
    };
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[track_caller]
    fn check(
        method: &str,
        path: &str,
        payload: &[u8],
        more: &[(&'static str, &str)],
        expected: &str,
    ) {
        let payload_sha256 = sha256(payload);
        let at = amz_date(Timestamp::parse("2013-05-24T00:00:00Z").unwrap());
        assert_eq!(at, "20130524T000000Z");
        let mut headers = vec![
            ("host", "examplebucket.s3.amazonaws.com".to_owned()),
            ("x-amz-content-sha256", payload_sha256.clone()),
            ("x-amz-date", at.clone()),
        ];
        headers.extend(
            more.iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let found = SIGNER.authorization(&Signed {
            method,
            path,
            headers: &headers,
            payload_sha256: &payload_sha256,
            at: &at,
        });
        assert_eq!(found.rsplit_once("Signature=").unwrap().1, expected);
        assert!(found.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="
        ));
    }

    #[test]
    fn signatures_are_those_of_the_published_examples() {
        assert_eq!(sha256(b""), EMPTY);
        check(
            "GET",
            "/test.txt",
            b"",
            &[("range", "bytes=0-9")],
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        );
        check(
            "PUT",
            "/test%24file.text",
            b"Welcome to Amazon S3.",
            &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        );
    }
}
