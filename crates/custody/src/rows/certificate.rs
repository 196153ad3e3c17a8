//! The authority for devices, its certificates, and the authorities of makers.

use model::{DeploymentId, ThingId, Timestamp};
use rustls_pki_types::CertificateDer;
use store::{Row, Tx};

use super::{RowError, parsed};
use crate::certificate::{AuthorityId, CertificateRow, Live, MakerRow, Serial, SubjectPattern};

const AUTHORITY: &str = "device_authority";
const CERTIFICATE: &str = "device_certificate";
const MAKER: &str = "maker_authority";
const MAKER_REVOKED: &str = "maker_certificate_revoked";

/// The authority with its sealed key.
pub(crate) struct AuthorityRow {
    pub(crate) id: AuthorityId,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) sealed_key: Vec<u8>,
}

/// The authority that issues, if there is one.
pub(crate) fn authority(tx: &mut Tx<'_>) -> Result<Option<AuthorityRow>, RowError> {
    let row = tx.query_one(
        "SELECT id, certificate, sealed_key FROM device_authority ORDER BY begun_at DESC LIMIT 1",
        &[],
    )?;
    row.map(|row| {
        Ok(AuthorityRow {
            id: parsed(AUTHORITY, &row.get::<String>(0)?, AuthorityId::parse)?,
            certificate: CertificateDer::from(row.get::<Vec<u8>>(1)?),
            sealed_key: row.get(2)?,
        })
    })
    .transpose()
}

pub(crate) fn insert_authority(
    tx: &mut Tx<'_>,
    row: &AuthorityRow,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO device_authority (id, certificate, sealed_key, begun_at) VALUES ($1, $2, $3, $4)",
        &[
            row.id.as_str().into(),
            row.certificate.as_ref().into(),
            row.sealed_key.as_slice().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Whether a key is certified for somebody else.
pub(crate) fn has_key_of_another(
    tx: &mut Tx<'_>,
    key_sha256: &[u8; 32],
    thing: &ThingId,
) -> Result<bool, RowError> {
    let row = tx.query_one(
        "SELECT 1 FROM device_certificate WHERE key_sha256 = $1 AND thing <> $2 LIMIT 1",
        &[key_sha256.as_slice().into(), thing.as_str().into()],
    )?;
    Ok(row.is_some())
}

/// Forgets the certificates of a thing that are over.
pub(crate) fn forget_over(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "DELETE FROM device_certificate WHERE thing = $1 AND not_after <= $2",
        &[thing.as_str().into(), now.as_millis().into()],
    )?;
    Ok(())
}

/// When a thing got its last certificate of those that are not forgotten.
pub(crate) fn last_issued(tx: &mut Tx<'_>, thing: &ThingId) -> Result<Option<Timestamp>, RowError> {
    let row = tx.query_one(
        "SELECT MAX(issued_at) FROM device_certificate WHERE thing = $1",
        &[thing.as_str().into()],
    )?;
    let at = row.map(|row| row.get::<Option<i64>>(0)).transpose()?;
    Ok(at.flatten().map(Timestamp::from_millis))
}

/// Revokes all but the `kept` latest certificates of a thing.
pub(crate) fn revoke_oldest(
    tx: &mut Tx<'_>,
    thing: &ThingId,
    kept: usize,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "UPDATE device_certificate SET revoked_at = $2
         WHERE thing = $1 AND revoked_at IS NULL AND serial NOT IN (
             SELECT serial FROM device_certificate WHERE thing = $1 AND revoked_at IS NULL
             ORDER BY issued_at DESC, serial LIMIT $3)",
        &[
            thing.as_str().into(),
            now.as_millis().into(),
            i64::try_from(kept).unwrap_or(i64::MAX).into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn insert(
    tx: &mut Tx<'_>,
    row: &CertificateRow,
    key_sha256: &[u8; 32],
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO device_certificate (serial, issued_by, thing, key_sha256, not_before, not_after, issued_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            row.serial.as_str().into(),
            row.issued_by.as_str().into(),
            row.thing.as_str().into(),
            key_sha256.as_slice().into(),
            row.not_before.as_millis().into(),
            row.not_after.as_millis().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

/// Revokes a certificate that holds; gives its thing.
pub(crate) fn revoke(
    tx: &mut Tx<'_>,
    serial: &Serial,
    now: Timestamp,
) -> Result<Option<ThingId>, RowError> {
    let row = tx.query_one(
        "UPDATE device_certificate SET revoked_at = $2
         WHERE serial = $1 AND revoked_at IS NULL AND not_after > $2 RETURNING thing",
        &[serial.as_str().into(), now.as_millis().into()],
    )?;
    row.map(|row| {
        parsed(CERTIFICATE, &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })
    })
    .transpose()
}

/// The thing of a certificate that holds.
pub(crate) fn thing_of(
    tx: &mut Tx<'_>,
    serial: &Serial,
    now: Timestamp,
) -> Result<Option<ThingId>, RowError> {
    let row = tx.query_one(
        "SELECT thing FROM device_certificate
         WHERE serial = $1 AND revoked_at IS NULL AND not_after > $2",
        &[serial.as_str().into(), now.as_millis().into()],
    )?;
    row.map(|row| {
        parsed(CERTIFICATE, &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })
    })
    .transpose()
}

fn live_one(row: &Row, first: usize) -> Result<Live, RowError> {
    Ok(Live {
        serial: parsed(CERTIFICATE, &row.get::<String>(first)?, Serial::parse)?,
        is_revoked: row.get::<Option<i64>>(first + 1)?.is_some(),
    })
}

/// The certificates of a thing that are not forgotten.
pub(crate) fn live(tx: &mut Tx<'_>, thing: &ThingId) -> Result<Vec<Live>, RowError> {
    let rows = tx.query(
        "SELECT serial, revoked_at FROM device_certificate WHERE thing = $1 ORDER BY serial",
        &[thing.as_str().into()],
    )?;
    rows.iter().map(|row| live_one(row, 0)).collect()
}

/// The certificates of all things.
pub(crate) fn all_live(tx: &mut Tx<'_>) -> Result<Vec<(ThingId, Vec<Live>)>, RowError> {
    let rows = tx.query(
        "SELECT thing, serial, revoked_at FROM device_certificate ORDER BY thing, serial",
        &[],
    )?;
    let mut all: Vec<(ThingId, Vec<Live>)> = Vec::new();
    for row in &rows {
        let thing = parsed(CERTIFICATE, &row.get::<String>(0)?, |it| {
            ThingId::parse(it).ok()
        })?;
        let live = live_one(row, 1)?;
        match all.last_mut() {
            Some((last, list)) if *last == thing => list.push(live),
            _ => all.push((thing, vec![live])),
        }
    }
    Ok(all)
}

fn certificate(row: &Row) -> Result<CertificateRow, RowError> {
    let at = |column| row.get::<i64>(column).map(Timestamp::from_millis);
    Ok(CertificateRow {
        serial: parsed(CERTIFICATE, &row.get::<String>(0)?, Serial::parse)?,
        issued_by: parsed(CERTIFICATE, &row.get::<String>(1)?, AuthorityId::parse)?,
        thing: parsed(CERTIFICATE, &row.get::<String>(2)?, |it| {
            ThingId::parse(it).ok()
        })?,
        not_before: at(3)?,
        not_after: at(4)?,
        revoked_at: row.get::<Option<i64>>(5)?.map(Timestamp::from_millis),
    })
}

const SHOWN: &str =
    "SELECT serial, issued_by, thing, not_before, not_after, revoked_at FROM device_certificate";

/// Certificates of one thing or all, the one that ends first first.
pub(crate) fn shown(
    tx: &mut Tx<'_>,
    thing: Option<&ThingId>,
    limit: i64,
) -> Result<Vec<CertificateRow>, RowError> {
    let rows = match thing {
        Some(thing) => tx.query(
            &format!("{SHOWN} WHERE thing = $1 ORDER BY not_after, serial LIMIT $2"),
            &[thing.as_str().into(), limit.into()],
        )?,
        None => tx.query(
            &format!("{SHOWN} ORDER BY not_after, serial LIMIT $1"),
            &[limit.into()],
        )?,
    };
    rows.iter().map(certificate).collect()
}

/// The authorities of makers.
pub(crate) fn makers(tx: &mut Tx<'_>) -> Result<Vec<MakerRow>, RowError> {
    let rows = tx.query(
        "SELECT id, deployment, pattern, trusted_at, certificate FROM maker_authority ORDER BY id, deployment",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            Ok(MakerRow {
                id: parsed(MAKER, &row.get::<String>(0)?, AuthorityId::parse)?,
                deployment: parsed(MAKER, &row.get::<String>(1)?, |it| {
                    DeploymentId::parse(it).ok()
                })?,
                pattern: parsed(MAKER, &row.get::<String>(2)?, |it| {
                    SubjectPattern::parse(it).ok()
                })?,
                trusted_at: Timestamp::from_millis(row.get(3)?),
                certificate: CertificateDer::from(row.get::<Vec<u8>>(4)?),
            })
        })
        .collect()
}

pub(crate) fn put_maker(tx: &mut Tx<'_>, row: &MakerRow) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO maker_authority (id, deployment, certificate, pattern, trusted_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id, deployment) DO UPDATE SET pattern = $4, trusted_at = $5",
        &[
            row.id.as_str().into(),
            row.deployment.as_str().into(),
            row.certificate.as_ref().into(),
            row.pattern.to_string().as_str().into(),
            row.trusted_at.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn drop_maker(
    tx: &mut Tx<'_>,
    id: &AuthorityId,
    deployment: &DeploymentId,
) -> Result<Option<CertificateDer<'static>>, RowError> {
    let row = tx.query_one(
        "DELETE FROM maker_authority WHERE id = $1 AND deployment = $2 RETURNING certificate",
        &[id.as_str().into(), deployment.as_str().into()],
    )?;
    let certificate = row.map(|row| row.get::<Vec<u8>>(0)).transpose()?;
    Ok(certificate.map(CertificateDer::from))
}

pub(crate) fn revoke_of_maker(
    tx: &mut Tx<'_>,
    authority: &AuthorityId,
    serial: &Serial,
    now: Timestamp,
) -> Result<(), RowError> {
    tx.execute(
        "INSERT INTO maker_certificate_revoked (authority, serial, revoked_at) VALUES ($1, $2, $3)
         ON CONFLICT (authority, serial) DO NOTHING",
        &[
            authority.as_str().into(),
            serial.as_str().into(),
            now.as_millis().into(),
        ],
    )?;
    Ok(())
}

pub(crate) fn count_maker_revocations(tx: &mut Tx<'_>) -> Result<i64, RowError> {
    let row = tx.query_one("SELECT COUNT(*) FROM maker_certificate_revoked", &[])?;
    Ok(row.map(|it| it.get(0)).transpose()?.unwrap_or(0))
}

pub(crate) fn maker_revocations(tx: &mut Tx<'_>) -> Result<Vec<(AuthorityId, Serial)>, RowError> {
    let rows = tx.query(
        "SELECT authority, serial FROM maker_certificate_revoked",
        &[],
    )?;
    rows.iter()
        .map(|row| {
            Ok((
                parsed(MAKER_REVOKED, &row.get::<String>(0)?, AuthorityId::parse)?,
                parsed(MAKER_REVOKED, &row.get::<String>(1)?, Serial::parse)?,
            ))
        })
        .collect()
}
