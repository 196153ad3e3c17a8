use super::*;
use model::Coarsening;

const NOTICE: &str = include_str!("../../../../corpus/notice/valid/home-energy.toml");

fn notice(pointers: &[&str]) -> Notice {
    let mut notice = Notice::parse(NOTICE).unwrap();
    let template = notice.fields.remove(0);
    let field = |it: &&str| Field {
        pointer: Pointer::parse(it).unwrap(),
        coarse: vec![],
        ..template.clone()
    };
    notice.fields = pointers.iter().map(field).collect();
    notice
}

#[track_caller]
fn check(pointers: &[&str], expected: Result<usize, &str>) {
    let found = Schema::compile(&notice(pointers));
    let found = found.map(|it| it.nodes.len()).map_err(|it| it.to_string());
    assert_eq!(found, expected.map_err(str::to_owned));
}

#[test]
fn fields_share_the_way_down() {
    check(&["/a/b", "/a/c", "/d"], Ok(5));
    check(&[""], Ok(1));
    check(&["/l/0", "/l/01", "/l/-"], Ok(5));
}

#[test]
fn one_field_inside_another_is_refused() {
    let text = |it: &str| {
        format!(
            "field `{it}` and another field lie one inside the other: declare single values only"
        )
    };
    check(&["/a", "/a/b"], Err(&text("/a/b")));
    check(&["/a/b", "/a"], Err(&text("/a")));
    check(&["", "/a"], Err(&text("/a")));
    check(&["/a", "/a"], Err("field `/a` stands twice"));
}

#[test]
fn a_list_has_elements_of_one_shape() {
    check(&["/a/*/b", "/a/*/c/*", "/d/*/*"], Ok(9));
    check(&["/*"], Ok(2));
    check(&["/a/*/0", "/a/*/1"], Ok(5));
    let text = |it: &str| {
        format!(
            "field `{it}`: beside `*` no position and no name can stand, a list has elements of one shape"
        )
    };
    check(&["/a/*", "/a/0"], Err(&text("/a/0")));
    check(&["/a/b", "/a/*/c"], Err(&text("/a/*/c")));
    check(&["/*/a", "/b"], Err(&text("/b")));
    let overlap =
        "field `/a/*/b` and another field lie one inside the other: declare single values only";
    check(&["/a/*", "/a/*/b"], Err(overlap));
    check(&["/a/*", "/a/*"], Err("field `/a/*` stands twice"));
}

#[test]
fn what_names_people_and_what_has_a_window_stands_in_no_list() {
    let mut notice = notice(&["/a/*/b"]);
    notice.subject_field = Some(Pointer::parse("/a/*/b").unwrap());
    assert_eq!(
        Schema::compile(&notice).unwrap_err().to_string(),
        "the subject field `/a/*/b` cannot have `*` in its pointer: a message is about one person"
    );
    notice.subject_field = None;
    notice.fields[0].kind = FieldKind::Number;
    notice.fields[0].coarse = vec![Coarsening::Window(model::Window {
        seconds: 900,
        of: model::Statistic::Mean,
        least: 2,
    })];
    assert_eq!(
        Schema::compile(&notice).unwrap_err().to_string(),
        "field `/a/*/b` cannot have both `*` in its pointer and a window: a window is over one value of each message"
    );
}

#[test]
fn a_position_has_a_limit() {
    check(&["/1023"], Ok(2));
    check(
        &["/1024"],
        Err("field `/1024` names an array position above 1023"),
    );
    let beyond = "/99999999999999999999999";
    let text = format!("field `{beyond}` names an array position above 1023");
    check(&[beyond], Err(&text));
}

#[test]
fn as_many_fields_as_a_notice_may_have() {
    let names: Vec<_> = (0..257).map(|it| format!("/x/f{it}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    check(names.get(..256).unwrap(), Ok(258));
    check(
        &names,
        Err("the notice has 257 fields, at most 256 are allowed"),
    );
    let schema = Schema::compile(&notice(names.get(..256).unwrap())).unwrap();
    let last = Pointer::parse("/x/f255").unwrap();
    assert_eq!(schema.index_of(&last), Some(FieldIndex(255)));
    assert_eq!(schema.pointer(FieldIndex(255)), Some(&last));
}

#[test]
fn only_array_positions_count_as_positions() {
    let positions = ["0", "7", "10", "01", "", "-", "+1", "1a", "٣"].map(position);
    let none = None;
    assert_eq!(
        positions,
        [
            Some(0),
            Some(7),
            Some(10),
            none,
            none,
            none,
            none,
            none,
            none
        ]
    );
}

#[track_caller]
fn check_coarse(kind: FieldKind, coarse: Vec<Coarsening>, expected: &str) {
    let mut notice = notice(&["/a"]);
    notice.fields[0].kind = kind;
    notice.fields[0].coarse = coarse;
    let found = Schema::compile(&notice).map_or_else(|it| it.to_string(), |_| "fine".to_owned());
    assert_eq!(found, expected);
}

#[test]
fn coarse_levels_fit_the_type_and_stand_coarsest_first() {
    let (round, presence) = (Coarsening::Round, || Coarsening::Presence);
    check_coarse(
        FieldKind::Number,
        vec![presence(), round(5.0), round(1.0)],
        "fine",
    );
    check_coarse(
        FieldKind::Number,
        vec![round(1.0), round(5.0)],
        "level coarse-2 of field `/a` must be more precise than the one before",
    );
    check_coarse(
        FieldKind::Text,
        vec![presence(), round(1.0)],
        "level coarse-2 of field `/a` cannot be applied",
    );
    let nine = (1..=9).map(|it| round(10.0 - f64::from(it))).collect();
    check_coarse(
        FieldKind::Number,
        nine,
        "level coarse-9 of field `/a` cannot be applied",
    );
}

#[test]
fn a_subject_field_must_exist_and_has_no_coarse_level_but_presence() {
    let mut notice = notice(&["/a", "/b"]);
    notice.fields[0].coarse = vec![Coarsening::Presence, Coarsening::Round(1.0)];
    notice.subject_field = Some(Pointer::parse("/c").unwrap());
    assert_eq!(
        Schema::compile(&notice).unwrap_err().to_string(),
        "the subject field `/c` is not among the fields"
    );
    notice.subject_field = Some(Pointer::parse("/a").unwrap());
    let schema = Schema::compile(&notice).unwrap();
    let field = schema.field(schema.subject_field().unwrap()).unwrap();
    let two = Level::coarse(2).unwrap();
    assert_eq!(field.floor(two), Level::coarse(1).unwrap());
    assert_eq!(field.operator(two), None);
}

#[test]
fn schemas_match_when_the_fields_do() {
    let schema = |it: &[&str]| Schema::compile(&notice(it)).unwrap();
    assert!(schema(&["/a", "/b"]).matches(&schema(&["/a", "/b"])));
    assert!(!schema(&["/a", "/b"]).matches(&schema(&["/b", "/a"])));
    let mut subject = notice(&["/a", "/b"]);
    subject.subject_field = Some(Pointer::parse("/a").unwrap());
    assert!(!schema(&["/a", "/b"]).matches(&Schema::compile(&subject).unwrap()));
}
