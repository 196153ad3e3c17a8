//! Scopes: what they meet, what they leave, and what they look like in rows.

use model::Retention;
use proptest::prelude::*;

use super::*;

const DAY_MS: i64 = 86_400_000;

fn row(at: i64, thing: &str) -> Row {
    Row {
        at: Timestamp::from_millis(at),
        index: 7,
        thing: ThingId::parse(thing).unwrap(),
        deployment: DeploymentId::parse("home-energy").unwrap(),
        retention: Retention::from_days(30),
        generation: 1,
        body: b"ab".to_vec(),
    }
}

fn within(from: i64, until: i64) -> Scope {
    Scope {
        from: Some(Timestamp::from_millis(from)),
        until: Some(Timestamp::from_millis(until)),
        ..Scope::default()
    }
}

#[test]
fn a_range_has_whole_the_epochs_inside_and_meets_those_at_its_ends() {
    let scope = within(DAY_MS, 3 * DAY_MS + 1);
    let whole: Vec<bool> = (0..5).map(|it| scope.has_whole_epoch(it)).collect();
    let meets: Vec<bool> = (0..5).map(|it| scope.meets_epoch(it)).collect();
    assert_eq!(whole, [false, true, true, false, false]);
    assert_eq!(meets, [false, true, true, true, false]);
    let of_thing = Scope {
        thing: Some(ThingId::parse("meter-7").unwrap()),
        ..Scope::default()
    };
    assert!(!of_thing.has_whole_epoch(2) && of_thing.meets_epoch(2));
    assert!(Scope::default().has_whole_epoch(-1));
}

#[test]
fn a_scope_hides_exactly_what_it_names() {
    let scope = Scope {
        thing: Some(ThingId::parse("meter-7").unwrap()),
        ..within(10, 20)
    };
    let shown = |at, thing| {
        left(
            std::slice::from_ref(&scope),
            None,
            "person:a1",
            row(at, thing),
        )
    };
    assert_eq!(shown(9, "meter-7"), Some(row(9, "meter-7")));
    assert_eq!(shown(10, "meter-7"), None);
    assert_eq!(shown(19, "meter-7"), None);
    assert_eq!(shown(20, "meter-7"), Some(row(20, "meter-7")));
    assert_eq!(shown(10, "meter-8"), Some(row(10, "meter-8")));
}

#[test]
fn what_is_taken_out_of_bodies_is_hidden_whole_as_long_as_nobody_knows_their_form() {
    let scopes = [Scope {
        strip: Some(b"a".to_vec()),
        ..Scope::default()
    }];
    let stripper: Stripper = Box::new(|strip, stored| {
        assert_eq!(stored.subject.key(), "person:a1");
        let body: Vec<u8> = stored
            .body
            .iter()
            .filter(|it| !strip.contains(it))
            .copied()
            .collect();
        match body.len() {
            0 => Strip::Drop,
            len if len == stored.body.len() => Strip::Keep,
            _ => Strip::Replace(body),
        }
    });
    assert_eq!(left(&scopes, None, "person:a1", row(1, "m")), None);
    let left_of = |body: &[u8]| {
        let row = Row {
            body: body.to_vec(),
            ..row(1, "m")
        };
        left(&scopes, Some(&stripper), "person:a1", row).map(|it| it.body)
    };
    assert_eq!(left_of(b"ab").unwrap(), b"b");
    assert_eq!(left_of(b"b").unwrap(), b"b");
    assert_eq!(left_of(b"aa"), None);
}

#[test]
fn a_mask_opens_only_with_its_key() {
    let secret = SecretKey::random().unwrap();
    let scopes = [within(1, 2), Scope::default()];
    let sealed = seal(&secret, Suite::default(), KeyId(5), &scopes).unwrap();
    assert_eq!(open(&secret, KeyId(5), sealed.clone()).unwrap(), scopes);
    assert!(open(&secret, KeyId(6), sealed.clone()).is_err());
    assert!(open(&SecretKey::random().unwrap(), KeyId(5), sealed).is_err());
}

#[test]
fn a_scope_of_an_old_tombstone_is_read_and_takes_sealed_files() {
    let mut bytes = vec![1];
    bytes.extend_from_slice(&5_i64.to_le_bytes());
    bytes.extend_from_slice(&i64::MAX.to_le_bytes());
    bytes.extend_from_slice(b"\x07meter-7\x00");
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    let scope = Scope {
        from: Some(Timestamp::from_millis(5)),
        thing: ThingId::parse("meter-7").ok(),
        ..Scope::default()
    };
    assert_eq!(Scope::decode(&mut Cursor(&bytes)), Some(scope.clone()));
    let mut written = Vec::new();
    scope.encode(&mut written).unwrap();
    assert_eq!(written, bytes, "and an older program reads this one");
    bytes[0] = 3;
    assert_eq!(Scope::decode(&mut Cursor(&bytes)), None);
}

proptest! {
    #[test]
    fn a_scope_is_read_back_as_it_was_written(
        from in proptest::option::of(-1_000_000_i64..1_000_000),
        until in proptest::option::of(-1_000_000_i64..1_000_000),
        thing in proptest::option::of("[a-z]{1,20}"),
        deployment in proptest::option::of("[a-z]{1,20}"),
        strip in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50)),
        spares_own_files in any::<bool>(),
    ) {
        let scope = Scope {
            from: from.map(Timestamp::from_millis),
            until: until.map(Timestamp::from_millis),
            thing: thing.map(|it| ThingId::parse(&it).unwrap()),
            deployment: deployment.map(|it| DeploymentId::parse(&it).unwrap()),
            strip,
            spares_own_files,
        };
        let mut bytes = Vec::new();
        scope.encode(&mut bytes).unwrap();
        let mut cursor = Cursor(&bytes);
        prop_assert_eq!(Scope::decode(&mut cursor), Some(scope));
        prop_assert!(cursor.0.is_empty());
        for len in 0..bytes.len() {
            prop_assert_eq!(Scope::decode(&mut Cursor(&bytes[..len])), None);
        }
    }
}
