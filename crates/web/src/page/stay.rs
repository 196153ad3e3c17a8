//! How a device senses a person, and when, in words.

use model::{Role, ThingId, Timestamp};

use crate::shell::Shell;

/// How many a card lists.
pub(crate) const MAX_STAYS: usize = 8;

/// One way in which a device senses the person, for a time.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    /// The device.
    pub(crate) thing: ThingId,
    /// How they meet.
    pub(crate) role: Role,
    /// Since when; `None` where it is from the beginning.
    pub(crate) from: Option<Timestamp>,
    /// Until when; `None` where no end is set.
    pub(crate) until: Option<Timestamp>,
    /// Whether it is over.
    pub(crate) is_over: bool,
}

impl Stay {
    /// In one sentence.
    pub(crate) fn words(&self, shell: &Shell) -> String {
        let role = shell.say(match self.role {
            Role::Holder => "stay-holder",
            Role::Household => "stay-household",
            Role::Occupant => "stay-occupant",
        });
        let key = match (self.is_over, self.from, self.until) {
            (true, _, _) => "stay-over",
            (false, None, None) => "stay-always",
            (false, Some(_), None) => "stay-from",
            (false, None, Some(_)) => "stay-until",
            (false, Some(_), Some(_)) => "stay-between",
        };
        let moment = |at: Option<Timestamp>| at.map_or_else(String::new, |it| shell.moment(&it));
        let message = shell.with(key).set("thing", self.thing.as_str());
        message
            .set("role", role)
            .set("from", moment(self.from))
            .set("until", moment(self.until))
            .to_string()
    }
}
