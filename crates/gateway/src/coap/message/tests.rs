use coap_lite::{CoapOption, MessageType, Packet};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What another library makes of a message.
fn oracle(datagram: &[u8]) -> Option<Packet> {
    Packet::from_bytes(datagram).ok()
}

fn flat(packet: &Packet) -> Vec<(u16, Vec<u8>)> {
    packet
        .options()
        .flat_map(|(number, values)| values.iter().map(|it| (*number, it.clone())))
        .collect()
}

/// Where the other library is laxer than RFC 7252 section 3 and 4.1 want, or has no bound.
fn is_lax(datagram: &[u8], packet: &Packet) -> bool {
    let is_empty = datagram[1] == 0 && datagram.len() > 4;
    let has_marker_alone = packet.payload.is_empty() && datagram.last() == Some(&0xff);
    let is_long = flat(packet).len() > MAX_OPTIONS;
    datagram[0] >> 6 != 1 || is_empty || has_marker_alone || is_long
}

fn any_kind() -> impl Strategy<Value = Kind> {
    (0_u8..4).prop_map(Kind::of)
}

/// Bytes that are more often than not something like a message.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let option =
        (0_u8..16, 0_u8..16, vec(any::<u8>(), 0..20)).prop_map(|(delta, length, value)| {
            let mut bytes = vec![delta << 4 | length];
            bytes.extend(value);
            bytes
        });
    let parts = (
        prop::sample::select(vec![0x40_u8, 0x44, 0x48, 0x51, 0x60, 0x70, 0x4f, 0x00]),
        any::<[u8; 3]>(),
        vec(any::<u8>(), 0..9),
        vec(option, 0..8),
        prop::option::of(vec(any::<u8>(), 0..30)),
    );
    parts.prop_map(|(first, rest, token, options, payload)| {
        let mut bytes = vec![first];
        bytes.extend(rest);
        bytes.extend(token);
        bytes.extend(options.concat());
        if let Some(payload) = payload {
            bytes.push(0xff);
            bytes.extend(payload);
        }
        bytes
    })
}

fn agrees_with_another_library(datagram: &[u8]) -> Result<(), TestCaseError> {
    match (read(datagram), oracle(datagram)) {
        (Ok(message), Some(packet)) => {
            prop_assert_eq!(message.token.as_slice(), packet.get_token());
            prop_assert_eq!(message.message_id, packet.header.message_id);
            prop_assert_eq!(message.payload, packet.payload.as_slice());
            let ours: Vec<_> = message
                .options
                .iter()
                .map(|it| (it.0, it.1.to_vec()))
                .collect();
            prop_assert_eq!(ours, flat(&packet));
        }
        (Err(_), Some(packet)) => prop_assert!(is_lax(datagram, &packet), "{:02x?}", datagram),
        (Err(_), None) => {}
        (Ok(_), None) => prop_assert!(false, "only we read {:02x?}", datagram),
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bytes_are_too_much_and_another_library_reads_the_same(datagram in vec(any::<u8>(), 0..200)) {
        agrees_with_another_library(&datagram)?;
        let _ = read_beginning(&datagram);
    }

    #[test]
    fn what_is_nearly_a_message_is_read_as_by_another_library(datagram in nearly_a_message()) {
        agrees_with_another_library(&datagram)?;
        let _ = read_beginning(&datagram);
    }

    #[test]
    fn another_library_reads_what_we_write(
        kind in any_kind(),
        message_id in any::<u16>(),
        token in vec(any::<u8>(), 0..9),
        max_age in prop::option::of(any::<u32>()),
        block in prop::option::of(0_u32..1 << 24),
        size in prop::option::of(any::<u32>()),
        text in "[a-z ]{0,60}",
    ) {
        let mut response = Response::new(Code::CHANGED).saying(text.clone());
        for (number, value) in [(option::SIZE1, size), (option::MAX_AGE, max_age), (option::BLOCK1, block)] {
            if let Some(value) = value {
                response = response.with(number, value);
            }
        }
        let token = Token::of(&token).unwrap();
        let datagram = write(kind, message_id, &token, &response);
        let packet = oracle(&datagram).unwrap();
        prop_assert_eq!(packet.get_token(), token.as_slice());
        prop_assert_eq!(packet.header.message_id, message_id);
        prop_assert_eq!(packet.header.get_code(), "2.04");
        prop_assert_eq!(&packet.payload, text.as_bytes());
        let number = |it| packet.get_first_option(it).map(|it| read_number(it, 4).unwrap());
        prop_assert_eq!(number(CoapOption::MaxAge), max_age);
        prop_assert_eq!(number(CoapOption::Block1), block);
        prop_assert_eq!(number(CoapOption::Size1), size);
        let kinds = [
            MessageType::Confirmable,
            MessageType::NonConfirmable,
            MessageType::Acknowledgement,
            MessageType::Reset,
        ];
        prop_assert_eq!(packet.header.get_type(), kinds[usize::from(kind.bits())]);
    }
}

/// RFC 7252, appendix A, figure 16: a GET with the path `temperature`, and its answer.
#[test]
fn the_examples_of_the_standard_are_read() {
    let request = b"\x40\x01\x7d\x34\xbbtemperature";
    let message = read(request).ok().unwrap();
    assert_eq!(
        (message.kind, message.message_id),
        (Kind::Confirmable, 0x7d34)
    );
    assert_eq!(
        message.options.as_slice(),
        [(option::URI_PATH, b"temperature".as_slice())]
    );
    let response = Response::new(Code(0x45)).saying("22.3 C");
    let datagram = write(Kind::Acknowledgement, 0x7d34, &Token::default(), &response);
    assert_eq!(datagram, b"\x60\x45\x7d\x34\xff22.3 C");
}

/// RFC 7252 sections 3 and 4.1.
#[test]
fn what_the_standard_calls_a_format_error_is_one() {
    let malformed = Some(ReadError::Malformed(Kind::Confirmable, 7));
    for (datagram, error) in [
        (b"".as_slice(), Some(ReadError::NotCoap)),
        (b"\x40\x02\0", Some(ReadError::NotCoap)),
        (b"\x80\x02\0\x07", Some(ReadError::NotCoap)),
        (b"\x49\x02\0\x07123456789", malformed),
        (b"\x42\x02\0\x071", malformed),
        (b"\x40\0\0\x07x", malformed),
        (b"\x41\0\0\x07x", malformed),
        (b"\x40\x02\0\x07\xff", malformed),
        (b"\x40\x02\0\x07\xf0", malformed),
        (b"\x40\x02\0\x07\x0f", malformed),
        (b"\x40\x02\0\x07\xb2x", malformed),
        (b"\x40\x02\0\x07\xe0\xff\xff", malformed),
        (b"\x40\x02\0\x07\xb1x\xffy", None),
    ] {
        assert_eq!(read(datagram).err(), error, "{datagram:02x?}");
    }
}

#[test]
fn a_request_has_at_most_64_options() {
    let with = |count| [b"\x40\x02\0\x07".as_slice(), &vec![0; count]].concat();
    assert!(read(&with(64)).is_ok());
    assert!(read(&with(65)).is_err());
}
