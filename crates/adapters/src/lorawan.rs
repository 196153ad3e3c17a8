//! What the network servers of LoRaWAN have in common: an uplink whose bytes the server has not decoded.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json;
use crate::take::TakeError;

/// The longest FRMPayload, in bytes: that of LoRaWAN 1.1 (TS001, section "Maximum payload size") is 242.
pub const MAX_FRM_PAYLOAD_BYTES: usize = 256;

/// An uplink as a codec of TS013 reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink<'a> {
    /// FRMPayload, decrypted.
    pub bytes: Vec<u8>,
    /// The port of the application.
    pub f_port: u8,
    /// When the network server received it (RFC 3339), as it says.
    pub received_at: Option<Cow<'a, str>>,
}

/// Reads the three members that make an uplink.
pub(crate) fn uplink<'a>(
    bytes: &str,
    f_port: Option<&str>,
    received_at: Option<&'a str>,
) -> Option<Uplink<'a>> {
    let bytes = json::string(bytes)?;
    if bytes.len() > MAX_FRM_PAYLOAD_BYTES * 2 {
        return None;
    }
    let bytes = STANDARD.decode(bytes.as_bytes()).ok()?;
    if bytes.len() > MAX_FRM_PAYLOAD_BYTES {
        return None;
    }
    Some(Uplink {
        bytes,
        // Both servers leave a port of 0 out, as Protocol Buffers do.
        f_port: f_port.map_or(Some(0), |it| it.parse().ok())?,
        received_at: received_at.and_then(json::string),
    })
}

/// An object with one member more, before those that it has.
pub(crate) fn with_member(object: &str, name: &str, value: &str) -> Result<String, TakeError> {
    let inner = object
        .trim_start()
        .strip_prefix('{')
        .ok_or(TakeError::NotAnObject)?;
    let comma = match inner.trim_start().starts_with('}') {
        true => "",
        false => ",",
    };
    Ok(format!("{{{}:{value}{comma}{inner}", json::quoted(name)))
}
