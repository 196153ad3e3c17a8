//! The ingest path without socket and fsync, whole and in its steps. `--json` prints one flat JSON object.
//!
//! Each round ingests a batch under the clock and waits for the disk outside of it; the figure is the median per message.
//!
//! | figure | what is timed |
//! |---|---|
//! | `stage_decode_ns` | the bytes become declared values |
//! | `stage_decide_ns` | what of them is kept how long |
//! | `stage_render_ns` | what is kept becomes bytes |
//! | `ingest_path_ns` | all of that, sealed and put into the pending batch; `vault`'s benchmark says what that part costs |
//! | `ingest_offered_ns` | the same with a subscriber, to whom it is offered |
//! | `permit_and_render_ns` | decided again for the subscriber, and written |

use std::process::ExitCode;
use std::time::Instant;

use custody::{ActError, Custody, CustodyOptions, Filter, Peer, ThingPeer};
use model::{
    DeploymentId, Grant, Licence, LicenceState, Notice, PurposeId, RecipientId, ThingId, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const NOTICE: &str = include_str!("street-air.toml");
/// 150 bytes, seven declared fields.
const PAYLOAD: &[u8] = br#"{"seq":10482,"pm25":41.7,"pm10":88.2,"co2":611,"temperature":31.40,"humidity":48.5,"battery":3.61,"pressure":1007.2,"noise":57.3,"uptime":88123450000}"#;
const BATCH: usize = 2_000;
const ROUNDS: usize = 25;

fn main() -> ExitCode {
    let test = std::env::args().any(|it| it == "--test");
    match run(if test { 1 } else { ROUNDS }) {
        Ok(figures) => {
            print(&figures);
            ExitCode::SUCCESS
        }
        Err(err) => {
            report(&err);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark's result is its output")]
fn print(figures: &serde_json::Value) {
    println!("{figures}");
}

#[expect(clippy::print_stderr, reason = "a benchmark says why it failed")]
fn report(err: &anyhow::Error) {
    eprintln!("{err:#}");
}

fn run(rounds: usize) -> anyhow::Result<serde_json::Value> {
    let directory = tempfile::tempdir()?;
    let db = store::Db::open(&format!(
        "sqlite:{}",
        directory.path().join("rows.db").display()
    ))?;
    let options = CustodyOptions {
        directory: directory.path().to_owned(),
        record_origin: "record.example/bench".to_owned(),
    };
    let custody = Custody::open(&options, db)?;
    let (thing, recipient) = prepare(&custody)?;
    let alone = ingest(&custody, &thing, rounds)?;
    let (outbox, mut inbox) = tokio::sync::mpsc::channel(BATCH);
    let filter = Filter {
        purpose: PurposeId::parse("air-quality")?,
        deployment: None,
        thing: None,
        condition: None,
        native: None,
    };
    let _subscription = custody.subscribe(&recipient, filter, outbox, 0, NOW)?;
    let (mut permits, mut offered) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut lsn = custody::Lsn::START;
        offered.push(per_message(|| {
            for _ in 0..BATCH {
                lsn = custody.ingest(&thing, std::hint::black_box(PAYLOAD), NOW)?;
            }
            Ok(())
        })?);
        custody.wait_durable(lsn)?;
        permits.push(per_message(|| {
            while let Ok(delivery) = inbox.try_recv() {
                if let Some(permit) = custody.permit(&delivery, NOW) {
                    std::hint::black_box(permit.into_payload().0);
                }
            }
            Ok(())
        })?);
    }
    custody.close()?;
    let [decode, decide, render] = stages(rounds)?;
    Ok(serde_json::json!({
        "stage_decode_ns": decode,
        "stage_decide_ns": decide,
        "stage_render_ns": render,
        "ingest_path_ns": alone,
        "ingest_offered_ns": median(offered),
        "permit_and_render_ns": median(permits),
    }))
}

/// Decode, decide and render, each by itself.
fn stages(rounds: usize) -> anyhow::Result<[u64; 3]> {
    let notice = Notice::parse(NOTICE)?;
    let schema = policy::Schema::compile(&notice)?;
    let program = policy::compile(&policy::Inputs {
        notice: &notice,
        schema: &schema,
        people: &[],
        grants: &[grant()?],
        caps: &[],
        generation: 1,
    });
    let facts = policy::Facts {
        now: NOW,
        licence: LicenceState::Active,
        quarantined: false,
    };
    let payload = schema.decode(PAYLOAD)?;
    let decision = policy::decide_kept(&program, &payload, &facts);
    let kept = decision.stored().first();
    let kept = kept.ok_or_else(|| anyhow::anyhow!("nothing of the message is kept"))?;
    let (mut decode, mut decide, mut render) = (Vec::new(), Vec::new(), Vec::new());
    let mut out = Vec::with_capacity(512);
    for _ in 0..rounds {
        decode.push(per_message(|| {
            for _ in 0..BATCH {
                std::hint::black_box(schema.decode_all(std::hint::black_box(PAYLOAD))?);
            }
            Ok(())
        })?);
        decide.push(per_message(|| {
            for _ in 0..BATCH {
                let payload = std::hint::black_box(&payload);
                std::hint::black_box(policy::decide_kept(&program, payload, &facts));
            }
            Ok(())
        })?);
        render.push(per_message(|| {
            for _ in 0..BATCH {
                out.clear();
                policy::render_stored(std::hint::black_box(&payload), &kept.outcome, &mut out);
            }
            Ok(())
        })?);
    }
    Ok([median(decode), median(decide), median(render)])
}

fn ingest(
    custody: &Custody,
    thing: &std::sync::Arc<ThingPeer>,
    rounds: usize,
) -> anyhow::Result<u64> {
    let mut figures = Vec::new();
    for _ in 0..rounds {
        let mut lsn = custody::Lsn::START;
        figures.push(per_message(|| {
            for _ in 0..BATCH {
                lsn = custody.ingest(thing, std::hint::black_box(PAYLOAD), NOW)?;
            }
            Ok(())
        })?);
        custody.wait_durable(lsn)?;
    }
    Ok(median(figures))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn per_message(batch: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<u64> {
    let start = Instant::now();
    batch()?;
    Ok(u64::try_from(start.elapsed().as_nanos())? / u64::try_from(BATCH)?)
}

fn median(mut figures: Vec<u64>) -> u64 {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn grant() -> anyhow::Result<Grant> {
    Ok(Grant {
        recipient: RecipientId::parse("environment-agency")?,
        purpose: PurposeId::parse("air-quality")?,
        deployment: DeploymentId::parse("street-air")?,
        valid_from: NOW,
        valid_until: None,
    })
}

fn prepare(
    custody: &Custody,
) -> anyhow::Result<(
    std::sync::Arc<ThingPeer>,
    std::sync::Arc<custody::RecipientPeer>,
)> {
    let notice = Notice::parse(NOTICE)?;
    let grant = grant()?;
    let (deployment, recipient) = (grant.deployment.clone(), grant.recipient.clone());
    let thing = ThingId::parse("station-1")?;
    let [thing_token, recipient_token] = custody.act(NOW, |act| {
        act.publish_notice(&notice, NOTICE)?;
        let licence = Licence {
            state: LicenceState::Active,
            until: None,
        };
        act.set_licence(&deployment, licence)?;
        let tokens = [
            act.register_thing(&thing, &deployment)?,
            act.register_recipient(&recipient)?,
        ];
        act.grant(&grant)?;
        Ok::<_, ActError>(tokens)
    })?;
    let peer = |id: &str, token: &custody::Token| {
        custody.authenticate(id, token.expose_secret().as_bytes(), NOW)
    };
    match (
        peer("station-1", &thing_token),
        peer("environment-agency", &recipient_token),
    ) {
        (Some(Peer::Thing(thing)), Some(Peer::Recipient(recipient))) => Ok((thing, recipient)),
        _ => anyhow::bail!("the peers that were just registered do not authenticate"),
    }
}
