//! Running the binary.

use std::path::Path;
use std::process::{Command, Output};

/// The binary, in `directory`, without the settings of whoever runs the tests.
pub(crate) fn amanat(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_amanat"));
    command.current_dir(directory);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AMANAT_") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
