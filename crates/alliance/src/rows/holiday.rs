//! The days off that clocks go by.

use custody::RowError;
use store::Tx;

use super::case::parsed;

/// The days off.
pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<(jiff::civil::Date, model::Text)>, RowError> {
    let rows = tx.query(
        "SELECT day, name_en, name_ur FROM holiday ORDER BY day",
        &[],
    )?;
    let holiday = |row: &store::Row| {
        let day = parsed("holiday", row.get(0)?, |it| it.parse().ok())?;
        let name = model::Text {
            en: row.get(1)?,
            ur: row.get(2)?,
        };
        Ok((day, name))
    };
    rows.iter().map(holiday).collect()
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    day: jiff::civil::Date,
    name: &model::Text,
) -> Result<(), RowError> {
    let day = day.to_string();
    tx.execute(
        "INSERT INTO holiday (day, name_en, name_ur) VALUES ($1, $2, $3)
         ON CONFLICT (day) DO UPDATE SET name_en = $2, name_ur = $3",
        &[
            day.as_str().into(),
            name.en.as_str().into(),
            name.ur.as_str().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn remove(tx: &mut Tx<'_>, day: jiff::civil::Date) -> Result<bool, RowError> {
    let day = day.to_string();
    Ok(tx.execute("DELETE FROM holiday WHERE day = $1", &[day.as_str().into()])? == 1)
}
