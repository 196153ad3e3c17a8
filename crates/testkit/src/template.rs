//! Databases with a schema, made once and copied for each test.
//!
//! The original is known by a hash of the text of all steps, so a step that changes makes another one. On the server it is a database
//! `template_<hash>`; beside it the file `rows-<hash>.db` in the directory that test processes share.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use store::{Db, MigrationSet};

use crate::server::{self, Database, Shared};

/// Copies the SQLite file that has these schemas, which is made first if nobody has made it.
pub(crate) fn sqlite(sets: &[&MigrationSet], file: &Path) -> Result<()> {
    let shared = Shared::open()?;
    let original = shared.path().join(format!("rows-{}.db", name(sets)));
    if !original.exists() {
        let _lock = shared.lock()?;
        if !original.exists() {
            let half = tempfile::TempDir::new_in(shared.path())?;
            let made = half.path().join("rows.db");
            make(&crate::sqlite_url(&made), sets)?;
            fs::rename(&made, &original)?;
        }
    }
    let copied = fs::copy(&original, file);
    copied.with_context(|| format!("`{}` cannot be copied", original.display()))?;
    Ok(())
}

/// Makes a database like the one on the server that has these schemas, which is made first if nobody has made it.
pub(crate) fn postgres(sets: &[&MigrationSet]) -> Result<Database> {
    let template = format!("template_{}", name(sets));
    if !server::has_database(&template)? {
        let _lock = Shared::open()?.lock()?;
        if !server::has_database(&template)? {
            let half = server::create_database("template0")?;
            make(&half.url, sets)?;
            half.rename(&template)?;
        }
    }
    server::create_database(&template)
}

fn make(url: &str, sets: &[&MigrationSet]) -> Result<()> {
    let db = Db::open(url)?;
    for set in sets {
        db.migrate(set)?;
    }
    Ok(())
}

fn name(sets: &[&MigrationSet]) -> String {
    let mut hasher = DefaultHasher::new();
    for set in sets {
        set.owner.hash(&mut hasher);
        for step in set.steps {
            (step.version, step.name, step.sql).hash(&mut hasher);
        }
    }
    format!("{:016x}", hasher.finish())
}
