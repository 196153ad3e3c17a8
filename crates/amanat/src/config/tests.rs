use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::*;
use crate::tls::TlsFiles;

/// Surroundings made of text.
#[derive(Default)]
struct Fake {
    file: Option<&'static str>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl Environment for Fake {
    fn variables(&self) -> Vec<(String, String)> {
        self.variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        match self.file {
            Some(text) if path == Path::new("amanat.toml") => Ok(text.to_owned()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn check_tls(&self, files: &TlsFiles) -> anyhow::Result<()> {
        for file in [&files.certificate, &files.key] {
            if file.file_stem().is_none_or(|it| it != "good") {
                anyhow::bail!("cannot use `{}`", file.display());
            }
        }
        Ok(())
    }
}

fn of_file(file: &'static str) -> Result<(Config, Vec<Origin>), ConfigError> {
    let environment = Fake {
        file: Some(file),
        ..Fake::default()
    };
    load(&environment, None, &[])
}

#[track_caller]
fn check_problem(file: &'static str, expected: &str) {
    let problems = of_file(file).unwrap_err().problems;
    let shown: Vec<_> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(shown.join("\n"), expected);
}

#[test]
fn without_anything_the_defaults_hold() {
    let (config, origins) = load(&Fake::default(), None, &[]).unwrap();
    assert_eq!(config.http.listen, "127.0.0.1:8080".parse().unwrap());
    assert!(config.data.database_url.is_none());
    assert!(origins.iter().all(|it| it.place == "default"));
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let environment = Fake {
        file: Some(
            "[http]\nlisten = \"127.0.0.1:1\"\n[log]\nfilter = \"warn\"\n[site]\ntimezone = \"UTC\"\n",
        ),
        variables: BTreeMap::from([
            ("AMANAT_HTTP_LISTEN", "127.0.0.1:2"),
            ("AMANAT_LOG_FILTER", "debug"),
        ]),
    };
    let flags = [Flag::new("--http", "http.listen", "127.0.0.1:3")];
    let (config, origins) = load(&environment, None, &flags).unwrap();
    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.log.filter.as_str(), "debug");
    assert_eq!(config.site.timezone.iana_name(), Some("UTC"));
    let place = |path: &str| {
        let origin = origins.iter().find(|it| it.path == path).unwrap();
        origin.place.clone()
    };
    assert_eq!(place("http.listen"), "the flag --http");
    assert_eq!(place("log.filter"), "the variable AMANAT_LOG_FILTER");
    assert_eq!(place("site.timezone"), "amanat.toml:6");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_right_one() {
    check_problem(
        "[mqtt]\nlisten = \"127.0.0.1:1883\"\ntls-listne = \"0.0.0.0:8883\"\n",
        "amanat.toml:3: `mqtt.tls-listne` is not a setting\n  did you mean `mqtt.tls-listen`?",
    );
    check_problem(
        "[htpp]\nlisten = \"127.0.0.1:1\"\n",
        "amanat.toml:1: `[htpp]` is not a section\n  did you mean `[http]`?",
    );
    check_problem(
        "[site]\ndatabase-url = \"sqlite:/x\"\n",
        "amanat.toml:2: `site.database-url` is not a setting\n  did you mean `data.database-url`?",
    );
}

#[test]
fn an_unknown_variable_or_flag_is_refused_too() {
    let environment = Fake {
        variables: BTreeMap::from([("AMANAT_HTTP_LISTN", "127.0.0.1:1")]),
        ..Fake::default()
    };
    let flags = [Flag::parse("limits.packet-byte=5").unwrap()];
    let problems = load(&environment, None, &flags).unwrap_err().problems;
    assert_eq!(
        problems[0].to_string(),
        "the variable AMANAT_HTTP_LISTN: `AMANAT_HTTP_LISTN` is not a setting\n  did you mean `AMANAT_HTTP_LISTEN`?"
    );
    assert_eq!(
        problems[1].to_string(),
        "the flag --set: `limits.packet-byte` is not a setting\n  did you mean `limits.packet-bytes`?"
    );
}

#[test]
fn every_wrong_value_is_reported_at_once() {
    check_problem(
        "[http]\nlisten = \"here\"\n[limits]\npacket-bytes = \"many\"\npending-acks = 70000\n[site]\ntimezone = \"Asia/Atlantis\"\n[log]\nformat = 1.5\n",
        "amanat.toml:9: `log.format` is a float\n  write a text, a whole number, or true or false\n\
         amanat.toml:2: `here` cannot be used for `http.listen`\n  write an address and a port, such as 127.0.0.1:8080 or [::1]:8080\n\
         amanat.toml:4: `many` cannot be used for `limits.packet-bytes`\n  write a whole number from 0 to 4294967295\n\
         amanat.toml:5: `70000` cannot be used for `limits.pending-acks`\n  write a whole number from 0 to 65535\n\
         amanat.toml:7: `Asia/Atlantis` cannot be used for `site.timezone`\n  write a name of the IANA database, such as Asia/Karachi",
    );
}

#[test]
fn coap_stays_in_private_networks_unless_told() {
    check_problem(
        "[coap]\nlisten = \"0.0.0.0:5683\"\n",
        "amanat.toml:2: `coap.listen` at `0.0.0.0:5683` would take tokens and data without encryption from anywhere: only a loopback or private address may do that\n  name a private address, or set coap.dangerously-plain-anywhere = true",
    );
}

#[test]
fn plain_mqtt_stays_on_this_machine_unless_told() {
    check_problem(
        "[mqtt]\nlisten = \"0.0.0.0:1883\"\n",
        "amanat.toml:2: `mqtt.listen` at `0.0.0.0:1883` would take passwords and data without TLS from anywhere: only a loopback or private address may do that\n  use mqtt.tls-listen, name a private address, or set mqtt.dangerously-plain-anywhere = true",
    );
    let told = "[mqtt]\nlisten = \"0.0.0.0:1883\"\ndangerously-plain-anywhere = true\n";
    assert!(of_file(told).is_ok());
}

#[test]
fn tls_needs_its_files_and_metrics_stay_on_this_machine() {
    check_problem(
        "[mqtt]\ntls-listen = \"0.0.0.0:8883\"\n[metrics]\nlisten = \"0.0.0.0:9464\"\n",
        "`mqtt.tls-certificate`: `mqtt.tls-listen` is set, but `mqtt.tls-certificate` is not\n  name a PEM file, or leave mqtt.tls-listen empty\n\
         `mqtt.tls-key`: `mqtt.tls-listen` is set, but `mqtt.tls-key` is not\n  name a PEM file, or leave mqtt.tls-listen empty\n\
         amanat.toml:4: `metrics.listen` at `0.0.0.0:9464` can be reached from other machines\n  use a loopback address such as 127.0.0.1:9464",
    );
}

#[test]
fn a_password_in_the_database_url_is_never_shown() {
    let secret = "[data]\ndatabase-url = \"postgres://amanat:hunter2@db/amanat\"\n";
    let (config, origins) = of_file(secret).unwrap();
    assert!(!format!("{config:?} {origins:?}").contains("hunter2"));
    assert!(
        config
            .data
            .database_url
            .unwrap()
            .expose_secret()
            .contains("hunter2")
    );
    check_problem(
        "[data]\ndatabase-url = \"mysql://amanat:hunter2@db/amanat\"\n",
        "amanat.toml:2: the value of `data.database-url` cannot be used\n  write sqlite:/path/file.db or postgres://…",
    );
}

#[test]
fn a_named_file_must_exist_and_a_broken_one_says_where() {
    let problems = load(&Fake::default(), Some("other.toml".into()), &[])
        .unwrap_err()
        .problems;
    assert_eq!(problems[0].place, "other.toml");
    let problems = of_file("[http]\nlisten = \n").unwrap_err().problems;
    assert_eq!(problems[0].place, "amanat.toml:2");
}

#[test]
fn a_site_that_others_reach_needs_its_url() {
    check_problem(
        "[http]\nlisten = \"10.0.0.1:8080\"\n",
        "amanat.toml:2: `http.listen` is `10.0.0.1:8080`, which is no address that people can open\n  set http.public-url to the https URL of the proxy in front",
    );
    check_problem(
        "[http]\npublic-url = \"http://amanat.example\"\n",
        "amanat.toml:2: `http://amanat.example` cannot be used for `http.public-url`\n  `http://amanat.example` needs https: plain http is only for 127.0.0.1, [::1] and localhost",
    );
}

#[test]
fn origins_are_parsed_at_the_border() {
    use super::setting::Setting as _;
    assert!(RecordOrigin::parse("a.example/record").is_ok());
    for bad in ["", "https://a.example", "a b", "a+b"] {
        assert!(RecordOrigin::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn plain_listeners_may_be_private_and_tls_may_only_be_newer() {
    for address in ["127.0.0.1", "192.168.4.1", "[fd00::7]"] {
        let text = format!(
            "[mqtt]\nlisten = \"{address}:1883\"\ntls-minimum = \"1.3\"\n[http]\nlisten = \"{address}:80\"\npublic-url = \"https://a.example\"\n"
        );
        assert!(of_file(text.leak()).is_ok(), "{address}");
    }
    check_problem(
        "[http]\nlisten = \"203.0.113.7:80\"\npublic-url = \"https://a.example\"\n",
        "amanat.toml:2: `http.listen` at `203.0.113.7:80` would take passwords and data without TLS from anywhere: only a loopback or private address may do that\n  use http.tls-listen, name a private address, or set http.dangerously-plain-anywhere = true",
    );
    check_problem(
        "[mqtt]\nwebsocket-listen = \"0.0.0.0:9001\"\n",
        "amanat.toml:2: `mqtt.websocket-listen` at `0.0.0.0:9001` would take passwords and data without TLS from anywhere: only a loopback or private address may do that\n  use mqtt.websocket-tls-listen, name a private address, or set mqtt.dangerously-plain-anywhere = true",
    );
    check_problem(
        "[mqtt]\ntls-minimum = \"1.1\"\n",
        "amanat.toml:2: `1.1` cannot be used for `mqtt.tls-minimum`\n  write 1.2 or 1.3: older versions of TLS are not spoken",
    );
    check_problem(
        "[http]\ntls-listen = \"0.0.0.0:443\"\n[mqtt]\ntls-key = \"good.key\"\n",
        "`mqtt.tls-certificate`: `http.tls-listen` is set, but `mqtt.tls-certificate` is not\n  name a PEM file, or leave http.tls-listen empty",
    );
}

#[test]
fn tls_files_are_looked_at_and_belong_to_a_listener() {
    let files = |certificate: &str, key: &str| -> &'static str {
        let text = format!(
            "[mqtt]\ntls-listen = \"0.0.0.0:8883\"\ntls-certificate = \"{certificate}\"\ntls-key = \"{key}\"\n"
        );
        text.leak()
    };
    assert!(of_file(files("good.pem", "good.key")).is_ok());
    check_problem(
        files("bad.pem", "good.key"),
        "amanat.toml:3: cannot use `bad.pem`\n  name PEM files that this user can read and that belong together",
    );
    check_problem(
        files("good.pem", "bad.key"),
        "amanat.toml:4: cannot use `bad.key`\n  name PEM files that this user can read and that belong together",
    );
    check_problem(
        "[mqtt]\ntls-key = \"good.key\"\n",
        "amanat.toml:2: `mqtt.tls-key` is set, but `mqtt.tls-listen` is not\n  set mqtt.tls-listen to the address for MQTT with TLS, or leave this empty",
    );
}

#[test]
fn limits_have_a_minimum_and_defaults_keep_it() {
    let least: Vec<_> = keys()
        .into_iter()
        .filter_map(|it| Some((it.path(), it.minimum?)))
        .collect();
    assert_eq!(least.len(), 24, "{least:?}");
    for (path, minimum) in least {
        let below = Flag::new("--set", &path, (minimum - 1).to_string());
        let problems = load(&Fake::default(), None, &[below]).unwrap_err().problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        let remedy = format!("write a whole number from {minimum} to ");
        assert!(problems[0].remedy.starts_with(&remedy), "{problems:?}");
    }
}

#[test]
fn values_that_do_not_fit_together_are_reported_with_those_that_cannot_be_read() {
    check_problem(
        "[http]\nlisten = \"here\"\n[limits]\npacket-bytes = 2048\nconnections = 0\n[metrics]\nlisten = \"0.0.0.0:1\"\n",
        "amanat.toml:2: `here` cannot be used for `http.listen`\n  write an address and a port, such as 127.0.0.1:8080 or [::1]:8080\n\
         amanat.toml:5: `0` cannot be used for `limits.connections`\n  write a whole number from 1 to 4294967295\n\
         amanat.toml:7: `metrics.listen` at `0.0.0.0:1` can be reached from other machines\n  use a loopback address such as 127.0.0.1:9464\n\
         `limits.connect-bytes`: `limits.connect-bytes` cannot be more than `limits.packet-bytes`\n  a CONNECT is a packet too: lower the one or raise the other",
    );
}

#[test]
fn log_filters_are_levels_of_everything_or_of_crates() {
    use super::setting::Setting as _;
    for good in [
        "off",
        "info",
        "info,gateway=debug",
        "warn, web::page=trace",
        "custody=off",
    ] {
        assert!(LogFilter::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "loud",
        "gateway",
        "gateway=loud",
        "info,,warn",
        "=debug",
        "a=b=info",
        "[x]=info",
    ] {
        assert!(LogFilter::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_misspelled_section_is_named() {
    let problem = |set: &str| {
        let flags = [Flag::parse(set).unwrap()];
        let problems = load(&Fake::default(), None, &flags).unwrap_err().problems;
        problems[0].to_string()
    };
    assert_eq!(
        problem("limit.x=1"),
        "the flag --set: `limit.x` is not a setting: there is no section `limit`\n  did you mean `limits`?"
    );
    assert_eq!(
        problem("limit.packet-bytes=1"),
        "the flag --set: `limit.packet-bytes` is not a setting\n  did you mean `limits.packet-bytes`?"
    );
}

#[test]
fn witnesses_have_a_key_and_an_address_each() {
    use super::RecordWitnesses;
    use super::setting::Setting as _;

    let key = |seed| {
        let signer = record::WitnessSigner::new("witness.example/w", &[seed; 32]).unwrap();
        signer.verifier().to_string()
    };
    let (one, two) = (key(1), key(2));
    let both = format!("{one} https://w.example/a, {two} http://127.0.0.1:8090");
    let read = RecordWitnesses::parse(&both).unwrap();
    assert_eq!(read.verifiers().len(), 2);
    assert_eq!(read.of(&two).unwrap().1, "http://127.0.0.1:8090");
    assert!(read.of("another").is_none());
    for (text, words) in [
        (one.clone(), "an address for each"),
        (
            format!("{one} https://w.example more"),
            "an address for each",
        ),
        ("key https://w.example".to_owned(), "no key of a witness"),
        (
            format!("{one} http://w.example"),
            "must begin with https://",
        ),
        (
            format!("{one} https://a.example, {one} https://b.example"),
            "named twice",
        ),
    ] {
        let refused = RecordWitnesses::parse(&text).unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    let many: Vec<_> = (1..=17)
        .map(|it| format!("{} https://w.example", key(it)))
        .collect();
    let refused = RecordWitnesses::parse(&many.join(",")).unwrap_err();
    assert!(refused.contains("at most 16"), "{refused}");
}
