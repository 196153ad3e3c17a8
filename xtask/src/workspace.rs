//! The repository on this machine and the programs run in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

/// The root of the checkout.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace whose root is `path`.
    pub(crate) fn at(path: PathBuf) -> anyhow::Result<Self> {
        let root = path
            .canonicalize()
            .with_context(|| format!("the workspace `{}` is gone", path.display()))?;
        Ok(Self { root })
    }

    /// The root directory.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The text of a file of the repository.
    pub(crate) fn text(&self, path: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.root.join(path))
            .with_context(|| format!("cannot read `{path}`"))
    }

    /// A program that runs in the root, without a standard input.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).stdin(Stdio::null());
        // What `cargo run` told this process is about xtask. Build scripts that watch these variables
        // would be run again at every change from plain `cargo` to `cargo xtask` and back.
        for (name, _) in std::env::vars_os() {
            if about_this_package(&name) {
                command.env_remove(name);
            }
        }
        command
    }

    /// A cargo command in the root.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }

    /// What `cargo metadata` says; `extra` are further arguments.
    pub(crate) fn metadata(&self, extra: &[&str]) -> anyhow::Result<Value> {
        let mut command = self.cargo(&["metadata", "--format-version", "1"]);
        let text = output(command.args(extra))?;
        serde_json::from_str(&text).context("`cargo metadata` printed no JSON")
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> anyhow::Result<PathBuf> {
        let metadata = self.metadata(&["--no-deps"])?;
        let path = metadata.get("target_directory").and_then(Value::as_str);
        path.map(PathBuf::from)
            .context("`cargo metadata` named no target directory")
    }
}

fn about_this_package(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| {
        name.starts_with("CARGO_PKG_")
            || matches!(name, "CARGO" | "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH")
            || name == "CARGO_BIN_NAME"
            || name == "CARGO_CRATE_NAME"
            || name == "CARGO_PRIMARY_PACKAGE"
    })
}

/// The command as one would type it.
pub(crate) fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// Runs a command with its output on the terminal; failure is an error that names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", spelled(command));
    }
    Ok(())
}

/// Runs a command and returns its standard output; its standard error goes to the terminal.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let done = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", spelled(command)))?;
    if !done.status.success() {
        bail!("`{}` failed ({})", spelled(command), done.status);
    }
    String::from_utf8(done.stdout)
        .with_context(|| format!("`{}` printed no text", spelled(command)))
}

/// Where a program lies: on the path, or where a distribution keeps its servers.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = search_path();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    places.map(|place| place.join(name)).find(|it| it.is_file())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tools are configured by arguments; the search path is how a program is found"
)]
fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        Workspace::at(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
    }

    #[test]
    fn a_failing_command_is_named_in_the_error() {
        let error = run(&mut workspace().command("false")).unwrap_err();
        assert!(error.to_string().contains("`false` failed"), "{error}");
        let error = output(&mut workspace().command("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("cannot start `no-such-program`"));
    }

    #[test]
    fn children_do_not_see_what_cargo_told_xtask() {
        let names = output(&mut workspace().command("env")).unwrap();
        let told: Vec<_> = names
            .lines()
            .filter(|it| it.starts_with("CARGO_PKG_"))
            .collect();
        assert_eq!(told, Vec::<&str>::new());
    }

    #[test]
    fn programs_are_found_by_name() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program"), None);
    }
}
