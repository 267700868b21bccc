//! The rights of an account, as flags.

use std::collections::BTreeSet;

use clap::Args;
use lutong_declaration::{check_kind, check_source, kinds_of};
use lutong_identity::{ACTING, Account, AccountId, OF_DESKS};
use lutong_kernel::{Authority, Desk, DivisionCode};
use lutong_proto::policy::Role;
use lutong_risk_engine::notice::place::is_issued;
use lutong_transport::access::{FeedGrant, Roles};

use super::input;
use lutong_client::Failure;
use lutong_client::output::in_language;

#[derive(Debug, Args)]
pub struct Rights {
    /// A role, for example checkpoint, epidemiologist, authority-feed; may be given more than once.
    #[arg(long = "role", required_unless_present = "feed")]
    roles: Vec<String>,
    /// The division of Shandong within which staff act; roles that act on people or areas need it, or --province-wide.
    #[arg(long, conflicts_with = "province_wide")]
    division: Option<String>,
    /// Staff act or a feed reports for the whole province.
    #[arg(long, conflicts_with = "divisions")]
    province_wide: bool,
    /// An authority's feed with that authority's fact kinds: hospital, cdc, border, laboratory, transport, telecom,
    /// epidemic-database. Its registered name is the account's, unless --source is given.
    #[arg(long, conflicts_with = "kinds")]
    feed: Option<Authority>,
    /// A feed's registered name, for example cdc-370200.
    #[arg(long)]
    source: Option<String>,
    /// Fact kinds that the feed may report, comma-separated; instead of --feed.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Divisions about which the feed may report, comma-separated; or --province-wide.
    #[arg(long, value_delimiter = ',')]
    divisions: Vec<String>,
    /// The kinds of complaints that a health officer or supervisor works on, comma-separated: feedback, appeal, place, door_report; all without it.
    /// Cases that are assigned to them are theirs whatever the kind.
    #[arg(long = "desk", value_delimiter = ',')]
    desks: Vec<Desk>,
}

fn role(name: &str) -> Result<Role, Failure> {
    let constant = format!("ROLE_{}", name.to_uppercase().replace('-', "_"));
    let role = Role::from_str_name(&constant)
        .filter(|role| !matches!(role, Role::Unspecified | Role::Service | Role::Public));
    role.ok_or_else(|| {
        Failure::Input(lang!(
            "--role：账号没有 {name} 这一角色",
            "--role: there is no role {name} that an account can have"
        ))
    })
}

/// Accepts only officially assigned codes: a mistyped one would grant a division that does not exist.
fn division(code: &str) -> Result<DivisionCode, Failure> {
    let parsed = DivisionCode::parse(code).map_err(|error| Failure::Input(format!("{code}: {error}")))?;
    if is_issued(parsed) {
        return Ok(parsed);
    }
    Err(Failure::Input(lang!(
        "{code}：没有此区划代码",
        "{code}: there is no division of this code"
    )))
}

/// The division of a staff account.
fn own_division(code: &str) -> Result<DivisionCode, Failure> {
    let own = division(code)?;
    if own == DivisionCode::SHANDONG {
        return Err(Failure::Input(lang!(
            "--division：全省请用 --province-wide，那是单独的授权",
            "--division: for the whole province say --province-wide, which is a grant of its own"
        )));
    }
    if !DivisionCode::SHANDONG.contains(own) {
        return Err(Failure::Input(lang!(
            "--division：{code} 不在山东省内",
            "--division: {code} lies outside Shandong"
        )));
    }
    Ok(own)
}

impl Rights {
    /// The account `name` with these rights.
    pub fn account(&self, name: &str) -> Result<Account, Failure> {
        let mut roles = self
            .roles
            .iter()
            .map(|name| role(name))
            .collect::<Result<Vec<_>, _>>()?;
        if self.feed.is_some() && !roles.contains(&Role::AuthorityFeed) {
            roles.push(Role::AuthorityFeed);
        }
        let is_feed = roles.contains(&Role::AuthorityFeed);
        let acts = roles.iter().any(|role| ACTING.contains(role));
        let account = Account {
            roles: Roles::of(&roles),
            desks: self.desks(&roles)?,
            division: match &self.division {
                Some(code) => Some(own_division(code)?),
                None => (self.province_wide && (acts || !is_feed)).then_some(DivisionCode::SHANDONG),
            },
            feed: if is_feed {
                Some(self.grant(name)?)
            } else {
                self.no_grant()?
            },
            ..Account::citizen(
                AccountId::chosen(name).map_err(|wrong| input(in_language(&wrong.zh, &wrong.en)))?,
            )
        };
        if account.check().is_err() {
            return Err(Failure::Input(lang!(
                "处理人员或地区的角色须有 --division（例如 370202）或 --province-wide",
                "a role that acts on people or areas has a --division (for example 370202) or is --province-wide"
            )));
        }
        Ok(account)
    }

    fn grant(&self, name: &str) -> Result<FeedGrant, Failure> {
        let kinds: Vec<String> = match self.feed {
            Some(authority) => kinds_of(authority)
                .iter()
                .map(|kind| (*kind).to_owned())
                .collect(),
            None => self.kinds.clone(),
        };
        let named = self
            .source
            .clone()
            .or_else(|| self.feed.is_some().then(|| name.to_owned()));
        let (Some(source), false) = (named, kinds.is_empty()) else {
            return Err(Failure::Input(lang!(
                "authority-feed 须有 --source 和 --kinds，或用 --feed",
                "an authority-feed has a --source and --kinds, or is a --feed"
            )));
        };
        check_source(&source).map_err(|wrong| input(format!("--source: {wrong}")))?;
        for kind in &kinds {
            check_kind(kind).map_err(|wrong| input(format!("--kinds: {wrong}")))?;
        }
        if self.divisions.is_empty() && !self.province_wide {
            return Err(Failure::Input(lang!(
                "数据源须有可填报的 --divisions（例如 370200），或 --province-wide",
                "a feed has the --divisions that it may name (for example 370200), or is --province-wide"
            )));
        }
        let divisions = self.divisions.iter().map(|code| division(code));
        Ok(FeedGrant {
            source,
            kinds,
            divisions: divisions.collect::<Result<_, _>>()?,
        })
    }

    /// Sorted, each once.
    fn desks(&self, roles: &[Role]) -> Result<Vec<Desk>, Failure> {
        if !self.desks.is_empty() && !roles.iter().any(|role| OF_DESKS.contains(role)) {
            return Err(Failure::Input(lang!(
                "只有 health-officer 和 supervisor 才有 --desk",
                "nobody but a health-officer or supervisor has a --desk"
            )));
        }
        let desks: BTreeSet<Desk> = self.desks.iter().copied().collect();
        Ok(desks.into_iter().collect())
    }

    fn no_grant(&self) -> Result<Option<FeedGrant>, Failure> {
        if self.source.is_none() && self.kinds.is_empty() && self.divisions.is_empty() {
            return Ok(None);
        }
        Err(Failure::Input(lang!(
            "只有 authority-feed 才有 --source、--kinds、--divisions",
            "nobody but an authority-feed has a --source, --kinds or --divisions"
        )))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use lutong_risk_engine::fact::FactKind;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        account: String,
        #[command(flatten)]
        rights: Rights,
    }

    fn account(line: &str) -> Result<Account, String> {
        let words = std::iter::once("add").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.rights
            .account(&line.account)
            .map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn what_a_feed_may_report_is_what_there_is_but_what_services_state() {
        let all: Vec<_> = FactKind::ALL.into_iter().map(FactKind::as_str).collect();
        for kind in &all {
            let withheld = ["designation", "partner_code", "relief"].contains(kind);
            assert_eq!(check_kind(kind).is_err(), withheld, "{kind}");
        }
        assert!(lutong_declaration::reportable_kinds().all(|kind| all.contains(&kind)));
    }

    #[test]
    fn each_authority_is_added_by_its_name_alone() {
        for authority in Authority::ALL.iter().copied() {
            let added = account(&format!("{authority}-1 --feed {authority} --divisions 370200")).unwrap();
            let grant = added.feed.unwrap();
            assert!(added.roles.has(Role::AuthorityFeed));
            assert_eq!(grant.source, format!("{authority}-1"));
            assert_eq!(grant.kinds, kinds_of(authority));
            assert_eq!(grant.divisions.len(), 1);
        }
        let named =
            account("clinic@qingdao --feed hospital --source hospital-370202 --divisions 370202").unwrap();
        assert_eq!(named.feed.unwrap().source, "hospital-370202");
        let own =
            account("x --role authority-feed --source laboratory-x1 --kinds test,symptoms --province-wide")
                .unwrap();
        assert_eq!(own.division, None, "a feed is no officer");
        let grant = own.feed.unwrap();
        assert_eq!(grant.kinds, ["test", "symptoms"]);
        assert!(grant.divisions.is_empty());
        assert_eq!(
            account("officer-1 --role health-officer --division 370202")
                .unwrap()
                .feed,
            None
        );
    }

    #[test]
    fn an_officer_may_be_limited_to_desks_and_nobody_else() {
        let officer = |rest: &str| {
            account(&format!(
                "officer-1 --role health-officer --division 370202 {rest}"
            ))
        };
        assert_eq!(officer("").unwrap().desks, []);
        assert_eq!(
            officer("--desk place,appeal --desk appeal").unwrap().desks,
            [Desk::Appeal, Desk::Place]
        );
        let wrong = officer("--desk appeals").unwrap_err();
        assert!(wrong.contains("feedback, appeal, place, door_report"), "{wrong}");
        for wrong in [
            "agent-1 --role hotline-agent --division 370202 --desk appeal",
            "auditor-1 --role auditor --desk appeal",
            "x --feed cdc --province-wide --desk appeal",
        ] {
            assert!(account(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_grant_that_no_feed_can_have_is_refused() {
        for wrong in [
            "x",
            "x --role authority-feed",
            "x --role authority-feed --source cdc-1",
            "x --role authority-feed --source self --kinds test --province-wide",
            "x --role authority-feed --source officer-1 --kinds test --province-wide",
            "x --role authority-feed --source cdc-1 --kinds designation --province-wide",
            "x --role authority-feed --source cdc-1 --kinds rumour --province-wide",
            "x --feed police --province-wide",
            "x --feed hospital --kinds test --province-wide",
            "X@1 --feed hospital --province-wide",
            "x --role checkpoint --kinds test",
            "x --role checkpoint --divisions 370200",
            "x --feed cdc --divisions 37",
            "x --feed cdc --divisions 379900",
            "x --feed cdc",
            "x --feed cdc --divisions 370200 --province-wide",
        ] {
            assert!(account(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whoever_acts_on_people_or_areas_has_a_division_of_shandong_or_the_whole_province() {
        for role in [
            "counter-staff",
            "health-officer",
            "supervisor",
            "epidemiologist",
            "hotline-agent",
            "organisation",
        ] {
            let refused = account(&format!("x --role {role}")).unwrap_err();
            assert!(
                refused.contains("--division") && refused.contains("--province-wide"),
                "{refused}"
            );
            let whole = account(&format!("x --role {role} --province-wide")).unwrap();
            assert_eq!(whole.division, Some(DivisionCode::SHANDONG));
            for wrong in ["370000", "110101", "379900", "37020", "370202 --province-wide"] {
                assert!(
                    account(&format!("x --role {role} --division {wrong}")).is_err(),
                    "{wrong}"
                );
            }
        }
        for role in [
            "auditor",
            "operator",
            "rule-author",
            "rule-approver",
            "checkpoint",
            "hospital",
        ] {
            assert_eq!(account(&format!("x --role {role}")).unwrap().division, None);
        }
    }

    #[test]
    fn names_of_the_mesh_are_refused() {
        for name in ["service:CALLER_GATEWAY", "public", "identity", "caller_operator"] {
            assert!(account(&format!("{name} --role auditor")).is_err(), "{name}");
        }
    }
}
