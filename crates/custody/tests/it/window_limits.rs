//! Too many windows at once: what does not fit is counted, and everything else goes on.

mod slow {
    use custody::{ActError, MAX_OPEN_WINDOWS_PER_DEPLOYMENT, WindowCounts};
    use model::{Grant, Notice, PurposeId, RecipientId, Timestamp};

    use crate::fixture::{House, NOW, deployment, on_both};

    /// A quarter of an hour begins.
    const START: Timestamp = NOW.plus_millis(100_000);
    const END: Timestamp = START.plus_millis(900_000);
    /// Of each card: what the recipient gets, and what is kept.
    const OF_A_CARD: usize = 2;
    const WINDOW: &str = "[[fields.coarse]]\nwindow = { seconds = 900, of = \"mean\" }";

    /// Everybody's power leaves the bus as a mean.
    fn with_window(house: &House) {
        let source = include_str!("bus.toml")
            .replace("version = 1", "version = 2")
            .replace("[[fields.coarse]]\nround = 500.0", WINDOW)
            .replacen("[\"/power\", \"/card\"]", "[\"/power\"]", 1)
            // Nobody gets the card by default.
            .replacen(
                "[\"/power\", \"/room/temperature\"]",
                "[\"/power\", \"/room/temperature\", \"/card\"]",
                1,
            )
            .replacen("precision = \"on\"", "precision = \"coarse-1\"", 1);
        let put: Result<_, ActError> = house.custody.act(NOW, |act| {
            act.publish_notice(&Notice::parse(&source).unwrap(), &source)?;
            act.grant(&Grant {
                recipient: RecipientId::parse("utility-desk").unwrap(),
                purpose: PurposeId::parse("billing").unwrap(),
                deployment: deployment("bus"),
                valid_from: NOW,
                valid_until: None,
            })
        });
        put.unwrap();
    }

    fn ride(house: &House, card: usize, at: Timestamp) {
        let bus = house.thing("validator-1", &house.validator);
        let payload = format!("{{\"power\":100,\"card\":\"card-of-{card}\"}}");
        house.custody.ingest(&bus, payload.as_bytes(), at).unwrap();
    }

    #[test]
    fn values_beyond_the_limit_are_counted_and_left_out() {
        on_both(|house| {
            with_window(&house);
            let mut utility = house.listen("utility-desk", &house.utility, "billing", 8);
            let fit = MAX_OPEN_WINDOWS_PER_DEPLOYMENT / OF_A_CARD;
            let more = 5;
            (0..fit + more).for_each(|card| ride(&house, card, START));
            let full = WindowCounts {
                open: MAX_OPEN_WINDOWS_PER_DEPLOYMENT,
                refused: (more * OF_A_CARD) as u64,
                ..WindowCounts::default()
            };
            assert_eq!(house.custody.window_counts(), full);
            // A window that is open goes on.
            ride(&house, 0, START);
            assert_eq!(house.custody.window_counts(), full);
            house.custody.tick(END).unwrap();
            let sent = utility.next(END).unwrap();
            assert!(sent.contains("\"count\":2"), "{sent}");
            assert_eq!(utility.next(END), None, "one value is no mean");
            // There is room again.
            ride(&house, fit, END);
            let counts = house.custody.window_counts();
            assert_eq!((counts.open, counts.refused), (OF_A_CARD, full.refused));
        });
    }
}
