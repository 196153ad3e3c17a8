//! What the fuzz target `coap` does with a datagram; see `crate::any_bytes`.

use super::message::{self, Code, Message, Response, option};

/// A datagram is a message or not; what is read of one is inside it, and an answer to it goes back to whoever asked.
pub(crate) fn coap(datagram: &[u8]) {
    let Ok(Message {
        kind,
        code,
        message_id,
        token,
        options,
        payload,
    }) = message::read(datagram)
    else {
        // Of one that cannot be read the beginning may be there.
        message::read_beginning(datagram);
        return;
    };
    assert!(options.len() <= message::MAX_OPTIONS);
    assert!(options.windows(2).all(|it| it[0].0 <= it[1].0));
    let values: usize = options.iter().map(|it| it.1.len()).sum();
    assert!(values + payload.len() < datagram.len());
    for (_, value) in &options {
        message::read_number(value, 3);
    }
    if code.class() == 0 && code != Code::EMPTY {
        let beginning = message::read_beginning(datagram);
        assert!(beginning.is_some_and(|it| it == (kind, message_id, token)));
    }
    let response = Response::new(Code::BAD_REQUEST)
        .saying("no")
        .with(option::SIZE1, 70_000)
        .with(option::MAX_AGE, 0);
    let written = message::write(kind, message_id, &token, &response);
    let again = message::read(&written);
    assert!(
        again.is_ok_and(|it| it.token == token
            && it.message_id == message_id
            && it.payload == b"no")
    );
}
