//! The site's own files: style, fonts, icon. Served under names that carry a hash of the content, so that a
//! browser may keep them for a year; a new binary has new names.

use std::sync::LazyLock;

use flate2::Compression;

use crate::compress;

const STYLE: &str = include_str!("../assets/style.css");
const NASTALIQ: &[u8] = include_bytes!("../assets/fonts/noto-nastaliq-urdu.woff2");
const NASKH: &[u8] = include_bytes!("../assets/fonts/noto-naskh-arabic.woff2");
const PASSKEY: &str = include_str!("../assets/passkey.js");
const OPEN: &str = include_str!("../assets/open.js");
const ICON: &[u8] = include_bytes!("../assets/icon.svg");
const FONT_LICENCE: &[u8] = include_bytes!("../assets/fonts/OFL.txt");

/// A file as it is served.
pub(crate) struct Asset {
    /// The name with the hash: `style.1f3c….css`.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// Its content.
    pub(crate) bytes: Vec<u8>,
    /// The content as gzip, where that is smaller: fonts are compressed as they are.
    pub(crate) gzip: Option<Vec<u8>>,
}

/// Every file of the site.
pub(crate) struct Assets {
    /// The style sheet.
    pub(crate) style: Asset,
    /// The font of Urdu prose.
    pub(crate) nastaliq: Asset,
    /// The font of Urdu tables and forms.
    pub(crate) naskh: Asset,
    /// The script of the forms for passkeys.
    pub(crate) passkey: Asset,
    /// The script that opens sealed files.
    pub(crate) open: Asset,
    /// The icon in the browser's tab.
    pub(crate) icon: Asset,
    /// The licence of the fonts.
    pub(crate) font_licence: Asset,
}

/// The files, named once at the first use.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let nastaliq = asset(
        "noto-nastaliq-urdu",
        "woff2",
        "font/woff2",
        NASTALIQ.to_vec(),
    );
    let naskh = asset("noto-naskh-arabic", "woff2", "font/woff2", NASKH.to_vec());
    let style = minified(STYLE)
        .replace("{{nastaliq}}", &nastaliq.name)
        .replace("{{naskh}}", &naskh.name);
    Assets {
        style: asset(
            "style",
            "css",
            "text/css; charset=utf-8",
            style.into_bytes(),
        ),
        passkey: asset(
            "passkey",
            "js",
            "text/javascript; charset=utf-8",
            PASSKEY.as_bytes().to_vec(),
        ),
        open: asset(
            "open",
            "js",
            "text/javascript; charset=utf-8",
            OPEN.as_bytes().to_vec(),
        ),
        icon: asset("icon", "svg", "image/svg+xml", ICON.to_vec()),
        font_licence: asset(
            "OFL",
            "txt",
            "text/plain; charset=utf-8",
            FONT_LICENCE.to_vec(),
        ),
        nastaliq,
        naskh,
    }
});

impl Assets {
    /// Every file.
    pub(crate) const fn all(&self) -> [&Asset; 7] {
        [
            &self.style,
            &self.nastaliq,
            &self.naskh,
            &self.passkey,
            &self.open,
            &self.icon,
            &self.font_licence,
        ]
    }

    /// The file served under `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&Asset> {
        self.all().into_iter().find(|it| it.name == name)
    }
}

fn asset(stem: &str, extension: &str, media_type: &'static str, bytes: Vec<u8>) -> Asset {
    Asset {
        name: format!("{stem}.{:016x}.{extension}", fingerprint(&bytes)),
        media_type,
        gzip: compress::gzip(&bytes, Compression::best())
            .filter(|it| it.len() * 10 < bytes.len() * 9),
        bytes,
    }
}

/// FNV-1a, 64 bits: tells versions of our own files apart, nothing more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The style sheet without its comment line and line breaks; it is written compactly otherwise.
fn minified(style: &str) -> String {
    style
        .lines()
        .filter(|it| !it.starts_with("/*"))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_names_the_fonts_that_are_served() {
        let style = String::from_utf8(ASSETS.style.bytes.clone()).unwrap();
        assert!(style.contains(&ASSETS.nastaliq.name) && style.contains(&ASSETS.naskh.name));
        assert!(!style.contains("{{"));
    }

    #[test]
    fn urdu_prose_font_stays_small() {
        assert!(ASSETS.nastaliq.bytes.len() <= 110 * 1024);
        assert!(ASSETS.naskh.bytes.len() <= 32 * 1024);
    }

    #[test]
    fn a_name_changes_with_the_content() {
        assert_ne!(fingerprint(b"a"), fingerprint(b"b"));
        assert!(ASSETS.find("style.css").is_none());
        assert!(ASSETS.find(&ASSETS.style.name).is_some());
    }
}
