//! Writing the payload of Sparkplug B commands: Protocol Buffers, the message `org.eclipse.tahu.protobuf.Payload`
//! (Sparkplug 3.0.0 section 6.4.1), as far as NCMD and DCMD need it. They have no sequence number (sections 6.4.24, 6.4.25).

use model::Timestamp;

/// A metric of a command.
pub(super) struct Metric<'a> {
    pub(super) known_by: KnownBy<'a>,
    pub(super) datatype: u32,
    pub(super) value: Value<'a>,
}

/// `tck-id-payloads-alias-data-cmd-requirement`: where the birth gave an alias, the alias and no name.
#[derive(Debug, Clone, Copy)]
pub(super) enum KnownBy<'a> {
    Name(&'a str),
    Alias(u64),
}

/// A value as the wire has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Int(u32),
    Long(u64),
    Float(f32),
    Double(f64),
    Boolean(bool),
    Text(&'a str),
}

/// The payload of a command that is made now.
pub(super) fn payload(metrics: &[Metric<'_>], now: Timestamp) -> Vec<u8> {
    let at = u64::try_from(now.as_millis()).unwrap_or(0);
    let mut payload = Vec::with_capacity(64);
    number(1, at, &mut payload);
    for it in metrics {
        let mut metric = Vec::with_capacity(48);
        match it.known_by {
            KnownBy::Name(name) => bytes(1, name.as_bytes(), &mut metric),
            KnownBy::Alias(alias) => number(2, alias, &mut metric),
        }
        number(3, at, &mut metric);
        // It should not be needed (6.4.16), but nodes of older versions do need it.
        number(4, u64::from(it.datatype), &mut metric);
        match it.value {
            Value::Int(it) => number(10, u64::from(it), &mut metric),
            Value::Long(it) => number(11, it, &mut metric),
            Value::Float(it) => fixed(12, 5, &it.to_le_bytes(), &mut metric),
            Value::Double(it) => fixed(13, 1, &it.to_le_bytes(), &mut metric),
            Value::Boolean(it) => number(14, u64::from(it), &mut metric),
            Value::Text(it) => bytes(15, it.as_bytes(), &mut metric),
        }
        bytes(2, &metric, &mut payload);
    }
    payload
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn fixed(field: u64, wire_type: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | wire_type, out);
    out.extend_from_slice(value);
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        match value {
            0 => return out.push(low & 0x7f),
            _ => out.push(low | 0x80),
        }
    }
}
