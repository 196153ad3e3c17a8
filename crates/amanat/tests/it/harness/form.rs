//! Just enough HTML to fill in the forms that a page shows, as a browser without scripts would.

/// A form: where it goes and what it would send if nobody touched it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
    /// Radio buttons that can be chosen: name and value.
    pub(crate) options: Vec<(String, String)>,
    /// Buttons with a name: name and value.
    pub(crate) buttons: Vec<(String, String)>,
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    /// Where its text begins.
    end: usize,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    fn owned(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

impl Form {
    /// Every form of a page.
    pub(crate) fn all(html: &str) -> Vec<Self> {
        let mut forms: Vec<Self> = Vec::new();
        for tag in tags(html) {
            if tag.name == "form" {
                forms.push(Self {
                    action: tag.owned("action"),
                    fields: Vec::new(),
                    options: Vec::new(),
                    buttons: Vec::new(),
                });
            }
            if let Some(form) = forms.last_mut() {
                form.take(&tag, html);
            }
        }
        forms
    }

    fn take(&mut self, tag: &Tag, html: &str) {
        let Some(name) = tag.get("name").map(str::to_owned) else {
            return;
        };
        let value = tag.owned("value");
        match (tag.name.as_str(), tag.get("type").unwrap_or("text")) {
            ("input", "radio") if tag.get("disabled").is_none() => {
                if tag.get("checked").is_some() {
                    self.fields.push((name.clone(), value.clone()));
                }
                self.options.push((name, value));
            }
            ("input", "radio") => {}
            ("input", _) => self.fields.push((name, value)),
            ("button", _) => self.buttons.push((name, value)),
            ("textarea", _) => {
                let text = html[tag.end..].split('<').next().unwrap_or_default();
                self.fields.push((name, unescape(text)));
            }
            _ => {}
        }
    }

    /// Sets the field `name`.
    #[track_caller]
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let pair = (name.to_owned(), value.to_owned());
        let is_radio = self.options.iter().any(|(it, _)| it == name);
        assert!(
            !is_radio || self.options.contains(&pair),
            "the form offers no `{value}` for `{name}`: {:?}",
            self.options
        );
        match self.fields.iter_mut().find(|(it, _)| it == name) {
            Some(field) => *field = pair,
            None if is_radio => self.fields.push(pair),
            None => panic!("the form has no field `{name}`: {:?}", self.fields),
        }
    }

    /// The body that a browser sends.
    pub(crate) fn body(&self) -> String {
        let pairs = self.fields.iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(start) = html[at..].find('<') {
        let start = at + start + 1;
        let Some(length) = html[start..].find('>') else {
            break;
        };
        let end = start + length;
        let inside = &html[start..end];
        let name: String = inside
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if !name.is_empty() {
            tags.push(Tag {
                attributes: attributes(&inside[name.len()..]),
                name,
                end: end + 1,
            });
        }
        at = end + 1;
    }
    tags
}

fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    loop {
        text = text.trim_start();
        let end = text
            .find(|it: char| it == '=' || it.is_whitespace())
            .unwrap_or(text.len());
        if end == 0 {
            return found;
        }
        let name = text[..end].to_owned();
        text = &text[end..];
        match text.strip_prefix("=\"").and_then(|it| it.split_once('"')) {
            Some((value, rest)) => {
                found.push((name, unescape(value)));
                text = rest;
            }
            None => found.push((name, String::new())),
        }
    }
}

/// The text of a page without its tags, with single spaces.
pub(crate) fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for it in html.chars() {
        match it {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            _ if inside => {}
            it => text.push(it),
        }
    }
    let text = unescape(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Replaces character references.
pub(crate) fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part
            .split_once(';')
            .and_then(|(name, rest)| Some((character(name)?, rest)))
        {
            Some((character, rest)) => {
                out.push(character);
                out.push_str(rest);
            }
            None => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)
        }
    }
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[test]
fn a_form_sends_what_the_page_shows() {
    let html = r#"<form method="post" action="/me?a=1&amp;b=2"><input type="hidden" name="form" value="t&#34;k">
<input type="radio" name="x y" value="off"><input type="radio" name="x y" value="on" checked>
<input type="radio" name="z" value="on" checked disabled><button name="only" value="x y">Save</button>
<textarea name="why" rows="3">a &lt; b</textarea></form>"#;
    let mut form = Form::all(html).remove(0);
    assert_eq!(form.action, "/me?a=1&b=2");
    assert_eq!(form.body(), "form=t%22k&x+y=on&why=a+%3C+b");
    form.set("x y", "off");
    assert_eq!(form.body(), "form=t%22k&x+y=off&why=a+%3C+b");
    assert_eq!(form.buttons, [("only".to_owned(), "x y".to_owned())]);
    assert_eq!(text_of("<p>a &amp;\n b</p><b>c</b>"), "a & b c");
}
