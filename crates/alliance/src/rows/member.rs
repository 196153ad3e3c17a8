//! Members.

use custody::RowError;
use model::{Chamber, MemberId, Text, Timestamp};
use store::Tx;

use crate::register::Member;

const COLUMNS: &str =
    "SELECT id, chamber, name_en, name_ur, about_en, about_ur, joined_at FROM member";

pub(crate) fn insert(tx: &mut Tx<'_>, member: &Member) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO member (id, chamber, name_en, name_ur, about_en, about_ur, joined_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            member.id.as_str().into(),
            member.chamber.as_str().into(),
            member.name.en.as_str().into(),
            member.name.ur.as_str().into(),
            member.about.en.as_str().into(),
            member.about.ur.as_str().into(),
            member.joined_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn all(tx: &mut Tx<'_>) -> Result<Vec<Member>, RowError> {
    let rows = tx.query(&format!("{COLUMNS} ORDER BY id"), &[])?;
    rows.iter().map(read).collect()
}

pub(crate) fn one(tx: &mut Tx<'_>, id: &MemberId) -> Result<Option<Member>, RowError> {
    let row = tx.query_one(&format!("{COLUMNS} WHERE id = $1"), &[id.as_str().into()])?;
    row.as_ref().map(read).transpose()
}

fn read(row: &store::Row) -> Result<Member, RowError> {
    let unreadable = |value: &str| RowError::Unreadable {
        table: "member",
        value: value.to_owned(),
    };
    let id: String = row.get(0)?;
    let chamber: String = row.get(1)?;
    Ok(Member {
        id: MemberId::parse(&id).map_err(|_| unreadable(&id))?,
        chamber: Chamber::parse(&chamber).ok_or_else(|| unreadable(&chamber))?,
        name: Text {
            en: row.get(2)?,
            ur: row.get(3)?,
        },
        about: Text {
            en: row.get(4)?,
            ur: row.get(5)?,
        },
        joined_at: Timestamp::from_millis(row.get(6)?),
    })
}
