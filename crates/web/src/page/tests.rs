//! Every page, in every state and language: what it looks like, whether it is well formed, how heavy it is.

use model::Language;

use super::sample::{self, Sample};
use crate::assets::ASSETS;
use crate::shell::Files;

mod contrast;
mod markup;

/// The heaviest page without fonts: HTML and style.
const MAX_PAGE_BYTES: usize = 30 * 1024;
/// The heaviest HTML: what fits into the first flight of packets.
const MAX_HTML_BYTES: usize = 14 * 1024;

fn all() -> Vec<Sample> {
    let shells = Language::ALL.map(|it| sample::shell(it, Files::Served));
    shells
        .iter()
        .flat_map(|it| super::samples(it).unwrap())
        .collect()
}

/// The part of a page between `<main …>` and `</main>`.
fn main_of(html: &str) -> &str {
    let (_, rest) = html
        .split_once("<main id=\"content\" tabindex=\"-1\">")
        .unwrap();
    rest.split_once("</main>").unwrap().0.trim()
}

/// The frame without what it frames, and without the hashes of the files.
fn frame_of(html: &str) -> String {
    let mut frame = html.replace(main_of(html), "…");
    for asset in ASSETS.all() {
        let (stem, rest) = asset.name.split_once('.').unwrap();
        let (_, extension) = rest.split_once('.').unwrap();
        frame = frame.replace(&asset.name, &format!("{stem}.HASH.{extension}"));
    }
    frame
}

#[test]
fn every_page_looks_as_reviewed() {
    for sample in all() {
        insta::assert_snapshot!(sample.name.as_str(), main_of(&sample.html));
    }
}

#[test]
fn the_frame_looks_as_reviewed_for_everyone() {
    for name in ["home-full", "me-empty", "office-empty"] {
        for language in Language::ALL {
            let name = format!("{name}-{}", language.tag());
            let all = all();
            let sample = all.iter().find(|it| it.name == name).unwrap();
            insta::assert_snapshot!(format!("frame-{name}"), frame_of(&sample.html));
        }
    }
}

#[test]
fn every_page_is_well_formed_and_needs_no_script() {
    for sample in all() {
        markup::check(&sample.name, &sample.html);
    }
}

#[test]
fn every_page_is_light() {
    for sample in all() {
        let (html, style) = (sample.html.len(), ASSETS.style.bytes.len());
        assert!(
            html <= MAX_HTML_BYTES,
            "{}: {html} bytes of HTML",
            sample.name
        );
        assert!(
            html + style <= MAX_PAGE_BYTES,
            "{}: {} bytes",
            sample.name,
            html + style
        );
    }
}

#[test]
fn every_page_says_what_it_is_and_in_which_language() {
    for sample in all() {
        let language = sample.name.rsplit('-').next().unwrap();
        let direction = if language == "ur" { "rtl" } else { "ltr" };
        assert!(
            sample
                .html
                .contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">"))
        );
        let title = sample.html.split("<title>").nth(1).unwrap();
        let title = title.split("</title>").next().unwrap();
        assert!(title.chars().count() > 8, "{}: `{title}`", sample.name);
        assert_eq!(sample.html.matches("<h1").count(), 1, "{}", sample.name);
    }
}

#[test]
fn samples_are_written_for_a_browser() {
    let dir = tempfile::tempdir().unwrap();
    let count = crate::write_samples(dir.path()).unwrap();
    assert_eq!(count, all().len());
    let home = std::fs::read_to_string(dir.path().join("home-full-ur.html")).unwrap();
    let style = format!("files/{}", ASSETS.style.name);
    assert!(home.contains(&style) && dir.path().join(style).is_file());
    assert!(dir.path().join(sample::CODE_FILE).is_file());
}
