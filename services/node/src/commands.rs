//! The command line.

mod admin;
mod api;
mod areas;
mod audit;
mod bench;
mod certs;
mod check;
mod client;
mod connection;
mod data;
mod decisions;
mod designations;
mod facts;
mod key_areas;
mod keys;
mod merges;
mod operations;
mod recompare;
mod rules;
mod serve;
mod tour;
mod why;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lutong_kernel::ServiceName;

/// 鲁通: Shandong's health pass code.
#[derive(Debug, Parser)]
#[command(name = "lutong", version, about, arg_required_else_help = true)]
pub struct Command {
    /// The language of what is said; without it, that of LC_ALL, LC_MESSAGES or LANG.
    #[arg(long, global = true, value_enum)]
    lang: Option<crate::output::Language>,
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
    Accounts(admin::Admin),
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
    /// Divisions managed as key areas: one officer proposes, another approves.
    #[command(subcommand)]
    KeyAreas(key_areas::KeyAreas),
    /// Facts of an authority's feed.
    #[command(subcommand)]
    Facts(facts::Facts),
    /// Rule sets.
    #[command(subcommand)]
    Rules(rules::Rules),
    /// Compare everybody's stored decision with what the facts say.
    Recompare(recompare::Recompare),
    /// Past decisions.
    #[command(subcommand)]
    Decisions(decisions::Decisions),
    /// Which subjects are one person.
    #[command(subcommand)]
    Merges(merges::Merges),
    /// Proofs.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Measure: showing against a bare server, applying, starting, memory.
    Bench(bench::Bench),
    /// Show the main job by itself, on real input.
    Tour(tour::Tour),
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

/// A command that did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// Said already.
    Failed,
    /// What to say.
    Because(String),
    /// A file or an argument is wrong.
    Input(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Because(error.to_string())
    }
}

impl Command {
    pub async fn run(self) -> ExitCode {
        crate::output::speak(self.lang);
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
            Action::Accounts(admin) => admin.run().await,
            Action::Areas(areas) => areas.run().await,
            Action::KeyAreas(key_areas) => key_areas.run().await,
            Action::Facts(facts) => facts.run().await,
            Action::Recompare(recompare) => recompare.run().await,
            Action::Decisions(decisions) => decisions.run().await,
            Action::Merges(merges) => merges.run().await,
            Action::Audit(audit) => audit.run().await,
            Action::Rules(rules) => rules.run().await,
            Action::Bench(bench) => bench.run().await,
            Action::Tour(tour) => tour.run().await,
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Failed) => ExitCode::FAILURE,
            Err(Failure::Because(reason)) => {
                crate::output::complain(format_args!("lutong: {reason}"));
                ExitCode::FAILURE
            }
            Err(Failure::Input(reason)) => {
                crate::output::complain(format_args!("lutong: {reason}"));
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
    crate::output::write(format_args!("{}", String::from_utf8_lossy(&script)));
}

/// For clap: the error lists the valid names.
fn service(text: &str) -> Result<ServiceName, String> {
    text.parse()
        .map_err(|error: lutong_kernel::service::UnknownService| error.to_string())
}
