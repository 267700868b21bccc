#![doc = include_str!("../README.md")]

#[macro_use]
extern crate lutong_client;

mod accounts;
mod areas;
mod audit;
mod certs;
mod check;
mod data;
mod decisions;
mod designations;
mod fact_kinds;
mod facts;
mod history_verifications;
mod key_areas;
mod keys;
mod merges;
mod operations;
mod pulls;
mod recomparisons;
mod rollbacks;
mod rule_sets;
mod serve;
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
    /// The language of what is said; without it, that of LC_ALL, LC_MESSAGES or LANG.
    #[arg(long, global = true, value_enum, ignore_case = true)]
    lang: Option<output::Language>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serve everything in one process, or one service of the mesh.
    Serve(serve::Serve),
    /// Certificates.
    #[command(subcommand)]
    Certs(certs::Certs),
    /// Key files.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Bring a service's schema up to date (on PostgreSQL; in one process `serve` does it).
    Migrate(serve::Migrate),
    /// The configuration.
    #[command(subcommand)]
    Config(serve::Config),
    /// Accounts of staff and feeds, in identity's own database.
    #[command(subcommand, visible_alias = "admin")]
    Accounts(accounts::Accounts),
    /// Whether a running mesh is well.
    Check(check::Check),
    /// Completion of this command for a shell: `lutong completion bash > /etc/bash_completion.d/lutong`.
    Completion { shell: clap_complete::Shell },
    /// Others managed as high or medium risk, by two officers.
    #[command(subcommand)]
    Designations(designations::Designations),
    /// Risk areas.
    #[command(subcommand)]
    Areas(areas::Areas),
    /// Rows of notices that only an officer can place.
    #[command(subcommand)]
    UnplacedAreas(unplaced_areas::UnplacedAreas),
    /// Divisions managed as key areas: one officer proposes, another approves.
    #[command(subcommand)]
    KeyAreas(key_areas::KeyAreas),
    /// Facts of an authority's feed.
    #[command(subcommand)]
    Facts(facts::Facts),
    /// What can be reported: kinds, attributes, values, and who reports them.
    #[command(subcommand)]
    FactKinds(fact_kinds::FactKinds),
    /// Databases that are asked on a schedule.
    #[command(subcommand)]
    Pulls(pulls::Pulls),
    /// Undoing what a feed reported in a span of time: one supervisor proposes, another approves.
    #[command(subcommand)]
    Rollbacks(rollbacks::Rollbacks),
    /// Rule sets: announced by one, tried in shadow and approved by another.
    #[command(subcommand, visible_alias = "rules")]
    RuleSets(rule_sets::RuleSets),
    /// Everybody's stored decision against what the facts say.
    #[command(subcommand)]
    Recomparisons(recomparisons::Recomparisons),
    /// Past decisions.
    #[command(subcommand)]
    Decisions(decisions::Decisions),
    /// Whether the chains of decisions are as they were made.
    #[command(subcommand)]
    HistoryVerifications(history_verifications::HistoryVerifications),
    /// Which subjects are one person.
    #[command(subcommand)]
    Merges(merges::Merges),
    /// What goes on by itself in the mesh: re-comparisons, rollbacks, previews, verifications, pulls.
    #[command(subcommand)]
    Operations(operations::Operations),
    /// Who did what, and that nobody changed what was recorded.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Measure: showing against a bare server, applying, starting, memory.
    Bench(lutong_bench::Bench),
    /// Show the main job by itself, on real input.
    Tour(lutong_tour::Tour),
}

/// Where the configuration comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Configuration file (TOML).
    #[arg(long, env = "LUTONG_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where databases and keys lie, in one process.
    #[arg(long)]
    pub data: Option<PathBuf>,
}

impl Command {
    pub async fn run(self) -> ExitCode {
        let done = match self.action {
            Action::Check(check) => check.run().await,
            Action::Completion { shell } => {
                complete(shell);
                Ok(())
            }
            Action::Designations(designations) => designations.run().await,
            Action::Serve(serve) => serve.run().await,
            Action::Certs(certs) => certs.run(),
            Action::Keys(keys) => keys.run(),
            Action::Migrate(migrate) => migrate.run().await,
            Action::Config(config) => config.run().await,
            Action::Accounts(accounts) => accounts.run().await,
            Action::Areas(areas) => areas.run().await,
            Action::UnplacedAreas(unplaced_areas) => unplaced_areas.run().await,
            Action::KeyAreas(key_areas) => key_areas.run().await,
            Action::Facts(facts) => facts.run().await,
            Action::FactKinds(fact_kinds) => fact_kinds.run().await,
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

/// For clap: the error lists the valid names.
fn service(text: &str) -> Result<ServiceName, String> {
    text.parse()
        .map_err(|error: lutong_kernel::service::UnknownService| error.to_string())
}

#[cfg(test)]
mod tests;
