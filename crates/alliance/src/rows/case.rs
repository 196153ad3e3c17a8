//! Cases: what was filed, its history, its panels, and the sanctions that came of it. Texts are sealed before they come here.

use custody::RowError;
use model::{Chamber, DeploymentId, MemberId, PersonId, Timestamp};
use store::{Tx, Value};

use super::numbered::{self, number};
use crate::cases::{
    CaseFile, CaseKind, EventKind, Harm, KeptTimes, Outcome, SanctionKind, Seat, Side, Stage, Step,
};

const FILE: &str = "case_file";

pub(super) fn parsed<T>(
    table: &'static str,
    text: String,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, RowError> {
    match parse(&text) {
        Some(value) => Ok(value),
        None => Err(RowError::Unreadable { table, value: text }),
    }
}

pub(super) fn optional(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Null, Into::into)
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// What is sealed or marked about who complained.
pub(crate) struct Hidden {
    pub(crate) code: [u8; 32],
    pub(crate) complainant: Option<[u8; 32]>,
    pub(crate) contact: Option<Vec<u8>>,
}

const COLUMNS: &str =
    "SELECT number, kind, harm, deployment, accountable, stage, is_protected, filed_at,
    acknowledged_in_time, answered_in_time FROM case_file";

fn read(row: &store::Row) -> Result<CaseFile, RowError> {
    let deployment: Option<String> = row.get(3)?;
    let accountable: Option<String> = row.get(4)?;
    Ok(CaseFile {
        number: unsigned(row.get(0)?),
        kind: parsed(FILE, row.get(1)?, CaseKind::parse)?,
        harm: parsed(FILE, row.get(2)?, Harm::parse)?,
        deployment: deployment
            .map(|it| parsed(FILE, it, |it| DeploymentId::parse(it).ok()))
            .transpose()?,
        accountable: accountable
            .map(|it| parsed(FILE, it, |it| MemberId::parse(it).ok()))
            .transpose()?,
        stage: parsed(FILE, row.get(5)?, Stage::parse)?,
        is_protected: row.get::<i64>(6)? != 0,
        filed_at: Timestamp::from_millis(row.get(7)?),
        acknowledged_in_time: row.get::<Option<i64>>(8)?.map(|it| it != 0),
        answered_in_time: row.get::<Option<i64>>(9)?.map(|it| it != 0),
    })
}

/// The number that a new case gets.
pub(crate) fn next_number(tx: &mut Tx<'_>) -> Result<u64, RowError> {
    numbered::next(tx, "case_file", "number")
}

/// How many cases were filed since.
pub(crate) fn filed_since(tx: &mut Tx<'_>, since: Timestamp) -> Result<u64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM case_file WHERE filed_at > $1",
        &[since.as_millis().into()],
    )?;
    Ok(unsigned(row.map_or(Ok(0), |it| it.get(0))?))
}

pub(crate) fn insert(tx: &mut Tx<'_>, file: &CaseFile, hidden: &Hidden) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO case_file (number, kind, harm, deployment, accountable, stage, is_protected, filed_at, code_sha256,
             complainant, contact)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            number(file.number).into(),
            file.kind.as_str().into(),
            file.harm.as_str().into(),
            optional(file.deployment.as_ref().map(DeploymentId::as_str)),
            optional(file.accountable.as_ref().map(MemberId::as_str)),
            file.stage.as_str().into(),
            i64::from(file.is_protected).into(),
            file.filed_at.as_millis().into(),
            hidden.code.as_slice().into(),
            hidden.complainant.as_ref().map_or(Value::Null, |it| it.as_slice().into()),
            hidden.contact.as_ref().map_or(Value::Null, |it| it.as_slice().into()),
        ],
    )?;
    Ok(())
}

pub(crate) fn one(tx: &mut Tx<'_>, case: u64) -> Result<Option<CaseFile>, RowError> {
    let row = tx.query_one(
        &format!("{COLUMNS} WHERE number = $1"),
        &[number(case).into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// The case that a receipt code opens.
pub(crate) fn by_code(tx: &mut Tx<'_>, code: &[u8; 32]) -> Result<Option<CaseFile>, RowError> {
    let row = tx.query_one(
        &format!("{COLUMNS} WHERE code_sha256 = $1"),
        &[code.as_slice().into()],
    )?;
    row.as_ref().map(read).transpose()
}

/// What a row says of who complained.
#[derive(Default)]
pub(crate) struct HiddenRow {
    /// Their mark.
    pub(crate) complainant: Option<Vec<u8>>,
    /// The sealed way to reach them.
    pub(crate) contact: Option<Vec<u8>>,
}

/// What a row says of who complained.
pub(crate) fn hidden(tx: &mut Tx<'_>, case: u64) -> Result<HiddenRow, RowError> {
    let row = tx.query_one(
        "SELECT complainant, contact FROM case_file WHERE number = $1",
        &[number(case).into()],
    )?;
    match row {
        Some(row) => Ok(HiddenRow {
            complainant: row.get(0)?,
            contact: row.get(1)?,
        }),
        None => Ok(HiddenRow::default()),
    }
}

/// Cases below a number, newest first: of one accountable party, of one deployment, or all.
pub(crate) fn before(
    tx: &mut Tx<'_>,
    below: u64,
    limit: i64,
    (column, value): (Column, Option<Value<'_>>),
) -> Result<Vec<CaseFile>, RowError> {
    let below: Value<'_> = number(below).into();
    let rows = match value {
        None if column == Column::Accountable => tx.query(
            &format!(
                "{COLUMNS} WHERE accountable IS NULL AND number < $1 ORDER BY number DESC LIMIT $2"
            ),
            &[below, limit.into()],
        )?,
        None => tx.query(
            &format!("{COLUMNS} WHERE number < $1 ORDER BY number DESC LIMIT $2"),
            &[below, limit.into()],
        )?,
        Some(value) => tx.query(
            &format!(
                "{COLUMNS} WHERE {} = $3 AND number < $1 ORDER BY number DESC LIMIT $2",
                column.as_str()
            ),
            &[below, limit.into(), value],
        )?,
    };
    rows.iter().map(read).collect()
}

/// By what cases are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Every,
    Accountable,
    Deployment,
    Complainant,
}

impl Column {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Every => "number",
            Self::Accountable => "accountable",
            Self::Deployment => "deployment",
            Self::Complainant => "complainant",
        }
    }
}

/// Cases for which a time may be over, above a number, oldest first.
pub(crate) fn open_after(
    tx: &mut Tx<'_>,
    above: u64,
    limit: i64,
) -> Result<Vec<CaseFile>, RowError> {
    let rows = tx.query(
        &format!(
            "{COLUMNS} WHERE stage IN ('filed', 'acknowledged', 'answered', 'panel', 'decided', 'appeal')
             AND number > $1 ORDER BY number LIMIT $2"
        ),
        &[number(above).into(), limit.into()],
    )?;
    rows.iter().map(read).collect()
}

/// A step with its sealed text.
pub(crate) struct StepRow {
    pub(crate) step: Step,
    pub(crate) body: Option<Vec<u8>>,
}

/// The history of a case, oldest first.
pub(crate) fn steps(tx: &mut Tx<'_>, case: u64) -> Result<Vec<StepRow>, RowError> {
    let rows = tx.query(
        "SELECT at, side, kind, body FROM case_step WHERE number = $1 ORDER BY seq",
        &[number(case).into()],
    )?;
    let step = |row: &store::Row| {
        let step = Step {
            at: Timestamp::from_millis(row.get(0)?),
            side: parsed("case_step", row.get(1)?, Side::parse)?,
            kind: parsed("case_step", row.get(2)?, EventKind::parse)?,
        };
        Ok(StepRow {
            step,
            body: row.get(3)?,
        })
    };
    rows.iter().map(step).collect()
}

/// Adds a step to a history that has `seq` of them, and says where the case stands then.
pub(crate) fn add_step(
    tx: &mut Tx<'_>,
    case: u64,
    seq: u64,
    step: &Step,
    body: Option<&[u8]>,
    stage: Stage,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO case_step (number, seq, at, side, kind, body) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            number(case).into(),
            number(seq).into(),
            step.at.as_millis().into(),
            step.side.as_str().into(),
            step.kind.as_str().into(),
            body.map_or(Value::Null, Into::into),
        ],
    )?;
    tx.execute(
        "UPDATE case_file SET stage = $2 WHERE number = $1",
        &[number(case).into(), stage.as_str().into()],
    )?;
    Ok(())
}

/// Notes, for good, whether the accountable party kept a time.
pub(crate) fn set_in_time(
    tx: &mut Tx<'_>,
    case: u64,
    acknowledged: Option<bool>,
    answered: Option<bool>,
) -> Result<(), RowError> {
    let flag = |it: Option<bool>| it.map_or(Value::Null, |it| i64::from(it).into());
    tx.execute(
        "UPDATE case_file SET acknowledged_in_time = COALESCE(acknowledged_in_time, $2),
             answered_in_time = COALESCE(answered_in_time, $3) WHERE number = $1",
        &[number(case).into(), flag(acknowledged), flag(answered)],
    )?;
    Ok(())
}

pub(crate) fn put_photo(tx: &mut Tx<'_>, case: u64, nth: u64, body: &[u8]) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO case_photo (number, nth, body) VALUES ($1, $2, $3)",
        &[number(case).into(), number(nth).into(), body.into()],
    )?;
    Ok(())
}

pub(crate) fn photo(tx: &mut Tx<'_>, case: u64, nth: u64) -> Result<Option<Vec<u8>>, RowError> {
    let row = tx.query_one(
        "SELECT body FROM case_photo WHERE number = $1 AND nth = $2",
        &[number(case).into(), number(nth).into()],
    )?;
    Ok(row.map(|it| it.get(0)).transpose()?)
}

pub(crate) fn photo_count(tx: &mut Tx<'_>, case: u64) -> Result<u64, RowError> {
    let row = tx.query_one(
        "SELECT COUNT(*) FROM case_photo WHERE number = $1",
        &[number(case).into()],
    )?;
    Ok(unsigned(row.map_or(Ok(0), |it| it.get(0))?))
}

/// From what the lot of a panel is drawn: fixed once.
pub(crate) fn seed(
    tx: &mut Tx<'_>,
    case: u64,
    round: u8,
    fresh: &[u8; 32],
) -> Result<Vec<u8>, RowError> {
    tx.execute(
        "INSERT INTO case_draw (number, round, seed) VALUES ($1, $2, $3) ON CONFLICT (number, round) DO NOTHING",
        &[number(case).into(), i64::from(round).into(), fresh.as_slice().into()],
    )?;
    let row = tx.query_one(
        "SELECT seed FROM case_draw WHERE number = $1 AND round = $2",
        &[number(case).into(), i64::from(round).into()],
    )?;
    Ok(row.map_or_else(|| Ok(fresh.to_vec()), |it| it.get(0))?)
}

/// The seats of both panels of a case, in the order of their chambers.
pub(crate) fn seats(tx: &mut Tx<'_>, case: u64) -> Result<Vec<Seat>, RowError> {
    let rows = tx.query(
        "SELECT round, account, chamber, is_dismissed FROM case_seat WHERE number = $1 ORDER BY round, chamber, account",
        &[number(case).into()],
    )?;
    let seat = |row: &store::Row| {
        Ok(Seat {
            round: u8::try_from(row.get::<i64>(0)?).unwrap_or(u8::MAX),
            account: parsed("case_seat", row.get(1)?, |it| PersonId::parse(it).ok())?,
            chamber: parsed("case_seat", row.get(2)?, Chamber::parse)?,
            is_dismissed: row.get::<i64>(3)? != 0,
        })
    };
    rows.iter().map(seat).collect()
}

pub(crate) fn put_seat(tx: &mut Tx<'_>, case: u64, seat: &Seat) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO case_seat (number, round, account, chamber, is_dismissed) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (number, round, account) DO UPDATE SET is_dismissed = $5",
        &[
            number(case).into(),
            i64::from(seat.round).into(),
            seat.account.as_str().into(),
            seat.chamber.as_str().into(),
            i64::from(seat.is_dismissed).into(),
        ],
    )?;
    Ok(())
}

/// The cases in whose panels an account sits, newest first.
pub(crate) fn seated(
    tx: &mut Tx<'_>,
    account: &PersonId,
    limit: i64,
) -> Result<Vec<CaseFile>, RowError> {
    let rows = tx.query(
        &format!(
            "{COLUMNS} WHERE number IN (SELECT number FROM case_seat WHERE account = $1 AND is_dismissed = 0)
             ORDER BY number DESC LIMIT $2"
        ),
        &[account.as_str().into(), limit.into()],
    )?;
    rows.iter().map(read).collect()
}

/// A decision that a panellist proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecisionRow {
    pub(crate) round: u8,
    pub(crate) id: u64,
    pub(crate) author: PersonId,
    pub(crate) outcome: Outcome,
    pub(crate) reasons: String,
    pub(crate) sanction: Option<SanctionKind>,
    pub(crate) target: String,
    pub(crate) at: Timestamp,
    pub(crate) decided_at: Option<Timestamp>,
    /// Who said what about it.
    pub(crate) votes: Vec<(PersonId, bool)>,
}

pub(crate) fn put_decision(tx: &mut Tx<'_>, case: u64, row: &DecisionRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO case_decision (number, round, id, author, outcome, reasons, sanction, target, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            number(case).into(),
            i64::from(row.round).into(),
            number(row.id).into(),
            row.author.as_str().into(),
            row.outcome.as_str().into(),
            row.reasons.as_str().into(),
            row.sanction.map_or("", SanctionKind::as_str).into(),
            row.target.as_str().into(),
            row.at.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn put_vote(
    tx: &mut Tx<'_>,
    case: u64,
    (round, id): (u8, u64),
    account: &PersonId,
    agrees: bool,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO case_vote (number, round, id, account, agrees) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (number, round, id, account) DO UPDATE SET agrees = $5",
        &[
            number(case).into(),
            i64::from(round).into(),
            number(id).into(),
            account.as_str().into(),
            i64::from(agrees).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn set_decided(
    tx: &mut Tx<'_>,
    case: u64,
    (round, id): (u8, u64),
    at: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE case_decision SET decided_at = $4 WHERE number = $1 AND round = $2 AND id = $3",
        &[
            number(case).into(),
            i64::from(round).into(),
            number(id).into(),
            at.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// What was proposed to the panels of a case, oldest first.
pub(crate) fn decisions(tx: &mut Tx<'_>, case: u64) -> Result<Vec<DecisionRow>, RowError> {
    let mut votes = Vec::new();
    for row in tx.query(
        "SELECT round, id, account, agrees FROM case_vote WHERE number = $1 ORDER BY account",
        &[number(case).into()],
    )? {
        let account = parsed("case_vote", row.get(2)?, |it| PersonId::parse(it).ok())?;
        let key: (i64, i64) = (row.get(0)?, row.get(1)?);
        votes.push((key, (account, row.get::<i64>(3)? != 0)));
    }
    let rows = tx.query(
        "SELECT round, id, author, outcome, reasons, sanction, target, at, decided_at FROM case_decision
         WHERE number = $1 ORDER BY round, id",
        &[number(case).into()],
    )?;
    let decision = |row: &store::Row| {
        let key: (i64, i64) = (row.get(0)?, row.get(1)?);
        let sanction: String = row.get(5)?;
        let table = "case_decision";
        Ok(DecisionRow {
            round: u8::try_from(key.0).unwrap_or(u8::MAX),
            id: unsigned(key.1),
            author: parsed(table, row.get(2)?, |it| PersonId::parse(it).ok())?,
            outcome: parsed(table, row.get(3)?, Outcome::parse)?,
            reasons: row.get(4)?,
            sanction: match sanction.is_empty() {
                true => None,
                false => Some(parsed(table, sanction, SanctionKind::parse)?),
            },
            target: row.get(6)?,
            at: Timestamp::from_millis(row.get(7)?),
            decided_at: row.get::<Option<i64>>(8)?.map(Timestamp::from_millis),
            votes: votes
                .iter()
                .filter(|it| it.0 == key)
                .map(|it| it.1.clone())
                .collect(),
        })
    };
    rows.iter().map(decision).collect()
}

/// How the accountable parties kept their times.
pub(crate) fn kept_times(tx: &mut Tx<'_>) -> Result<Vec<KeptTimes>, RowError> {
    let rows = tx.query(
        "SELECT accountable, COUNT(*), CAST(COALESCE(SUM(acknowledged_in_time), 0) AS BIGINT), COUNT(acknowledged_in_time),
             CAST(COALESCE(SUM(answered_in_time), 0) AS BIGINT), COUNT(answered_in_time)
         FROM case_file WHERE is_protected = 0 GROUP BY accountable ORDER BY accountable",
        &[],
    )?;
    let party = |row: &store::Row| {
        let member: Option<String> = row.get(0)?;
        let member = member
            .map(|it| parsed(FILE, it, |it| MemberId::parse(it).ok()))
            .transpose()?;
        let count = |column| row.get(column).map(unsigned);
        Ok(KeptTimes {
            member,
            cases: count(1)?,
            acknowledged: (count(2)?, count(3)?),
            answered: (count(4)?, count(5)?),
        })
    };
    rows.iter().map(party).collect()
}
