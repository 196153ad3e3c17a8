//! Passkeys in a real browser, with the device that WebDriver puts into it.

mod slow {
    use serde_json::json;

    use crate::harness::{Browser, House, Scripts, Viewport};

    const NAME: &str = "document.querySelector('#label').value = arguments[0];";

    #[test]
    fn gp_b0c_a_resident_makes_a_passkey_signs_in_with_it_and_proves_who_they_are() {
        let house = House::new();
        // Browsers make passkeys for names only: an address of numbers has none.
        let port = testkit::free_port();
        let listen = format!("http.listen=127.0.0.1:{port}");
        let site = format!("http://localhost:{port}");
        let url = format!("http.public-url={site}");
        let _amanat = house.serve(&[&listen, &url]);
        let browser = Browser::start("en", Scripts::On);
        browser.resize(Viewport::PHONE);
        browser.keep_passkeys();
        browser.open(&format!("{site}{}", house.resident_link));
        browser.leave_by("main form button");
        browser.open(&format!("{site}/me/safety"));
        browser.run(NAME, json!(["My telephone"]));
        browser.leave_by("form[data-passkey=make] button");
        let page = browser.source();
        assert!(page.contains("Your passkey is added."), "{page}");
        assert!(page.contains("My telephone"), "{page}");
        browser.leave_by("form[action='/sign-out'] button");
        browser.open(&format!("{site}/sign-in"));
        browser.leave_by("form[data-passkey=use] button");
        assert_eq!(browser.address(), format!("{site}/me"));
        browser.open(&format!("{site}/me/safety"));
        let page = browser.source();
        assert!(page.contains("Signed in with a passkey"), "{page}");
        assert!(page.contains("Last used"), "{page}");
        // The device has a passkey for this account already and makes no second one.
        browser.run(NAME, json!(["The same telephone"]));
        browser.press("form[data-passkey=make] button");
        let shown =
            "return !document.querySelector('form[data-passkey=make] [role=alert]').hidden;";
        testkit::wait_until("the page says so", crate::harness::PATIENCE, || {
            browser.run(shown, json!([])) == json!(true)
        });
    }
}
