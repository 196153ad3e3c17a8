//! What the messages of a thing show about its switches. Written by `ingest` without a lock, read by the keeper.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwapOption;
use model::{Notice, Timestamp};
use policy::{FieldIndex, FieldSet, Payload, Schema};

use super::machine::{Said, Seen};

/// The place in a thing where its messages are noted. Empty where its notice has no switches.
#[derive(Default)]
pub(crate) struct Watching(ArcSwapOption<Watch>);

impl Watching {
    /// Notes an admitted message.
    pub(crate) fn saw(&self, payload: &Payload, now: Timestamp) {
        if let Some(watch) = &*self.0.load() {
            watch.saw(payload, now);
        }
    }

    pub(super) fn set(&self, watch: &Arc<Watch>) {
        self.0.store(Some(Arc::clone(watch)));
    }

    pub(super) fn clear(&self) {
        self.0.store(None);
    }
}

/// What messages have shown, switch by switch in the order of the notice.
pub(super) struct Watch {
    schema: Arc<Schema>,
    slots: Box<[Slot]>,
}

struct Slot {
    fields: FieldSet,
    confirm: Option<ConfirmField>,
    /// Milliseconds; 0 before the first such message.
    fields_at: AtomicI64,
    others_at: AtomicI64,
    /// Milliseconds × 4 + what was said.
    said: AtomicI64,
}

#[derive(Clone)]
struct ConfirmField {
    field: FieldIndex,
    off: Arc<str>,
    on: Arc<str>,
}

impl Watch {
    pub(super) fn new(notice: &Notice, schema: &Arc<Schema>) -> Self {
        let slot = |it: &model::SourceSwitch| Slot {
            fields: it
                .fields
                .iter()
                .filter_map(|it| schema.index_of(it))
                .collect(),
            confirm: it.confirm.as_ref().and_then(|it| {
                Some(ConfirmField {
                    field: schema.index_of(&it.field)?,
                    off: it.off.as_str().into(),
                    on: it.on.as_str().into(),
                })
            }),
            fields_at: AtomicI64::new(0),
            others_at: AtomicI64::new(0),
            said: AtomicI64::new(0),
        };
        Self {
            schema: Arc::clone(schema),
            slots: notice.source_switches.iter().map(slot).collect(),
        }
    }

    fn saw(&self, payload: &Payload, now: Timestamp) {
        if !self.schema.matches(payload.schema()) {
            return;
        }
        let present = payload.present();
        for slot in &self.slots {
            let at = match present.and(slot.fields).is_empty() {
                true => &slot.others_at,
                false => &slot.fields_at,
            };
            at.store(now.as_millis(), Ordering::Relaxed);
            if let Some(confirm) = &slot.confirm
                && let Some(text) = payload.values(confirm.field).last()
            {
                let said = confirm.read(text);
                slot.said
                    .store(now.as_millis() << 2 | said, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn seen(&self, switch: usize) -> Seen {
        let Some(slot) = self.slots.get(switch) else {
            return Seen::default();
        };
        let said = slot.said.load(Ordering::Relaxed);
        Seen {
            fields_at: time(slot.fields_at.load(Ordering::Relaxed)),
            others_at: time(slot.others_at.load(Ordering::Relaxed)),
            said: time(said >> 2).map(|at| (word(said & 3), at)),
        }
    }
}

impl ConfirmField {
    /// Compares JSON texts.
    fn read(&self, text: &str) -> i64 {
        if text == &*self.off {
            OFF
        } else if text == &*self.on {
            ON
        } else {
            OTHER
        }
    }
}

const OTHER: i64 = 0;
const OFF: i64 = 1;
const ON: i64 = 2;

fn word(said: i64) -> Said {
    match said {
        OFF => Said::Off,
        ON => Said::On,
        _ => Said::Other,
    }
}

fn time(millis: i64) -> Option<Timestamp> {
    (millis > 0).then(|| Timestamp::from_millis(millis))
}
