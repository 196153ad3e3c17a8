//! What is sealed to a person's own key is missing from the past, and that is said.

use std::io::Read as _;

use custody::{OWN_KEY_DELAY_MILLIS, OwnIdentities, OwnKeyState, WordSaid};

use super::*;

const SECRET: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const PUBLIC: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";

/// The resident has everything sealed from now on.
fn seal(house: &House, now: Timestamp) {
    let resident = person("p-resident");
    let custody = &house.custody;
    custody.add_own_key(&resident, PUBLIC, false, now).unwrap();
    let key = custody.own_keys(&resident, now).unwrap().keys.remove(0);
    let OwnKeyState::Asked { challenge } = key.state else {
        panic!("{:?}", key.state);
    };
    let identities = OwnIdentities::read(SECRET.as_bytes(), &mut || None).unwrap();
    let mut word = String::new();
    let mut reader = identities.open(challenge.as_bytes()).unwrap();
    reader.read_to_string(&mut word).unwrap();
    let said = custody.prove_own_key(&resident, &key.id, &word, now);
    assert_eq!(said.unwrap(), WordSaid::Right);
    custody.begin_sealing(&resident, false, true, now).unwrap();
}

#[test]
fn gp_b2_the_past_says_up_to_when_it_is_sealed_to_whom_it_may_be_said() {
    on_both(|house| {
        let house = endless(house);
        choose(&house, "/power", "research", Level::ON, NOW);
        seal(&house, NOW);
        let at = after(120);
        measure(&house, r#"{"power":1210}"#, at);
        house.custody.tick(at).unwrap();
        let mut wanted = query("research");
        wanted.from = Some(NOW);
        let open = page(&house, &wanted, at.plus_millis(1)).unwrap();
        assert_eq!((open.deliveries.len(), open.sealed_before), (1, None));

        let end = Timestamp::from_millis((at.day() + 1) * DAY);
        let later = end.plus_millis(OWN_KEY_DELAY_MILLIS + 600_000);
        house.custody.tick(later).unwrap();
        let sealed = page(&house, &wanted, later).unwrap();
        assert!(sealed.deliveries.is_empty(), "{sealed:?}");
        assert_eq!(sealed.sealed_before, Some(at.plus_millis(1)));
        wanted.from = Some(at.plus_millis(1));
        let behind = page(&house, &wanted, later).unwrap();
        assert_eq!(behind.sealed_before, None, "it was not asked for");

        wanted.from = Some(NOW);
        choose(&house, "/power", "research", Level::OFF, later);
        let off = page(&house, &wanted, later).unwrap();
        assert_eq!(
            off.sealed_before, None,
            "who may have nothing learns nothing"
        );
    });
}
