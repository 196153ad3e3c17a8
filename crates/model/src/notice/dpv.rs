//! The purposes of the W3C Data Privacy Vocabulary, and how they reduce to those of the IETF taxonomy.

/// The prefix of a DPV term in a notice.
pub(crate) const PREFIX: &str = "dpv:";

const PURPOSES: &str = include_str!("dpv/purposes.tsv");

/// Every purpose, with the core purpose of the IETF taxonomy that covers it, where one does.
fn purposes() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let lines = PURPOSES.lines().filter(|it| !it.starts_with('#'));
    lines
        .filter_map(|it| it.split_once('\t'))
        .map(|(name, core)| (name, (core != "-").then_some(core)))
}

/// The names of all purposes, without prefix.
pub(crate) fn purpose_names() -> impl Iterator<Item = &'static str> {
    purposes().map(|it| it.0)
}

/// Whether there is a purpose of this name (without prefix).
pub(crate) fn is_purpose(name: &str) -> bool {
    purpose_names().any(|it| it == name)
}

/// The term of the IETF taxonomy for a purpose such as `dpv:ServiceProvision`; the DPV term itself where none covers it.
pub(crate) fn ppd_purpose(dpv: &str) -> String {
    let name = dpv.strip_prefix(PREFIX).unwrap_or(dpv);
    let core = purposes().find(|it| it.0 == name).and_then(|it| it.1);
    core.map_or_else(|| dpv.to_owned(), |it| format!("ppd:{it}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_reduce_where_the_taxonomy_has_a_broader_one() {
        assert_eq!(purpose_names().count(), 121);
        assert_eq!(
            ppd_purpose("dpv:PaymentManagement"),
            "ppd:coreFunctionality"
        );
        assert_eq!(ppd_purpose("dpv:AcademicResearch"), "dpv:AcademicResearch");
        assert!(is_purpose("PublicBenefit") && !is_purpose("Purpose"));
    }
}
