//! What a partner may pass on. Pure.

use lutong_kernel::PartnerCode;
use lutong_transport::access::FeedGrant;

/// What people declare of themselves: neither what authorities report nor what federation verifies.
const KINDS: [&str; 2] = ["symptoms", "stay"];

/// The grant of a partner: its own source, what people declare, everywhere. `None` for a text that is not two digits.
pub fn grant(partner: &str) -> Option<FeedGrant> {
    PartnerCode::parse(partner).map(|partner| FeedGrant {
        source: partner.source(),
        kinds: KINDS.map(str::to_owned).to_vec(),
        divisions: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::domain::check_kind;

    #[test]
    fn a_partner_states_under_its_own_name_what_people_declare() {
        let jiangsu = grant("32").unwrap();
        assert_eq!(jiangsu.source, "partner-32");
        assert!(jiangsu.kinds.iter().all(|kind| check_kind(kind).is_ok()));
        for bad in ["", "3", "cdc", "3-", "３２"] {
            assert!(grant(bad).is_none(), "{bad}");
        }
    }
}
