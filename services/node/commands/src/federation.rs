//! `federation`: partners of mutual recognition, and the trust lists that say who they are.

mod conformance;
mod conversion_rollbacks;
mod conversions;
mod evidence;
mod message_records;
mod mock;
mod onboard;
mod partner_qualities;
mod partners;
mod subscriptions;
mod trust;

use clap::Subcommand;

use lutong_client::Failure;

#[derive(Debug, Subcommand)]
pub enum Federation {
    /// Whether another code system keeps the contract: run the kit, verify its reports, compare them.
    Conformance(conformance::Conformance),
    /// Converted codes of partners, and how their origins stand by them.
    #[command(subcommand)]
    Conversions(conversions::Conversions),
    /// Write what proves an exchange to others: signed headers, keys, trust list and place in the chain of records.
    Evidence(evidence::Make),
    /// Verify such evidence; needs no database and no network.
    VerifyEvidence(evidence::Verify),
    /// What a new partner hands over.
    #[command(subcommand)]
    Onboard(onboard::Onboard),
    /// What crossed the border.
    #[command(subcommand)]
    MessageRecords(message_records::MessageRecords),
    /// A code system that keeps the contract, or breaks it as it is told: to try the kit, and a partner's own client, on.
    Mock(mock::MockArgs),
    /// Partners and their states: one operator proposes, another approves.
    #[command(subcommand)]
    Partners(partners::Partners),
    /// How well partners serve and are served: freshness, refusals, outages.
    #[command(subcommand)]
    Quality(partner_qualities::Quality),
    /// How far partners and we have told each other of changes.
    #[command(subcommand)]
    Subscriptions(subscriptions::Subscriptions),
    /// Trust lists: signed offline with the root key, then staged and activated.
    #[command(subcommand)]
    Trust(trust::Trust),
}

impl Federation {
    pub async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Conformance(conformance) => conformance.run().await,
            Self::Conversions(conversions) => conversions.run().await,
            Self::Evidence(make) => make.run().await,
            Self::VerifyEvidence(verify) => verify.run(),
            Self::Onboard(onboard) => onboard.run(),
            Self::MessageRecords(records) => records.run().await,
            Self::Mock(mock) => mock.run().await,
            Self::Partners(partners) => partners.run().await,
            Self::Quality(quality) => quality.run().await,
            Self::Subscriptions(subscriptions) => subscriptions.run().await,
            Self::Trust(trust) => trust.run().await,
        }
    }
}
