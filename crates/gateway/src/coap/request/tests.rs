use super::super::message::{Kind, Token};
use super::*;

const POST: Code = Code::POST;
const OURS: [(u16, &[u8]); 4] = [
    (option::URI_PATH, b"ingest"),
    (option::URI_PATH, b"v1"),
    (option::URI_QUERY, b"u=box-1"),
    (option::URI_QUERY, b"t=secret"),
];

fn message<'a>(code: Code, options: &[(u16, &'a [u8])]) -> Message<'a> {
    Message {
        kind: Kind::Confirmable,
        code,
        message_id: 7,
        token: Token::default(),
        options: options.iter().copied().collect(),
        payload: b"{}",
    }
}

fn check(code: Code, options: &[(u16, &[u8])], expected: Option<Code>) {
    let refused = read(&message(code, options)).err();
    assert_eq!(
        refused.map(|it| it.response.code),
        expected,
        "{code:?} {options:?}"
    );
}

fn with<'a>(more: &[(u16, &'a [u8])]) -> Vec<(u16, &'a [u8])> {
    [OURS.as_slice(), more].concat()
}

#[test]
fn our_path_has_the_credentials_in_its_query() {
    let more = with(&[
        (option::URI_QUERY, b"topic=a/b=c"),
        (option::CONTENT_FORMAT, b"\x3c"),
    ]);
    let request = read(&message(Code::PUT, &more)).ok().unwrap();
    assert_eq!(request.door, Door::Ingest);
    assert_eq!(
        (request.user_name, request.token, request.topic),
        ("box-1", "secret", "a/b=c")
    );
    assert_eq!(
        (request.content_format, request.payload),
        (Some(60), b"{}".as_slice())
    );
}

#[test]
fn the_path_of_thingsboard_has_them_in_its_access_token() {
    for (last, door, topic) in [
        ("telemetry", Door::Telemetry, "v1/devices/me/telemetry"),
        ("attributes", Door::Attributes, "v1/devices/me/attributes"),
    ] {
        let path = ["api", "v1", "box-1:a:b", last].map(|it| (option::URI_PATH, it.as_bytes()));
        let request = read(&message(POST, &path)).ok().unwrap();
        assert_eq!(request.door, door);
        assert_eq!(
            (request.user_name, request.token, request.topic),
            ("box-1", "a:b", topic)
        );
        check(Code::PUT, &path, Some(Code::METHOD_NOT_ALLOWED));
        check(
            POST,
            &[path.as_slice(), &[(option::URI_QUERY, b"u=x")]].concat(),
            Some(Code::BAD_REQUEST),
        );
    }
    let path = ["api", "v1", "nobody", "telemetry"].map(|it| (option::URI_PATH, it.as_bytes()));
    check(POST, &path, Some(Code::UNAUTHORIZED));
}

/// RFC 7252 section 5.8: what is not known, or not offered, is 4.05, and history is not observed here.
#[test]
fn other_paths_methods_and_queries_are_refused() {
    check(POST, &OURS, None);
    check(Code(1), &OURS, Some(Code::METHOD_NOT_ALLOWED));
    check(
        Code(1),
        &[&[(6, b"".as_slice())], OURS.as_slice()].concat(),
        Some(Code::METHOD_NOT_ALLOWED),
    );
    check(Code(31), &OURS, Some(Code::METHOD_NOT_ALLOWED));
    check(
        Code(1),
        &[
            (option::URI_PATH, b".well-known"),
            (option::URI_PATH, b"core"),
        ],
        Some(Code::NOT_FOUND),
    );
    check(POST, &[], Some(Code::NOT_FOUND));
    check(POST, &OURS[..3], Some(Code::UNAUTHORIZED));
    check(
        POST,
        &with(&[(option::URI_QUERY, b"u=again")]),
        Some(Code::BAD_REQUEST),
    );
    check(
        POST,
        &with(&[(option::URI_QUERY, b"v=1")]),
        Some(Code::BAD_REQUEST),
    );
}

/// RFC 7252 sections 5.4.1, 5.4.3 and 5.4.5.
#[test]
fn critical_options_that_are_not_known_refuse_a_request_and_elective_ones_do_not() {
    let bad = Some(Code::BAD_OPTION);
    let twice = |number, value: &'static [u8]| with(&[(number, value), (number, value)]);
    check(POST, &with(&[(9, b"oscore")]), bad);
    check(POST, &with(&[(1, b"if-match")]), bad);
    check(POST, &with(&[(2_049, b"")]), bad);
    check(
        POST,
        &with(&[(2_048, b""), (258, b"\x02"), (252, b"echo")]),
        None,
    );
    check(
        POST,
        &with(&[
            (option::URI_HOST, b"amanat.example"),
            (option::URI_PORT, b"\x16\x33"),
        ]),
        None,
    );
    check(POST, &twice(option::URI_HOST, b"a"), bad);
    check(POST, &with(&[(option::URI_HOST, b"")]), bad);
    check(POST, &twice(option::URI_PORT, b"\x16"), bad);
    check(POST, &with(&[(option::ACCEPT, b"\x32")]), None);
    check(POST, &twice(option::ACCEPT, b"\x32"), bad);
    check(POST, &twice(option::BLOCK1, b"\x06"), bad);
    check(POST, &with(&[(option::BLOCK2, b"\x06")]), None);
    check(POST, &with(&[(option::BLOCK2, b"\x16")]), bad);
    check(POST, &with(&[(option::URI_QUERY, b"\xff")]), bad);
    check(POST, &with(&[(option::URI_QUERY, &[b'a'; 256])]), bad);
    check(POST, &with(&[(option::CONTENT_FORMAT, b"\0\0\x3c")]), None);
}

/// RFC 7252 section 5.7.2, RFC 7959 section 2.2.
#[test]
fn a_request_for_a_proxy_is_5_05_and_a_reserved_size_of_pieces_is_4_00() {
    let proxy = with(&[(option::PROXY_URI, b"coap://other.example/")]);
    check(POST, &proxy, Some(Code::PROXYING_NOT_SUPPORTED));
    check(
        POST,
        &with(&[(option::PROXY_SCHEME, b"http")]),
        Some(Code::PROXYING_NOT_SUPPORTED),
    );
    check(
        POST,
        &with(&[(option::BLOCK1, b"\x07")]),
        Some(Code::BAD_REQUEST),
    );
}
