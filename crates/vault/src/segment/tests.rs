use super::*;

const NAME: SegmentName = SegmentName {
    number: 7,
    id: 0x1122_3344_5566_7788,
};

/// A segment of `batches` batches with two records each; the ends of the batches.
fn segment(batches: u32, is_finished: bool) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = NAME.header(crate::crypto::Suite::default()).to_vec();
    let mut ends = vec![bytes.len()];
    for number in 0..batches {
        let mut frames = Vec::new();
        for index in number * 2..number * 2 + 2 {
            let ciphertext = vec![u8::try_from(index).unwrap() ^ 0x5a; TAG_BYTES + 9];
            let identity = frame_identity(
                KeyId(u64::from(index % 3)),
                Timestamp::from_millis(i64::from(index)),
                index,
            );
            let len = u32::try_from(ciphertext.len()).unwrap();
            frames.extend(len.to_le_bytes());
            frames.extend(frame_crc(len, &identity, &ciphertext).to_le_bytes());
            frames.extend(identity);
            frames.extend(ciphertext);
        }
        let len = u32::try_from(frames.len()).unwrap();
        bytes.extend(batch_header(NAME.id, number, number * 2, len));
        bytes.extend(frames);
        ends.push(bytes.len());
    }
    if is_finished {
        bytes.extend(trailer(NAME.id, batches, batches * 2));
    }
    (bytes, ends)
}

fn indexes(contents: &Contents) -> Vec<u32> {
    let mut found: Vec<u32> = contents
        .index
        .values()
        .flatten()
        .map(|it| it.index)
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn a_header_reads_back_and_no_changed_byte_of_it_does() {
    let header = NAME.header(crate::crypto::Suite::default());
    assert_eq!(parse_header(&header), Ok(NAME));
    for at in 0..header.len() {
        let mut changed = header;
        changed[at] ^= 0x40;
        assert!(parse_header(&changed).is_err(), "byte {at}");
        assert!(parse_header(&header[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_segment_cut_at_any_byte_keeps_exactly_the_whole_batches_before() {
    let (bytes, ends) = segment(4, true);
    for cut in SEGMENT_HEADER_BYTES..bytes.len() {
        let contents = scan(NAME.id, &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(
            contents.batches,
            u32::try_from(whole).unwrap(),
            "cut at {cut}"
        );
        assert_eq!(contents.end, widen(ends[whole]));
        assert_eq!(
            indexes(&contents),
            (0..contents.records).collect::<Vec<_>>()
        );
        assert!(!contents.is_finished);
    }
    assert!(scan(NAME.id, &bytes).unwrap().is_finished);
}

#[test]
fn every_changed_byte_of_a_finished_segment_is_damage_at_the_start_of_its_batch() {
    let (bytes, ends) = segment(4, true);
    for at in SEGMENT_HEADER_BYTES..ends[4] {
        let batch = ends.iter().rposition(|end| *end <= at).unwrap();
        for bit in [0x01, 0x80] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let damage = scan(NAME.id, &changed).unwrap_err();
            assert_eq!(damage.offset, widen(ends[batch]), "byte {at}");
        }
    }
}

#[test]
fn a_changed_byte_in_an_unfinished_segment_is_damage_unless_it_lies_in_the_last_batch() {
    let (bytes, ends) = segment(4, false);
    for at in SEGMENT_HEADER_BYTES..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        match scan(NAME.id, &changed) {
            Err(damage) => assert!(at < ends[3] && damage.offset <= widen(at), "byte {at}"),
            Ok(contents) => assert!(at >= ends[3] && contents.batches == 3, "byte {at}"),
        }
    }
}

#[test]
fn zeros_ahead_and_sectors_that_never_arrived_are_a_torn_tail() {
    let (mut bytes, ends) = segment(3, false);
    bytes.resize(bytes.len() + 10_000, 0);
    assert_eq!(scan(NAME.id, &bytes).unwrap().batches, 3);
    for gap in ends[2]..ends[3] {
        let mut torn = bytes.clone();
        torn[gap..ends[3]].fill(0);
        let contents = scan(NAME.id, &torn).unwrap();
        assert_eq!(
            (contents.batches, contents.end),
            (2, widen(ends[2])),
            "zeros from {gap}"
        );
        let mut torn = bytes.clone();
        torn[ends[2]..=gap].fill(0);
        assert_eq!(
            scan(NAME.id, &torn).unwrap().batches,
            2,
            "zeros up to {gap}"
        );
    }
}

#[test]
fn a_batch_of_another_segment_is_not_taken() {
    let (bytes, ends) = segment(3, true);
    assert_eq!(scan(NAME.id + 1, &bytes).unwrap().records, 0);
    let mut swapped = bytes[..ends[1]].to_vec();
    swapped.extend(&bytes[ends[2]..ends[3]]);
    assert_eq!(
        scan(NAME.id, &swapped),
        Err(Damage {
            offset: widen(ends[1])
        })
    );
}
