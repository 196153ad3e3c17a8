//! Who asks the database for keys of which subject: one at a time for a subject, any number for different ones.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use model::Subject;
use rustc_hash::FxHashSet;

/// The subjects whose keys are being opened or made.
#[derive(Default)]
pub(super) struct Opening {
    subjects: Mutex<FxHashSet<Subject>>,
    left: Condvar,
}

/// The only one who opens keys of a subject, until it is dropped.
pub(super) struct Place<'a> {
    opening: &'a Opening,
    subject: &'a Subject,
}

impl Opening {
    /// Waits until nobody else opens keys of the subject.
    pub(super) fn enter<'a>(&'a self, subject: &'a Subject) -> Place<'a> {
        let mut subjects = self.lock();
        while subjects.contains(subject) {
            subjects = self
                .left
                .wait(subjects)
                .unwrap_or_else(PoisonError::into_inner);
        }
        subjects.insert(subject.clone());
        Place {
            opening: self,
            subject,
        }
    }

    fn lock(&self) -> MutexGuard<'_, FxHashSet<Subject>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.opening.lock().remove(self.subject);
        self.opening.left.notify_all();
    }
}
