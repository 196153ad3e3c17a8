//! Texts of institutions that only some may read, sealed in their rows: what people complain about, and who they are.
//!
//! Sealed as `row_box` has it, under keys of their own. A mark stands for somebody in a row without naming them: a keyed hash,
//! which nobody who has the rows alone can try names against.

use ring::hmac;

use crate::Custody;
use crate::row_box::RowBox;

/// Seals the texts of cases, and marks people in their rows.
pub(crate) struct CaseBox {
    texts: RowBox,
    marks: hmac::Key,
}

impl CaseBox {
    /// Each root is derived for this use alone. `None` when the operating system gives no randomness.
    pub(crate) fn new(texts: &[u8], marks: &[u8]) -> Option<Self> {
        Some(Self {
            texts: RowBox::new(hmac::Key::new(hmac::HMAC_SHA256, texts))?,
            marks: hmac::Key::new(hmac::HMAC_SHA256, marks),
        })
    }
}

impl Custody {
    /// Seals what the row `name` holds; `None` only when it is far too large.
    #[must_use]
    pub fn seal_text(&self, name: &str, text: &[u8]) -> Option<Vec<u8>> {
        self.inner.cases.texts.seal(name.as_bytes(), text.to_vec())
    }

    /// What was sealed under that name; `None` when it was not sealed here, or not under this name.
    #[must_use]
    pub fn open_text(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.inner.cases.texts.open(name.as_bytes(), sealed)
    }

    /// What stands for `value` in the rows of one kind: the same each time, and of no use without the root key.
    #[must_use]
    pub fn mark(&self, kind: &str, value: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.inner.cases.marks);
        context.update(kind.as_bytes());
        context.update(b"\0");
        context.update(value.as_bytes());
        let tag = context.sign();
        let mut mark = [0; 32];
        for (to, from) in mark.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        mark
    }
}
