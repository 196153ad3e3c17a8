//! Bytes from anywhere: what is not declared, what stands twice, and what is no message at all.

use model::FieldKind;
use policy::{
    DecodeError, MAX_UNDECLARED, MAX_UNDECLARED_BYTES, Schema, decide, render, render_stored,
};
use proptest::prelude::*;

use super::{lane, pseudonym};
use crate::world::{every_pointer, message, open_world, plain_notice, scalar, wild_json, world};

fn told(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

proptest! {
    #[test]
    fn nothing_undeclared_is_kept_or_named(text in wild_json()) {
        // Only numbers and booleans are declared, so no string of a message may show anywhere.
        let fields: Vec<_> = every_pointer().iter().map(|it| (*it, FieldKind::Number)).collect();
        let world = open_world(plain_notice(&fields));
        let program = world.program();
        match program.schema().decode(text.as_bytes()) {
            Err(err) => prop_assert!(!told(&err).contains("zqx")),
            Ok(payload) => {
                prop_assert!(payload.undeclared().len() <= MAX_UNDECLARED);
                for it in payload.undeclared() {
                    prop_assert!(it.pointer.len() <= MAX_UNDECLARED_BYTES);
                    prop_assert!(!it.pointer.contains("zqx"));
                }
                prop_assert!(!told(&payload).contains("zqx"));
                let decision = decide(&program, &payload, &world.facts);
                if let Some(outcome) = decision.outcome(lane(&program, "r0", "p0").unwrap()) {
                    let mut out = vec![];
                    render(&payload, outcome, &pseudonym, &mut out);
                    render_stored(&payload, outcome, &mut out);
                    prop_assert!(!String::from_utf8(out).unwrap().contains("zqx"));
                }
            }
        }
    }

    #[test]
    fn a_declared_name_that_stands_twice_denies(
        first in scalar(),
        second in scalar(),
        escaped: bool,
        between in wild_json(),
    ) {
        let schema = Schema::compile(&plain_notice(&[("/t", FieldKind::Number), ("/o/0/p", FieldKind::Text)])).unwrap();
        let name = if escaped { "\\u0074" } else { "t" };
        let twice = format!(r#"{{"t":{first},"zzz":{between},"{name}":{second}}}"#);
        let found = schema.decode(twice.as_bytes()).unwrap_err();
        let expected = if found == DecodeError::TooDeep { found.clone() } else { DecodeError::Duplicate("/t".into()) };
        prop_assert_eq!(found, expected);
        let nested = format!(r#"{{"o":[{{"p":{first},"p":{second}}}]}}"#);
        prop_assert_eq!(schema.decode(nested.as_bytes()).unwrap_err(), DecodeError::Duplicate("/o/0/p".into()));
    }

    #[test]
    fn any_bytes_are_decided_without_panic(
        world in world(),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            (message(), any::<usize>(), any::<u8>()).prop_map(|(it, place, byte)| {
                let mut bytes = it.to_string().into_bytes();
                let place = place % bytes.len();
                bytes[place] = byte;
                bytes
            }),
            "[\\[\\]{}:,\"\\\\a0-9eE.+tn-]{0,24}".prop_map(String::into_bytes),
            wild_json().prop_map(String::into_bytes),
        ],
    ) {
        let program = world.program();
        for payload in [program.schema().decode(&bytes), program.schema().decode_stored(&bytes)] {
            let Ok(payload) = payload else { continue };
            let decision = decide(&program, &payload, &world.facts);
            let lanes = program.lane_indexes().filter_map(|it| decision.outcome(it.0));
            for outcome in lanes.chain(decision.stored().iter().map(|it| &it.outcome)) {
                let mut out = vec![];
                render(&payload, outcome, &pseudonym, &mut out);
                prop_assert!(serde_json::from_slice::<&serde_json::value::RawValue>(&out).is_ok());
            }
        }
    }
}
