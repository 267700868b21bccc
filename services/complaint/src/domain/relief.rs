//! Interim relief: which colour an appellant may be shown while the source of a fact is late with its answer. Policy is data; the wall
//! below it is not: never green, and never below red over an open confirmed case.

use std::collections::BTreeMap;

use lutong_kernel::Colour;

use super::lines;

/// The policy of the province.
const POLICY: &str = include_str!("../../data/relief.csv");
/// The rule over which no relief is given, whatever the policy says: an open confirmed case.
const CONFIRMED: &str = "red.confirmed";

/// The colour that may be shown in place of one, by colour and kind of the fact.
#[derive(Debug, Clone, Default)]
pub struct ReliefPolicy(BTreeMap<(&'static str, String), Colour>);

/// A line of a policy that cannot be read, stands twice, or offers what is never given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {0} of the relief policy is not `COLOUR,KIND,COLOUR`, stands twice, or offers green or a colour that is not milder"
)]
pub struct ReliefError(pub usize);

/// A rule that gives a person their colour.
#[derive(Debug, Clone, Copy)]
pub struct CitedRule<'a> {
    pub id: &'a str,
    pub colour: Colour,
    /// The kinds of the facts that it matched.
    pub kinds: &'a [&'a str],
}

impl ReliefPolicy {
    /// The policy of the province that this build has.
    pub fn of_province() -> Result<Self, ReliefError> {
        Self::parse(POLICY)
    }

    pub fn parse(text: &str) -> Result<Self, ReliefError> {
        let mut policy = BTreeMap::new();
        for (number, line) in lines::of_data(text) {
            let wrong = ReliefError(number);
            let (shown, kind, instead) = read(line).ok_or_else(|| wrong.clone())?;
            let is_milder = instead < shown && instead != Colour::Green;
            let before = policy.insert((shown.as_str(), kind), instead);
            if !is_milder || before.is_some() {
                return Err(wrong);
            }
        }
        Ok(Self(policy))
    }

    /// The colour to show in place of `shown` while a source is late; `None` where nothing milder is shown. Every rule of the shown
    /// colour must rest on facts of kinds for which the policy offers something.
    pub fn instead(&self, shown: Colour, rules: &[CitedRule<'_>]) -> Option<Colour> {
        if rules.iter().any(|rule| rule.id == CONFIRMED) {
            return None;
        }
        let of_colour = rules.iter().filter(|rule| rule.colour == shown);
        let offers: Vec<Option<Colour>> = of_colour
            .flat_map(|rule| rule.kinds)
            .map(|kind| self.0.get(&(shown.as_str(), (*kind).to_owned())).copied())
            .collect();
        let offered = offers.into_iter().collect::<Option<Vec<_>>>()?;
        let worst = offered.into_iter().max()?;
        (worst < shown && worst != Colour::Green).then_some(worst)
    }
}

fn read(line: &str) -> Option<(Colour, String, Colour)> {
    let cells: Vec<&str> = line.split(',').collect();
    let [shown, kind, instead] = cells[..] else {
        return None;
    };
    let is_kind = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_kind.then_some((shown.parse().ok()?, kind.to_owned(), instead.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 3] = ["close_contact", "stay", "case"];

    fn rule<'a>(id: &'a str, colour: Colour, kinds: &'a [&'a str]) -> CitedRule<'a> {
        CitedRule { id, colour, kinds }
    }

    #[test]
    fn the_province_gives_none_by_default() {
        let policy = ReliefPolicy::of_province().unwrap();
        for kind in KINDS {
            let kinds = [kind];
            assert_eq!(
                policy.instead(Colour::Red, &[rule("red.x", Colour::Red, &kinds)]),
                None
            );
        }
    }

    #[test]
    fn a_policy_never_offers_green_nor_anything_that_is_not_milder() {
        for bad in [
            "red,stay,green",
            "yellow,stay,green",
            "red,stay,red",
            "yellow,stay,red",
            "green,stay,green",
            "red,stay",
            "red,,yellow",
            "blue,stay,yellow",
            "red,stay,yellow\nred,stay,yellow",
        ] {
            assert!(ReliefPolicy::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            ReliefPolicy::parse("# x\n\nred,stay,green").unwrap_err(),
            ReliefError(3)
        );
    }

    /// Whatever the policy and the rules: never green, never milder over an open confirmed case.
    #[test]
    fn nothing_passes_the_wall() {
        let most = KINDS.map(|kind| format!("red,{kind},yellow")).join("\n");
        let policies = ["", "red,stay,yellow", &most].map(|text| ReliefPolicy::parse(text).unwrap());
        let colours = [Colour::Green, Colour::Yellow, Colour::Red];
        let mut given = 0;
        for policy in &policies {
            for shown in colours {
                for first in KINDS {
                    for second in KINDS {
                        for id in ["red.other", CONFIRMED] {
                            let (one, two) = ([first], [second]);
                            let rules = [rule("red.first", Colour::Red, &one), rule(id, Colour::Red, &two)];
                            let instead = policy.instead(shown, &rules);
                            assert_ne!(instead, Some(Colour::Green));
                            assert!(instead.is_none() || (id != CONFIRMED && shown == Colour::Red));
                            given += usize::from(instead.is_some());
                        }
                    }
                }
            }
        }
        assert_eq!(given, 1 + 9, "both facts of a kind that is offered");
    }

    #[test]
    fn one_fact_without_an_offer_keeps_the_colour() {
        let policy = ReliefPolicy::parse("red,stay,yellow").unwrap();
        let (stay, contact) = (["stay"], ["close_contact"]);
        let both = [
            rule("red.high-risk-area", Colour::Red, &stay),
            rule("red.close-contact", Colour::Red, &contact),
        ];
        assert_eq!(policy.instead(Colour::Red, &both), None);
        assert_eq!(policy.instead(Colour::Red, &both[..1]), Some(Colour::Yellow));
        assert_eq!(policy.instead(Colour::Red, &[]), None);
    }
}
