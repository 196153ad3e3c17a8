//! Which stored readings of a thing and a moment are of one message.
//!
//! A thing may send several messages within a millisecond, and a SenML pack is several messages of one. What is stored of a
//! message is appended together: for each class (a retention, kept by law or as the person chose) one reading of each person,
//! so its readings are neighbours in the vault's order, and no class and person stands there twice. A message therefore ends
//! where one comes again. Messages that have no class and person in common may be taken for one; they have no field in common
//! either, and each of their readings is given in a part of its own anyhow.
//!
//! Where the law and the person's choice keep something equally long, two readings of one person may be of one message. Of such
//! a class a message that holds only one of the two is taken together with the next.

use model::Retention;
use vault::{Position, StoredReading};

/// A stored reading and its place in the vault's order.
pub(super) type Placed = (Position, StoredReading);

/// The readings of each message, in the vault's order; `ways` says how many classes of a retention a message can have.
pub(super) fn split(
    mut readings: Vec<Placed>,
    ways: impl Fn(Retention) -> usize,
) -> Vec<Vec<Placed>> {
    readings.sort_by_key(|it| it.0);
    let mut messages: Vec<Vec<Placed>> = Vec::new();
    for placed in readings {
        let (_, reading) = &placed;
        let is_same =
            |(_, it): &&Placed| it.retention == reading.retention && it.subject == reading.subject;
        let most = ways(reading.retention).max(1);
        match messages.last_mut() {
            Some(last) if last.iter().filter(is_same).count() < most => last.push(placed),
            _ => messages.push(vec![placed]),
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use model::{DeploymentId, PersonId, Subject, ThingId, Timestamp};

    use super::*;

    /// Readings as `person retention`, in the order in which they were appended; given back by message.
    fn messages(appended: &[(&str, u16)], ways: usize) -> Vec<usize> {
        let placed = appended.iter().zip(7..).map(|((person, days), index)| {
            let reading = StoredReading {
                subject: Subject::Person(PersonId::parse(person).unwrap()),
                thing: ThingId::parse("meter-1").unwrap(),
                deployment: DeploymentId::parse("home").unwrap(),
                at: Timestamp::EPOCH,
                retention: Retention::from_days(*days),
                generation: 1,
                body: Vec::new(),
            };
            (Position { segment: 3, index }, reading)
        });
        let mut placed: Vec<_> = placed.collect();
        placed.reverse();
        split(placed, |_| ways).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_message_ends_where_a_class_of_a_person_comes_again() {
        let whole = [("a", 30), ("b", 30), ("a", 7), ("b", 7)];
        assert_eq!(messages(&whole, 1), [4]);
        assert_eq!(messages(&[whole, whole].concat(), 1), [4, 4]);
        assert_eq!(messages(&[("a", 7); 3], 1), [1, 1, 1]);
        let shorter_is_over = [("a", 30), ("b", 30), ("a", 30), ("a", 7), ("b", 30)];
        assert_eq!(messages(&shorter_is_over, 1), [2, 3]);
        assert!(messages(&[], 1).is_empty());
    }

    #[test]
    fn two_classes_of_one_length_are_of_one_message() {
        assert_eq!(messages(&[("a", 7); 4], 2), [2, 2]);
        assert_eq!(messages(&[("a", 7); 3], 2), [2, 1]);
    }
}
