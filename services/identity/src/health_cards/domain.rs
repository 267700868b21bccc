//! A card's number, how a card stands, and what a patient shows.

use lutong_kernel::{Secret, Violation};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::fault::health_cards as fault;

/// Hexadecimal digits of a card's number.
const NUMBER_DIGITS: usize = 64;
/// Hexadecimal digits of what makes a code of the platform dynamic.
const TOKEN_DIGITS: usize = 32;
/// What a pass code begins with.
const PASS_CODE: &str = "LT1:";

/// The number of a card: 64 hexadecimal digits in capitals.
#[derive(Clone, PartialEq, Eq)]
pub struct CardNumber(Secret<String>);

impl std::fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardNumber")
    }
}

impl CardNumber {
    /// A number as the card platform writes it; small letters are taken for capitals.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == NUMBER_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| Self(Secret::new(text.to_ascii_uppercase())))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// How a card stands. The text is that of the database and of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Pending,
    Active,
    Suspended,
    Refused,
}

/// What its holder does with a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Suspend,
    Resume,
}

impl Action {
    /// The state before it, and after it.
    pub const fn transition(self) -> (State, State) {
        match self {
            Self::Suspend => (State::Active, State::Suspended),
            Self::Resume => (State::Suspended, State::Active),
        }
    }
}

/// What a patient shows at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A pass code, on a screen or on paper: code-rendering says whose it is.
    PassCode(String),
    /// The card platform's dynamic code: the platform says whose it is.
    PlatformDynamic(Secret<String>),
    /// The card platform's static code, which is the number itself.
    PlatformStatic(CardNumber),
}

impl Shown {
    /// What was scanned: `LT1:…`, or `{64 hexadecimal digits}:{0|1}[:{32 hexadecimal digits}]`.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let text = text.trim();
        if text.starts_with(PASS_CODE) {
            return Ok(Self::PassCode(text.to_owned()));
        }
        let mut parts = text.split(':');
        let number = parts.next().and_then(CardNumber::parse);
        let (kind, token, rest) = (parts.next(), parts.next(), parts.next());
        let is_token =
            |token: &str| token.len() == TOKEN_DIGITS && token.bytes().all(|b| b.is_ascii_hexdigit());
        match (number, kind, rest) {
            (Some(_), Some("0"), None) if token.is_some_and(is_token) => {
                Ok(Self::PlatformDynamic(Secret::new(text.to_owned())))
            }
            (Some(number), Some("1"), None) if token.is_none_or(is_token) => Ok(Self::PlatformStatic(number)),
            _ => Err(fault::code_shape()),
        }
    }
}

/// By what a card was read. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum CodeKind {
    Screen,
    Paper,
    Card,
    PlatformDynamic,
    PlatformStatic,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMBER: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
    const TOKEN: &str = "0123456789ABCDEF0123456789ABCDEF";

    #[test]
    fn a_code_of_the_platform_is_read_as_it_is_published() {
        let dynamic = format!("{NUMBER}:0:{TOKEN}");
        assert_eq!(
            Shown::parse(&dynamic),
            Ok(Shown::PlatformDynamic(Secret::new(dynamic.clone())))
        );
        let number = CardNumber::parse(NUMBER).unwrap();
        for fixed in [
            format!("{NUMBER}:1"),
            format!("{NUMBER}:1:{TOKEN}"),
            format!("{NUMBER}:1\r\n"),
        ] {
            assert_eq!(
                Shown::parse(&fixed),
                Ok(Shown::PlatformStatic(number.clone())),
                "{fixed}"
            );
        }
        assert_eq!(Shown::parse("LT1:ABC"), Ok(Shown::PassCode("LT1:ABC".to_owned())));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let short = &NUMBER[1..];
        for wrong in [
            String::new(),
            NUMBER.to_owned(),
            format!("{NUMBER}:0"),
            format!("{NUMBER}:2"),
            format!("{NUMBER}:1:{TOKEN}:x"),
            format!("{NUMBER}:0:{TOKEN}:{TOKEN}"),
            format!("{NUMBER}:0:{}", &TOKEN[1..]),
            format!("{short}:1"),
            format!("G{short}:1"),
            "lt1:ABC".to_owned(),
        ] {
            let refused = Shown::parse(&wrong).unwrap_err();
            assert_eq!(refused.reason, "HEALTH_CARD_CODE_SHAPE", "{wrong}");
        }
    }

    #[test]
    fn the_states_of_an_action_are_those_of_the_contract() {
        for (action, rpc) in [
            (Action::Suspend, "SuspendHealthCard"),
            (Action::Resume, "ResumeHealthCard"),
        ] {
            let rpc = format!("lutong.identity.v1.HealthCardService/{rpc}");
            let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), &rpc).unwrap();
            let (before, after) = action.transition();
            assert_eq!(stated.from_states, [before.into_str()]);
            assert_eq!(stated.to_states, [after.into_str()]);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_scanned_makes_it_panic(text in ".{0,200}") {
            let _ = Shown::parse(&text);
        }
    }
}
