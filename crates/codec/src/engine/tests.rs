use std::borrow::Cow;

use super::*;

fn uplink(bytes: &[u8]) -> Call<'_> {
    Call::DecodeUplink {
        bytes: Cow::Borrowed(bytes),
        f_port: 1,
        received_at: Some(Cow::Borrowed("2026-03-04T05:06:07.123456789Z")),
    }
}

/// The body of `decodeUplink`, run on three bytes.
fn body(code: &str) -> Answer {
    run(
        &format!("function decodeUplink(input) {{ {code} }}"),
        &uplink(&[1, 2, 255]),
    )
}

#[track_caller]
fn gives(code: &str, data: &str) {
    assert_eq!(body(code), Answer::Data(data.to_owned()), "{code}");
}

#[track_caller]
fn refused(code: &str, expected: Refusal) {
    match body(code) {
        Answer::Refused { refusal, .. } => assert_eq!(refusal, expected, "{code}"),
        Answer::Data(data) => panic!("{code}: {data}"),
    }
}

/// TS013-1.0.0 section 4.1: what the function gets, and what it returns.
#[test]
fn an_uplink_is_decoded_as_the_payload_codec_api_says() {
    gives(
        "return {data: {n: input.bytes.length, last: input.bytes[2], port: input.fPort}};",
        r#"{"n":3,"last":255,"port":1}"#,
    );
    gives(
        "return {data: {at: input.recvTime.toISOString(), ok: input.recvTime instanceof Date}, warnings: ['w']};",
        r#"{"at":"2026-03-04T05:06:07.123Z","ok":true}"#,
    );
    gives("return {data: {}, errors: []};", "{}");
    gives("return {data: {x: NaN, y: undefined}};", r#"{"x":null}"#);
    refused("return {errors: ['unknown port']};", Refusal::Errors);
    refused("return {data: {a: 1}, errors: ['half']};", Refusal::Errors);
    refused("return {};", Refusal::NoData);
    refused("return {data: 5};", Refusal::NoData);
    refused("return {data: [1]};", Refusal::NoData);
    refused("return undefined;", Refusal::NoData);
    refused("return 'text';", Refusal::NoData);
    refused("throw new Error('no');", Refusal::Threw);
    refused("throw {toString() { throw 1 }};", Refusal::Threw);
    refused("return input.bytes.length.x.y;", Refusal::Threw);
}

#[test]
fn a_message_of_another_kind_is_decoded_with_its_topic() {
    let call = Call::Decode {
        topic: Cow::Borrowed("meters/7"),
        bytes: Cow::Borrowed(b"21,5"),
    };
    let source = "const decode = ({topic, bytes}) => ({data: [{device: topic.split('/')[1], \
                  data: {t: Number(String.fromCharCode(...bytes).replace(',', '.'))}}]});";
    assert_eq!(
        run(source, &call),
        Answer::Data(r#"[{"device":"7","data":{"t":21.5}}]"#.to_owned())
    );
    assert!(matches!(
        run("function decodeUplink() {}", &call),
        Answer::Refused {
            refusal: Refusal::NoFunction,
            ..
        }
    ));
}

#[test]
fn a_source_that_cannot_be_run_says_so() {
    for source in ["function (", "throw 1", "import x from 'y'", "lookup.x = 1"] {
        assert!(
            matches!(
                run(source, &uplink(&[])),
                Answer::Refused {
                    refusal: Refusal::Broken,
                    ..
                }
            ),
            "{source}"
        );
    }
    assert!(matches!(
        run("var decodeUplink = 5", &uplink(&[])),
        Answer::Refused {
            refusal: Refusal::NoFunction,
            ..
        }
    ));
}

#[test]
fn work_without_end_is_ended() {
    for code in [
        "while (true) {}",
        "for (;;) try { while (true) {} } catch (e) {} finally { continue; }",
        "const f = () => f2(); const f2 = () => { for (;;) f3(); }; const f3 = () => 1; f();",
        "return {data: {get a() { for (;;) {} }}};",
        "return {data: {toJSON() { for (;;) {} }}};",
        "/(a+)+b/.test('a'.repeat(40));",
        "/^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(200));",
        "'x'.repeat(100000).replace(/(x+x+)+y/g, '');",
        "eval('for (;;) {}');",
        "new Function('for (;;) {}')();",
        "[3, 1, 2].sort(() => { for (;;) {} });",
    ] {
        refused(code, Refusal::TooLong);
    }
    let source = "for (;;) {} function decodeUplink() {}";
    assert!(matches!(
        run(source, &uplink(&[])),
        Answer::Refused {
            refusal: Refusal::TooLong,
            ..
        }
    ));
}

#[test]
fn memory_is_bounded() {
    for code in [
        "let a = []; for (;;) a.push(new Array(100000).fill(1));",
        "let s = 'x'; for (;;) s += s;",
        "return {data: {s: 'x'.repeat(2 ** 29)}};",
        "return {data: {b: Array.from(new Uint8Array(1 << 28))}};",
        "let m = new Map(); for (let i = 0; ; i++) m.set(i, 'v'.repeat(1000));",
        "let b = 2n; for (;;) b = b * b;",
    ] {
        match body(code) {
            Answer::Refused { refusal, .. } => assert!(
                matches!(
                    refusal,
                    Refusal::TooMuchMemory | Refusal::Threw | Refusal::TooLong
                ),
                "{code}: {refusal:?}"
            ),
            Answer::Data(_) => panic!("{code}"),
        }
    }
}

#[test]
fn calls_are_not_endlessly_deep() {
    for code in [
        "const f = () => f() + 1; return {data: {x: f()}};",
        "const o = {get a() { return this.a; }}; return {data: {x: o.a}};",
        "let o = {}; const top = o; for (let i = 0; i < 20000; i++) { o.a = {}; o = o.a; } return {data: top};",
        "return JSON.parse('['.repeat(20000));",
        "return eval('('.repeat(20000));",
        "new RegExp('('.repeat(20000));",
        "const p = new Proxy({}, {get: (t, k, r) => r[k]}); return p.x;",
    ] {
        refused(code, Refusal::Threw);
    }
    refused("const d = {}; d.d = d; return {data: d};", Refusal::Threw);
}

#[test]
fn an_answer_is_bounded() {
    let code = format!("return {{data: {{s: 'x'.repeat({MAX_OUTPUT_BYTES})}}}};");
    refused(&code, Refusal::TooLarge);
    let long = vec![0; MAX_INPUT_BYTES + 1];
    let source = "function decodeUplink() { return {data: {}}; }";
    let refusal = |answer| match answer {
        Answer::Refused { refusal, .. } => Some(refusal),
        Answer::Data(_) => None,
    };
    assert_eq!(
        refusal(run(source, &uplink(&long))),
        Some(Refusal::TooLarge)
    );
    assert_eq!(refusal(run(source, &uplink(&long[1..]))), None);
    let source = format!("{source}{}", " ".repeat(MAX_SOURCE_BYTES));
    assert_eq!(refusal(run(&source, &uplink(&[]))), Some(Refusal::TooLarge));
    let Answer::Refused { detail, .. } = body("throw new Error('x'.repeat(100000));") else {
        panic!("it threw");
    };
    assert_eq!(detail.len(), MAX_DETAIL_CHARS);
}

/// What a codec does to the language ends with the call.
#[test]
fn nothing_stays_from_one_call_to_the_next() {
    let spoil = "Object.prototype.data = {stolen: 1}; Array.prototype.push = null; \
                 JSON.stringify = () => '{\"data\":{\"stolen\":2}}'; globalThis.kept = input.bytes; \
                 Object.prototype.toJSON = () => ({data: {stolen: 3}}); Date.kept = 1;";
    let first = body(&format!("{spoil} return {{data: {{a: 1}}}};"));
    assert!(matches!(first, Answer::Data(_) | Answer::Refused { .. }));
    gives(
        "return {data: {kept: typeof kept, date: typeof Date.kept, data: typeof ({}).data, \
         push: typeof [].push, toJSON: typeof ({}).toJSON}};",
        r#"{"kept":"undefined","date":"undefined","data":"undefined","push":"function","toJSON":"undefined"}"#,
    );
}

#[test]
fn there_is_no_clock_no_chance_and_nothing_outside() {
    gives(
        "const sub = new (class extends Date {})(); \
         return {data: {now: Date.now(), made: new Date().getTime(), sub: sub.getTime(), \
         ctor: new (new Date(5).constructor)().getTime(), \
         refl: Reflect.construct(Date, []).getTime(), text: Date() === new Date().toString(), \
         iso: new Date(2020, 0, 2).toISOString(), is: sub instanceof Date}};",
        r#"{"now":1772600767123,"made":1772600767123,"sub":1772600767123,"ctor":1772600767123,"refl":1772600767123,"text":true,"iso":"2020-01-02T00:00:00.000Z","is":true}"#,
    );
    gives(
        "return {data: {names: ['require', 'process', 'fetch', 'setTimeout', 'console', 'std', 'os', \
         'performance', 'WeakRef', 'FinalizationRegistry', 'Atomics', 'SharedArrayBuffer', \
         'XMLHttpRequest', 'WebAssembly', 'print', 'scriptArgs', 'gc'] \
         .filter((it) => typeof globalThis[it] !== 'undefined'), random: typeof Math.random}};",
        r#"{"names":[],"random":"undefined"}"#,
    );
    for code in [
        "return Math.random();",
        "import('os');return {data: {}}; await 1",
    ] {
        assert!(matches!(body(code), Answer::Refused { .. }), "{code}");
    }
    let call = Call::DecodeUplink {
        bytes: Cow::Borrowed(&[]),
        f_port: 1,
        received_at: None,
    };
    assert_eq!(
        run(
            "function decodeUplink(i) { return {data: {now: Date.now(), at: typeof i.recvTime}}; }",
            &call
        ),
        Answer::Data(r#"{"now":0,"at":"undefined"}"#.to_owned())
    );
}

#[test]
fn the_same_call_has_the_same_answer() {
    let code = "let h = 0; for (let i = 0; i < 200000; i++) h = (h * 31 + i) | 0; \
                return {data: {h, keys: Object.keys({b: 1, a: 2}), at: new Date().toISOString()}};";
    let first = body(code);
    assert!(matches!(first, Answer::Data(_)));
    for _ in 0..3 {
        assert_eq!(body(code), first);
    }
    for code in [
        "for (let i = 0; ; i++) {}",
        "let s = []; for (;;) s.push('x'.repeat(1000));",
    ] {
        assert_eq!(body(code), body(code));
    }
}

#[derive(Deserialize)]
struct Vector {
    codec: String,
    f_port: u8,
    received_at: Option<String>,
    bytes: String,
    data: serde_json::Value,
}

/// Codecs in the old and the new manner, with public vectors of makers' devices (see `samples/ATTRIBUTION.md`).
#[test]
fn codecs_read_the_public_vectors_of_makers() {
    let sources = [
        ("tagged", include_str!("../../samples/tagged.js")),
        ("channels", include_str!("../../samples/channels.js")),
    ];
    let mut count = 0;
    for line in include_str!("../../samples/vectors.jsonl").lines() {
        let vector: Vector = serde_json::from_str(line).unwrap();
        let (_, source) = sources.iter().find(|it| it.0 == vector.codec).unwrap();
        let bytes: Vec<u8> = (0..vector.bytes.len())
            .step_by(2)
            .map(|it| u8::from_str_radix(&vector.bytes[it..it + 2], 16).unwrap())
            .collect();
        let call = Call::DecodeUplink {
            bytes: Cow::Owned(bytes),
            f_port: vector.f_port,
            received_at: vector.received_at.map(Cow::Owned),
        };
        let Answer::Data(data) = run(source, &call) else {
            panic!("{}: {:?}", vector.codec, run(source, &call));
        };
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert!(is_same(&data, &vector.data), "{data} {}", vector.data);
        count += 1;
    }
    assert_eq!(count, 13);
}

/// Numbers are those of JavaScript: `1` and `1.0` are one.
fn is_same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, a)| other.get(name).is_some_and(|b| is_same(a, b)))
        }
        _ => one == other,
    }
}
