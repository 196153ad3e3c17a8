//! Values that a model works out: which version of it is at work, and how that is written beside them.
//!
//! Before its date in force a version works out nothing that comes in: until then it is the version before, where the notice names one.

use std::sync::Arc;

use model::{ModelId, Notice, Timestamp};

use crate::payload::{MAX_UNDECLARED, Made, Payload, Reason, Undeclared};
use crate::schema::json_string;

/// The model that works a field out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maker {
    /// From when on the newest version is at work; `None` for always.
    in_force: Option<Timestamp>,
    /// What is written beside its values.
    label: Arc<str>,
    /// What was written until then.
    label_before: Option<Arc<str>>,
}

impl Maker {
    pub(crate) fn of(notice: &Notice, id: &ModelId) -> Option<Self> {
        let model = notice.models.iter().find(|it| it.id == *id)?;
        let label = |version: Option<&str>| -> Arc<str> {
            let id = json_string(id.as_str());
            match version {
                None => format!("{{\"id\":{id}}}").into(),
                Some(it) => format!("{{\"id\":{id},\"version\":{}}}", json_string(it)).into(),
            }
        };
        Some(Self {
            in_force: model.in_force,
            label: label(model.version.as_deref()),
            label_before: model.version_before.as_deref().map(|it| label(Some(it))),
        })
    }

    /// What is written beside a value of this moment; `None` where no version is at work.
    pub(crate) fn label_at(&self, now: Timestamp) -> Option<&Arc<str>> {
        match self.in_force {
            Some(at) if at > now => self.label_before.as_ref(),
            _ => Some(&self.label),
        }
    }
}

impl Payload {
    /// Notes which version of which model worked values out that came in now. A value of a model that is not at work yet is taken
    /// out, as if it were not declared.
    pub fn attribute(&mut self, now: Timestamp) {
        let schema = Arc::clone(&self.schema);
        for index in self.present.and(schema.made()).iter() {
            let Some(field) = schema.field(index) else {
                continue;
            };
            match field.made_by.as_ref().and_then(|it| it.label_at(now)) {
                Some(label) => self.made.push(Made {
                    field: index,
                    label: Arc::clone(label),
                }),
                None => {
                    self.present = self.present.without([index].into_iter().collect());
                    if let Some(lists) = &mut self.lists {
                        lists.drop_field(index);
                    }
                    if self.undeclared.len() < MAX_UNDECLARED {
                        self.undeclared.push(Undeclared {
                            pointer: field.pointer.as_str().to_owned(),
                            reason: Reason::NotYet,
                        });
                    } else {
                        self.unlisted += 1;
                    }
                }
            }
        }
    }
}
