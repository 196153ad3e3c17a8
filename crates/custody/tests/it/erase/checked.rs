//! What an erasure looks at afterwards, and what it does not leave to others in between.

use super::*;

fn proof(house: &House) -> serde_json::Value {
    let (proof, _) = view(house).proof.unwrap();
    serde_json::from_str(&proof).unwrap()
}

/// So many readings, two of each message, of which the first `at_once` are of one moment.
fn measure_many(house: &House, messages: i64, at_once: i64) {
    let thing = house.thing("meter-1", &house.meter);
    let mut last = None;
    for number in 0..messages {
        let at = after(1).plus_millis((number - at_once).max(0));
        let payload = format!(r#"{{"power":{number},"room":{{"temperature":21.0}}}}"#);
        let took = house.custody.ingest(&thing, payload.as_bytes(), at);
        last = Some(took.unwrap());
    }
    house.custody.wait_durable(last.unwrap()).unwrap();
}

#[test]
fn gp_b4a_a_moment_with_more_readings_than_a_page_is_counted_and_looked_at_whole() {
    on_both(|house| {
        let house = ready(house);
        measure(&house, r#"{"power":1,"room":{"temperature":20.0}}"#, NOW);
        measure_many(&house, 330, 320);
        let now = after(3);
        let planned = plan(&house, &everything(), now);
        assert_eq!((planned.readings(), planned.is_more), (2 * 331, false));
        // Temperatures are in one of the two readings of a message.
        let planned = plan(&house, &of_field("/room/temperature"), now);
        assert_eq!((planned.readings(), planned.is_more), (331, false));
        erase(
            &house,
            &of_field("/room/temperature"),
            Grace::None,
            after(3),
        );
        let proof = proof(&house);
        let read = proof["readings-read"].as_u64().unwrap();
        assert!(read >= 331, "what is left beside it was read: {proof}");
        assert_eq!(
            (&proof["all-read"], &proof["readings-left"]),
            (&true.into(), &0.into())
        );
    });
}

/// Runs what one of the engines understands.
fn run_either(house: &House, statements: [&[&str]; 2]) {
    let run = |all: &[&str]| {
        house.db.write(|tx| {
            all.iter()
                .try_for_each(|sql| tx.execute(sql, &[]).map(|_| ()))
        })
    };
    let [one, other] = statements;
    let done: Result<(), store::DbError> = run(one).or_else(|_| run(other));
    done.unwrap();
}

#[test]
fn gp_b4a_an_export_that_is_asked_for_while_it_is_erased_does_not_survive() {
    on_both(|house| {
        let house = ready(house);
        measure(&house, r#"{"power":1}"#, after(1));
        // Asked for when exports are deleted already and the vault erases.
        let asked = "INSERT INTO export_job (id, person, formats, state, asked_at)
                     VALUES ('late', 'p-resident', '', 'waiting', 1)";
        let sqlite =
            format!("CREATE TRIGGER late AFTER INSERT ON vault_erasure BEGIN {asked}; END");
        let function = format!(
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {asked}; RETURN NEW; END $$"
        );
        let postgres = "CREATE TRIGGER late AFTER INSERT ON vault_erasure FOR EACH ROW EXECUTE FUNCTION late()";
        run_either(&house, [&[&function, postgres], &[&sqlite]]);
        erase(&house, &everything(), Grace::None, after(2));
        assert_eq!(view(&house).state, EraseState::Erased);
        let export = house
            .custody
            .export_of(&person("p-resident"), after(3))
            .unwrap();
        assert_eq!(export, None, "it has what was still there");
        assert_eq!(house.custody.next_export().unwrap().map(|_| ()), None);
    });
}

mod slow {
    use super::*;

    #[test]
    fn gp_b4a_what_is_read_after_an_erasure_does_not_end_with_the_newest_fifty_thousand() {
        on_both(|house| {
            let house = ready(house);
            measure_many(&house, 26_000, 0);
            let until = after(1).plus_millis(2);
            let first = between(after(1), until);
            assert_eq!(plan(&house, &first, after(40)).readings(), 4);
            erase(
                &house,
                &of_field("/room/temperature"),
                Grace::None,
                after(40),
            );
            let proof = proof(&house);
            assert_eq!(proof["all-read"], true, "{proof}");
            let read = proof["readings-read"].as_u64().unwrap();
            assert!(read >= 26_000, "{proof}");
        });
    }
}
