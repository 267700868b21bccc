//! `lutong bench --verified`: applications as the public sends them. Each account is one of a channel, proves its mobile by a one-time code,
//! and is verified by the authority, which a stand-in plays.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use lutong_composition::Running;
use lutong_composition::config::NodeConfig;
use lutong_kernel::{Clock as _, RequestId};
use lutong_operating::entropy::Entropy;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::identity::v1::one_time_code_service_client::OneTimeCodeServiceClient;
use lutong_proto::identity::v1::{CreateOneTimeCodeRequest, OneTimeCodePurpose};
use lutong_proto::types::v1::OneTimeCodeProof;
use lutong_stand_ins::StandIns;
use std::sync::Arc;
use tonic::transport::Channel;

use crate::load::{Load, ask_each, spread};
use crate::people::{NAME, People, document, mobile, signed_in};
use lutong_client::Failure;

/// How long the authority takes to answer.
const VERIFICATION: Duration = Duration::from_millis(5);
/// Applications a second in the steady phase.
const STEADY: u32 = 500;
/// People of the sustained phase. Their codes hold five minutes.
const SUSTAINED: usize = 20_000;

/// Points the configuration to stand-ins.
pub async fn configure(config: &mut NodeConfig, folder: &Path) -> Result<StandIns, Failure> {
    let stand_ins = StandIns::start(0, Arc::new(WallClock), Arc::new(Entropy)).await?;
    let mut identity = stand_ins.identity(folder)?;
    // Health cards are asked for in the background: they are none of what is measured.
    if let Some(settings) = identity.as_object_mut() {
        settings.remove("card_platform");
    }
    config.identity = serde_json::from_value(identity).map_err(std::io::Error::from)?;
    config.gateway.channels = serde_json::from_value(stand_ins.channels("http://127.0.0.1:8080", folder)?)
        .map_err(std::io::Error::from)?;
    config.gateway.rate_messages = 1_000_000;
    Ok(stand_ins)
}

/// Measures applications at a steady rate, and as fast as they are answered.
pub async fn run(
    running: &Running,
    stand_ins: &StandIns,
    people: impl Fn(usize) -> People,
    seconds: u64,
) -> Result<(), Failure> {
    let base = format!("http://{}", running.address);
    let steady = usize::try_from(seconds).unwrap_or(8) * STEADY as usize;
    for n in 0..steady + SUSTAINED {
        stand_ins.add_person(NAME, document(n).number, &mobile(n));
    }
    let load = prepared(&base, stand_ins, people(steady + SUSTAINED), 0..steady).await?;
    stand_ins.faults.answer_after(VERIFICATION);
    let latency = load.apply_steadily(0..steady, STEADY).await?;
    say!(
        "verified application to code {STEADY}/s for {seconds} s on SQLite, the authority answers in {} ms: {} (aim: p99 ≤ 60 ms)",
        VERIFICATION.as_millis(),
        spread(&latency)
    );
    stand_ins.faults.answer_after(Duration::ZERO);
    let load = prepared(
        &base,
        stand_ins,
        people(steady + SUSTAINED),
        steady..steady + SUSTAINED,
    )
    .await?;
    stand_ins.faults.answer_after(VERIFICATION);
    let (took, latency) = load.apply_all(steady..steady + SUSTAINED).await?;
    say!(
        "verified, sustained          {:.0}/s over {SUSTAINED} people, each shown its signed code (p99 {:.0} ms) (aim: ≥ 1,800/s)",
        SUSTAINED as f64 / took.as_secs_f64(),
        latency.value_at_quantile(0.99) as f64 / 1_000.0
    );
    Ok(())
}

/// Has a one-time code sent to each of them, and reads it.
async fn prepared(
    base: &str,
    stand_ins: &StandIns,
    people: People,
    who: Range<usize>,
) -> Result<Load, Failure> {
    let load = Load::to(base, people);
    let made = ask_each(
        &load,
        who,
        |channel: Channel, people: Arc<People>, n| async move {
            let asked = CreateOneTimeCodeRequest {
                request_id: RequestId::new(WallClock.now(), &Entropy).to_string(),
                mobile: mobile(n),
                purpose: OneTimeCodePurpose::Apply.into(),
            };
            let request = signed_in(asked, people.bearer(n));
            let answer = OneTimeCodeServiceClient::new(channel)
                .create_one_time_code(request)
                .await?;
            let code = answer.into_inner().one_time_code.unwrap_or_default();
            Ok((n, code.name))
        },
    );
    let made = made.await?;
    let sent: HashMap<_, _> = stand_ins.codes().into_iter().collect();
    let proofs = made.into_iter().filter_map(|(n, one_time_code)| {
        let code = sent.get(&format!("+86{}", mobile(n)))?.clone();
        Some((n, OneTimeCodeProof { one_time_code, code }))
    });
    Ok(load.with_proofs(proofs.collect()))
}
