//! Who may receive what, for operators: what is in force, and what was or will be.

use std::sync::Arc;

use model::{DeploymentId, Grant, RecipientId};

use super::RecipientPeer;
use crate::Custody;

impl Custody {
    /// A recipient, also when its credential was revoked.
    #[must_use]
    pub fn recipient(&self, recipient: &RecipientId) -> Option<Arc<RecipientPeer>> {
        let catalogue = self.inner.catalogue.load();
        catalogue.recipients.get(recipient).map(Arc::clone)
    }

    /// What a recipient may receive, may later and might before: the last grant for each purpose at each deployment, by
    /// deployment and purpose.
    #[must_use]
    pub fn grants_of(&self, recipient: &RecipientId) -> Vec<Grant> {
        self.grants(|it| it.recipient == *recipient)
    }

    /// The same of every recipient at one deployment, by recipient and purpose.
    #[must_use]
    pub fn grants_on(&self, deployment: &DeploymentId) -> Vec<Grant> {
        let catalogue = self.inner.catalogue.load();
        let deployment = catalogue.deployments.get(deployment);
        deployment.map_or_else(Vec::new, |it| it.state.load().rules.grants.clone())
    }

    /// The same of all.
    #[must_use]
    pub fn all_grants(&self) -> Vec<Grant> {
        self.grants(|_| true)
    }

    fn grants(&self, is_asked: impl Fn(&Grant) -> bool) -> Vec<Grant> {
        let catalogue = self.inner.catalogue.load();
        let mut found = Vec::new();
        for deployment in catalogue.deployments.values() {
            let state = deployment.state.load();
            let asked = state.rules.grants.iter().filter(|it| is_asked(it));
            found.extend(asked.cloned());
        }
        let key = |it: &Grant| {
            (
                it.deployment.clone(),
                it.purpose.clone(),
                it.recipient.clone(),
            )
        };
        found.sort_by_cached_key(key);
        found
    }
}
