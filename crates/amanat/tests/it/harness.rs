//! What stands around the real binary: a process that is always ended, a person with cookies, stock clients,
//! a browser, and a data directory made through the alliance's own use cases.

mod browser;
mod endpoint;
mod form;
mod house;
mod lines;
mod mosquitto;
mod process;
mod visitor;
mod wire;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use browser::{Browser, Scripts, Viewport};
pub(crate) use endpoint::{Answer, OwnEndpoint};
pub(crate) use form::{Form, unescape};
pub(crate) use house::{HOME, HOME_NOTICE, House, METER};
pub(crate) use mosquitto::{Client, Received, publish, request};
pub(crate) use process::{Amanat, Guard, Run, demo, run, serve, witness};
pub(crate) use visitor::{Page, Visitor};
pub(crate) use wire::{Packet, Version, Wire};

/// How long anything may take that is not slow by nature. The machine may be busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The build directory of this workspace.
pub(crate) fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("..")
}
