//! Every page in a real browser: two languages, phone and desktop, light and dark, without scripts, light in weight.

mod slow {
    use serde_json::{Value, json};

    use crate::harness::{Amanat, Browser, PATIENCE, Scripts, Viewport, demo, target};

    const PUBLIC: [(&str, &str); 20] = [
        ("home", "/"),
        ("notice-air", "/d/street-air"),
        ("notice-buses", "/d/city-buses"),
        ("notice-home", "/d/family-home"),
        ("changes-home", "/d/family-home/changes"),
        ("drift-home", "/d/family-home/drift"),
        ("sign-air", "/d/street-air/sign"),
        ("sign-home", "/d/family-home/sign"),
        ("why-home", "/d/family-home/why"),
        ("nearby", "/nearby"),
        ("nearby-home", "/nearby?from=family-home"),
        ("member", "/m/university-research-group"),
        ("commons", "/commons"),
        ("data-set", "/commons/home-energy"),
        ("statistics", "/commons/statistics"),
        ("record", "/record"),
        ("entry", "/record/entry/3"),
        ("sign-in", "/sign-in"),
        ("link-gone", "/sign-in/once/aaaa"),
        ("not-found", "/no/such/page"),
    ];
    const RESIDENT: [(&str, &str); 25] = [
        ("me", "/me"),
        ("safety", "/me/safety"),
        ("safety-events", "/me/safety/events"),
        ("access", "/me/access"),
        ("choices-home", "/me/choices/family-home"),
        ("all-choices", "/me/choices"),
        ("preview", "/me/decide/preview?preset=all-off"),
        (
            "preview-home",
            "/me/decide/preview?preset=service-only&at=family-home",
        ),
        ("preview-research", "/me/decide/preview?preset=research"),
        ("preview-before", "/me/decide/preview?preset=as-before"),
        ("preview-same", "/me/decide/preview?same=family-home"),
        ("destinations", "/me/destinations"),
        ("webhook-new", "/me/destinations/new?kind=webhook"),
        ("broker-new", "/me/destinations/new?kind=broker"),
        ("bucket-new", "/me/destinations/new?kind=bucket"),
        ("import", "/me/decide/import"),
        ("export", "/me/export"),
        ("erase", "/me/erase"),
        ("own-key", "/me/key"),
        ("keeping", "/me/keeping"),
        ("unlink", "/me/unlink"),
        ("my-statistics", "/me/statistics"),
        ("history", "/me/choices/family-home/history"),
        ("choices-buses", "/me/choices/city-buses"),
        ("office-hidden", "/office"),
    ];
    const WEBHOOK_FORM: &str = "/me/destinations/new?kind=webhook";
    const FILL_URL: &str = "document.querySelector('input[name=url]').value = arguments[0];";
    /// The most a page may weigh without fonts.
    const PAGE_BYTES: u64 = 30 * 1024;
    /// The most HTML a public page may have: what fits into the first packets of a connection.
    const PUBLIC_HTML_BYTES: u64 = 14 * 1024;

    /// What a page weighs without fonts, and how it lies in its window.
    const MEASURE: &str = "
        const page = performance.getEntriesByType('navigation')[0];
        const rest = performance.getEntriesByType('resource').filter(it => !it.name.endsWith('.woff2'));
        const root = document.documentElement;
        return {
            html: page.encodedBodySize,
            all: rest.reduce((sum, it) => sum + it.encodedBodySize, page.encodedBodySize),
            foreign: rest.map(it => it.name).filter(it => !it.startsWith(location.origin)),
            overflow: root.scrollWidth - root.clientWidth,
            width: window.innerWidth,
            lang: root.lang,
            dir: root.dir,
            headings: document.querySelectorAll('h1').length,
            scripts: document.querySelectorAll('script').length,
            loaded: rest.length
        };";
    const OPEN_DETAILS: &str =
        "for (const it of document.querySelectorAll('details')) it.open = true;";
    const AXE: &str = "
        const done = arguments[arguments.length - 1];
        const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];
        axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }).then(
            it => done({
                checked: it.passes.length,
                violations: it.violations.map(
                    it => it.id + ': ' + it.help + '\\n' + it.nodes.map(it => it.html + ' ' + it.failureSummary).join('\\n')
                )
            }),
            it => done({ checked: 0, violations: [String(it)] })
        );";

    /// Everything that is wrong, for all pages at once.
    struct Inspection {
        browser: Browser,
        language: &'static str,
        axe: String,
        html_bytes: u64,
        problems: Vec<String>,
    }

    impl Inspection {
        fn start(language: &'static str, html_bytes: u64) -> Self {
            let path = target().join("npm/node_modules/axe-core/axe.min.js");
            let axe = std::fs::read_to_string(&path).unwrap_or_else(|err| {
                panic!("{}: {err}; `cargo xtask setup` installs it", path.display())
            });
            Self {
                browser: Browser::start(language, Scripts::On),
                language,
                axe,
                html_bytes,
                problems: Vec::new(),
            }
        }

        /// Opens a page in every size and looks at it.
        #[track_caller]
        fn open(&mut self, name: &str, url: &str) {
            for viewport in [Viewport::PHONE, Viewport::DESKTOP] {
                self.browser.resize(viewport);
                self.browser.open(url);
                self.look(name, viewport);
            }
        }

        /// Looks at the page that is open.
        #[track_caller]
        fn look(&mut self, name: &str, viewport: Viewport) {
            let name = format!("{}-{}-{name}", self.language, viewport.name);
            let found = self.browser.run(MEASURE, json!([]));
            self.measure(&name, viewport, &found);
            self.browser.picture(&name);
            self.browser.run(OPEN_DETAILS, json!([]));
            self.browser.run(&self.axe, json!([]));
            for scheme in ["light", "dark"] {
                self.browser.prefer(scheme);
                self.ask_axe(&format!("{name} ({scheme})"));
            }
            if viewport == Viewport::PHONE {
                self.browser.picture(&format!("{name}-dark"));
            }
            self.browser.prefer("light");
        }

        /// Looks at the page that is open once: nothing leads out of the window, there is one heading, and axe is content.
        fn look_quickly(&mut self, name: &str) {
            let found = self.browser.run(MEASURE, json!([]));
            if found["overflow"] != 0 || found["headings"] != 1 || found["lang"] != self.language {
                self.problems.push(format!("{name}: {found}"));
            }
            self.browser.run(&self.axe, json!([]));
            self.ask_axe(name);
        }

        fn ask_axe(&mut self, name: &str) {
            let found = self.browser.run_async(AXE);
            if found["checked"].as_u64().unwrap_or(0) == 0 {
                self.problems.push(format!("{name}: axe checked nothing"));
            }
            for violation in found["violations"].as_array().unwrap() {
                let violation = violation.as_str().unwrap();
                self.problems.push(format!("{name}: {violation}"));
            }
        }

        fn measure(&mut self, name: &str, viewport: Viewport, found: &Value) {
            println!(
                "{name}: {} bytes of HTML, {} in all",
                found["html"], found["all"]
            );
            let direction = if self.language == "ur" { "rtl" } else { "ltr" };
            let number = |key: &str| found[key].as_u64().unwrap_or(u64::MAX);
            let html_bytes = self.html_bytes;
            let mut wrong = |what: &str, is_wrong: bool| {
                if is_wrong {
                    self.problems.push(format!("{name}: {what}: {found}"));
                }
            };
            wrong("another language", found["lang"] != self.language);
            wrong("another direction", found["dir"] != direction);
            wrong(
                "another width",
                number("width") != u64::from(viewport.width),
            );
            wrong("scrolls sideways", number("overflow") != 0);
            wrong("HTML too large", number("html") > html_bytes);
            wrong("page too large", number("all") > PAGE_BYTES);
            wrong(
                "nothing was loaded",
                number("loaded") == 0 || number("html") == 0,
            );
            wrong("loads from elsewhere", found["foreign"] != json!([]));
            wrong("not one heading", number("headings") != 1);
            wrong("a script", number("scripts") != 0);
        }

        #[track_caller]
        fn end(self) {
            assert!(
                self.problems.is_empty(),
                "{} problems:\n{}",
                self.problems.len(),
                self.problems.join("\n\n")
            );
        }
    }

    /// A demo whose devices have sent something to everyone.
    fn busy_demo(directory: &tempfile::TempDir) -> Amanat {
        let amanat = demo(directory.path());
        let mut anyone = amanat.visitor("en");
        for (id, field) in [
            ("street-air", "/rv1"),
            ("city-buses", "/track_id"),
            ("family-home", "/RH_8"),
        ] {
            testkit::wait_until("the demo's devices have sent something", PATIENCE, || {
                anyone
                    .open(&format!("/d/{id}/drift"))
                    .text()
                    .contains(field)
            });
        }
        amanat
    }

    fn public_pages(language: &'static str) {
        let directory = testkit::temp_dir();
        let amanat = busy_demo(&directory);
        let mut inspection = Inspection::start(language, PUBLIC_HTML_BYTES);
        for (name, path) in PUBLIC {
            inspection.open(name, &format!("{}{path}", amanat.http()));
        }
        inspection.end();
    }

    #[test]
    fn public_pages_in_english_are_for_everybody_on_every_screen() {
        public_pages("en");
    }

    #[test]
    fn public_pages_in_urdu_are_for_everybody_on_every_screen() {
        public_pages("ur");
    }

    fn signed_in_pages(language: &'static str) {
        let directory = testkit::temp_dir();
        let amanat = busy_demo(&directory);
        let mut inspection = Inspection::start(language, PAGE_BYTES);
        let link = amanat.text("sign-in");
        inspection.open("link", link);
        inspection.browser.leave_by("main form button");
        assert!(
            inspection.browser.address().ends_with("/me"),
            "{}",
            inspection.browser.address()
        );
        for (name, path) in RESIDENT {
            inspection.open(name, &format!("{}{path}", amanat.http()));
        }
        let choices = format!("{}/me/choices/family-home", amanat.http());
        for (viewport, level) in [(Viewport::PHONE, "off"), (Viewport::DESKTOP, "on")] {
            inspection.browser.resize(viewport);
            inspection.browser.open(&choices);
            let row = format!("input[name='energy-advice energy-adviser /T1'][value='{level}']");
            inspection.browser.press(&row);
            inspection
                .browser
                .leave_by("button[value='energy-advice energy-adviser /T1']");
            inspection.look("choices-saved", viewport);
        }
        inspection.browser.resize(Viewport::PHONE);
        inspection.browser.open(&format!(
            "{}/me/decide/preview?preset=all-off",
            amanat.http()
        ));
        inspection.browser.leave_by("button[name='seen']");
        inspection.look("receipt", Viewport::PHONE);
        let history = "/me/choices/family-home/history";
        inspection.open("history-full", &format!("{}{history}", amanat.http()));
        inspection.browser.resize(Viewport::PHONE);
        inspection
            .browser
            .open(&format!("{}{WEBHOOK_FORM}", amanat.http()));
        inspection.browser.run(FILL_URL, json!(["http://"]));
        inspection.browser.leave_by("main form button");
        inspection.look("webhook-refused", Viewport::PHONE);
        inspection
            .browser
            .run(FILL_URL, json!(["https://readings.example.org/in"]));
        inspection.browser.leave_by("main form button");
        inspection.look("webhook-made", Viewport::PHONE);
        let destinations = format!("{}/me/destinations", amanat.http());
        inspection.open("destinations-full", &destinations);
        inspection.open("link-officer", amanat.text("sign-in-officer"));
        inspection.browser.leave_by("main form button");
        let office = format!("{}/office", amanat.http());
        inspection.open("office", &office);
        inspection.open("office-limits", &format!("{office}/limits"));
        inspection.open("office-access", &format!("{office}/access"));
        suspend(&mut inspection, &office);
        inspection.open(
            "notice-suspended",
            &format!("{}/d/family-home", amanat.http()),
        );
        inspection.end();
    }

    fn suspend(inspection: &mut Inspection, office: &str) {
        inspection.browser.open(office);
        inspection
            .browser
            .press("details:has(form[action='/office/family-home/suspend']) summary");
        let fill = "document.querySelector(\"form[action='/office/family-home/suspend'] textarea\").value = arguments[0];";
        inspection
            .browser
            .run(fill, json!(["A meter was found open."]));
        inspection
            .browser
            .leave_by("form[action='/office/family-home/suspend'] button");
        inspection.look("office-suspended", Viewport::DESKTOP);
    }

    #[test]
    fn signed_in_pages_in_english_are_for_everybody_on_every_screen() {
        signed_in_pages("en");
    }

    #[test]
    fn signed_in_pages_in_urdu_are_for_everybody_on_every_screen() {
        signed_in_pages("ur");
    }

    /// The samples of every page, as `amanat pages check` writes them, on a phone: also what no demo shows, such as errors and long names.
    fn every_state(language: &'static str) {
        let directory = testkit::temp_dir();
        let written = std::process::Command::new(env!("CARGO_BIN_EXE_amanat"))
            .args(["pages", "check", "--out"])
            .arg(directory.path())
            .output()
            .unwrap();
        assert!(written.status.success(), "{written:?}");
        let mut names = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .filter(|it| it.ends_with(&format!("-{language}.html")))
            .collect::<Vec<_>>();
        names.sort();
        assert!(names.len() > 100, "{} pages", names.len());
        let mut inspection = Inspection::start(language, PUBLIC_HTML_BYTES);
        inspection.browser.resize(Viewport::PHONE);
        for name in names {
            let file = directory.path().join(&name);
            inspection
                .browser
                .open(&format!("file://{}", file.display()));
            inspection.look_quickly(&name);
        }
        inspection.end();
    }

    #[test]
    fn every_state_of_every_page_in_english_fits_a_phone() {
        every_state("en");
    }

    #[test]
    fn every_state_of_every_page_in_urdu_fits_a_phone() {
        every_state("ur");
    }

    #[test]
    fn an_inspection_finds_what_is_wrong_with_a_page() {
        let mut inspection = Inspection::start("en", PUBLIC_HTML_BYTES);
        let page = "data:text/html,<html lang=ur dir=ltr><meta name=viewport content=width=device-width><title>t</title><img src=x><p style='width:500px'>wide</p>";
        inspection.browser.resize(Viewport::PHONE);
        inspection.browser.open(page);
        inspection.look("wrong-on-purpose", Viewport::PHONE);
        let found = inspection.problems.join("\n");
        for part in [
            "another language",
            "scrolls sideways",
            "not one heading",
            "image-alt",
        ] {
            assert!(found.contains(part), "`{part}` was not found: {found}");
        }
    }

    #[test]
    fn the_site_works_in_a_browser_that_runs_no_scripts() {
        let directory = testkit::temp_dir();
        let amanat = busy_demo(&directory);
        let browser = Browser::start("en", Scripts::Off);
        // The driver scrolls by script too, so here everything must lie in the window.
        browser.resize(Viewport {
            height: 30_000,
            ..Viewport::PHONE
        });
        // Scripts of pages do not run here: this one would change the title.
        browser.open("data:text/html,<title>before</title><script>document.title='after'</script>");
        assert_eq!(browser.title(), "before");
        browser.open(amanat.text("sign-in"));
        browser.leave_by("main form button");
        assert!(browser.address().ends_with("/me"), "{}", browser.address());
        browser.open(&format!("{}/me/choices/family-home", amanat.http()));
        browser.press("input[name='energy-advice energy-adviser /T1'][value='off']");
        browser.leave_by("button[value='energy-advice energy-adviser /T1']");
        assert!(
            browser.source().contains("In force now"),
            "{}",
            browser.source()
        );
        browser.leave_by("a[hreflang=ur]");
        assert!(
            browser.source().contains("dir=\"rtl\""),
            "{}",
            browser.source()
        );
        browser.leave_by("form[action='/sign-out'] button");
        assert_eq!(
            browser.address(),
            format!("{}/", amanat.http()),
            "{}",
            browser.source()
        );
        browser.open(&format!("{}/me", amanat.http()));
        assert!(
            browser.address().ends_with("/sign-in"),
            "{}",
            browser.address()
        );
    }

    #[test]
    fn every_answer_carries_a_strict_policy_and_no_page_carries_a_script() {
        let directory = testkit::temp_dir();
        let amanat = demo(directory.path());
        let mut anyone = amanat.visitor("en");
        for (_, path) in PUBLIC {
            let page = anyone.get(path);
            let policy = page.header("content-security-policy").unwrap_or_default();
            for part in [
                "default-src 'none'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(part), "{path}: {policy}");
            }
            assert!(
                !policy.contains("unsafe") && !policy.contains("script-src *"),
                "{path}: {policy}"
            );
            assert_eq!(
                page.header("x-content-type-options"),
                Some("nosniff"),
                "{path}"
            );
            assert!(page.header("referrer-policy").is_some(), "{path}");
            for part in [
                "<script",
                "<style",
                " style=",
                "javascript:",
                " onclick=",
                "http://",
                "https://",
            ] {
                let body = page.body.replace(amanat.http(), "");
                assert!(!body.contains(part), "{path} has `{part}`");
            }
        }
    }
}
