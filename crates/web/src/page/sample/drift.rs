//! Values that came in without having been declared.

use super::ago;
use crate::page::{DriftLine, DriftName, DriftReason};

/// Values that nobody declared, under every kind of name.
pub(crate) fn drift() -> Vec<DriftLine> {
    let pointer = |it: &str| DriftName::Pointer(it.to_owned());
    let line = |name, reason, times| DriftLine {
        name,
        reason,
        times,
        first_at: ago(2_900),
        last_at: ago(2),
    };
    vec![
        line(pointer("/wifi/ssid"), DriftReason::Unknown, 1_204),
        line(pointer("/energy"), DriftReason::WrongType, 3),
        line(pointer("/rooms/*/temperature"), DriftReason::OutOfRange, 7),
        line(
            pointer("/diagnostics/nearby-devices/*/mac"),
            DriftReason::Unknown,
            88,
        ),
        line(DriftName::Whole, DriftReason::WrongType, 1),
        line(DriftName::Hidden, DriftReason::Unknown, 12),
        line(DriftName::Rest, DriftReason::Unknown, 40_311),
    ]
}

/// A page full of values that nobody declared.
pub(crate) fn long_drift() -> Vec<DriftLine> {
    let line = |number: u8| DriftLine {
        name: DriftName::Pointer(format!("/diagnostics/neighbours/{number}/signal")),
        reason: DriftReason::Unknown,
        times: 1_000 + i64::from(number),
        first_at: ago(2_900),
        last_at: ago(2),
    };
    (0..25).map(line).collect()
}
