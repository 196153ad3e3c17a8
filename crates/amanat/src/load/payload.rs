//! A payload like that of a sensor, of any size.

/// The smallest payload that is still our JSON object.
const MIN_PAYLOAD_BYTES: usize = 20;
/// The largest payload of a run.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// The numbers of a sensor; `true` and `false` have no place in them, so a notice declares each as a number.
const FIELDS: [(&str, &str); 6] = [
    ("temperature", "21.75"),
    ("humidity", "44.5"),
    ("pressure", "1013.2"),
    ("battery", "3.61"),
    ("co2", "612"),
    ("light", "318"),
];
/// The text that fills up.
const NOTE: &str = "note";

/// A payload of this size cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a payload of `{0}` bytes cannot be made: choose {MIN_PAYLOAD_BYTES} to {MAX_PAYLOAD_BYTES}"
)]
pub(crate) struct PayloadSizeError(pub(crate) usize);

/// The names of the numbers, and of the text.
pub(crate) fn field_names() -> (Vec<&'static str>, &'static str) {
    (FIELDS.iter().map(|(name, _)| *name).collect(), NOTE)
}

/// A JSON object of exactly `bytes` bytes: sensor fields, and a text that fills up.
pub(crate) fn sensor_object(bytes: usize) -> Result<Vec<u8>, PayloadSizeError> {
    if !(MIN_PAYLOAD_BYTES..=MAX_PAYLOAD_BYTES).contains(&bytes) {
        return Err(PayloadSizeError(bytes));
    }
    let mut text = String::from("{");
    let tail = format!(r#""{NOTE}":""}}"#).len();
    for (name, value) in FIELDS {
        let field = format!(r#""{name}":{value},"#);
        if text.len() + field.len() + tail <= bytes {
            text.push_str(&field);
        }
    }
    let fill = bytes - text.len() - tail;
    text.push_str(&format!(r#""{NOTE}":"{}"}}"#, "x".repeat(fill)));
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_payloads_are_json_of_exactly_the_size() {
        for bytes in [MIN_PAYLOAD_BYTES, 21, 150, 151, 4096] {
            let payload = sensor_object(bytes).unwrap();
            assert_eq!(payload.len(), bytes);
            serde_json::from_slice::<serde_json::Value>(&payload).unwrap();
        }
        assert_eq!(sensor_object(3), Err(PayloadSizeError(3)));
    }
}
