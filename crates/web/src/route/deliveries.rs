//! The files about who received what.

/// A file about who received what about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveriesFile {
    /// A table.
    Csv,
    /// For programs.
    Json,
    /// The proof of one line: its batch, and its place there.
    Proof(u64, u64),
}

impl DeliveriesFile {
    /// What the file is called.
    pub fn name(self) -> String {
        match self {
            Self::Csv => "all.csv".to_owned(),
            Self::Json => "all.json".to_owned(),
            Self::Proof(batch, place) => format!("{batch}-{place}.json"),
        }
    }

    /// Reads the name back.
    pub fn parse(name: &str) -> Option<Self> {
        let found = match name {
            "all.csv" => Self::Csv,
            "all.json" => Self::Json,
            _ => {
                let (batch, place) = name.strip_suffix(".json")?.split_once('-')?;
                Self::Proof(batch.parse().ok()?, place.parse().ok()?)
            }
        };
        (found.name() == name).then_some(found)
    }
}
