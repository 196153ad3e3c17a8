//! From where somebody asks: two words out of what the browser says of itself.

use alliance::{Browser, Device, System};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;

/// How much of what a browser says is looked at, in bytes.
const MAX_BYTES: usize = 512;

/// Most browsers say that they are several others too: the first that fits is the one.
const BROWSERS: [(&str, Browser); 10] = [
    ("Edg", Browser::Edge),
    ("OPR/", Browser::Opera),
    ("SamsungBrowser/", Browser::Samsung),
    ("FxiOS/", Browser::Firefox),
    ("Firefox/", Browser::Firefox),
    ("CriOS/", Browser::Chrome),
    ("Chromium/", Browser::Chrome),
    ("Chrome/", Browser::Chrome),
    ("HeadlessChrome/", Browser::Chrome),
    ("Safari/", Browser::Safari),
];
const SYSTEMS: [(&str, System); 8] = [
    ("iPhone", System::Iphone),
    ("iPad", System::Ipad),
    ("Android", System::Android),
    ("Windows", System::Windows),
    ("Macintosh", System::Mac),
    ("Mac OS X", System::Mac),
    ("CrOS", System::Linux),
    ("Linux", System::Linux),
];

/// The browser and the device, as far as their words are ours.
pub(crate) fn of(headers: &HeaderMap) -> Device {
    let said = headers.get(USER_AGENT).and_then(|it| it.to_str().ok());
    let said = said.unwrap_or_default();
    let said = said.get(..MAX_BYTES).unwrap_or(said);
    let browser = BROWSERS.iter().find(|(word, _)| said.contains(word));
    let system = SYSTEMS.iter().find(|(word, _)| said.contains(word));
    Device {
        browser: browser.map_or(Browser::Other, |(_, it)| *it),
        system: system.map_or(System::Other, |(_, it)| *it),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, browser: Browser, system: System) {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, said.parse().unwrap());
        assert_eq!(of(&headers), Device { browser, system }, "{said}");
    }

    #[test]
    fn of_what_a_browser_says_two_words_are_kept() {
        check(
            "Mozilla/5.0 (Linux; Android 14; SM-A155F) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            Browser::Samsung,
            System::Android,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            Browser::Safari,
            System::Iphone,
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
            Browser::Edge,
            System::Windows,
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            Browser::Firefox,
            System::Linux,
        );
        check("curl/8.9.1", Browser::Other, System::Other);
        check(&"x".repeat(2000), Browser::Other, System::Other);
        assert_eq!(of(&HeaderMap::new()), Device::UNKNOWN);
    }
}
