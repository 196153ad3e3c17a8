//! The colours of the style sheet, measured as WCAG 2.2 does (success criteria 1.4.3 and 1.4.11).

use std::collections::BTreeMap;

use crate::assets::ASSETS;

/// Text on its background: at least 4.5 to 1.
const TEXT: [(&str, &str); 25] = [
    ("ink", "paper"),
    ("ink", "card"),
    ("ink", "wash"),
    ("ink", "warn-wash"),
    ("ink", "stop-wash"),
    ("quiet", "paper"),
    ("quiet", "card"),
    ("quiet", "wash"),
    ("accent", "paper"),
    ("accent", "card"),
    ("accent", "wash"),
    ("accent", "warn-wash"),
    ("accent", "stop-wash"),
    ("on-accent", "accent"),
    ("paper", "stop"),
    ("on-band", "band"),
    ("band-quiet", "band"),
    ("warn", "paper"),
    ("warn", "card"),
    ("warn", "warn-wash"),
    ("stop", "paper"),
    ("stop", "card"),
    ("stop", "stop-wash"),
    ("stop", "wash"),
    ("warn", "wash"),
];

/// Edges of controls and the focus ring: at least 3 to 1.
const EDGES: [(&str, &str); 7] = [
    ("edge", "paper"),
    ("edge", "card"),
    ("focus", "paper"),
    ("focus", "card"),
    ("focus", "wash"),
    ("on-band", "band"),
    ("accent", "card"),
];

type Tokens = BTreeMap<String, (u8, u8, u8)>;

fn tokens(block: &str) -> Tokens {
    let declarations = block.split('}').next().unwrap().split(';');
    let colour = |it: &str| {
        let (name, hex) = it
            .rsplit_once("--")
            .map_or(it, |(_, it)| it)
            .split_once(":#")?;
        let part = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        Some((name.to_owned(), (part(0), part(2), part(4))))
    };
    declarations.filter_map(colour).collect()
}

fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
    let part = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue)
}

fn ratio(tokens: &Tokens, front: &str, back: &str) -> f64 {
    let (a, b) = (luminance(tokens[front]), luminance(tokens[back]));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn schemes() -> [(&'static str, Tokens); 2] {
    let style = String::from_utf8(ASSETS.style.bytes.clone()).unwrap();
    let light = style.split(":root{").nth(1).unwrap();
    let dark = style
        .split("(prefers-color-scheme:dark){:root{")
        .nth(1)
        .unwrap();
    [("light", tokens(light)), ("dark", tokens(dark))]
}

#[test]
fn text_can_be_read_in_light_and_dark() {
    for (scheme, tokens) in schemes() {
        for (front, back) in TEXT {
            let ratio = ratio(&tokens, front, back);
            assert!(ratio >= 4.5, "{scheme}: {front} on {back} is {ratio:.2}");
        }
        for (front, back) in EDGES {
            let ratio = ratio(&tokens, front, back);
            assert!(
                ratio >= 3.0,
                "{scheme}: {front} beside {back} is {ratio:.2}"
            );
        }
    }
}

#[test]
fn ratios_are_those_of_wcag() {
    let tokens = tokens("--a:#ffffff;--b:#000000;--c:#767676");
    assert!((ratio(&tokens, "a", "b") - 21.0).abs() < 1e-9);
    assert!((ratio(&tokens, "a", "c") - 4.54).abs() < 0.01);
}

#[test]
fn both_schemes_have_the_same_tokens() {
    let [(_, light), (_, dark)] = schemes();
    assert_eq!(
        light.keys().collect::<Vec<_>>(),
        dark.keys().collect::<Vec<_>>()
    );
}
