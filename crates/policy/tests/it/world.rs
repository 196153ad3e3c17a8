//! Random notices, choices, grants, caps, facts and messages.

use model::{
    Cap, CapTarget, Category, Choice, Coarsening, Declaration, DeploymentId, Field, FieldKind,
    Grant, Group, LegalBasis, Level, LicenceState, Notice, PersonId, Pointer, PurposeId, Range,
    RecipientId, Retention, Role, Roles, Sensitivity, Statistic, Timestamp, Window,
};
use policy::{Facts, Inputs, Program, Schema, Sensed, compile};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

/// Places for fields: members, nested members, lists, lists of objects, names with escapes, the empty name, every element.
const POINTERS: [&str; 14] = [
    "/a",
    "/b/c",
    "/b/d/e",
    "/l/0",
    "/l/2",
    "/m~0n/x~1y",
    "/o/0/p",
    "/o/1/q",
    "/",
    "/t",
    "/ü\"\\",
    "/w/*/v",
    "/w/*/n",
    "/y/*/z/*",
];
const RECIPIENTS: [&str; 3] = ["r0", "r1", "r2"];
const PURPOSES: [&str; 2] = ["p0", "p1"];

/// Everything that a decision depends on, but the message.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) notice: Notice,
    pub(crate) people: Vec<Person>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) caps: Vec<Cap>,
    pub(crate) facts: Facts,
}

/// Somebody whom the thing senses.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) roles: Roles,
    pub(crate) choices: Vec<Choice>,
}

impl World {
    pub(crate) fn lanes() -> impl Iterator<Item = (&'static str, &'static str)> {
        RECIPIENTS
            .iter()
            .flat_map(|recipient| PURPOSES.iter().map(move |it| (*recipient, *it)))
    }

    pub(crate) fn program(&self) -> Program {
        self.with_inputs(compile)
    }

    /// Gives what a program is compiled from.
    pub(crate) fn with_inputs<T>(&self, then: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let schema = Schema::compile(&self.notice).unwrap();
        let people = self.people.iter().map(|it| Sensed {
            roles: it.roles,
            choices: &it.choices,
        });
        let people: Vec<_> = people.collect();
        then(&Inputs {
            notice: &self.notice,
            schema: &schema,
            people: &people,
            grants: &self.grants,
            caps: &self.caps,
            generation: 7,
        })
    }
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    notice().prop_flat_map(|notice| {
        let pointers: Vec<_> = notice.fields.iter().map(|it| it.pointer.clone()).collect();
        let people = prop::collection::vec(person(pointers.clone()), 0..4);
        let grants = prop::collection::vec(grant(), 0..14);
        let caps = prop::collection::vec(cap(pointers), 0..3);
        (Just(notice), people, grants, caps, facts()).prop_map(
            |(notice, people, grants, caps, facts)| World {
                notice,
                people,
                grants,
                caps,
                facts,
            },
        )
    })
}

/// Somebody who chose about these fields, mostly in every role.
pub(crate) fn person(pointers: Vec<Pointer>) -> impl Strategy<Value = Person> {
    let choices = prop::collection::vec(choice(pointers), 0..16);
    (roles(0), choices).prop_map(|(roles, choices)| Person { roles, choices })
}

/// Every role, or at least so many.
fn roles(fewest: usize) -> impl Strategy<Value = Roles> {
    let some = prop::sample::subsequence(Role::ALL.to_vec(), fewest..=Role::ALL.len());
    prop_oneof![2 => Just(Roles::ALL), 1 => some.prop_map(Roles::from_iter)]
}

/// A notice with this shape, whatever the types: every field is on for one lane.
pub(crate) fn plain_notice(fields: &[(&str, FieldKind)]) -> Notice {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.first().unwrap().clone();
    notice.fields = fields
        .iter()
        .map(|(pointer, kind)| Field {
            pointer: Pointer::parse(pointer).unwrap(),
            kind: *kind,
            range: None,
            about: Roles::ALL,
            coarse: vec![],
            ..template.clone()
        })
        .collect();
    for declaration in &mut notice.declarations {
        declaration.fields = notice.fields.iter().map(|it| it.pointer.clone()).collect();
        declaration.purpose = PurposeId::parse("p0").unwrap();
        declaration.recipients = vec![RecipientId::parse("r0").unwrap()];
    }
    notice
}

/// Everything open and on, for a notice of [`plain_notice`].
pub(crate) fn open_world(notice: Notice) -> World {
    World {
        grants: vec![Grant {
            recipient: RecipientId::parse("r0").unwrap(),
            purpose: PurposeId::parse("p0").unwrap(),
            deployment: notice.deployment.clone(),
            valid_from: Timestamp::EPOCH,
            valid_until: None,
        }],
        notice,
        people: vec![],
        caps: vec![],
        facts: Facts {
            now: Timestamp::EPOCH,
            licence: LicenceState::Active,
            quarantined: false,
        },
    }
}

pub(crate) fn every_pointer() -> &'static [&'static str] {
    &POINTERS
}

fn notice() -> impl Strategy<Value = Notice> {
    let pointers = prop::sample::subsequence(POINTERS.to_vec(), 1..=POINTERS.len());
    pointers.prop_shuffle().prop_flat_map(|pointers| {
        let fields: Vec<_> = pointers.iter().map(|it| field(it)).collect();
        fields.prop_flat_map(|fields| {
            let declarations = prop::collection::vec(declaration(fields.clone()), 1..8);
            let subject = prop::option::weighted(0.3, 0..fields.len());
            // A message is about one person: who that is does not stand in a list.
            (Just(fields), declarations, subject).prop_map(|(fields, declarations, subject)| {
                let mut notice = Notice::parse(NOTICE).unwrap();
                notice.subject_field = subject
                    .and_then(|it| fields.get(it))
                    .map(|it| it.pointer.clone())
                    .filter(|it| !it.has_wildcard());
                notice.fields = fields;
                notice.declarations = declarations;
                notice
            })
        })
    })
}

fn field(pointer: &str) -> impl Strategy<Value = Field> + use<> {
    let template = Notice::parse(NOTICE).unwrap().fields.remove(0);
    let pointer = Pointer::parse(pointer).unwrap();
    let kind = prop_oneof![
        3 => Just(FieldKind::Number),
        1 => Just(FieldKind::Text),
        1 => Just(FieldKind::Boolean),
    ];
    let sensitivity = prop::sample::select(Sensitivity::ALL);
    let levels = (any::<bool>(), numeric(), textual());
    (kind, sensitivity, levels, roles(1), range()).prop_map(
        move |(kind, sensitivity, (presence, (unit, numeric), textual), about, range)| {
            let mut coarse = vec![];
            if presence {
                coarse.push(Coarsening::Presence);
            }
            let is_list = pointer.has_wildcard();
            match kind {
                FieldKind::Number => coarse.extend(numeric),
                FieldKind::Text => coarse.extend(textual),
                FieldKind::Boolean => {}
            }
            coarse.retain(|it| !is_list || !matches!(it, Coarsening::Window(_)));
            Field {
                pointer: pointer.clone(),
                kind,
                unit: unit
                    .map(str::to_owned)
                    .filter(|_| kind == FieldKind::Number),
                range: range.filter(|_| kind == FieldKind::Number),
                sensitivity,
                about,
                coarse,
                ..template.clone()
            }
        },
    )
}

fn range() -> impl Strategy<Value = Option<Range>> {
    let end = |from, to| prop::option::of((from..to).prop_map(f64::from));
    let range = (end(-90_i32, 0), end(1_i32, 90)).prop_map(|(min, max)| Range { min, max });
    prop::option::weighted(0.2, range)
}

/// A unit, and coarse levels of a number, coarsest first.
fn numeric() -> impl Strategy<Value = (Option<&'static str>, Vec<Coarsening>)> {
    let steps = prop::sample::subsequence(vec![500.0, 7.0, 0.5, 0.1, 0.003], 0..4);
    let wide = Coarsening::Bucket(vec![0.0, 10.0]);
    let fine = Coarsening::Bucket(vec![-10.0, 0.0, 0.1, 0.3, 10.0, 1e6]);
    let cells = prop::sample::subsequence(vec![1_u8, 3, 5, 8], 0..4);
    let unit = prop::sample::select(vec!["lat", "lon"]);
    let round = |it: Vec<f64>| it.into_iter().map(Coarsening::Round).collect();
    let grid = |it: Vec<f64>| it.into_iter().map(Coarsening::Grid).collect();
    let geohash = |it: Vec<u8>| it.into_iter().map(Coarsening::Geohash).collect();
    prop_oneof![
        2 => steps.clone().prop_map(move |it| (None, round(it))),
        2 => steps.prop_map(move |it| (None, grid(it))),
        2 => prop::sample::subsequence(vec![wide, fine], 0..=2).prop_map(|it| (None, it)),
        1 => (-20..20_i32).prop_map(|it| (None, vec![Coarsening::Threshold(f64::from(it))])),
        1 => (unit, cells).prop_map(move |(unit, it)| (Some(unit), geohash(it))),
        2 => windows().prop_map(|it| (None, it)),
    ]
}

/// Time windows, longest first.
fn windows() -> impl Strategy<Value = Vec<Coarsening>> {
    let of = prop::sample::select(Statistic::ALL);
    let lengths = prop::sample::subsequence(vec![3_600, 60, 20, 10], 1..3);
    (of, lengths, 1..4_u32).prop_map(|(of, lengths, least)| {
        let window = |seconds| Coarsening::Window(Window { seconds, of, least });
        lengths.into_iter().map(window).collect()
    })
}

/// Coarse levels of a text, coarsest first.
fn textual() -> impl Strategy<Value = Vec<Coarsening>> {
    let group = |label: &str, members: &[&str]| Group {
        label: label.to_owned(),
        members: members.iter().map(ToString::to_string).collect(),
    };
    let groups = vec![
        group("motor", &["car", "bus"]),
        group("by foot", &["ttsgw", ""]),
    ];
    let rest = prop::option::of(Just("other".to_owned()));
    let labels = rest.prop_map(move |otherwise| {
        let groups = groups.clone();
        vec![Coarsening::Category(Category { groups, otherwise })]
    });
    let cells = prop::sample::subsequence(vec![1_u8, 2, 5], 0..3);
    let cells = cells.prop_map(|it| it.into_iter().map(Coarsening::Geohash).collect());
    prop_oneof![labels, cells]
}

fn level() -> impl Strategy<Value = Level> {
    (0..=9_u8).prop_map(|it| match it {
        0 => Level::OFF,
        9 => Level::ON,
        it => Level::coarse(it.min(4)).unwrap(),
    })
}

fn declaration(fields: Vec<Field>) -> impl Strategy<Value = Declaration> {
    let count = fields.len();
    let fields = prop::sample::subsequence(fields, 1..=count);
    let recipients = prop::sample::subsequence(RECIPIENTS.to_vec(), 1..=RECIPIENTS.len());
    let days = prop::sample::select(vec![0_u16, 7, 30, 365]);
    let basis = prop::sample::select(LegalBasis::ALL);
    let purpose = prop::sample::select(&PURPOSES[..]);
    let precision = prop_oneof![3 => Just(Level::ON), 1 => level()];
    (fields, recipients, days, basis, purpose, precision).prop_map(
        |(fields, recipients, days, basis, purpose, precision)| {
            // As in a notice that was read: the precision exists for every field, or it is off or on.
            let number = precision.coarse_number().map_or(0, usize::from);
            let exists = fields.iter().all(|it| it.coarse.len() >= number);
            Declaration {
                fields: fields.into_iter().map(|it| it.pointer).collect(),
                purpose: PurposeId::parse(purpose).unwrap(),
                basis,
                source: None,
                recipients: recipients
                    .into_iter()
                    .map(|it| RecipientId::parse(it).unwrap())
                    .collect(),
                retention: Retention::from_days(days),
                precision: if exists { precision } else { Level::ON },
                stored_in: None,
                models: vec![],
            }
        },
    )
}

fn deployment() -> impl Strategy<Value = DeploymentId> {
    prop_oneof![
        12 => Just(DeploymentId::parse("gulberg-home").unwrap()),
        1 => Just(DeploymentId::parse("elsewhere").unwrap()),
    ]
}

fn lane() -> impl Strategy<Value = (RecipientId, PurposeId)> {
    let recipient = prop::sample::select(&RECIPIENTS[..]);
    let purpose = prop::sample::select(&PURPOSES[..]);
    (recipient, purpose).prop_map(|(recipient, purpose)| {
        let recipient = RecipientId::parse(recipient).unwrap();
        (recipient, PurposeId::parse(purpose).unwrap())
    })
}

fn choice(pointers: Vec<Pointer>) -> impl Strategy<Value = Choice> {
    let field = prop::sample::select(pointers);
    (field, lane(), level(), deployment()).prop_map(
        |(field, (recipient, purpose), level, deployment)| Choice {
            person: PersonId::parse("somebody").unwrap(),
            deployment,
            field,
            purpose,
            recipient,
            level,
        },
    )
}

fn grant() -> impl Strategy<Value = Grant> {
    let until = prop::option::of(0..20_i64);
    (lane(), deployment(), 0..14_i64, until).prop_map(
        |((recipient, purpose), deployment, from, until)| Grant {
            recipient,
            purpose,
            deployment,
            valid_from: Timestamp::from_millis(from),
            valid_until: until.map(Timestamp::from_millis),
        },
    )
}

fn cap(pointers: Vec<Pointer>) -> impl Strategy<Value = Cap> {
    let target = prop_oneof![
        prop::sample::select(Sensitivity::ALL).prop_map(CapTarget::Sensitivity),
        prop::sample::select(pointers).prop_map(CapTarget::Field),
    ];
    let purpose = prop::option::of(lane().prop_map(|it| it.1));
    (target, purpose, level()).prop_map(|(target, purpose, most)| Cap {
        target,
        purpose,
        most,
    })
}

fn facts() -> impl Strategy<Value = Facts> {
    let licence = prop_oneof![
        9 => Just(LicenceState::Active),
        1 => prop::sample::select(&LicenceState::ALL[..]),
    ];
    (0..20_i64, licence, prop::bool::weighted(0.05)).prop_map(|(now, licence, quarantined)| Facts {
        now: Timestamp::from_millis(now),
        licence,
        quarantined,
    })
}

/// A single value.
pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        4 => (-1000..1000_i64).prop_map(Value::from),
        4 => (-100.0..100.0_f64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => (-1e300..1e300_f64).prop_map(Value::from),
        2 => "\\PC{0,6}".prop_map(Value::from),
        1 => prop::sample::select(vec!["car", "bus", "ttsgw", "u09", "Car"]).prop_map(Value::from),
        1 => Just(json!("é\u{1F600}\u{0}\n\"\\/~")),
    ]
}

/// Anything, with names that fields use and names that they do not.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "a",
            "b",
            "c",
            "d",
            "e",
            "l",
            "o",
            "p",
            "0",
            "2",
            "",
            "m~n",
            "x/y",
            "w",
            "v",
            "y",
            "z",
            "*",
            "@coarse",
            "@threshold",
        ])
        .prop_map(String::from),
        "\\PC{0,4}",
    ];
    scalar().prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// A message in which most fields of a world come, some with another type, beside much that is undeclared.
pub(crate) fn message() -> impl Strategy<Value = Value> {
    let value = || prop_oneof![8 => scalar(), 1 => anything()];
    let element = (value(), value(), any::<u8>()).prop_map(|(v, n, which)| match which % 8 {
        0 => json!({ "v": v }),
        1 => json!({ "n": n }),
        2 => json!({}),
        3 => v,
        4 => json!({ "v": v, "n": n, "u": 1 }),
        _ => json!({ "v": v, "n": n }),
    });
    let lists = (
        prop::collection::vec(element, 0..4),
        prop::collection::vec(prop::collection::vec(value(), 0..3), 0..3),
    );
    let values = prop::collection::vec(value(), POINTERS.len());
    let noise = prop::collection::btree_map("\\PC{0,4}", anything(), 0..3);
    let broken = prop::option::weighted(
        0.1,
        (
            prop::sample::select(vec!["b", "l", "m~n", "o", "w", "y"]),
            anything(),
        ),
    );
    let shaped = (values, lists, noise, broken).prop_map(|(values, lists, noise, broken)| {
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap();
        let mut message = json!({
            "a": next(),
            "b": { "c": next(), "d": { "e": next() }, "u": next() },
            "l": [next(), next(), next(), next()],
            "m~n": { "x/y": next() },
            "o": [{ "p": next() }, { "q": next() }],
            "": next(),
            "t": next(),
            "ü\"\\": next(),
            "w": lists.0,
            "y": lists.1.into_iter().map(|it| json!({ "z": it })).collect::<Vec<_>>(),
        });
        let members = message.as_object_mut().unwrap();
        for (name, value) in noise {
            members.entry(name).or_insert(value);
        }
        if let Some((name, value)) = broken {
            members.insert(name.to_owned(), value);
        }
        message
    });
    prop_oneof![9 => shaped, 1 => anything()]
}

/// JSON text with names that stand twice, escapes, white space, deep nesting and a mark in every string value.
pub(crate) fn wild_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e999".to_owned()),
        (-50..50_i32).prop_map(|it| it.to_string()),
        "[a-zé]{0,3}".prop_map(|it| format!("\"zqx{it}\"")),
        Just(r#""zqx\"\\\ud83d\ude00""#.to_owned()),
        Just(r#""zqx\ud800""#.to_owned()),
        (1..40_usize).prop_map(|it| format!("{}\"zqx\"{}", "[".repeat(it), "]".repeat(it))),
    ];
    let name = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "d",
        "e",
        "l",
        "m~n",
        "x/y",
        "o",
        "p",
        "q",
        "t",
        "0",
        "2",
        "",
        "\\u0061",
        "ü\\\"\\\\",
        "zz",
        "y~",
        "@coarse",
        "@value",
        "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|it| format!("[ {} ]", it.join(" ,"))),
            prop::collection::vec((name.clone(), inner), 0..7).prop_map(|it| {
                let members: Vec<_> = it
                    .iter()
                    .map(|(name, value)| format!("\"{name}\" :\n{value}"))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}
