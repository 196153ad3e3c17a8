//! How far things are apart, in words.

use super::Texts;

/// Nearer than this it is the same place.
const HERE_M: f64 = 50.0;

impl Texts {
    /// How far away something is: `about 640 m away`.
    pub(crate) fn distance(&self, metres: &f64) -> String {
        let metres = *metres;
        if metres < HERE_M {
            return self.say("nearby-distance-here");
        }
        if metres < 995.0 {
            let metres = format!("{:.0}0", metres / 10.0);
            return self
                .with("nearby-distance-m")
                .set("metres", metres)
                .to_string();
        }
        let kilometres = metres / 1000.0;
        let kilometres = match kilometres < 9.95 {
            true => format!("{kilometres:.1}"),
            false => format!("{kilometres:.0}"),
        };
        let words = self.with("nearby-distance-km");
        words.set("kilometres", kilometres).to_string()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use model::Language;

    use super::*;

    #[test]
    fn distances_are_told_as_exactly_as_they_matter() {
        let texts = Texts::new(Language::En, TimeZone::UTC);
        for (metres, words) in [
            (0.0, "at the same place"),
            (49.9, "at the same place"),
            (644.0, "about 640 m away"),
            (994.0, "about 990 m away"),
            (995.0, "about 1.0 km away"),
            (9_949.0, "about 9.9 km away"),
            (12_345.0, "about 12 km away"),
        ] {
            assert_eq!(texts.distance(&metres), words);
        }
    }
}
