//! Reading beside a running server: its control socket takes requests for accounts that are named, and says no names.

use alliance::Office;
use anyhow::{Context, anyhow};
use model::PersonId;
use store::Db;

use crate::config::Config;
use crate::exit::Stop;

/// The first account of an office in the rows of the server that runs; nothing is written.
pub(super) fn oldest_account(config: &Config, office: Office) -> Result<Option<PersonId>, Stop> {
    let next = "give the configuration of the server that runs, or name an account, or give --new";
    let url = match &config.data.database_url {
        Some(url) => url.expose_secret().to_owned(),
        None => {
            let file = config.data.directory.join("amanat.db");
            // Opening would make it.
            if !file.is_file() {
                let error = anyhow!(
                    "the running server has its rows elsewhere than `{}`",
                    file.display()
                );
                return Err(Stop::invalid(error, next));
            }
            format!("sqlite:{}", file.display())
        }
    };
    read(&url, office).map_err(|err| Stop::failure(err, next))
}

fn read(url: &str, office: Office) -> anyhow::Result<Option<PersonId>> {
    let row = Db::open(url)?
        .read(|tx| {
            tx.query_one(
                "SELECT id FROM account WHERE office = $1 ORDER BY created_at, id LIMIT 1",
                &[office.as_str().into()],
            )
        })
        .context("cannot read the accounts of the server that runs")?;
    row.map(|row| Ok(PersonId::parse(&row.get::<String>(0)?)?))
        .transpose()
}
