//! A webhook: a batch of readings as one signed POST, in the shape of the Standard Webhooks specification 1.0.
//!
//! ```text
//! webhook-id         the same when the same batch is sent again
//! webhook-timestamp  seconds since the Unix epoch, of this attempt
//! webhook-signature  v1,base64(HMAC-SHA256(key, id "." timestamp "." body))
//! ```
//! The key is what follows `whsec_`, in base64. Body: `{"type":"amanat.readings","timestamp":…,"data":[reading…]}`, or
//! `{"type":"amanat.check","timestamp":…,"data":{"token":…}}`, to which the answer's body is the token, bare or as `{"token":…}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use custody::{Contents, FailureClass, Parcel, Secret, WebAddress};
use model::Timestamp;
use ring::hmac;
use serde::Deserialize;

use super::dial::Dialer;
use super::web;

const KEY_PREFIX: &str = "whsec_";

/// Sends a parcel.
pub(super) async fn send(
    dialer: &Dialer,
    address: &WebAddress,
    parcel: &Parcel,
    now: Timestamp,
) -> Result<(), FailureClass> {
    let (id, body) = content(parcel.contents(), now);
    let seconds = now.as_millis().div_euclid(1_000);
    let signature = signature(parcel.secret(), &id, seconds, &body)?;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    let request = web::request("POST", &address.path, &headers, body)?;
    let stream = dialer.web(&address.host, address.port).await?;
    let taken = web::send(stream, &web::host_of(address), request).await?;
    match parcel.contents() {
        Contents::Check { token } if !is_echo(&taken.body, token) => Err(FailureClass::Challenge),
        _ => Ok(()),
    }
}

/// The identifier and the body of a request.
fn content(contents: &Contents, now: Timestamp) -> (String, Vec<u8>) {
    let kind = match contents {
        Contents::Check { .. } => "amanat.check",
        Contents::Readings(_) => "amanat.readings",
    };
    let mut body = format!(r#"{{"type":"{kind}","timestamp":"{now}","data":"#).into_bytes();
    let id = match contents {
        Contents::Check { token } => {
            body.extend_from_slice(format!(r#"{{"token":"{token}"}}"#).as_bytes());
            format!("check_{}", token.get(..16).unwrap_or_default())
        }
        Contents::Readings(readings) => {
            body.push(b'[');
            for (number, reading) in readings.iter().enumerate() {
                if number > 0 {
                    body.push(b',');
                }
                reading.write_json(&mut body);
            }
            body.push(b']');
            let first = readings.first().map_or("", |it| it.id.as_str());
            format!("readings_{first}_{}", readings.len())
        }
    };
    body.push(b'}');
    (id, body)
}

/// The signature of a body by a key `whsec_…`, after the specification.
pub(super) fn signature(
    secret: &Secret,
    id: &str,
    seconds: i64,
    body: &[u8],
) -> Result<String, FailureClass> {
    let key = secret.expose_secret().strip_prefix(KEY_PREFIX);
    let key = key.and_then(|it| STANDARD.decode(it).ok());
    let key = key.ok_or(FailureClass::Protocol)?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    Ok(format!("v1,{}", STANDARD.encode(context.sign())))
}

#[derive(Deserialize)]
struct Echo {
    token: String,
}

fn is_echo(body: &[u8], token: &str) -> bool {
    let bare = std::str::from_utf8(body).is_ok_and(|it| it.trim() == token);
    let is_object = body.trim_ascii_start().starts_with(b"{");
    bare || is_object && serde_json::from_slice::<Echo>(body).is_ok_and(|it| it.token == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specifications_example() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(
            signed.unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn only_the_token_itself_is_an_echo() {
        assert!(is_echo(b"abc\n", "abc"));
        assert!(is_echo(br#"{"token":"abc"}"#, "abc"));
        for other in [
            &b""[..],
            b"ok",
            b"abcd",
            br#"{"token":"abd"}"#,
            br#"["abc"]"#,
        ] {
            assert!(!is_echo(other, "abc"));
        }
    }
}
