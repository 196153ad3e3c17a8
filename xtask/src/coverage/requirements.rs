//! The numbered requirements of the founding paper.

/// Every id: good practice, enforcement, education, things to do and not to do, partnerships,
/// what is needed, working groups.
pub(crate) const REQUIREMENTS: [&str; 55] = [
    "GP-A1", "GP-A2", "GP-A3", "GP-A4", "GP-B0a", "GP-B0b", "GP-B0c", "GP-B1a", "GP-B1b", "GP-B1c",
    "GP-B2", "GP-B3", "GP-B4a", "GP-B4b", "GP-C1", "GP-C2", "GP-D1", "GP-D2", "EN-1", "EN-2",
    "EN-3", "EN-4", "ED-1", "ED-2", "ED-3", "DO-1", "DO-2", "DO-3", "DO-4", "DO-5", "DO-6", "DO-7",
    "DO-8", "DO-9", "DN-1", "DN-2", "DN-3", "DN-4", "DN-5", "DN-6", "DN-7", "PA-1", "PA-2", "PA-3",
    "ND-1", "ND-2", "ND-3", "ND-4", "ND-5", "WG-0", "WG-1", "WG-2", "WG-3", "WG-4", "WG-5",
];
