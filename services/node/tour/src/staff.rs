//! The accounts of a system of the tour.

use std::sync::Arc;

use lutong_composition::config::NodeConfig;
use lutong_composition::keys::MeshKeys;
use lutong_composition::one_process;
use lutong_identity::{ACTING, Account, AccountId};
use lutong_kernel::{DivisionCode, ManualClock, ServiceName};
use lutong_operating::entropy::Entropy;
use lutong_proto::policy::Role;
use lutong_transport::access::{FeedGrant, Roles};

use lutong_client::Failure;

/// An account with its role; of a feed its kinds.
pub type StaffAccount = (&'static str, Role, &'static [&'static str]);

/// Who brings trust lists into force: two persons.
pub const OPERATORS: [&str; 2] = ["operator-1", "operator-2"];

/// Who acts on people or areas; a hospital reads cards in a division, and verifies codes without one.
fn has_division(role: Role) -> bool {
    ACTING.contains(&role) || role == Role::Hospital
}

/// Adds the staff accounts like `lutong accounts add`.
pub async fn add_accounts(
    config: &NodeConfig,
    clock: &ManualClock,
    staff: &[StaffAccount],
) -> Result<(), Failure> {
    one_process::prepare(&config.data)?;
    let keys = MeshKeys::open(&one_process::keys(&config.data), &Entropy)?;
    let foundation = one_process::foundation(config, Arc::new(clock.clone()), Arc::new(Entropy), &keys)?;
    let storage = one_process::storage(&config.data, ServiceName::Identity);
    let accounts = lutong_identity::open_accounts(&foundation, &storage).await?;
    for (name, role, kinds) in staff.iter().copied() {
        let feed = (role == Role::AuthorityFeed).then(|| FeedGrant {
            source: name.to_owned(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            divisions: Vec::new(),
        });
        let id = AccountId::parse(name).map_err(|wrong| Failure::Because(wrong.en))?;
        accounts
            .add(
                Account {
                    roles: Roles::of(&[role]),
                    division: has_division(role).then_some(DivisionCode::SHANDONG),
                    feed,
                    ..Account::citizen(id)
                },
                "tour",
            )
            .await?;
    }
    Ok(())
}
