//! Acts of choosing in words.

use custody::{ConsentState, How, Preset};

use super::Texts;

impl Texts {
    /// The name of a preset.
    pub(crate) fn preset(&self, preset: &Preset) -> String {
        self.say(match preset {
            Preset::ServiceOnly => "preset-service-only",
            Preset::Research => "preset-research",
            Preset::AllOff => "preset-all-off",
            Preset::AsBefore => "preset-as-before",
        })
    }

    /// What a preset does, in two sentences.
    pub(crate) fn preset_means(&self, preset: &Preset) -> String {
        self.say(match preset {
            Preset::ServiceOnly => "preset-service-only-means",
            Preset::Research => "preset-research-means",
            Preset::AllOff => "preset-all-off-means",
            Preset::AsBefore => "preset-as-before-means",
        })
    }

    /// How an act of choosing came about; `title` is that of the deployment it was taken from, if there is one.
    pub(crate) fn how(&self, how: &How, title: &str) -> String {
        match how {
            How::ByHand => self.say("how-by-hand"),
            How::Preset(preset) => self
                .with("how-preset")
                .set("preset", self.preset(preset))
                .to_string(),
            How::Copied(_) => self.with("how-copied").set("title", title).to_string(),
            How::Imported => self.say("how-imported"),
            How::BrowserSignal => self.say("how-browser-signal"),
            How::CarriedOver(version) => self
                .with("how-carried-over")
                .set("version", *version)
                .to_string(),
            How::Undone(_) => self.say("how-undone"),
        }
    }

    /// What a change means in law.
    pub(crate) fn consent_state(&self, state: &ConsentState) -> String {
        self.say(match state {
            ConsentState::Given => "state-given",
            ConsentState::Refused => "state-refused",
            ConsentState::Withdrawn => "state-withdrawn",
            ConsentState::Objected => "state-objected",
            ConsentState::ObjectionWithdrawn => "state-objection-withdrawn",
            ConsentState::Reset => "state-reset",
        })
    }
}
