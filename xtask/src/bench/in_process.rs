//! Figures of the code alone, from the benchmarks that the crates keep.

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use super::figures::Figures;
use crate::ui;
use crate::workspace::{Workspace, output};

/// Package, benchmark, and the figure that it must give; it may give more.
const BENCHES: [(&str, &str, &str); 5] = [
    ("policy", "decide", "decide_20x4_ns"),
    ("vault", "vault", "seal_append_rows_per_s"),
    ("custody", "ingest", "ingest_path_ns"),
    ("gateway", "codec", "codec_loop_ns"),
    ("custody", "in_force", "choice_10000_things_ms"),
];

/// What the comparison with other policy engines must give.
const PEERS: [&str; 2] = [
    "cedar_vs_decide_20x8_ratio",
    "json_walk_vs_decide_20x8_ratio",
];

/// Asks other policy engines the same question; they are a workspace of their own.
fn peers(workspace: &Workspace, figures: &mut Figures) -> anyhow::Result<()> {
    ui::note("bench: other policy engines");
    let target = workspace.target()?.join("peers");
    let mut command = workspace.cargo(&["run", "--release", "--locked", "--quiet"]);
    command.args(["--manifest-path", "peers/Cargo.toml", "--target-dir"]);
    let text = output(command.arg(target))?;
    let found = numbers(&text).context("the comparison with other policy engines")?;
    for wanted in PEERS {
        if !found.iter().any(|(name, _)| name == wanted) {
            bail!("the comparison with other policy engines gave no `{wanted}`");
        }
    }
    for (name, value) in found {
        figures.add(&name, value)?;
    }
    Ok(())
}

/// Runs every benchmark and takes over its figures.
pub(crate) fn measure(workspace: &Workspace, figures: &mut Figures) -> anyhow::Result<()> {
    peers(workspace, figures)?;
    for (package, bench, wanted) in BENCHES {
        ui::note(&format!("bench: {bench} of {package}"));
        let arguments = [
            "bench",
            "--locked",
            "--package",
            package,
            "--bench",
            bench,
            "--",
            "--json",
        ];
        let text = output(&mut workspace.cargo(&arguments))?;
        let found =
            numbers(&text).with_context(|| format!("the benchmark `{bench}` of {package}"))?;
        if !found.iter().any(|(name, _)| name == wanted) {
            bail!("the benchmark `{bench}` of {package} gave no `{wanted}`");
        }
        for (name, value) in found {
            figures.add(&name, value)?;
        }
    }
    Ok(())
}

/// The members of the flat JSON object that `text` is, or that its last line is.
fn numbers(text: &str) -> anyhow::Result<Vec<(String, f64)>> {
    let last = text
        .lines()
        .rfind(|it| it.starts_with('{'))
        .unwrap_or_default();
    let object: Map<String, Value> = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(last))
        .context("printed no JSON object")?;
    let number = |(name, value): (String, Value)| match value.as_f64() {
        Some(number) => Ok((name, number)),
        None => bail!("`{name}` is no number"),
    };
    object.into_iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_object_is_read_whole_or_from_the_last_line() {
        let expected = [("decide_20x4_ns".to_owned(), 812.5)];
        assert_eq!(
            numbers("{\n  \"decide_20x4_ns\": 812.5\n}\n").unwrap(),
            expected
        );
        assert_eq!(
            numbers("running\n{\"decide_20x4_ns\": 812.5}\n").unwrap(),
            expected
        );
        assert_eq!(
            numbers("nothing").unwrap_err().to_string(),
            "printed no JSON object"
        );
        assert_eq!(
            numbers(r#"{"a": {"b": 1}}"#).unwrap_err().to_string(),
            "`a` is no number"
        );
    }
}
