#![doc = include_str!("../README.md")]

#[macro_use]
extern crate lutong_client;

mod accounts;
mod areas;
mod audit;
mod certs;
mod channels;
mod check;
mod checkpoint_devices;
mod checkpoints;
mod complaints;
mod data;
mod decisions;
mod designations;
mod door_reports;
mod fact_kinds;
mod facts;
mod federation;
mod history_verifications;
mod key_areas;
mod keys;
mod merges;
mod operations;
mod people;
mod pulls;
mod recomparisons;
mod rollbacks;
mod rule_sets;
mod serve;
mod stand_ins;
mod unplaced_areas;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lutong_kernel::ServiceName;

use lutong_client::{Failure, output};

/// 鲁通: Shandong's health pass code.
#[derive(Debug, Parser)]
#[command(name = "lutong", version, about, arg_required_else_help = true)]
pub struct Command {
    /// Output language; default: that of LC_ALL, LC_MESSAGES or LANG.
    #[arg(long, global = true, value_enum, ignore_case = true)]
    lang: Option<output::Language>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serve all services in one process, or one service of the mesh.
    Serve(serve::Serve),
    /// Certificates.
    #[command(subcommand)]
    Certs(certs::Certs),
    /// Key files, and the keys that sign tokens and lists.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Bring a service's schema up to date (for PostgreSQL; with SQLite `serve` does it).
    Migrate(serve::Migrate),
    /// The configuration.
    #[command(subcommand)]
    Config(serve::Config),
    /// Accounts of staff and feeds, in identity's own database.
    #[command(subcommand, visible_alias = "admin")]
    Accounts(accounts::Accounts),
    /// Channels through which people sign in.
    #[command(subcommand)]
    Channels(channels::Channels),
    /// Check whether a running mesh works.
    Check(check::Check),
    /// Registered doors of a district.
    #[command(subcommand)]
    Checkpoints(checkpoints::Checkpoints),
    /// Devices of doors.
    #[command(subcommand)]
    CheckpointDevices(checkpoint_devices::CheckpointDevices),
    /// Cases of complaints and appeals, orders of the hotline 12345 in bulk, and the public numbers.
    #[command(subcommand)]
    Complaints(complaints::Complaints),
    /// Print the completion script for a shell: `lutong completion bash > /etc/bash_completion.d/lutong`.
    Completion { shell: clap_complete::Shell },
    /// People managed as high or medium risk by decision of two officers.
    #[command(subcommand)]
    Designations(designations::Designations),
    /// Yellow and red codes at doors, and what became of them.
    #[command(subcommand)]
    DoorReports(door_reports::DoorReports),
    /// Risk areas.
    #[command(subcommand)]
    Areas(areas::Areas),
    /// Rows of notices whose location an officer has to determine.
    #[command(subcommand)]
    UnplacedAreas(unplaced_areas::UnplacedAreas),
    /// Divisions managed as key areas: one officer proposes, another approves.
    #[command(subcommand)]
    KeyAreas(key_areas::KeyAreas),
    /// Facts of an authority's feed.
    #[command(subcommand)]
    Facts(facts::Facts),
    /// Kinds of facts that can be reported: attributes, values, and who reports them.
    #[command(subcommand)]
    FactKinds(fact_kinds::FactKinds),
    /// Other provinces and the national platform: partners, and the lists that say who is trusted.
    #[command(subcommand)]
    Federation(federation::Federation),
    /// Applications of an organisation for its people.
    #[command(subcommand)]
    People(people::People),
    /// Databases that are pulled on a schedule.
    #[command(subcommand)]
    Pulls(pulls::Pulls),
    /// Rollbacks of a feed's reports within a period: one supervisor proposes, another approves.
    #[command(subcommand)]
    Rollbacks(rollbacks::Rollbacks),
    /// Rule sets: announced by one account, previewed in shadow, approved by another.
    #[command(subcommand, visible_alias = "rules")]
    RuleSets(rule_sets::RuleSets),
    /// Re-comparisons of every stored decision with the facts.
    #[command(subcommand)]
    Recomparisons(recomparisons::Recomparisons),
    /// Past decisions.
    #[command(subcommand)]
    Decisions(decisions::Decisions),
    /// Verifications of the chains of decisions.
    #[command(subcommand)]
    HistoryVerifications(history_verifications::HistoryVerifications),
    /// Merges of subjects that are the same person.
    #[command(subcommand)]
    Merges(merges::Merges),
    /// Long-running operations: re-comparisons, rollbacks, previews, verifications, pulls.
    #[command(subcommand)]
    Operations(operations::Operations),
    /// Recorded calls, and verification of the audit logs.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Benchmark: showing codes against a bare server, applications, start-up, memory.
    Bench(lutong_bench::Bench),
    /// Demonstrate the main workflow on real input.
    Tour(lutong_tour::Tour),
}

/// The sources of the configuration.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Configuration file (TOML).
    #[arg(long, env = "LUTONG_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder of databases and keys of the single process.
    #[arg(long)]
    pub data: Option<PathBuf>,
}

impl Command {
    pub async fn run(self) -> ExitCode {
        let done = match self.action {
            Action::Channels(channels) => channels.run().await,
            Action::Check(check) => check.run().await,
            Action::Checkpoints(checkpoints) => checkpoints.run().await,
            Action::CheckpointDevices(devices) => devices.run().await,
            Action::DoorReports(reports) => reports.run().await,
            Action::Complaints(complaints) => complaints.run().await,
            Action::Completion { shell } => {
                complete(shell);
                Ok(())
            }
            Action::Designations(designations) => designations.run().await,
            Action::Serve(serve) => serve.run().await,
            Action::Certs(certs) => certs.run(),
            Action::Keys(keys) => keys.run().await,
            Action::Migrate(migrate) => migrate.run().await,
            Action::Config(config) => config.run().await,
            Action::Accounts(accounts) => accounts.run().await,
            Action::Areas(areas) => areas.run().await,
            Action::UnplacedAreas(unplaced_areas) => unplaced_areas.run().await,
            Action::KeyAreas(key_areas) => key_areas.run().await,
            Action::Facts(facts) => facts.run().await,
            Action::FactKinds(fact_kinds) => fact_kinds.run().await,
            Action::Federation(federation) => federation.run().await,
            Action::People(people) => people.run().await,
            Action::Pulls(pulls) => pulls.run().await,
            Action::Rollbacks(rollbacks) => rollbacks.run().await,
            Action::RuleSets(rule_sets) => rule_sets.run().await,
            Action::Recomparisons(recomparisons) => recomparisons.run().await,
            Action::Decisions(decisions) => decisions.run().await,
            Action::HistoryVerifications(verifications) => verifications.run().await,
            Action::Merges(merges) => merges.run().await,
            Action::Operations(operations) => operations.run().await,
            Action::Audit(audit) => audit.run().await,
            Action::Bench(bench) => bench.run().await,
            Action::Tour(tour) => tour.run().await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Failed) => ExitCode::FAILURE,
            Err(Failure::Because(reason)) => {
                output::complain(format_args!("lutong: {reason}"));
                ExitCode::FAILURE
            }
            Err(Failure::Input(reason)) => {
                output::complain(format_args!("lutong: {reason}"));
                ExitCode::from(2)
            }
        }
    }
}

fn complete(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut <Command as clap::CommandFactory>::command(),
        "lutong",
        &mut script,
    );
    output::write(format_args!("{}", String::from_utf8_lossy(&script)));
}

/// Parses a service name; the error lists the valid names.
fn service(text: &str) -> Result<ServiceName, String> {
    text.parse()
        .map_err(|error: lutong_kernel::service::UnknownService| error.to_string())
}

#[cfg(test)]
mod tests;
