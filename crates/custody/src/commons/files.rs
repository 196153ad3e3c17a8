//! The files of a data set for programs: tables, their schema, and how catalogues find them.
//!
//! | file | format |
//! |---|---|
//! | `release-N.csv` | RFC 4180, UTF-8, with a header |
//! | `release-N.parquet` | Apache Parquet: the same rows with types |
//! | `datapackage.json` | Frictionless Data Package 1.0 with a Table Schema |
//! | `data-set.jsonld` | a `dcat:Dataset` (W3C DCAT 3) with a `dcat:Distribution` for each file of each release |
//! | `data-set.toml` | the declaration, as its hash stands in the record |
//!
//! A catalogue of all is a `dcat:Catalog`: [`catalogue_json_ld`].

use deidentify::{Column, Ladder, Role, TimeStep};
use model::{Language, Text, Timestamp};
use serde_json::{Map, Value, json};

use super::DataSetView;
use super::decide::Decided;
use super::declared::{DataSet, DataSetColumn};

/// The media type of Parquet files, as IANA registers it.
pub const PARQUET: &str = "application/vnd.apache.parquet";

/// A file of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommonsFile {
    /// The table of a release as CSV.
    Table(i64),
    /// The same as Parquet.
    Parquet(i64),
    /// The data package.
    Package,
    /// The data set as linked data.
    Linked,
    /// The declaration.
    Declaration,
}

impl CommonsFile {
    /// Reads the name of a file.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "datapackage.json" => Some(Self::Package),
            "data-set.jsonld" => Some(Self::Linked),
            "data-set.toml" => Some(Self::Declaration),
            _ => {
                let (number, format) = name.strip_prefix("release-")?.split_once('.')?;
                let file = match format {
                    "csv" => Self::Table,
                    "parquet" => Self::Parquet,
                    _ => return None,
                };
                let is_plain = !number.starts_with('0') && number.len() < 10;
                let digits = number.bytes().all(|it| it.is_ascii_digit());
                (is_plain && digits)
                    .then(|| number.parse().ok().map(file))
                    .flatten()
            }
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Table(number) => format!("release-{number}.csv"),
            Self::Parquet(number) => format!("release-{number}.parquet"),
            Self::Package => "datapackage.json".to_owned(),
            Self::Linked => "data-set.jsonld".to_owned(),
            Self::Declaration => "data-set.toml".to_owned(),
        }
    }
}

/// The type of a column in a Table Schema.
fn schema_type(column: &Column) -> &'static str {
    match super::table::is_number(column) {
        true => "number",
        false => "string",
    }
}

fn note(column: &Column) -> String {
    let steps = match &column.ladder {
        Ladder::Time(steps) => words("time, by", steps.iter().copied().map(TimeStep::as_str)),
        Ladder::Number(steps) => {
            let steps: Vec<String> = steps
                .iter()
                .map(|it| deidentify::cell::decimal(*it))
                .collect();
            words(
                "the lower end of a stretch of width",
                steps.iter().map(String::as_str),
            )
        }
        Ladder::Buckets(bounds) => {
            let bounds: Vec<String> = bounds
                .iter()
                .map(|it| deidentify::cell::decimal(*it))
                .collect();
            format!(
                "the lower end of the stretch between the bounds {}",
                bounds.join(", ")
            )
        }
        Ladder::Place(steps) => {
            let steps: Vec<String> = steps.iter().map(u8::to_string).collect();
            words("a geohash of length", steps.iter().map(String::as_str))
        }
        Ladder::Word => "a word as it was sent".to_owned(),
    };
    let shared = match column.role {
        Role::Shared => "shared with the other homes behind the row",
        Role::Value => "of this home alone",
    };
    format!("{steps}; {shared}")
}

fn words<'a>(before: &str, steps: impl Iterator<Item = &'a str>) -> String {
    let steps: Vec<&str> = steps.collect();
    format!("{before} {}", steps.join(", coarser "))
}

fn field(column: &Column, shown: &DataSetColumn) -> Value {
    let mut field = Map::new();
    field.insert("name".to_owned(), json!(column.name));
    field.insert("type".to_owned(), json!(schema_type(column)));
    field.insert("title".to_owned(), json!(shown.title.en));
    field.insert("description".to_owned(), json!(note(column)));
    if !shown.unit.is_empty() {
        field.insert("unit".to_owned(), json!(shown.unit));
    }
    Value::Object(field)
}

impl DataSetView {
    /// The data package (Frictionless Data Package 1.0, <https://specs.frictionlessdata.io/data-package/>): what was published of `decisions`.
    /// `site` is the address under which people reach the platform.
    #[must_use]
    pub fn data_package(&self, decisions: &[Decided], site: &str) -> String {
        let DataSet {
            id,
            title,
            summary,
            licence,
            plan,
            columns,
            ..
        } = &self.data_set;
        let mut fields = vec![json!({
            "name": "row", "type": "string", "title": "Row", "description": "random, says nothing",
            "constraints": {"required": true, "unique": true, "pattern": "[0-9a-f]{16}"}
        })];
        fields.extend(plan.columns.iter().zip(columns).map(|(a, b)| field(a, b)));
        let csv = |it: &Decided| {
            let (bytes, sha256) = it.table.as_ref()?;
            Some(json!({
                "profile": "tabular-data-resource",
                "name": format!("release-{}", it.number),
                "path": format!("{site}/commons/{id}/release-{}.csv", it.number),
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": "\"", "doubleQuote": true, "header": true},
                "bytes": bytes,
                "hash": format!("sha256:{sha256}"),
                "schema": {"fields": fields, "missingValues": [""], "primaryKey": "row"},
            }))
        };
        let parquet = |it: &Decided| {
            let (bytes, sha256) = it.parquet.as_ref()?;
            Some(json!({
                "profile": "data-resource",
                "name": format!("release-{}-parquet", it.number),
                "path": format!("{site}/commons/{id}/release-{}.parquet", it.number),
                "format": "parquet",
                "mediatype": PARQUET,
                "bytes": bytes,
                "hash": format!("sha256:{sha256}"),
                "schema": {"fields": fields, "primaryKey": "row"},
            }))
        };
        let resources = decisions.iter().rev().flat_map(|it| [csv(it), parquet(it)]);
        let resources: Vec<Value> = resources.flatten().collect();
        pretty(&json!({
            "profile": "tabular-data-package",
            "name": id.as_str(),
            "id": format!("{site}/commons/{id}"),
            "title": title.en,
            "description": summary.en,
            "homepage": format!("{site}/commons/{id}"),
            "created": self.declared_at.to_string(),
            "licenses": [{"name": licence.spdx(), "path": licence.url(), "title": licence.title()}],
            "resources": resources,
        }))
    }

    /// The data set as linked data (W3C DCAT 3, section 6). `site` is the address under which people reach the platform.
    #[must_use]
    pub fn json_ld(&self, decisions: &[Decided], site: &str) -> String {
        let mut data_set = self.node(decisions, site);
        if let Value::Object(members) = &mut data_set {
            members.insert("@context".to_owned(), context());
        }
        pretty(&data_set)
    }

    fn node(&self, decisions: &[Decided], site: &str) -> Value {
        let DataSet {
            id,
            title,
            summary,
            licence,
            deployment,
            ..
        } = &self.data_set;
        let home = format!("{site}/commons/{id}");
        let published = decisions.iter().filter(|it| it.table.is_some());
        let newest = published.clone().next();
        let distributions: Vec<Value> = published
            .flat_map(|it| self.distributions(it, site))
            .collect();
        let mut node = json!({
            "@id": home,
            "@type": "dcat:Dataset",
            "dct:identifier": id.as_str(),
            "dct:title": in_both(title),
            "dct:description": in_both(summary),
            "dct:issued": time(self.declared_at),
            "dct:license": {"@id": licence.url()},
            "dct:accessRights": {"@id": "http://publications.europa.eu/resource/authority/access-right/PUBLIC"},
            "dct:publisher": {"@id": format!("{site}/")},
            "dcat:landingPage": {"@id": home},
            "dct:provenance": {"@id": format!("{site}/d/{deployment}")},
            "dcat:distribution": distributions,
        });
        if let (Some(newest), Value::Object(members)) = (newest, &mut node) {
            members.insert("dcat:version".to_owned(), json!(newest.number.to_string()));
            members.insert("dct:modified".to_owned(), time(newest.at));
        }
        node
    }

    /// The files of a release (W3C DCAT 3, section 6.8).
    fn distributions(&self, release: &Decided, site: &str) -> Vec<Value> {
        let DataSet { id, licence, .. } = &self.data_set;
        let home = format!("{site}/commons/{id}");
        let number = release.number;
        let one = |file: CommonsFile, title: &str, media: &str, sums: &(usize, String)| {
            let address = format!("{home}/{}", file.name());
            json!({
                "@id": address,
                "@type": "dcat:Distribution",
                "dct:title": {"@value": format!("Release {number} ({title})"), "@language": "en"},
                "dct:issued": time(release.at),
                "dct:license": {"@id": licence.url()},
                "dcat:accessURL": {"@id": home},
                "dcat:downloadURL": {"@id": address},
                "dcat:mediaType": {"@id": format!("https://www.iana.org/assignments/media-types/{media}")},
                "dcat:byteSize": {"@value": sums.0.to_string(), "@type": "xsd:nonNegativeInteger"},
                "dct:conformsTo": {"@id": "https://specs.frictionlessdata.io/table-schema/"},
                "spdx:checksum": {
                    "@type": "spdx:Checksum",
                    "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
                    "spdx:checksumValue": {"@value": sums.1, "@type": "xsd:hexBinary"},
                },
            })
        };
        let csv = release.table.as_ref();
        let csv = csv.map(|it| one(CommonsFile::Table(number), "CSV", "text/csv", it));
        let parquet = release.parquet.as_ref();
        let parquet = parquet.map(|it| one(CommonsFile::Parquet(number), "Parquet", PARQUET, it));
        csv.into_iter().chain(parquet).collect()
    }
}

/// All data sets as a catalogue (W3C DCAT 3, section 6.3).
#[must_use]
pub fn catalogue_json_ld(
    data_sets: &[(DataSetView, Vec<Decided>)],
    title: &Text,
    site: &str,
) -> String {
    let nodes: Vec<Value> = data_sets
        .iter()
        .map(|(view, decisions)| view.node(decisions, site))
        .collect();
    pretty(&json!({
        "@context": context(),
        "@id": format!("{site}/commons"),
        "@type": "dcat:Catalog",
        "dct:title": in_both(title),
        "dct:publisher": {"@id": format!("{site}/")},
        "foaf:homepage": {"@id": format!("{site}/commons")},
        "dcat:dataset": nodes,
    }))
}

fn context() -> Value {
    json!({
        "dcat": "http://www.w3.org/ns/dcat#",
        "dct": "http://purl.org/dc/terms/",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "spdx": "http://spdx.org/rdf/terms#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

fn in_both(text: &Text) -> Value {
    let one =
        |language: Language| json!({"@value": text.get(language), "@language": language.tag()});
    Value::Array(Language::ALL.into_iter().map(one).collect())
}

fn time(at: Timestamp) -> Value {
    json!({"@value": at.to_string(), "@type": "xsd:dateTime"})
}

fn pretty(value: &Value) -> String {
    // A value always becomes JSON.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_one_name() {
        for file in [
            CommonsFile::Table(12),
            CommonsFile::Parquet(1),
            CommonsFile::Package,
            CommonsFile::Linked,
            CommonsFile::Declaration,
        ] {
            assert_eq!(CommonsFile::parse(&file.name()), Some(file));
        }
        for other in [
            "",
            "release-01.csv",
            "release-.csv",
            "release--1.csv",
            "release-1.csv.gz",
            "release-01.parquet",
            "release-1.xlsx",
            "../x",
        ] {
            assert_eq!(CommonsFile::parse(other), None, "{other}");
        }
    }
}
