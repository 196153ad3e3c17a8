use super::*;

#[test]
fn plain_is_as_it_came_whatever_it_is() {
    for payload in [&b"{}"[..], b"\xa1\x61\x61\x01", b"", b"not JSON"] {
        let taken = take(Adapter::Plain, &mut State::default(), "any/topic", payload).unwrap();
        assert_eq!(
            taken.as_slice(),
            &[Taken {
                device: None,
                body: Cow::Borrowed(payload),
            }]
        );
        assert!(matches!(taken[0].body, Cow::Borrowed(_)));
    }
}
