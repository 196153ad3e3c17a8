//! A strict reader of our own HTML: tags close in order, attributes are quoted, references lead somewhere.

use std::collections::BTreeSet;

use crate::assets::ASSETS;

const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];
/// Attributes that only a script or an inline style needs.
const FORBIDDEN: [&str; 5] = ["style", "onclick", "onload", "onchange", "onsubmit"];

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Tag<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.attributes.iter().find(|(it, _)| *it == name)?;
        Some(found.1.unwrap_or(""))
    }
}

/// Checks a whole page.
#[track_caller]
pub(super) fn check(name: &str, html: &str) {
    let html = html
        .strip_prefix("<!doctype html>")
        .unwrap_or_else(|| panic!("{name}: no doctype"));
    let mut open: Vec<&str> = Vec::new();
    let mut tags = Vec::new();
    for part in html.split('<').skip(1) {
        let (inside, text) = part
            .split_once('>')
            .unwrap_or_else(|| panic!("{name}: `<{part}`"));
        if let Some(closed) = inside.strip_prefix('/') {
            assert_eq!(
                open.pop(),
                Some(closed),
                "{name}: </{closed}> after {open:?}"
            );
        } else {
            let tag = parse(name, inside);
            check_nesting(name, &tag, &open);
            if !VOID.contains(&tag.name) {
                open.push(tag.name);
            }
            tags.push(tag);
        }
        assert!(
            !text.contains("{{") && !text.contains("{%"),
            "{name}: `{text}`"
        );
    }
    assert!(open.is_empty(), "{name}: {open:?} is not closed");
    check_references(name, &tags);
    check_controls(name, &tags);
}

fn parse<'a>(name: &str, inside: &'a str) -> Tag<'a> {
    let end = inside.find(char::is_whitespace).unwrap_or(inside.len());
    let (tag, mut rest) = inside.split_at(end);
    let mut attributes = Vec::new();
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest
            .find(|it: char| it == '=' || it.is_whitespace())
            .unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let value = after.strip_prefix("=\"").map(|it| {
            it.split_once('"')
                .unwrap_or_else(|| panic!("{name}: `{inside}`"))
        });
        assert!(
            value.is_some() || !after.starts_with('='),
            "{name}: `{inside}` is not quoted"
        );
        assert!(
            !FORBIDDEN.contains(&key) && !key.starts_with("on"),
            "{name}: `{inside}`"
        );
        attributes.push((key, value.map(|it| it.0)));
        rest = value.map_or(after, |it| it.1);
    }
    let names: BTreeSet<_> = attributes.iter().map(|it| it.0).collect();
    assert_eq!(
        names.len(),
        attributes.len(),
        "{name}: `{inside}` has an attribute twice"
    );
    Tag {
        name: tag,
        attributes,
    }
}

fn check_nesting(name: &str, tag: &Tag<'_>, open: &[&str]) {
    // The forms for passkeys and the page that opens files are the only ones that a script serves: ours, from a file.
    let own = tag.name == "script"
        && tag.get("type") == Some("module")
        && tag.get("src").is_some_and(|it| {
            it.ends_with(&ASSETS.passkey.name) || it.ends_with(&ASSETS.open.name)
        });
    // The page inside an export has nothing beside it that it could take its style from.
    let own = own || (tag.name == "style" && name.starts_with("take-away"));
    assert!(
        own || !["script", "style", "iframe", "object"].contains(&tag.name),
        "{name}: <{}>",
        tag.name
    );
    let block = [
        "p", "ul", "ol", "dl", "div", "table", "h1", "h2", "h3", "form", "section", "fieldset",
        "pre",
    ];
    let parent = open.last().copied();
    assert!(
        !(block.contains(&tag.name) && open.contains(&"p")),
        "{name}: <{}> inside <p>",
        tag.name
    );
    if tag.name == "li" {
        assert!(
            matches!(parent, Some("ul" | "ol")),
            "{name}: <li> in {parent:?}"
        );
    }
    if matches!(parent, Some("ul" | "ol")) {
        assert_eq!(tag.name, "li", "{name}: <{}> in a list", tag.name);
    }
    for nested in ["a", "button", "form", "label"] {
        assert!(
            !(tag.name == nested && open.contains(&nested)),
            "{name}: <{nested}> in itself"
        );
    }
}

fn check_references(name: &str, tags: &[Tag<'_>]) {
    let ids: Vec<_> = tags.iter().filter_map(|it| it.get("id")).collect();
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "{name}: an id stands twice");
    for tag in tags {
        let local = tag.get("href").and_then(|it| it.strip_prefix('#'));
        let described = tag
            .get("aria-describedby")
            .into_iter()
            .flat_map(str::split_whitespace);
        for id in local.into_iter().chain(tag.get("for")).chain(described) {
            assert!(unique.contains(id), "{name}: `#{id}` leads nowhere");
        }
        for address in tag
            .get("href")
            .into_iter()
            .chain(tag.get("src"))
            .chain(tag.get("action"))
        {
            let known = ["/", "#", "files/", "mailto:", "tel:"]
                .iter()
                .any(|it| address.starts_with(it));
            // The page inside an export leads to the files beside it.
            let known = known || (name.starts_with("take-away") && !address.contains(':'));
            assert!(
                known && !address.starts_with("//"),
                "{name}: `{address}` leaves the site"
            );
        }
    }
}

fn check_controls(name: &str, tags: &[Tag<'_>]) {
    let labelled: BTreeSet<_> = tags.iter().filter_map(|it| it.get("for")).collect();
    let mut forms = 0;
    let mut tokens = 0;
    for tag in tags {
        match tag.name {
            "textarea" | "select" => assert!(
                labelled.contains(tag.get("id").unwrap()),
                "{name}: no label"
            ),
            "img" => assert!(
                !tag.get("alt").unwrap().is_empty(),
                "{name}: a picture without words"
            ),
            "form" => {
                match tag.get("method") {
                    Some("post") => forms += 1,
                    // A search changes nothing, so it needs no token.
                    Some("get") => assert!(name.contains("search"), "{name}: is it a search?"),
                    other => panic!("{name}: a form with the method {other:?}"),
                }
            }
            "input" if tag.get("type") == Some("hidden") => {
                // Others name what the form is about.
                tokens += usize::from(tag.get("name") == Some("form"));
            }
            "input"
                if matches!(
                    tag.get("type"),
                    Some("checkbox" | "date" | "datetime-local" | "file" | "text" | "password")
                ) =>
            {
                assert!(
                    labelled.contains(tag.get("id").unwrap()),
                    "{name}: no label"
                )
            }
            "input" => assert_eq!(tag.get("type"), Some("radio"), "{name}: give it a label"),
            "nav" => assert!(
                tag.get("aria-label").is_some(),
                "{name}: a menu without a name"
            ),
            _ => {}
        }
    }
    assert_eq!(forms, tokens, "{name}: a form without its token");
}

#[test]
#[cfg(test)]
fn the_reader_sees_mistakes() {
    let page = |body: &str| format!("<!doctype html><body>{body}</body>");
    let fails = |body: &str| {
        let html = page(body);
        std::panic::catch_unwind(|| check("test", &html)).is_err()
    };
    assert!(!fails("<p>well <b>formed</b></p>"));
    for bad in [
        "<p>open",
        "<b><i></b></i>",
        "<p><div></div></p>",
        "<a href=x></a>",
        "<a href=\"#nowhere\"></a>",
        "<a href=\"https://evil.example\"></a>",
        "<p id=\"a\"></p><p id=\"a\"></p>",
        "<p style=\"color:red\"></p>",
        "<p onclick=\"x\"></p>",
        "<form method=\"post\"></form>",
        "<ul><p></p></ul>",
    ] {
        assert!(fails(bad), "{bad}");
    }
}
