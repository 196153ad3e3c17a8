//! The commands, one file each: parse what clap found into checked options, then act.

pub(crate) mod check_config;
pub(crate) mod config_reference;
pub(crate) mod load;
pub(crate) mod notice_check;
pub(crate) mod policy_test;
pub(crate) mod record_verify;

/// Reads a duration such as `30s`, `1h 30m` or `250ms`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|it| std::time::Duration::try_from(it).ok())
        .filter(|it| !it.is_zero())
        .ok_or_else(|| "write a time such as 30s, 5m or 250ms".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::duration;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "0s", "-1s", "soon", "30"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
