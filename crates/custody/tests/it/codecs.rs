//! Codecs: whose messages a script reads, kept with the rest.

use custody::{ActError, Identity, MAX_CODEC_BYTES, SetCodecError};
use model::{BridgeId, RecipientId, ThingId};

use crate::fixture::{NOW, deployment, on_both, open};

fn meter() -> Identity {
    Identity::Thing(ThingId::parse("meter-1").unwrap())
}

fn hub() -> Identity {
    Identity::Bridge(BridgeId::parse("hub-1").unwrap())
}

#[test]
fn a_codec_is_in_force_at_once_after_a_restart_and_until_it_is_taken_away() {
    on_both(|house| {
        let custody = &house.custody;
        let bridge = BridgeId::parse("hub-1").unwrap();
        custody
            .act(NOW, |act| {
                act.register_bridge(&bridge, &deployment("home"), "chirpstack")?;
                Ok::<_, ActError>(())
            })
            .unwrap();
        assert!(!custody.has_codecs());
        assert_eq!(custody.codec("meter-1"), None);
        custody.set_codec(&meter(), Some("one"), NOW).unwrap();
        custody.set_codec(&hub(), Some("one"), NOW).unwrap();
        assert_eq!(custody.codec("meter-1").as_deref(), Some("one"));
        custody.set_codec(&hub(), Some("two"), NOW).unwrap();

        custody.close().unwrap();
        let custody = open(&house.db, &house.directory);
        assert_eq!(custody.codec("meter-1").as_deref(), Some("one"));
        assert_eq!(custody.codec("hub-1").as_deref(), Some("two"));
        custody.set_codec(&meter(), None, NOW).unwrap();
        assert_eq!(custody.codec("meter-1"), None);
        assert_eq!(custody.codec("hub-1").as_deref(), Some("two"));
        custody.set_codec(&meter(), Some("one"), NOW).unwrap();
        assert_eq!(custody.codec("meter-1").as_deref(), Some("one"));
    });
}

#[test]
fn a_codec_has_an_owner_and_a_length() {
    on_both(|house| {
        let refused = |owner: &Identity, source: &str| {
            let set = house.custody.set_codec(owner, Some(source), NOW);
            set.unwrap_err()
        };
        assert!(matches!(refused(&hub(), "x"), SetCodecError::Nobody(_)));
        let nobody = Identity::Thing(ThingId::parse("nothing").unwrap());
        assert!(matches!(refused(&nobody, "x"), SetCodecError::Nobody(_)));
        let adviser = Identity::Recipient(RecipientId::parse("adviser").unwrap());
        assert!(matches!(refused(&adviser, "x"), SetCodecError::Nobody(_)));
        for source in ["", &"x".repeat(MAX_CODEC_BYTES + 1)] {
            assert!(matches!(refused(&meter(), source), SetCodecError::Length));
        }
        assert_eq!(house.custody.codec("meter-1"), None);
    });
}
