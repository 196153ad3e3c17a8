//! The Atom feed of the open data: each data set and each of its releases, newest first.

use askama::Template;
use custody::{CommonsFile, DataSetView, Decided, PARQUET_MEDIA_TYPE};
use model::Timestamp;

use crate::route::Route;
use crate::site::PublicUrl;
use crate::texts::Texts;

/// The most entries of the feed.
const MAX_ENTRIES: usize = 50;

/// The feed (RFC 4287), in one language.
#[derive(Template)]
#[template(path = "commons_feed.xml")]
pub(crate) struct CommonsFeed {
    /// The language.
    pub(crate) texts: Texts,
    /// Where people reach the site.
    pub(crate) site: PublicUrl,
    /// Every data set with what was decided on it.
    pub(crate) sets: Vec<(DataSetView, Vec<Decided>)>,
}

/// An entry: a data set that was declared, or a release.
#[derive(Debug)]
struct Entry {
    at: Timestamp,
    id: String,
    title: String,
    summary: String,
    page: String,
    licence: &'static str,
    files: Vec<File>,
}

/// A file of a release.
#[derive(Debug)]
struct File {
    address: String,
    media: &'static str,
    bytes: usize,
}

impl CommonsFeed {
    fn to(&self, route: impl std::borrow::Borrow<Route>) -> String {
        self.site.to(route.borrow())
    }

    /// When something new came last. RFC 4287 section 4.1.1 asks for it of an empty feed, too.
    fn updated(&self) -> Timestamp {
        let newest = self.entries().first().map(|it| it.at);
        newest.unwrap_or(Timestamp::from_millis(0))
    }

    fn entries(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = self.sets.iter().flat_map(|it| self.of_set(it)).collect();
        all.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        all.truncate(MAX_ENTRIES);
        all
    }

    fn of_set(&self, (view, decisions): &(DataSetView, Vec<Decided>)) -> Vec<Entry> {
        let page = self.to(Route::data_set(&view.data_set.id));
        let declared = Entry {
            at: view.declared_at,
            id: page.clone(),
            title: self.texts.of(&view.data_set.title).to_owned(),
            summary: self.texts.of(&view.data_set.summary).to_owned(),
            page,
            licence: view.data_set.licence.url(),
            files: Vec::new(),
        };
        let released = decisions.iter().filter_map(|it| self.release(view, it));
        std::iter::once(declared).chain(released).collect()
    }

    /// A release; nothing where it was refused.
    fn release(&self, view: &DataSetView, decided: &Decided) -> Option<Entry> {
        let data_set = &view.data_set;
        let file = |file: CommonsFile, media, bytes| File {
            address: self.to(Route::DataSetFile(data_set.id.clone(), file)),
            media,
            bytes,
        };
        let csv = decided.table.as_ref()?;
        let csv = file(CommonsFile::Table(decided.number), "text/csv", csv.0);
        let parquet = decided.parquet.as_ref();
        let parquet = parquet.map(|it| {
            file(
                CommonsFile::Parquet(decided.number),
                PARQUET_MEDIA_TYPE,
                it.0,
            )
        });
        let title = self.texts.with("feed-release");
        let title = title.set("title", self.texts.of(&data_set.title));
        let summary = self.texts.with("set-rows");
        let summary = summary.set("kept", decided.rows.saturating_sub(decided.left_out));
        let summary = summary.set("out", decided.left_out);
        Some(Entry {
            at: decided.at,
            id: csv.address.clone(),
            title: title.set("number", decided.number).to_string(),
            summary: summary.set("homes", decided.homes_at_least).to_string(),
            page: self.to(Route::data_set(&data_set.id)),
            licence: data_set.licence.url(),
            files: std::iter::once(csv).chain(parquet).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use model::Language;

    use super::*;
    use crate::page::commons::{sample_decided, sample_view};

    fn feed(language: Language, decisions: Vec<Decided>) -> String {
        let mut view = sample_view();
        view.data_set.title.en = "Power & <light>".to_owned();
        let feed = CommonsFeed {
            texts: Texts::new(language, jiff::tz::TimeZone::UTC),
            site: PublicUrl::parse("https://amanat.example").unwrap(),
            sets: vec![(view, decisions)],
        };
        feed.render().unwrap()
    }

    #[test]
    fn gp_b4b_the_feed_has_what_rfc_4287_section_4_1_asks_for() {
        let refused = sample_decided(1, Some(custody::Refusal::LeftOut));
        let text = feed(Language::En, vec![sample_decided(2, None), refused]);
        let expected = [
            "<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">",
            "<id>https://amanat.example/commons/feed.atom?lang=en</id>",
            "<link rel=\"self\" type=\"application/atom+xml\" href=\"https://amanat.example/commons/feed.atom?lang=en\"/>",
            "<id>https://amanat.example/commons/home-energy/release-2.csv</id>",
            "type=\"application/vnd.apache.parquet\" length=\"12345\" href=\"https://amanat.example/commons/home-energy/release-2.parquet\"/>",
            "<link rel=\"license\" href=\"https://creativecommons.org/licenses/by/4.0/\"/>",
        ];
        for it in expected {
            assert!(text.contains(it), "{it}: {text}");
        }
        assert_eq!(
            text.matches("<entry>").count(),
            2,
            "what was refused has none: {text}"
        );
        // Section 4.1.1 and 4.1.2: an updated for the feed and for each entry, and one author for all.
        assert_eq!(text.matches("<updated>").count(), 3);
        assert_eq!(text.matches("<author>").count(), 1);
        assert!(!text.contains("<light>"), "{text}");
    }

    #[test]
    fn the_feed_of_another_language_is_another_feed() {
        let text = feed(Language::Ur, Vec::new());
        assert!(text.contains("xml:lang=\"ur\""));
        assert!(text.contains("feed.atom?lang=ur</id>"));
        assert!(!text.contains("rel=\"enclosure\""));
    }
}
