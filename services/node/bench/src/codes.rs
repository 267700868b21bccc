//! Codes shown and verified through the gateway, beside a bare echo, and how long showing takes below its most.

use std::time::Duration;

use lutong_client::Failure;
use lutong_proto::code_rendering::v1::verification_service_client::VerificationServiceClient;
use lutong_proto::code_rendering::v1::{VerificationOutcome, VerifyTokenRequest};
use tonic::Status;

use crate::bare::BareServer;
use crate::doors::Door;
use crate::load::{Load, STRIDE, ask_each, calls_for, show, spread};
use crate::median;
use crate::people::signed_in;

/// Rounds of showing, alternating with the baseline and with verifying; the median counts.
const ROUNDS: usize = 3;
/// Codes that a door verifies; they hold for a minute.
const TOKENS: usize = 5_000;
/// The longest round of verifying, which ends before the codes do.
const LONGEST: u64 = 20;
/// The part of the most at which the time of a call is measured.
const BELOW: f64 = 0.7;

/// Measures, and says what came out.
pub async fn measure(load: &Load, door: &Door, seconds: u64) -> Result<(), Failure> {
    let bare = BareServer::serve()?;
    let round = Duration::from_secs(seconds);
    let (mut ratios, mut bares, mut shows, mut verifications) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // Warm-up: verifies every session and opens every connection.
    load.show_for(Duration::from_secs(1), None).await?;
    load.show_for(Duration::from_secs(1), Some(&bare.base)).await?;
    for _ in 0..ROUNDS {
        let echoed = load.show_for(round, Some(&bare.base)).await?;
        let shown = load.show_for(round, None).await?;
        verifications.push(verify_for(load, door, Duration::from_secs(seconds.min(LONGEST))).await?);
        ratios.push(shown / echoed);
        bares.push(echoed);
        shows.push(shown);
    }
    let most = median(&mut shows);
    say!(
        "showing through the gateway  {most:.0}/s, bare tonic echo {:.0}/s, ratio {:.2} (median of {ROUNDS} rounds of {seconds} s; each call another of {} people, signed in the call) (aim: ≥ 0.45)",
        median(&mut bares),
        median(&mut ratios),
        load.len()
    );
    let verified = median(&mut verifications);
    say!(
        "verifying at a door          {verified:.0}/s, {:.2} of showing (one door; {TOKENS} codes) (aim: ≥ 1)",
        verified / most
    );
    below_the_most(load, most * BELOW, seconds).await
}

/// Shows at a steady rate below the most.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate
async fn below_the_most(load: &Load, rate: f64, seconds: u64) -> Result<(), Failure> {
    let rate = rate as u32;
    let calls = rate as usize * usize::try_from(seconds).unwrap_or(8);
    let people = load.len();
    let latency = load
        .steadily(0..calls, rate, move |channel, sessions, n| async move {
            show(channel, &sessions, n * STRIDE % people).await.map(drop)
        })
        .await?;
    say!(
        "showing at 70 % of that      {rate}/s for {seconds} s: {} (aim: p99 ≤ 10 ms)",
        spread(&latency)
    );
    Ok(())
}

/// A door verifies codes that were shown just before; verifications a second.
async fn verify_for(load: &Load, door: &Door, how_long: Duration) -> Result<f64, Failure> {
    let shown = ask_each(load, 0..TOKENS.min(load.len()), |channel, people, n| async move {
        show(channel, &people, n).await
    });
    let tokens = shown.await?;
    let device = door.device();
    calls_for(&load.base, how_long, move |channel, n| {
        let token = tokens[n % tokens.len()].clone();
        let request = signed_in(VerifyTokenRequest { token }, device.clone());
        async move {
            let answer = VerificationServiceClient::new(channel)
                .verify_token(request)
                .await?;
            match answer.into_inner().outcome() {
                VerificationOutcome::Valid => Ok(()),
                outcome => Err(Status::internal(format!("a shown code is {outcome:?}"))),
            }
        }
    })
    .await
}
