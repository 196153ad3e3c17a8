//! Limits of the rulebook in words.

use model::{Cap, CapTarget, Level};

use super::Texts;

impl Texts {
    /// A limit as it stands in the rulebook: what, for which purpose, how much at most.
    pub(crate) fn limit(&self, cap: &Cap) -> String {
        let what = match &cap.target {
            CapTarget::Field(pointer) => self
                .with("limit-field")
                .set("name", pointer.as_str())
                .to_string(),
            CapTarget::Sensitivity(from) => self
                .with("limit-sensitivity")
                .set("sensitivity", self.sensitivity(from))
                .to_string(),
        };
        let purpose = cap.purpose.as_ref().map(|it| it.as_str());
        self.limited(&what, purpose, &self.limit_most(cap.most))
    }

    /// A limit from its parts; `purpose` where it is for one only.
    pub(crate) fn limited(&self, what: &str, purpose: Option<&str>, most: &str) -> String {
        let purpose = match purpose {
            Some(purpose) => self
                .with("limit-purpose")
                .set("purpose", purpose)
                .to_string(),
            None => self.say("limit-every-purpose"),
        };
        let message = self.with("limit-words").set("what", what);
        message
            .set("purpose", purpose)
            .set("most", most)
            .to_string()
    }

    /// The most that passes, where no field says what its levels show.
    pub(crate) fn limit_most(&self, most: Level) -> String {
        match most.coarse_number() {
            Some(number) => self
                .with("limit-coarse")
                .set("number", u64::from(number))
                .to_string(),
            None => self.say("limit-off"),
        }
    }
}
