//! `admin add`: accounts of staff and feeds, written into identity's own database.

use std::sync::Arc;

use clap::{Args, Subcommand};
use lutong_chassis::KeyFolder;
use lutong_chassis::access::{FeedGrant, Roles};
use lutong_chassis::entropy::Entropy;
use lutong_chassis::wall_clock::WallClock;
use lutong_declaration::domain::feed::{self, Authority};
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
    #[arg(long = "role", required_unless_present = "feed")]
    roles: Vec<String>,
    /// The division within which staff act.
    #[arg(long)]
    division: Option<String>,
    /// An authority's feed with its kinds: hospital, cdc, border, laboratory, transport, telecom, epidemic-database. Its
    /// registered name is the account's unless --source says otherwise.
    #[arg(long, conflicts_with = "kinds")]
    feed: Option<Authority>,
    /// A feed's registered name, for example cdc-370200.
    #[arg(long)]
    source: Option<String>,
    /// Fact kinds that the feed may report, comma-separated, where it is none of those.
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
        let mut roles = self
            .roles
            .iter()
            .map(|name| role(name))
            .collect::<Result<Vec<_>, _>>()?;
        if self.feed.is_some() && !roles.contains(&Role::AuthorityFeed) {
            roles.push(Role::AuthorityFeed);
        }
        let is_feed = roles.contains(&Role::AuthorityFeed);
        Ok(Account {
            id: AccountId::parse(&self.account).map_err(|wrong| input(wrong.en))?,
            roles: Roles::of(&roles),
            subject: None,
            division: self.division.as_deref().map(division).transpose()?,
            feed: if is_feed {
                Some(self.grant()?)
            } else {
                self.no_grant()?
            },
        })
    }

    fn grant(&self) -> Result<FeedGrant, Failure> {
        let kinds: Vec<String> = match self.feed {
            Some(authority) => authority.kinds().iter().map(|kind| (*kind).to_owned()).collect(),
            None => self.kinds.clone(),
        };
        let named = self
            .source
            .as_ref()
            .or(self.feed.is_some().then_some(&self.account));
        let (Some(source), false) = (named, kinds.is_empty()) else {
            return Err(input(
                "an authority-feed has a --source and --kinds, or is a --feed",
            ));
        };
        feed::check_source(source).map_err(|wrong| input(format!("--source: {wrong}")))?;
        for kind in &kinds {
            feed::check_kind(kind).map_err(|wrong| input(format!("--kinds: {wrong}")))?;
        }
        let divisions = self.divisions.iter().map(|code| division(code));
        Ok(FeedGrant {
            source: source.clone(),
            kinds,
            divisions: divisions.collect::<Result<_, _>>()?,
        })
    }

    fn no_grant(&self) -> Result<Option<FeedGrant>, Failure> {
        if self.source.is_none() && self.kinds.is_empty() && self.divisions.is_empty() {
            return Ok(None);
        }
        Err(input(
            "nobody but an authority-feed has a --source, --kinds or --divisions",
        ))
    }
}

impl Admin {
    pub async fn run(self) -> Result<(), Failure> {
        let Self::Add(add) = self;
        let account = add.account()?;
        let config = add.settings.load(false)?;
        let (storage, keys) = if config.storage.url.expose().is_empty() {
            one_process::prepare(&config.data)?;
            let storage = one_process::storage(&config.data, ServiceName::Identity);
            (storage, one_process::keys(&config.data))
        } else {
            (config.storage.clone(), KeyFolder::given(&config.keys))
        };
        let mesh_keys = MeshKeys::open(&keys, &Entropy)?;
        let mut foundation =
            one_process::foundation(&config, Arc::new(WallClock), Arc::new(Entropy), &mesh_keys)?;
        if !config.storage.url.expose().is_empty() {
            foundation.keys = keys;
        }
        let accounts = lutong_identity::open_accounts(&foundation, &storage).await?;
        accounts.add(account.clone()).await?;
        match &account.feed {
            Some(feed) => say!(
                "{} added: source {}, kinds {}",
                add.account,
                feed.source,
                feed.kinds.join(", ")
            ),
            None => say!("{} added", add.account),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use lutong_risk_rules::domain::fact::FactKind;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    fn account(line: &str) -> Result<Account, String> {
        let words = std::iter::once("add").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.add.account().map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn what_a_feed_may_report_is_what_there_is_but_designations_and_partner_codes() {
        let all: Vec<_> = FactKind::ALL.into_iter().map(FactKind::as_str).collect();
        for kind in &all {
            let withheld = ["designation", "partner_code"].contains(kind);
            assert_eq!(feed::check_kind(kind).is_err(), withheld, "{kind}");
        }
        assert!(feed::REPORTABLE.iter().all(|kind| all.contains(kind)));
    }

    #[test]
    fn each_authority_is_added_by_its_name_alone() {
        for authority in Authority::ALL {
            let added = account(&format!("{authority}-1 --feed {authority} --divisions 370200")).unwrap();
            let grant = added.feed.unwrap();
            assert!(added.roles.has(Role::AuthorityFeed));
            assert_eq!(grant.source, format!("{authority}-1"));
            assert_eq!(grant.kinds, authority.kinds());
            assert_eq!(grant.divisions.len(), 1);
        }
        let named = account("clinic@qingdao --feed hospital --source hospital-370202").unwrap();
        assert_eq!(named.feed.unwrap().source, "hospital-370202");
        let own = account("x --role authority-feed --source x-1 --kinds test,symptoms").unwrap();
        assert_eq!(own.feed.unwrap().kinds, ["test", "symptoms"]);
        assert_eq!(
            account("officer-1 --role health-officer --division 370202")
                .unwrap()
                .feed,
            None
        );
    }

    #[test]
    fn a_grant_that_no_feed_can_have_is_refused() {
        for wrong in [
            "x",
            "x --role authority-feed",
            "x --role authority-feed --source x-1",
            "x --role authority-feed --source self --kinds test",
            "x --role authority-feed --source officer-1 --kinds test",
            "x --role authority-feed --source x-1 --kinds designation",
            "x --role authority-feed --source x-1 --kinds rumour",
            "x --feed police",
            "x --feed hospital --kinds test",
            "X@1 --feed hospital",
            "x --role checkpoint --kinds test",
            "x --role checkpoint --divisions 370200",
            "x --feed cdc --divisions 37",
        ] {
            assert!(account(wrong).is_err(), "{wrong}");
        }
    }
}
