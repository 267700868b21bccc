//! Who may hold whose code. Whoever knows a name and a number is not that person: an account is linked to a person by what its channel
//! has verified, or by the authority's real-name check and a one-time code to the mobile. A person whom another account holds is
//! linked to a second one only by the channel, by a code to the mobile that was known before, or at a counter.

use lutong_kernel::{Channel, MissingProof};

/// What an account must prove, as policy of its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: what it states is believed about a person whom nobody holds. The development identity provider, on loopback.
    Stated,
    /// The authority's check, and a code to the mobile, unless the channel has verified the person.
    RealNameAndMobile,
}

impl Requirement {
    /// Of an account. `is_development`: whether accounts of no channel are those of the development identity provider.
    pub fn of(account: &str, is_development: bool) -> Self {
        match Channel::of_account(account) {
            None if is_development => Self::Stated,
            _ => Self::RealNameAndMobile,
        }
    }
}

/// What the authority says of a name, a document and a mobile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealName {
    Verified,
    Mismatch,
    /// It does not answer, or knows nothing of such documents.
    Unavailable,
}

/// What an account has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// What it says, and whether it holds the mobile that it states.
    Stated { mobile_proved: bool },
    /// Its channel has verified this name and document.
    Channel,
    /// It holds the mobile that it states, and the authority was asked.
    Mobile(RealName),
    /// An officer has seen the person with this name and document at a counter.
    Document,
}

/// Who holds the person until now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody has registered the document, or the registration was erased.
    Nobody,
    /// The same account, and whether the name is the one that is known.
    Own { same_name: bool },
    /// Another account, and whether the stated mobile is the one that is known.
    Other { same_mobile: bool },
    /// Somebody whom an organisation or a counter has registered and no account was ever linked to. Their mobile was stated by others: it
    /// proves nothing, and a wrong one must not keep the person out.
    Unlinked { same_mobile: bool },
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// The account holds the person.
    Link,
    /// The same, and whoever held the person before is told.
    LinkAndTell,
    /// The registration waits.
    Wait(MissingProof),
    /// Name, document and mobile do not belong together.
    Refuse,
}

/// Decides. Without the authority's answer nothing depends on whether the document is registered, so that nobody learns it.
///
/// With a proof, an unlinked person is like one whom nobody holds. For an account that only states, an unlinked person is like another's:
/// what it says is believed about people whom nobody has registered, and here somebody has.
pub const fn decide(evidence: Evidence, holder: Holder) -> Linking {
    use Evidence::{Channel, Document, Mobile, Stated};
    use Holder::{Nobody, Other, Own, Unlinked};
    let holder = match (evidence, holder) {
        (Channel | Document | Mobile(_), Unlinked { .. }) => Nobody,
        (Stated { .. }, Unlinked { same_mobile }) => Other { same_mobile },
        (_, holder) => holder,
    };
    match (evidence, holder) {
        (Mobile(RealName::Mismatch), _) => Linking::Refuse,
        (
            Mobile(RealName::Unavailable),
            Nobody | Other { .. } | Unlinked { .. } | Own { same_name: false },
        ) => Linking::Wait(MissingProof::RealNameCheck),
        (Channel | Document, Other { .. } | Unlinked { .. })
        | (Mobile(RealName::Verified) | Stated { mobile_proved: true }, Other { same_mobile: true }) => {
            Linking::LinkAndTell
        }
        (Mobile(RealName::Unavailable), Own { same_name: true })
        | (Channel | Document | Mobile(RealName::Verified) | Stated { .. }, Nobody | Own { .. }) => {
            Linking::Link
        }
        (Mobile(RealName::Verified) | Stated { .. }, Other { .. } | Unlinked { .. }) => {
            Linking::Wait(MissingProof::KnownMobileOrCounter)
        }
    }
}

/// Documents or names that differ from what was stated, before a counter may confirm the registration no more.
pub const MAX_WRONG_DOCUMENTS: i64 = 5;

/// How far a registration has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Waiting,
    Proved,
    Refused,
    Expired,
    /// The account has registered again.
    Replaced,
}

/// What follows from a document that is shown at a counter for a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    Confirm,
    /// It is not the one that was stated; so many more may be shown.
    Differs {
        tries_left: i64,
    },
    /// Too many others were shown before.
    Closed,
    /// The registration is decided.
    Decided,
}

impl State {
    /// Judges a document that is shown, after so many that differed.
    pub const fn show(self, wrong_documents: i64, is_same: bool) -> Showing {
        match self {
            Self::Proved | Self::Refused | Self::Expired | Self::Replaced => Showing::Decided,
            Self::Waiting if wrong_documents >= MAX_WRONG_DOCUMENTS => Showing::Closed,
            Self::Waiting if is_same => Showing::Confirm,
            Self::Waiting => Showing::Differs {
                tries_left: MAX_WRONG_DOCUMENTS - wrong_documents - 1,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;

    const MOBILE: [Evidence; 3] = [
        Evidence::Mobile(RealName::Verified),
        Evidence::Mobile(RealName::Mismatch),
        Evidence::Mobile(RealName::Unavailable),
    ];
    const STATED: [Evidence; 2] = [
        Evidence::Stated { mobile_proved: false },
        Evidence::Stated { mobile_proved: true },
    ];
    const OTHERS: [Holder; 2] = [
        Holder::Other { same_mobile: false },
        Holder::Other { same_mobile: true },
    ];

    #[test]
    fn a_person_whom_nobody_holds_needs_the_channel_or_the_authority() {
        let decided = |evidence| decide(evidence, Holder::Nobody);
        assert_eq!(decided(Evidence::Channel), Linking::Link);
        assert_eq!(
            MOBILE.map(decided),
            [
                Linking::Link,
                Linking::Refuse,
                Linking::Wait(MissingProof::RealNameCheck)
            ]
        );
    }

    #[test]
    fn a_person_whom_another_account_holds_needs_the_known_mobile_as_well() {
        assert_eq!(
            OTHERS.map(|holder| decide(MOBILE[0], holder)),
            [
                Linking::Wait(MissingProof::KnownMobileOrCounter),
                Linking::LinkAndTell
            ]
        );
        for stated in STATED {
            let waits = decide(stated, Holder::Other { same_mobile: false });
            assert_eq!(waits, Linking::Wait(MissingProof::KnownMobileOrCounter));
        }
        assert_eq!(
            decide(STATED[0], OTHERS[1]),
            Linking::Wait(MissingProof::KnownMobileOrCounter)
        );
        assert_eq!(decide(STATED[1], OTHERS[1]), Linking::LinkAndTell);
        assert_eq!(
            OTHERS.map(|holder| decide(Evidence::Channel, holder)),
            [Linking::LinkAndTell; 2]
        );
    }

    /// Whether a number is registered is not told to whom the authority has not confirmed to be the person.
    #[test]
    fn an_unconfirmed_account_learns_nothing_from_what_follows() {
        for evidence in [MOBILE[1], MOBILE[2]] {
            let of_nobody = decide(evidence, Holder::Nobody);
            for holder in OTHERS {
                assert_eq!(decide(evidence, holder), of_nobody, "{evidence:?} {holder:?}");
            }
        }
    }

    #[test]
    fn a_new_name_of_ones_own_needs_the_authority_again() {
        let own = |evidence, same_name| decide(evidence, Holder::Own { same_name });
        assert_eq!(own(MOBILE[2], true), Linking::Link);
        assert_eq!(own(MOBILE[2], false), Linking::Wait(MissingProof::RealNameCheck));
        assert_eq!(own(MOBILE[0], false), Linking::Link);
    }

    /// The mobile that an organisation stated decides nothing: neither a wrong one keeps the person out, nor is it told anything.
    #[test]
    fn an_unlinked_person_is_like_nobody_to_whoever_proves_to_be_them() {
        for same_mobile in [false, true] {
            let unlinked = Holder::Unlinked { same_mobile };
            for evidence in [Evidence::Channel, MOBILE[0], MOBILE[1], MOBILE[2]] {
                assert_eq!(
                    decide(evidence, unlinked),
                    decide(evidence, Holder::Nobody),
                    "{evidence:?}"
                );
            }
        }
    }

    /// Otherwise whoever states the name and number that an organisation has stated before would hold that person's code. A registration
    /// that waits since a time of development is decided as stated later as well, outside it.
    #[test]
    fn an_account_that_only_states_gets_an_unlinked_person_by_the_known_mobile_only() {
        for stated in STATED {
            for same_mobile in [false, true] {
                assert_eq!(
                    decide(stated, Holder::Unlinked { same_mobile }),
                    decide(stated, Holder::Other { same_mobile }),
                    "{stated:?}"
                );
            }
        }
        assert_ne!(
            decide(STATED[0], Holder::Unlinked { same_mobile: true }),
            Linking::Link
        );
    }

    #[test]
    fn a_document_shown_at_a_counter_links_whoever_held_the_person_and_tells_them() {
        let decided = |holder| decide(Evidence::Document, holder);
        assert_eq!(decided(Holder::Nobody), Linking::Link);
        for same_name in [false, true] {
            assert_eq!(decided(Holder::Own { same_name }), Linking::Link, "{same_name}");
        }
        assert_eq!(OTHERS.map(decided), [Linking::LinkAndTell; 2]);
    }

    #[test]
    fn what_waits_is_confirmed_with_its_document_until_five_others_were_shown() {
        let shown = |wrong, is_same| State::Waiting.show(wrong, is_same);
        for wrong in 0..MAX_WRONG_DOCUMENTS {
            assert_eq!(shown(wrong, true), Showing::Confirm, "{wrong}");
            let tries_left = 4 - wrong;
            assert_eq!(shown(wrong, false), Showing::Differs { tries_left });
        }
        assert_eq!(
            [true, false].map(|is_same| shown(5, is_same)),
            [Showing::Closed; 2]
        );
    }

    #[test]
    fn only_what_waits_is_confirmed_as_the_contract_says() {
        let pool = lutong_proto::descriptor_pool();
        let rpc = "lutong.identity.v1.RegistrationService/ConfirmRegistration";
        let transition = lutong_proto::transitions::of_rpc(pool, rpc).unwrap();
        let proved: &str = State::Proved.into();
        assert_eq!(transition.to_states, [proved]);
        for state in State::VARIANTS {
            let name: &str = state.into();
            let is_possible = state.show(0, true) == Showing::Confirm;
            assert_eq!(
                transition.from_states.iter().any(|from| from == name),
                is_possible,
                "{name}"
            );
            if !is_possible {
                assert_eq!(state.show(0, false), Showing::Decided, "{name}");
            }
        }
    }

    #[test]
    fn only_the_development_provider_is_believed_without_a_proof() {
        assert_eq!(Requirement::of("anybody", true), Requirement::Stated);
        for (account, is_development) in [("anybody", false), ("wechat:01", true), ("alipay:01", false)] {
            assert_eq!(
                Requirement::of(account, is_development),
                Requirement::RealNameAndMobile,
                "{account}"
            );
        }
    }
}
