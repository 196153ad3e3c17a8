//! What a data set is declared to be, and what is said of it to programs.

use super::*;

#[test]
fn a_declaration_fits_the_notice_and_is_never_changed() {
    on_both(|house| {
        let street = Street::new(&house, 1);
        let law = include_str!("../home.toml")
            .replace("deployment = \"home\"", "deployment = \"law\"")
            .replace(
                "basis = \"contract\"",
                "basis = \"legal-obligation\"\nsource = { en = \"An act\", ur = \"قانون\" }",
            );
        let published = house.custody.act(NOW, |act| {
            let notice = model::Notice::parse(&law).unwrap();
            act.publish_notice(&notice, &law).map(|_| ())
        });
        published.unwrap();
        let again = street.declare(SOURCE);
        assert!(
            matches!(again, Err(DeclareDataSetError::Taken(_))),
            "{again:?}"
        );
        let other = SOURCE.replace("id = \"home-energy\"", "id = \"other\"");
        let check = |from: &str, to: &str, expected: &str| {
            assert!(other.contains(from));
            let found = street.declare(&other.replace(from, to)).unwrap_err();
            assert!(found.to_string().contains(expected), "{found}");
        };
        check(
            "deployment = \"home\"",
            "deployment = \"law\"",
            "a law wants this field kept",
        );
        check("/power", "/nothing", "declares no such field");
        check("\"home\"", "\"nowhere\"", "no deployment");
        let word =
            "kind = \"number\"\nfield = \"/power\"\nunit = \"W\"\nsteps = [\"250\", \"1000\"]";
        assert!(other.contains(word));
        let texts = other
            .replace(word, "kind = \"word\"\nfield = \"/power\"")
            .replace("y = \"power\"", "");
        let found = street.declare(&texts).unwrap_err();
        assert!(found.to_string().contains("another type"), "{found}");
    });
}

/// What is checked of the first release of a street that gave.
struct Released {
    linked: serde_json::Value,
    package: serde_json::Value,
    catalogue: serde_json::Value,
    table: Vec<u8>,
    typed: Vec<u8>,
}

const SITE: &str = "https://amanat.example";

fn released(house: &House) -> Released {
    let street = Street::new(house, 12);
    street.day();
    for number in 0..12 {
        street.gives(number).unwrap();
    }
    let custody = &house.custody;
    custody
        .decide_commons(&set(), "office:test", later())
        .unwrap();
    let view = custody.data_set(&set()).unwrap().unwrap();
    let decisions = custody.commons_decisions(&set()).unwrap();
    let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    let package = read(&view.data_package(&decisions, SITE));
    let linked = read(&view.json_ld(&decisions, SITE));
    let title = Text {
        en: "Commons".to_owned(),
        ur: "مشترکہ".to_owned(),
    };
    Released {
        linked,
        package,
        catalogue: read(&catalogue_json_ld(&[(view, decisions)], &title, SITE)),
        table: custody.commons_table(&set(), 1).unwrap().unwrap(),
        typed: custody.commons_parquet(&set(), 1).unwrap().unwrap(),
    }
}

#[test]
fn a_data_package_describes_both_files_of_a_release() {
    on_both(|house| {
        let made = released(&house);
        let package = &made.package;
        assert_eq!(package["profile"], "tabular-data-package");
        assert_eq!(package["licenses"][0]["name"], "CC-BY-4.0");
        let resource = &package["resources"][0];
        let path = "https://amanat.example/commons/home-energy/release-1.csv";
        assert_eq!(resource["path"], path);
        let head = String::from_utf8(made.table.clone()).unwrap();
        let head = head.split("\r\n").next().unwrap();
        let fields = resource["schema"]["fields"].as_array().unwrap();
        let names = fields.iter().map(|it| it["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>().join(","), head);
        assert_eq!(package["resources"][1]["name"], "release-1-parquet");
        for (resource, file) in [(0, &made.table), (1, &made.typed)] {
            let resource = &package["resources"][resource];
            assert_eq!(resource["bytes"], file.len());
            let sha256 = custody::document_sha256(file);
            assert_eq!(resource["hash"], format!("sha256:{sha256}"));
        }
        assert_eq!(
            CommonsFile::parse("release-1.csv"),
            Some(CommonsFile::Table(1))
        );
    });
}

/// DCAT 3, sections 6.6 (Dataset) and 6.8 (Distribution): what a catalogue harvests.
#[test]
fn a_catalogue_harvests_the_terms_of_dcat() {
    on_both(|house| {
        let made = released(&house);
        let linked = &made.linked;
        assert_eq!(linked["@type"], "dcat:Dataset");
        assert_eq!(linked["dcat:version"], "1");
        for term in [
            "dct:title",
            "dct:description",
            "dct:identifier",
            "dct:issued",
            "dct:modified",
            "dct:license",
            "dct:publisher",
        ] {
            assert!(!linked[term].is_null(), "{term}");
        }
        for (number, file) in [(0, &made.table), (1, &made.typed)] {
            let distribution = &linked["dcat:distribution"][number];
            assert_eq!(distribution["@type"], "dcat:Distribution");
            let checksum = &distribution["spdx:checksum"]["spdx:checksumValue"]["@value"];
            assert_eq!(*checksum, custody::document_sha256(file));
        }
        let other = &linked["dcat:distribution"][1];
        assert_eq!(
            other["dcat:downloadURL"]["@id"],
            "https://amanat.example/commons/home-energy/release-1.parquet"
        );
        assert_eq!(
            other["dcat:mediaType"]["@id"],
            "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"
        );
        assert_eq!(linked["dct:title"][1]["@language"], "ur");
        assert_eq!(made.catalogue["@type"], "dcat:Catalog");
        assert_eq!(made.catalogue["dcat:dataset"][0]["@id"], made.linked["@id"]);
    });
}

/// Publishes the next version of the notice of the bus line, whose messages name people or do not.
fn publish(house: &House, version: u32, names_people: bool) {
    let source =
        include_str!("../bus.toml").replace("version = 1\n", &format!("version = {version}\n"));
    let source = match names_people {
        true => source,
        false => source.replace("subject-field = \"/card\"\n", ""),
    };
    let notice = Notice::parse(&source).unwrap();
    let published = house
        .custody
        .act(NOW, |act| act.publish_notice(&notice, &source));
    published.unwrap();
}

#[test]
fn gp_b4b_once_messages_name_nobody_any_more_homes_count_and_not_people() {
    on_both(|house| {
        let declared = |name: &str| {
            let source = SOURCE
                .replace("\"home\"", "\"bus\"")
                .replace("id = \"home-energy\"", &format!("id = \"{name}\""));
            let declare =
                |act: &mut custody::Act<'_, '_>| act.declare_data_set(&source).map(|_| ());
            let done: Result<(), DeclareDataSetError> = house.custody.act(NOW, declare);
            done.unwrap();
        };
        let counts = |name: &str| {
            let found = house.custody.data_set(&DataSetId::parse(name).unwrap());
            let found = found.unwrap().unwrap().data_set.plan.apart;
            let all = house.custody.data_sets().unwrap();
            let all = all.into_iter().find(|it| it.data_set.id.as_str() == name);
            assert_eq!(all.unwrap().data_set.plan.apart, found);
            found
        };
        declared("before");
        assert_eq!(counts("before"), Apart::People);
        publish(&house, 2, true);
        assert_eq!(counts("before"), Apart::People);
        publish(&house, 3, false);
        assert_eq!(counts("before"), Apart::Homes, "one reader, many people");
        // What is given may be of the time in which nobody was named.
        publish(&house, 4, true);
        assert_eq!(counts("before"), Apart::Homes);
        declared("behind");
        assert_eq!(counts("behind"), Apart::Homes);
    });
}
