//! Certificates of things: who is believed, and who is not.

use std::time::Duration;

use custody::{
    AuthorityId, CertificateError, CertificateRefusal, Custody, Identity,
    MAX_CERTIFICATES_PER_THING, NewCertificate, RequestError, Serial, SubjectPattern, Transport,
};
use model::{DeploymentId, ThingId, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;

use crate::fixture::{House, NOW, deployment, on_both, open};

const DAY_MS: i64 = 86_400_000;

fn thing(id: &str) -> ThingId {
    ThingId::parse(id).unwrap()
}

fn request_of(key: &KeyPair, common_name: &str) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if !common_name.is_empty() {
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
    }
    params.serialize_request(key).unwrap().der().to_vec()
}

fn begin(custody: &Custody) -> AuthorityId {
    let begun = custody.act(NOW, |act| act.begin_device_authority("Amanat devices"));
    begun.unwrap().id
}

fn issue(
    custody: &Custody,
    id: &str,
    request: &[u8],
    at: Timestamp,
) -> Result<custody::IssuedCertificate, CertificateError> {
    custody.act(at, |act| {
        act.issue_certificate(NewCertificate {
            thing: &thing(id),
            request,
            days: 90,
        })
    })
}

/// A maker with an authority, and the certificates it gives away.
struct Maker {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

struct Given<'a> {
    common_name: &'a str,
    names: Vec<SanType>,
    from: Timestamp,
    until: Timestamp,
    usage: ExtendedKeyUsagePurpose,
    serial: u8,
}

impl Default for Given<'_> {
    fn default() -> Self {
        Self {
            common_name: "SN-meter-1",
            names: Vec::new(),
            from: NOW,
            until: NOW.plus_millis(DAY_MS),
            usage: ExtendedKeyUsagePurpose::ClientAuth,
            serial: 7,
        }
    }
}

fn days(at: Timestamp) -> time::OffsetDateTime {
    let seconds = u64::try_from(at.as_millis() / 1_000).unwrap();
    rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
}

impl Maker {
    fn new(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Maker");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    /// The same authority, with another certificate for its key.
    fn renewed(&self) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Maker");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.serial_number = Some(SerialNumber::from_slice(&[2]));
        let key = KeyPair::from_pkcs8_der_and_sign_algo(
            &self.issuer.key().serialize_der().as_slice().into(),
            &rcgen::PKCS_ECDSA_P256_SHA256,
        );
        let key = key.unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn gives(&self, given: &Given<'_>) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, given.common_name);
        params.subject_alt_names = given.names.clone();
        params.not_before = days(given.from);
        params.not_after = days(given.until);
        params.extended_key_usages = vec![given.usage.clone()];
        params.serial_number = Some(SerialNumber::from_slice(&[given.serial]));
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }
}

fn trust(custody: &Custody, maker: &Maker, place: &str, pattern: &str) -> AuthorityId {
    let pattern = SubjectPattern::parse(pattern).unwrap();
    custody
        .act(NOW, |act| {
            act.trust_maker(&maker.certificate, &deployment(place), &pattern)
        })
        .unwrap()
}

fn named(custody: &Custody, chain: &[CertificateDer<'_>]) -> Result<String, CertificateRefusal> {
    named_at(custody, chain, NOW.plus_millis(1_000))
}

fn named_at(
    custody: &Custody,
    chain: &[CertificateDer<'_>],
    at: Timestamp,
) -> Result<String, CertificateRefusal> {
    custody
        .identify(chain, at)
        .map(|it| it.thing().id().to_string())
}

#[test]
fn a_certificate_of_ours_names_its_thing_from_its_beginning_to_its_end() {
    on_both(|house| {
        let custody = &house.custody;
        let key = KeyPair::generate().unwrap();
        let request = request_of(&key, "meter-1");
        assert!(!custody.trusts_certificates());
        let early = issue(custody, "meter-1", &request, NOW).unwrap_err();
        assert!(matches!(early, CertificateError::NoAuthority), "{early}");
        let authority = begin(custody);
        assert!(custody.trusts_certificates());
        let issued = issue(custody, "meter-1", &request, NOW).unwrap();
        let chain = [issued.certificate.clone()];
        assert_eq!(named(custody, &chain).unwrap(), "meter-1");
        let certified = custody.identify(&chain, NOW).unwrap();
        let end = issued.not_after;
        assert_eq!(end, NOW.plus_millis(90 * DAY_MS));
        assert!(custody.is_certified(&certified, end.plus_millis(-1)));
        assert!(!custody.is_certified(&certified, certified.not_after()));
        let at = |ms| named_at(custody, &chain, ms);
        assert_eq!(
            at(NOW.plus_millis(-DAY_MS)),
            Err(CertificateRefusal::NotYet)
        );
        assert_eq!(at(end.plus_millis(2_000)), Err(CertificateRefusal::Over));
        // What is in force is what the rows say.
        custody.close().unwrap();
        let again = open(&house.db, &house.directory);
        assert_eq!(named(&again, &chain).unwrap(), "meter-1");
        assert_eq!(again.device_authority().unwrap().id, authority);
        let shown = again.certificates(Some(&thing("meter-1"))).unwrap();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown.first().unwrap().serial, issued.serial);
    });
}

#[test]
fn a_revoked_certificate_names_nothing_any_more_and_connections_are_told() {
    on_both(|house| {
        let custody = &house.custody;
        begin(custody);
        let key = KeyPair::generate().unwrap();
        let issued = issue(custody, "meter-1", &request_of(&key, ""), NOW).unwrap();
        let chain = [issued.certificate];
        let certified = custody.identify(&chain, NOW).unwrap();
        let mut watch = custody.certificate_watch();
        let revoked = custody.act(NOW, |act| act.revoke_certificate(&issued.serial));
        assert_eq!(revoked.unwrap(), thing("meter-1"));
        assert_eq!(named(custody, &chain), Err(CertificateRefusal::Revoked));
        assert!(!custody.is_certified(&certified, NOW));
        let told = std::pin::pin!(watch.changed());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::future::Future::poll(told, &mut cx).is_ready());
        let twice = custody.act(NOW, |act| act.revoke_certificate(&issued.serial));
        assert!(matches!(twice, Err(CertificateError::NoCertificate(_))));
        custody.close().unwrap();
        let again = open(&house.db, &house.directory);
        assert_eq!(named(&again, &chain), Err(CertificateRefusal::Revoked));
    });
}

#[test]
fn what_was_certified_before_a_revocation_does_not_hold_again_with_a_new_token() {
    on_both(|house| {
        let custody = &house.custody;
        begin(custody);
        let key = KeyPair::generate().unwrap();
        let issued = issue(custody, "meter-1", &request_of(&key, ""), NOW).unwrap();
        let chain = [issued.certificate];
        let stolen = Identity::Thing(thing("meter-1"));
        custody.act(NOW, |act| act.revoke(&stolen)).unwrap();
        custody
            .act(NOW, |act| act.renew_token(&stolen, NOW))
            .unwrap();
        assert_eq!(named(custody, &chain), Err(CertificateRefusal::Revoked));
        custody.close().unwrap();
        let again = open(&house.db, &house.directory);
        assert_eq!(named(&again, &chain), Err(CertificateRefusal::Revoked));
    });
}

#[test]
fn what_is_revoked_of_a_maker_is_so_under_every_certificate_of_its_authority() {
    on_both(|house| {
        let custody = &house.custody;
        let maker = Maker::new(|_| {});
        let older = trust(custody, &maker, "home", "cn:SN-{thing}");
        let renewed = maker.renewed();
        let newer = trust(custody, &renewed, "home", "cn:SN-{thing}");
        assert_ne!(older, newer);
        let leaf = maker.gives(&Given::default());
        let certified = custody.identify(std::slice::from_ref(&leaf), NOW).unwrap();
        for (authority, serial) in [(&older, 7), (&newer, 8)] {
            let serial = Serial::parse(&format!("{serial:02x}")).unwrap();
            custody
                .act(NOW, |act| act.revoke_of_maker(authority, &serial))
                .unwrap();
        }
        assert!(!custody.is_certified(&certified, NOW));
        let other = maker.gives(&Given {
            serial: 8,
            ..Given::default()
        });
        for chain in [[leaf], [other]] {
            assert_eq!(named(custody, &chain), Err(CertificateRefusal::Revoked));
        }
    });
}

#[test]
fn a_thing_has_the_latest_certificates_and_no_key_of_another() {
    on_both(|house| {
        let custody = &house.custody;
        begin(custody);
        let key = KeyPair::generate().unwrap();
        let request = request_of(&key, "meter-1");
        let mut issued = Vec::new();
        for number in 0..=MAX_CERTIFICATES_PER_THING {
            let at = NOW.plus_millis(10_000 * i64::try_from(number).unwrap());
            issued.push(issue(custody, "meter-1", &request, at).unwrap());
        }
        let last = NOW.plus_millis(10_000 * i64::try_from(issued.len()).unwrap());
        for (number, one) in issued.iter().enumerate() {
            let found = named_at(custody, std::slice::from_ref(&one.certificate), last);
            assert_eq!(found.is_ok(), number > 0, "{number}: {found:?}");
        }
        let soon = issue(custody, "meter-1", &request, last.plus_millis(-9_000));
        assert!(matches!(soon, Err(CertificateError::TooSoon(9))));
        let shared = issue(custody, "validator-1", &request_of(&key, ""), last);
        assert!(matches!(shared, Err(CertificateError::SharedKey)));
        let other = issue(custody, "validator-1", &request, last);
        assert!(matches!(other, Err(CertificateError::OtherName(_))));
        // What is over is forgotten when the next is issued.
        let later = last.plus_millis(91 * DAY_MS);
        issue(custody, "meter-1", &request, later).unwrap();
        assert_eq!(custody.certificates(None).unwrap().len(), 1);
    });
}

#[test]
fn requests_that_prove_nothing_are_refused() {
    on_both(|house| {
        let custody = &house.custody;
        begin(custody);
        let key = KeyPair::generate().unwrap();
        let request = request_of(&key, "meter-1");
        let mut forged = request.clone();
        if let Some(last) = forged.last_mut() {
            *last ^= 1;
        }
        let mut longer = request.clone();
        longer.push(0);
        for (request, expected) in [
            (Vec::new(), RequestError::Unreadable),
            (vec![0; 20_000], RequestError::Unreadable),
            (longer, RequestError::Unreadable),
            (forged, RequestError::Signature),
            (
                include_bytes!("certificates/rsa-1024.csr").to_vec(),
                RequestError::Signature,
            ),
            (
                include_bytes!("certificates/rsa-sha1.csr").to_vec(),
                RequestError::Signature,
            ),
        ] {
            match issue(custody, "meter-1", &request, NOW) {
                Err(CertificateError::Request(found)) => assert_eq!(found, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        let rsa = include_bytes!("certificates/rsa-2048.csr");
        issue(custody, "meter-1", rsa, NOW).unwrap();
        let nobody = issue(custody, "meter-9", &request_of(&key, ""), NOW);
        assert!(nobody.unwrap_err().to_string().contains("meter-9"));
    });
}

#[test]
fn a_makers_certificate_names_a_registered_thing_of_its_deployment() {
    on_both(|house| {
        let custody = &house.custody;
        let maker = Maker::new(|_| {});
        let good = maker.gives(&Given::default());
        assert_eq!(
            named(custody, std::slice::from_ref(&good)),
            Err(CertificateRefusal::NotTrusted)
        );
        let id = trust(custody, &maker, "home", "cn:SN-{thing}");
        let found = |given| named(custody, &[maker.gives(&given)]);
        assert_eq!(
            named(custody, std::slice::from_ref(&good)).unwrap(),
            "meter-1"
        );
        for (common_name, expected) in [
            ("SN-meter-2", CertificateRefusal::NamesNothing),
            ("SN-validator-1", CertificateRefusal::NamesNothing),
            ("meter-1", CertificateRefusal::NamesNothing),
        ] {
            let given = Given {
                common_name,
                ..Given::default()
            };
            assert_eq!(found(given), Err(expected), "{common_name}");
        }
        let server = Given {
            usage: ExtendedKeyUsagePurpose::ServerAuth,
            ..Given::default()
        };
        assert_eq!(found(server), Err(CertificateRefusal::NotForClients));
        let over = Given {
            from: NOW.plus_millis(-2 * DAY_MS),
            until: NOW.plus_millis(-DAY_MS),
            ..Given::default()
        };
        assert_eq!(found(over), Err(CertificateRefusal::Over));
        let not_yet = Given {
            from: NOW.plus_millis(DAY_MS),
            until: NOW.plus_millis(2 * DAY_MS),
            ..Given::default()
        };
        assert_eq!(found(not_yet), Err(CertificateRefusal::NotYet));
        assert_eq!(
            named(custody, std::slice::from_ref(&maker.certificate)),
            Err(CertificateRefusal::NotForClients)
        );
        // Another authority of the same name is another authority.
        let same_name = Maker::new(|_| {});
        let foreign = named(custody, &[same_name.gives(&Given::default())]);
        assert!(
            matches!(
                foreign,
                Err(CertificateRefusal::NotTrusted | CertificateRefusal::Signature)
            ),
            "{foreign:?}"
        );
        let certified = custody.identify(std::slice::from_ref(&good), NOW).unwrap();
        let serial = Serial::parse("7").unwrap();
        custody
            .act(NOW, |act| act.revoke_of_maker(&id, &serial))
            .unwrap();
        assert_eq!(named(custody, &[good]), Err(CertificateRefusal::Revoked));
        assert!(!custody.is_certified(&certified, NOW));
    });
}

#[test]
fn trust_in_a_maker_ends_for_what_is_connected_too() {
    on_both(|house| {
        let custody = &house.custody;
        let maker = Maker::new(|_| {});
        let id = trust(custody, &maker, "home", "dns:{thing}.devices.example");
        let given = Given {
            common_name: "anything",
            names: vec![SanType::DnsName(
                "meter-1.devices.example".try_into().unwrap(),
            )],
            ..Given::default()
        };
        let chain = [maker.gives(&given)];
        let certified = custody.identify(&chain, NOW).unwrap();
        assert!(custody.is_certified(&certified, NOW));
        let elsewhere = custody.act(NOW, |act| act.distrust_maker(&id, &deployment("bus")));
        assert!(matches!(elsewhere, Err(CertificateError::NoMaker(_))));
        custody
            .act(NOW, |act| act.distrust_maker(&id, &deployment("home")))
            .unwrap();
        assert!(!custody.is_certified(&certified, NOW));
        assert_eq!(named(custody, &chain), Err(CertificateRefusal::NotTrusted));
    });
}

#[test]
fn name_constraints_and_the_end_of_a_makers_authority_hold() {
    on_both(|house| {
        let custody = &house.custody;
        let constrained = Maker::new(|params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("other.example".to_owned())],
                excluded_subtrees: Vec::new(),
            });
        });
        trust(custody, &constrained, "home", "dns:{thing}.devices.example");
        let given = Given {
            names: vec![SanType::DnsName(
                "meter-1.devices.example".try_into().unwrap(),
            )],
            ..Given::default()
        };
        assert_eq!(
            named(custody, &[constrained.gives(&given)]),
            Err(CertificateRefusal::NotTrusted)
        );
        let short = Maker::new(|params| {
            params.not_before = days(NOW.plus_millis(-DAY_MS));
            params.not_after = days(NOW.plus_millis(DAY_MS));
        });
        trust(custody, &short, "home", "cn:SN-{thing}");
        let long = Given {
            until: NOW.plus_millis(30 * DAY_MS),
            ..Given::default()
        };
        let chain = [short.gives(&long)];
        let certified = custody.identify(&chain, NOW).unwrap();
        assert!(certified.not_after() <= NOW.plus_millis(DAY_MS + 1_000));
        assert_eq!(
            named_at(custody, &chain, NOW.plus_millis(2 * DAY_MS)),
            Err(CertificateRefusal::NotTrusted)
        );
        let over = Maker::new(|params| params.not_after = days(NOW.plus_millis(-DAY_MS)));
        let leaf = custody.act(NOW, |act| {
            let pattern = SubjectPattern::parse("cn:{thing}").unwrap();
            act.trust_maker(&over.certificate, &deployment("home"), &pattern)
        });
        assert!(matches!(leaf, Err(CertificateError::NotAnAuthority(_))));
        let no_authority = short.gives(&Given::default());
        let leaf = custody.act(NOW, |act| {
            let pattern = SubjectPattern::parse("cn:{thing}").unwrap();
            act.trust_maker(&no_authority, &deployment("home"), &pattern)
        });
        assert!(matches!(leaf, Err(CertificateError::NotAnAuthority(_))));
    });
}

#[test]
fn two_rules_that_find_two_things_find_none() {
    on_both(|house| {
        let custody = &house.custody;
        let maker = Maker::new(|_| {});
        trust(custody, &maker, "home", "cn:{thing}");
        trust(custody, &maker, "bus", "dns:{thing}.bus.example");
        let given = |common_name, name: &str| Given {
            common_name,
            names: vec![SanType::DnsName(name.try_into().unwrap())],
            ..Given::default()
        };
        let only = maker.gives(&given("meter-1", "else.bus.example"));
        assert_eq!(named(custody, &[only]).unwrap(), "meter-1");
        let both = maker.gives(&given("meter-1", "validator-1.bus.example"));
        assert_eq!(
            named(custody, &[both]),
            Err(CertificateRefusal::NamesNothing)
        );
    });
}

#[test]
fn chains_are_bounded_and_nonsense_is_refused() {
    on_both(|house| {
        let custody = &house.custody;
        begin(custody);
        let nonsense = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
        assert_eq!(named(custody, &[]), Err(CertificateRefusal::Unreadable));
        assert_eq!(
            named(custody, std::slice::from_ref(&nonsense)),
            Err(CertificateRefusal::Unreadable)
        );
        let many = vec![nonsense; 9];
        assert_eq!(named(custody, &many), Err(CertificateRefusal::Unreadable));
        let alone = rcgen::generate_simple_self_signed(["meter-1".to_owned()]).unwrap();
        let alone = named(custody, &[alone.cert.der().clone()]);
        assert!(
            matches!(alone, Err(CertificateRefusal::NotTrusted)),
            "{alone:?}"
        );
    });
}

#[test]
fn a_second_authority_is_not_begun() {
    on_both(|house: House| {
        let id = begin(&house.custody);
        let again = house
            .custody
            .act(NOW, |act| act.begin_device_authority("again"));
        assert!(matches!(again, Err(CertificateError::AuthorityExists(it)) if it == id));
        let place = DeploymentId::parse("home").unwrap();
        let ours = house.custody.device_authority().unwrap();
        let trusted = house.custody.act(NOW, |act| {
            let pattern = SubjectPattern::parse("cn:{thing}").unwrap();
            act.trust_maker(&ours.certificate, &place, &pattern)
        });
        assert!(matches!(trusted, Err(CertificateError::NotAnAuthority(_))));
    });
}

#[test]
fn how_a_thing_came_in_last_is_counted_and_survives_a_start() {
    on_both(|house| {
        let custody = &house.custody;
        let meter = custody
            .authenticate("meter-1", house.meter.expose_secret().as_bytes(), NOW)
            .unwrap();
        let home = deployment("home");
        assert_eq!(custody.plain_things(&home), 0);
        custody.note_transport(&meter, Transport::Local, NOW);
        assert_eq!(custody.plain_things(&home), 0);
        custody.note_transport(&meter, Transport::Plain, NOW);
        custody.tick(NOW).unwrap();
        custody.note_transport(&meter, Transport::Plain, NOW.plus_millis(1));
        assert_eq!(custody.plain_things(&home), 1);
        assert_eq!(custody.plain_things(&deployment("bus")), 0);
        custody.close().unwrap();
        let again = open(&house.db, &house.directory);
        assert_eq!(again.plain_things(&home), 1);
        let last = again.transport_of(&thing("meter-1"));
        assert_eq!(last, Some((Transport::Plain, NOW)));
        again.note_transport(&meter, Transport::Encrypted, NOW.plus_millis(2));
        again.tick(NOW).unwrap();
        assert_eq!(again.plain_things(&home), 0);
        again.close().unwrap();
        assert_eq!(open(&house.db, &house.directory).plain_things(&home), 0);
    });
}
