use super::*;

fn key(port: u16, sender: &str) -> TransferKey {
    TransferKey {
        from: SocketAddr::from(([192, 0, 2, 1], port)),
        sender: sender.into(),
        topic: "".into(),
        tag: SmallVec::new(),
    }
}

fn block(number: u32, has_more: bool, exponent: u8) -> Block {
    Block {
        number,
        has_more,
        exponent,
    }
}

fn piece(block: Block, bytes: &[u8]) -> Piece<'_> {
    Piece {
        block,
        bytes,
        announced: None,
    }
}

fn code(step: &Step) -> Option<Code> {
    match step {
        Step::More(it) | Step::Refused(it, _) => Some(it.code),
        Step::Whole(_) => None,
    }
}

/// RFC 7959 section 2.2.
#[test]
fn the_option_says_number_more_and_size() {
    for (value, expected) in [
        (b"".as_slice(), Some(block(0, false, 0))),
        (b"\x0e", Some(block(0, true, 6))),
        (b"\x12", Some(block(1, false, 2))),
        (b"\xff\xff\xfe", Some(block(0xf_ffff, true, 6))),
        (b"\x07", None),
        (b"\0\0\0\0", None),
    ] {
        assert_eq!(Block::read(value), expected, "{value:02x?}");
    }
    assert_eq!(block(3, true, 6).bits(), 0x3e);
}

/// RFC 7959 section 3.2, figure 7.
#[test]
fn pieces_in_order_make_a_message() {
    let mut transfers = Transfers::new(1_000);
    let first = transfers.take(key(1, "a"), piece(block(0, true, 1), &[1; 32]), 0);
    assert_eq!(code(&first), Some(Code::CONTINUE));
    let second = transfers.take(key(1, "a"), piece(block(1, true, 1), &[2; 32]), 10);
    assert_eq!(
        second,
        Step::More(block(1, true, 1).on(Response::new(Code::CONTINUE)))
    );
    let last = transfers.take(key(1, "a"), piece(block(2, false, 1), &[3; 5]), 20);
    assert_eq!(
        last,
        Step::Whole([[1; 32].as_slice(), &[2; 32], &[3; 5]].concat())
    );
    assert_eq!((transfers.open.len(), transfers.gathered_bytes), (0, 0));
}

/// RFC 7959 section 2.5: a client may go on with smaller pieces.
#[test]
fn a_client_may_change_to_smaller_pieces() {
    let mut transfers = Transfers::new(1_000);
    transfers.take(key(1, "a"), piece(block(0, true, 2), &[1; 64]), 0);
    let last = transfers.take(key(1, "a"), piece(block(4, false, 0), &[2; 16]), 0);
    assert_eq!(last, Step::Whole([[1; 64].as_slice(), &[2; 16]].concat()));
}

/// RFC 7959 section 2.9.2.
#[test]
fn a_missing_piece_and_the_pieces_of_others_do_not_count() {
    let mut transfers = Transfers::new(1_000);
    for stray in [
        key(2, "a"),
        key(1, "b"),
        TransferKey {
            tag: SmallVec::from_slice(b"x"),
            ..key(1, "a")
        },
    ] {
        transfers.take(key(1, "a"), piece(block(0, true, 0), &[1; 16]), 0);
        let step = transfers.take(stray, piece(block(1, false, 0), &[1]), 0);
        assert_eq!(code(&step), Some(Code::REQUEST_ENTITY_INCOMPLETE));
    }
    let skipped = transfers.take(key(1, "a"), piece(block(2, false, 0), &[1]), 0);
    assert_eq!(code(&skipped), Some(Code::REQUEST_ENTITY_INCOMPLETE));
    let over = transfers.take(key(1, "a"), piece(block(1, false, 0), &[1]), 0);
    assert_eq!(
        code(&over),
        Some(Code::REQUEST_ENTITY_INCOMPLETE),
        "one gap ends it"
    );
}

#[test]
fn a_piece_of_another_length_than_it_says_is_refused() {
    for (block, bytes) in [
        (block(0, true, 0), 15),
        (block(0, true, 0), 17),
        (block(0, false, 0), 17),
    ] {
        let step = Transfers::new(1_000).take(key(1, "a"), piece(block, &vec![1; bytes]), 0);
        assert_eq!(code(&step), Some(Code::BAD_REQUEST), "{block:?} {bytes}");
    }
}

/// RFC 7959 section 2.9.3.
#[test]
fn a_message_that_gets_too_long_is_refused_as_soon_as_that_is_known() {
    let mut transfers = Transfers::new(100);
    let announced = Piece {
        announced: Some(101),
        ..piece(block(0, true, 1), &[1; 32])
    };
    let refused = transfers.take(key(1, "a"), announced, 0);
    assert_eq!(code(&refused), Some(Code::REQUEST_ENTITY_TOO_LARGE));
    for number in 0..3 {
        let step = transfers.take(key(1, "a"), piece(block(number, true, 1), &[1; 32]), 0);
        assert_eq!(code(&step), Some(Code::CONTINUE));
    }
    let Step::Refused(response, counter) =
        transfers.take(key(1, "a"), piece(block(3, false, 1), &[1; 5]), 0)
    else {
        panic!("101 bytes were taken");
    };
    assert_eq!(
        (response.code, counter),
        (Code::REQUEST_ENTITY_TOO_LARGE, Counter::PublishesTooLarge)
    );
    assert!(response.options.contains(&(option::SIZE1, 100)));
    assert_eq!((transfers.open.len(), transfers.gathered_bytes), (0, 0));
}

#[test]
fn transfers_are_bounded_for_an_address_and_in_all_and_old_ones_make_room() {
    let mut transfers = Transfers::new(1_000);
    let mut begin = |port, now_ms| {
        let step = transfers.take(key(port, "a"), piece(block(0, true, 0), &[1; 16]), now_ms);
        code(&step)
    };
    for port in 1..=16 {
        assert_eq!(begin(port, 0), Some(Code::CONTINUE));
    }
    assert_eq!(begin(17, 93_000), Some(Code::SERVICE_UNAVAILABLE));
    assert_eq!(begin(17, 93_001), Some(Code::CONTINUE));
    assert_eq!(transfers.gathered_bytes, 16);
    let mut transfers = Transfers::new(1_000);
    let mut full = 0;
    for it in 0..2_000_u32 {
        let from = SocketAddr::from(((0x0a00_0000 + it).to_be_bytes(), 1));
        let step = transfers.take(
            TransferKey {
                from,
                ..key(1, "a")
            },
            piece(block(0, true, 0), &[1; 16]),
            0,
        );
        full += usize::from(code(&step) == Some(Code::SERVICE_UNAVAILABLE));
    }
    assert_eq!(
        (transfers.open.len(), full),
        (MAX_TRANSFERS, 2_000 - MAX_TRANSFERS)
    );
}

#[test]
fn the_bytes_of_all_transfers_are_bounded() {
    let mut transfers = Transfers::new(usize::MAX);
    let mut gathered = 0;
    'all: for it in 0..1_000_u32 {
        let from = SocketAddr::from(((0x0a00_0000 + it).to_be_bytes(), 1));
        for number in 0..256 {
            let whose = TransferKey {
                from,
                ..key(1, "a")
            };
            let step = transfers.take(whose, piece(block(number, true, 6), &[1; 1_024]), 0);
            if code(&step) != Some(Code::CONTINUE) {
                break 'all;
            }
            gathered += 1_024;
        }
    }
    assert_eq!(gathered, MAX_GATHERED_BYTES);
    transfers.forget(93_001);
    assert_eq!((transfers.open.len(), transfers.gathered_bytes), (0, 0));
}

#[test]
fn a_transfer_does_not_last_for_ever() {
    let mut transfers = Transfers::new(100_000);
    for number in 0..100 {
        let now_ms = u64::from(number) * 60_000;
        let step = transfers.take(key(1, "a"), piece(block(number, true, 0), &[1; 16]), now_ms);
        if now_ms > MAX_DURATION_MS {
            assert_eq!(code(&step), Some(Code::REQUEST_ENTITY_INCOMPLETE));
            return;
        }
        assert_eq!(code(&step), Some(Code::CONTINUE));
    }
    panic!("it lasted");
}
