//! `admin add`: accounts of staff and feeds, written into identity's own database.

use std::sync::Arc;

use clap::{Args, Subcommand};
use lutong_chassis::access::{FeedGrant, Roles};
use lutong_chassis::entropy::Entropy;
use lutong_chassis::wall_clock::WallClock;
use lutong_identity::domain::account::{Account, AccountId};
use lutong_kernel::{DivisionCode, ServiceName};
use lutong_node::keys::MeshKeys;
use lutong_node::one_process;
use lutong_proto::policy::Role;

use super::{Failure, Settings};

#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Add an account.
    Add(Add),
}

#[derive(Debug, Args)]
pub struct Add {
    /// As the identity provider knows it.
    account: String,
    /// A role, for example checkpoint, epidemiologist, authority-feed; may be given more than once.
    #[arg(long = "role", required = true)]
    roles: Vec<String>,
    /// The division within which staff act.
    #[arg(long)]
    division: Option<String>,
    /// A feed's registered name.
    #[arg(long)]
    source: Option<String>,
    /// Fact kinds that the feed may report, comma-separated.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Divisions that the feed may name, comma-separated; none: the whole province.
    #[arg(long, value_delimiter = ',')]
    divisions: Vec<String>,
    #[command(flatten)]
    settings: Settings,
}

fn input(error: impl std::fmt::Display) -> Failure {
    Failure::Input(error.to_string())
}

fn role(name: &str) -> Result<Role, Failure> {
    let name = format!("ROLE_{}", name.to_uppercase().replace('-', "_"));
    let role = Role::from_str_name(&name)
        .filter(|role| !matches!(role, Role::Unspecified | Role::Service | Role::Public));
    role.ok_or_else(|| {
        Failure::Input(format!(
            "--role: there is no role {name} that an account can have"
        ))
    })
}

fn division(code: &str) -> Result<DivisionCode, Failure> {
    DivisionCode::parse(code).map_err(|error| Failure::Input(format!("{code}: {error}")))
}

impl Add {
    fn account(&self) -> Result<Account, Failure> {
        let roles = self
            .roles
            .iter()
            .map(|name| role(name))
            .collect::<Result<Vec<_>, _>>()?;
        let is_feed = roles.contains(&Role::AuthorityFeed);
        if is_feed != self.source.is_some() || is_feed == self.kinds.is_empty() {
            return Err(input(
                "an authority-feed, and nobody else, has a --source and --kinds",
            ));
        }
        let mut kinds = Vec::new();
        for kind in &self.kinds {
            let kind: lutong_risk_rules::domain::fact::FactKind = kind.parse().map_err(input)?;
            kinds.push(kind.as_str().to_owned());
        }
        let divisions = self
            .divisions
            .iter()
            .map(|code| division(code))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Account {
            id: AccountId::parse(&self.account).map_err(|wrong| input(wrong.en))?,
            roles: Roles::of(&roles),
            subject: None,
            division: self.division.as_deref().map(division).transpose()?,
            feed: self.source.clone().map(|source| FeedGrant {
                source,
                kinds,
                divisions,
            }),
        })
    }
}

impl Admin {
    pub async fn run(self) -> Result<(), Failure> {
        let Self::Add(add) = self;
        let account = add.account()?;
        let mut config = add.settings.load(false)?;
        let storage = if config.storage.url.expose().is_empty() {
            std::fs::create_dir_all(config.data.join("db"))?;
            config.keys = one_process::keys(&config.data);
            one_process::storage(&config.data, ServiceName::Identity)
        } else {
            config.storage.clone()
        };
        let mesh_keys = MeshKeys::open(&config.keys, &Entropy)?;
        let mut foundation =
            one_process::foundation(&config, Arc::new(WallClock), Arc::new(Entropy), &mesh_keys)?;
        foundation.keys.clone_from(&config.keys);
        let accounts = lutong_identity::open_accounts(&foundation, &storage).await?;
        accounts.add(account).await?;
        println!("{} added", add.account);
        Ok(())
    }
}
