//! Tells connections that something which opened them has changed.

use tokio::sync::watch;

/// Whoever changes it.
#[derive(Debug)]
pub(crate) struct Changes(watch::Sender<u64>);

/// Tells a connection that what it depends on has changed.
#[derive(Debug, Clone)]
pub struct Watch(watch::Receiver<u64>);

impl Default for Changes {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Changes {
    /// Tells everybody who watches.
    pub(crate) fn tell(&self) {
        self.0.send_modify(|it| *it = it.wrapping_add(1));
    }

    /// Tells about changes from now on.
    pub(crate) fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }
}

impl Watch {
    /// Ready at the next change; never, once custody is gone.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
