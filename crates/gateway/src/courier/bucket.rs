//! An S3-compatible bucket: one object for each deployment and UTC day of a parcel, one reading a line.
//!
//! `{prefix}/{deployment}/{yyyy}/{mm}/{dd}/{first reading}.jsonl`. A parcel that is sent again writes the same names again.

use std::collections::BTreeMap;

use custody::{Bucket, BucketStyle, Contents, FailureClass, Parcel, ParcelReading};
use model::{DeploymentId, Timestamp};

use super::dial::Dialer;
use super::signature::{Signed, Signer, amz_date, sha256};
use super::web;

/// An object to be written.
#[derive(Debug, PartialEq, Eq)]
struct Object {
    name: String,
    body: Vec<u8>,
}

/// Sends a parcel: all of its objects, or it failed.
pub(super) async fn send(
    dialer: &Dialer,
    bucket: &Bucket,
    parcel: &Parcel,
    now: Timestamp,
) -> Result<(), FailureClass> {
    let objects = match parcel.contents() {
        Contents::Check { token } => vec![Object {
            name: "amanat-check.txt".to_owned(),
            body: format!("{token}\n").into_bytes(),
        }],
        Contents::Readings(readings) => objects(readings),
    };
    for object in objects {
        put(dialer, bucket, parcel, object, now).await?;
    }
    Ok(())
}

fn objects(readings: &[ParcelReading]) -> Vec<Object> {
    // By deployment and day and not by runs of them: each object is a connection, and readings of several come in turn.
    let mut first_of: BTreeMap<(&DeploymentId, i64), usize> = BTreeMap::new();
    let mut objects: Vec<Object> = Vec::new();
    for reading in readings {
        let number = *first_of
            .entry((&reading.deployment, reading.at.day()))
            .or_insert_with(|| {
                let date = reading.at.to_string();
                let date = date.get(..10).unwrap_or_default().replace('-', "/");
                objects.push(Object {
                    name: format!("{}/{date}/{}.jsonl", reading.deployment, reading.id),
                    body: Vec::new(),
                });
                objects.len() - 1
            });
        if let Some(object) = objects.get_mut(number) {
            reading.write_json(&mut object.body);
            object.body.push(b'\n');
        }
    }
    objects
}

async fn put(
    dialer: &Dialer,
    bucket: &Bucket,
    parcel: &Parcel,
    object: Object,
    now: Timestamp,
) -> Result<(), FailureClass> {
    let mut address = bucket.service.clone();
    // Buckets, prefixes and names have characters only that stand in a path as they are.
    let mut path = match bucket.style {
        BucketStyle::Path => format!("/{}", bucket.name),
        BucketStyle::VirtualHost => {
            let below = address.host.below(&bucket.name);
            address.host = below.ok_or(FailureClass::Name)?;
            String::new()
        }
    };
    for part in [&bucket.prefix, &object.name] {
        if !part.is_empty() {
            path.push('/');
            path.push_str(part);
        }
    }
    let (payload_sha256, at) = (sha256(&object.body), amz_date(now));
    let mut headers = vec![
        ("host", web::host_of(&address)),
        ("x-amz-content-sha256", payload_sha256.clone()),
        ("x-amz-date", at.clone()),
    ];
    let signer = Signer {
        key_id: &bucket.key_id,
        secret_key: parcel.secret().expose_secret(),
        region: &bucket.region,
    };
    let authorization = signer.authorization(&Signed {
        method: "PUT",
        path: &path,
        headers: &headers,
        payload_sha256: &payload_sha256,
        at: &at,
    });
    headers.retain(|(name, _)| *name != "host");
    headers.push(("authorization", authorization));
    let request = web::request("PUT", &path, &headers, object.body)?;
    let stream = dialer.web(&address.host, address.port).await?;
    web::send(stream, &web::host_of(&address), request).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_holds_what_one_deployment_measured_on_one_day() {
        let reading = |id: &str, at: &str, deployment: &str| ParcelReading {
            id: id.to_owned(),
            at: Timestamp::parse(at).unwrap(),
            deployment: model::DeploymentId::parse(deployment).unwrap(),
            thing: model::ThingId::parse("meter-1").unwrap(),
            values: b"{}".to_vec(),
        };
        let readings = [
            reading("1-0", "2026-11-22T23:59:59.5Z", "home"),
            reading("1-1", "2026-11-22T23:59:59.9Z", "home"),
            reading("1-2", "2026-11-23T00:00:00Z", "home"),
            reading("1-3", "2026-11-23T00:00:00Z", "bus"),
            reading("1-4", "2026-11-23T00:00:01Z", "home"),
            reading("1-5", "2026-11-23T00:00:02Z", "bus"),
        ];
        let objects = objects(&readings);
        let names: Vec<_> = objects.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "home/2026/11/22/1-0.jsonl",
                "home/2026/11/23/1-2.jsonl",
                "bus/2026/11/23/1-3.jsonl"
            ]
        );
        let lines = String::from_utf8(objects[0].body.clone()).unwrap();
        assert_eq!(
            lines.lines().next().unwrap(),
            r#"{"id":"1-0","at":"2026-11-22T23:59:59.5Z","deployment":"home","thing":"meter-1","values":{}}"#
        );
        let count = |it: &Object| it.body.iter().filter(|it| **it == b'\n').count();
        assert_eq!(objects.iter().map(count).collect::<Vec<_>>(), [2, 2, 2]);
    }
}
