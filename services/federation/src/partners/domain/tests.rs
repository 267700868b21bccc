use strum::VariantArray as _;

use super::id::PartnerIdError;

use super::*;

fn jiangsu() -> PartnerId {
    PartnerId::parse("32").unwrap()
}

fn by(account: &str) -> Signature {
    Signature {
        account: account.to_owned(),
        at: Timestamp::from_seconds(1),
    }
}

fn propose(state: PartnerState) -> Action {
    Action::Propose {
        state,
        reason: "x".to_owned(),
    }
}

#[test]
fn a_partner_is_another_province_or_the_national_platform() {
    for (text, shown) in [("32", "32"), ("320000", "32"), ("00", "00")] {
        assert_eq!(PartnerId::parse(text).unwrap().to_string(), shown);
    }
    for bad in ["", "3", "07", "000000", "320100", "national"] {
        assert_eq!(PartnerId::parse(bad), Err(PartnerIdError), "{bad}");
    }
}

#[test]
fn a_state_is_moved_by_two_accounts_and_not_by_one() {
    let partner = Partner::new(jiangsu(), PartnerState::Test);
    let waits = partner.act(propose(PartnerState::Pilot), by("one")).unwrap();
    assert_eq!(waits.state, PartnerState::Test, "a proposal moves nothing");
    let own = waits.clone().act(Action::Approve, by("one"));
    assert_eq!(own, Err(Refused::OwnProposal));
    let rejected = waits.clone().act(Action::Reject, by("one")).unwrap();
    assert_eq!((rejected.state, &rejected.proposal), (PartnerState::Test, &None));
    let moved = waits.act(Action::Approve, by("two")).unwrap();
    assert_eq!((moved.state, &moved.proposal), (PartnerState::Pilot, &None));
    for action in [Action::Approve, Action::Reject] {
        assert_eq!(
            moved.clone().act(action, by("two")),
            Err(Refused::NothingProposed)
        );
    }
}

#[test]
fn no_partner_is_live_before_its_pilot_and_none_is_moved_to_damaged() {
    for from in PartnerState::VARIANTS {
        for to in PartnerState::VARIANTS {
            let moved = Partner::new(jiangsu(), *from).act(propose(*to), by("one"));
            assert_eq!(moved.is_ok(), from.next().contains(to), "{from:?} {to:?}");
        }
        assert!(!from.next().contains(&PartnerState::Damaged) && !from.next().contains(from));
        let to_live = from.next().contains(&PartnerState::Live);
        assert_eq!(to_live, *from == PartnerState::Pilot);
    }
}

#[test]
fn a_removed_partner_is_not_moved() {
    let removed = Partner {
        removed_at: Some(Timestamp::from_seconds(1)),
        ..Partner::new(jiangsu(), PartnerState::Test)
    };
    let moved = removed.act(propose(PartnerState::Pilot), by("one"));
    assert_eq!(moved, Err(Refused::WrongState(PartnerState::Test)));
}

#[test]
fn the_states_of_the_contract_are_these() {
    let service = "lutong.federation.v1.PartnerService";
    for (verb, to_damaged) in [("Propose", true), ("Approve", false), ("Reject", true)] {
        let rpc = format!("{service}/{verb}Partner");
        let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), &rpc).unwrap();
        let all: Vec<&str> = PartnerState::VARIANTS
            .iter()
            .map(PartnerState::into_str)
            .collect();
        assert_eq!(stated.from_states, all, "{rpc}");
        let to = if to_damaged { &all[..] } else { &all[..4] };
        assert_eq!(stated.to_states, to, "{rpc}");
    }
}
