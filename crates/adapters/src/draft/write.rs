//! A draft as a file: fields without declarations, and what a person has to fill in.
//!
//! What a source says stands in strings or in comments of one line, whatever is in it.

use std::fmt::Write;

use model::{Coarsening, FieldKind, Format, Pointer, Range, Sensitivity};

use super::{Draft, Found, is_name};

/// The longest text of a source that is repeated, in characters.
const MAX_TEXT_CHARACTERS: usize = 120;
/// The longest unit that is repeated, in characters.
const MAX_UNIT_CHARACTERS: usize = 32;

const HEAD: &str = "\
# A draft of a notice, made by `amanat notice draft`.
# No field of it passes: a field passes only when a person has named it in a declaration.
# `amanat notice check FILE` says what is still missing. Remove every field that nobody needs.

# 1. Say whose deployment this is, what it does, and whom to ask: fill in and take away the `#`.
# deployment = \"…\"            # its identifier
version = 1
# controller = \"…\"            # the member of the alliance that answers for it
";
const HEAD_END: &str = "\
# summary = { en = \"…\", ur = \"…\" }
# place = { en = \"…\", ur = \"…\" }
# stored-in = { en = \"…\", ur = \"…\" }
# bystanders = { en = \"…\", ur = \"…\" }   # if people nearby may be sensed
# subject-field = \"/…\"         # if a field says which person it is about
";
const CONTACT: &str = "
# [contact]
# name = { en = \"…\", ur = \"…\" }
# email = \"…\"
# phone = \"+92 …\"

# 2. Look at every field: what people call it, in both languages, its type, unit and range, and how much it tells about
#    a person. All of this was guessed from names.
";
const TAIL: &str = "
# 3. Say for which purpose, on which basis and to whom each field may go. A field without a declaration never passes.
# [[purposes]]
# id = \"…\"
# dpv = \"dpv:…\"
# title = { en = \"…\", ur = \"…\" }
# why = { en = \"…\", ur = \"…\" }
#
# [[recipients]]
# id = \"…\"
# title = { en = \"…\", ur = \"…\" }
# terms = { en = \"…\", ur = \"…\" }
#
# [[declarations]]
# fields = [\"/…\"]
# purpose = \"…\"
# basis = \"consent\"            # off until the person turns it on
# recipients = [\"…\"]
# retention-days = 0
# precision = \"on\"
";

/// The file.
pub(super) fn to_toml(draft: &Draft) -> String {
    let mut out = HEAD.to_owned();
    let title = draft.title.as_deref().map_or("…".into(), shortened);
    line(
        &mut out,
        &format!("# title = {{ en = {}, ur = \"…\" }}", quoted(&title)),
    );
    out.push_str(HEAD_END);
    if draft.format != Format::Json {
        line(
            &mut out,
            &format!("format = {}", quoted(draft.format.as_str())),
        );
    }
    out.push_str(CONTACT);
    for remark in &draft.remarks {
        line(
            &mut out,
            &format!("# Note: {}.", shortened_to(remark, usize::MAX)),
        );
    }
    for (pointer, found) in &draft.fields {
        field(&mut out, pointer, found, &inside(draft, pointer));
    }
    out.push_str(TAIL);
    out
}

fn line(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

/// The fields inside of which this one lies: one of them has to go.
fn inside<'a>(draft: &'a Draft, pointer: &Pointer) -> Vec<&'a Pointer> {
    let lies_in = |outer: &&Pointer| {
        pointer
            .as_str()
            .strip_prefix(outer.as_str())
            .is_some_and(|it| it.starts_with('/'))
    };
    draft.fields.keys().filter(lies_in).collect()
}

fn field(out: &mut String, pointer: &Pointer, found: &Found, outer: &[&Pointer]) {
    let guess = found.guess.as_ref();
    let kind = found.kind.or_else(|| guess.and_then(|it| it.kind));
    out.push('\n');
    let about = found.description.as_deref();
    if let Some(about) = about.or_else(|| guess.and_then(|it| it.why)) {
        line(out, &format!("# {}", shortened(about)));
    }
    for outer in outer {
        line(
            out,
            &format!(
                "# It lies inside of {}: keep one of them.",
                quoted(outer.as_str())
            ),
        );
    }
    line(out, "[[fields]]");
    match &found.senml {
        Some(name) => line(out, &format!("senml = {}", quoted(name))),
        None => line(out, &format!("pointer = {}", quoted(pointer.as_str()))),
    }
    title(out, pointer, found);
    match kind {
        Some(kind) => line(out, &format!("kind = \"{}\"", kind.as_str())),
        None => line(
            out,
            "# kind = \"…\"   # number, text or boolean: it had no value, or its source does not say",
        ),
    }
    let unit = found
        .unit
        .as_deref()
        .or_else(|| guess.and_then(|it| it.unit));
    if let Some(unit) =
        unit.filter(|it| !it.is_empty() && it.chars().count() <= MAX_UNIT_CHARACTERS)
    {
        line(out, &format!("unit = {}", quoted(&shortened(unit))));
    }
    let is_number = kind == Some(FieldKind::Number);
    let range = found.range.or_else(|| guess.and_then(|it| it.range));
    if let Some(range) = range.filter(|it| is_number && is_sound(it)) {
        line(out, &format!("range = {}", range_text(&range)));
    }
    let sensitivity = guess.and_then(|it| it.sensitivity);
    let unknown = if kind == Some(FieldKind::Text) {
        Sensitivity::High
    } else {
        Sensitivity::Medium
    };
    let note = if sensitivity.is_none() {
        "   # not known by its name"
    } else {
        ""
    };
    let word = sensitivity.unwrap_or(unknown).as_str();
    line(out, &format!("sensitivity = \"{word}\"{note}"));
    if let Some(data) = guess.and_then(|it| it.data) {
        line(out, &format!("data = \"{}\"", data.as_str()));
    }
    let levels = guess.map_or(&[][..], |it| &it.coarse);
    let tells = |it: &&Coarsening| is_number && range.is_none_or(|range| tells_in(it, &range));
    for level in levels.iter().filter(tells) {
        coarse(out, pointer, level);
    }
}

fn title(out: &mut String, pointer: &Pointer, found: &Found) {
    let guess = found.guess.as_ref();
    let guessed = guess.and_then(|it| it.english).map(str::to_owned);
    let english = found.english.clone().or(guessed);
    let english = shortened(&english.unwrap_or_else(|| spoken(pointer)));
    let english = if english.is_empty() {
        "Value".to_owned()
    } else {
        english
    };
    // A guess in Urdu belongs to the guess in English, and not to another name that the source gave.
    let guessed = guess.filter(|_| found.english.is_none());
    let urdu = found
        .urdu
        .as_deref()
        .or_else(|| guessed.and_then(|it| it.urdu));
    match urdu.map(shortened).filter(|it| !it.is_empty()) {
        Some(urdu) => line(
            out,
            &format!(
                "title = {{ en = {}, ur = {} }}",
                quoted(&english),
                quoted(&urdu)
            ),
        ),
        None => line(
            out,
            &format!(
                "title = {{ en = {} }}   # ur = \"…\" is missing",
                quoted(&english)
            ),
        ),
    }
}

/// The last name of a pointer, as words.
fn spoken(pointer: &Pointer) -> String {
    let mut names: Vec<_> = pointer.tokens().filter(|it| is_name(it)).collect();
    let last = names.pop().unwrap_or_default();
    let words = super::facts::words(&last);
    let are_words = words.iter().all(|it| it.len() > 1);
    let words = if are_words { words.join(" ") } else { last };
    let mut letters = words.trim().chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn is_sound(range: &Range) -> bool {
    match (range.min, range.max) {
        (Some(min), Some(max)) => min < max,
        (min, max) => min.is_some() || max.is_some(),
    }
}

/// Whether a level tells something about values in this range.
fn tells_in(level: &Coarsening, range: &Range) -> bool {
    match level {
        Coarsening::Threshold(bound) => {
            range.min.is_none_or(|it| it < *bound) && range.max.is_none_or(|it| *bound <= it)
        }
        _ => true,
    }
}

fn range_text(range: &Range) -> String {
    let end = |name: &str, it: Option<f64>| it.map(|it| format!("{name} = {it:?}"));
    let ends = [end("min", range.min), end("max", range.max)];
    let ends: Vec<_> = ends.into_iter().flatten().collect();
    format!("{{ {} }}", ends.join(", "))
}

fn coarse(out: &mut String, pointer: &Pointer, level: &Coarsening) {
    let text = match level {
        Coarsening::Round(step) => format!("round = {step:?}"),
        Coarsening::Grid(cell) => format!("grid = {cell:?}"),
        Coarsening::Threshold(bound) => format!("threshold = {bound:?}"),
        Coarsening::Window(window) if !pointer.has_wildcard() => format!(
            "window = {{ seconds = {}, of = \"{}\", least = {} }}",
            window.seconds,
            window.of.as_str(),
            window.least
        ),
        _ => return,
    };
    // Writing to a string cannot fail.
    let _ = write!(out, "[[fields.coarse]]\n{text}\n");
}

fn shortened(text: &str) -> String {
    shortened_to(text, MAX_TEXT_CHARACTERS)
}

/// A text of a source on one line: without control characters and without more than so many characters.
fn shortened_to(text: &str, characters: usize) -> String {
    let is_space = |it: char| it.is_whitespace() || it.is_control();
    let words = text.split(is_space).filter(|it| !it.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().take(characters).collect()
}

/// A TOML basic string: JSON has the same escapes, and leaves only the delete character as it is.
fn quoted(text: &str) -> String {
    crate::json::quoted(text).replace('\u{7f}', "\\u007f")
}
