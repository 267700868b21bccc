//! `TrustListService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::Role;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::TrustListHandler;
use lutong_storage::crypto::hex;
use lutong_transport::access::{NoPermit, Principal};
use sha2::{Digest as _, Sha256};

use super::domain::{Action, Comparison, ListState, StoredList, TrustList};
use super::service::{Step, TrustLists, etag};
use crate::approval::{Decided, approval};
use crate::fault;
use crate::partners::domain::PartnerId;

/// `trust-lists/{trust_list}`.
const COLLECTION: &str = "trust-lists/";

pub struct TrustListRpc(pub TrustLists);

impl TrustListHandler for TrustListRpc {
    async fn create_trust_list(
        &self,
        call: Mutation<NoPermit>,
        message: wire::CreateTrustListRequest,
    ) -> Result<wire::CreateTrustListResponse, Fault> {
        let caller = call.grant.principal();
        let staged = self
            .0
            .stage(call.request, caller.account.clone(), message.document)
            .await?;
        Ok(wire::CreateTrustListResponse {
            trust_list: Some(self.shown(&staged, caller)),
        })
    }

    async fn activate_trust_list(
        &self,
        call: Mutation<NoPermit>,
        message: wire::ActivateTrustListRequest,
    ) -> Result<wire::ActivateTrustListResponse, Fault> {
        let caller = call.grant.principal();
        let step = Step {
            request: call.request,
            account: caller.account.clone(),
            sequence: sequence(&message.name)?,
            etag: message.etag,
            action: Action::Activate,
            accepts_shrunken: message.accept_shrunken,
        };
        let done = self.0.act(step).await?;
        Ok(wire::ActivateTrustListResponse {
            trust_list: Some(self.shown(&done, caller)),
        })
    }

    async fn reject_trust_list(
        &self,
        call: Mutation<NoPermit>,
        message: wire::RejectTrustListRequest,
    ) -> Result<wire::RejectTrustListResponse, Fault> {
        let caller = call.grant.principal();
        let step = Step {
            request: call.request,
            account: caller.account.clone(),
            sequence: sequence(&message.name)?,
            etag: message.etag,
            action: Action::Reject,
            accepts_shrunken: false,
        };
        let done = self.0.act(step).await?;
        Ok(wire::RejectTrustListResponse {
            trust_list: Some(self.shown(&done, caller)),
        })
    }

    async fn get_trust_list(
        &self,
        call: Query<NoPermit>,
        message: wire::GetTrustListRequest,
    ) -> Result<wire::GetTrustListResponse, Fault> {
        let found = self.0.find(sequence(&message.name)?).await?;
        Ok(wire::GetTrustListResponse {
            trust_list: Some(self.shown(&found, call.grant.principal())),
        })
    }

    async fn list_trust_lists(
        &self,
        call: Listing<NoPermit>,
        message: wire::ListTrustListsRequest,
    ) -> Result<wire::ListTrustListsResponse, Fault> {
        let (found, next_page_token) = self.0.list(read_state(message.state()), &call.page).await?;
        let caller = call.grant.principal();
        Ok(wire::ListTrustListsResponse {
            trust_lists: found.iter().map(|list| self.shown(list, caller)).collect(),
            next_page_token,
        })
    }
}

impl TrustListRpc {
    fn shown(&self, list: &StoredList, caller: &Principal) -> wire::TrustList {
        let content = self.0.content(list);
        let is_operator = caller.roles.has(Role::Operator);
        let may = |action: Action| is_operator && action.from().contains(&list.state);
        let actions = [
            (Action::Activate, wire::TrustListAction::Activate),
            (Action::Reject, wire::TrustListAction::Reject),
        ];
        let allowed = actions.into_iter().filter(|(action, _)| may(*action));
        let allowed_actions = allowed.map(|(_, shown)| shown.into()).collect();
        let content = content.as_ref();
        let partners = content.into_iter().flat_map(|signed| signed.list.partners.keys());
        let ids = |of: fn(&TrustList) -> Vec<PartnerId>| {
            let found = content.map_or_else(Vec::new, |signed| of(&signed.list));
            found.iter().map(ToString::to_string).collect()
        };
        wire::TrustList {
            name: format!("{COLLECTION}{}", list.sequence),
            trust_list_id: list.sequence.to_string(),
            state: state(list.state).into(),
            etag: etag(list).into(),
            version: content.map_or_else(String::new, |signed| signed.list.version.clone()),
            issue_time: content.map(|signed| instant(signed.issued_at)),
            expire_time: content.map(|signed| instant(signed.expires_at)),
            root_key_id: content.map_or_else(String::new, |signed| signed.root.to_string()),
            document_digest: hex(&<[u8; 32]>::from(Sha256::digest(&list.document))),
            partners: partners.map(ToString::to_string).collect(),
            comparison: Some(comparison(&list.comparison)),
            approval: Some(approval(&list.staged, decided(list))),
            allowed_actions,
            partners_without_quota: ids(TrustList::without_quota),
            partners_without_trial_quota: ids(TrustList::without_trial_quota),
        }
    }
}

/// The sequence number in a name, in its one spelling.
fn sequence(name: &str) -> Result<i64, Fault> {
    let id = name.strip_prefix(COLLECTION).unwrap_or_default();
    let number: Option<i64> = id.parse().ok();
    let number = number.filter(|number| number.to_string() == id);
    number.ok_or_else(fault::trust_list_not_found)
}

fn comparison(found: &Comparison) -> wire::TrustListComparison {
    wire::TrustListComparison {
        added_partners: found.added_partners.clone(),
        removed_partners: found.removed_partners.clone(),
        silenced_partners: found.silenced_partners.clone(),
        added_keys: found.added_keys.clone(),
        removed_keys: found.removed_keys.clone(),
        shrunken: found.is_shrunken(),
    }
}

fn decided(list: &StoredList) -> Option<Decided<'_>> {
    let was_approved = list.state != ListState::Rejected;
    list.decided.as_ref().map(|by| Decided { by, was_approved })
}

const fn state(state: ListState) -> wire::TrustListState {
    match state {
        ListState::Staged => wire::TrustListState::Staged,
        ListState::Active => wire::TrustListState::Active,
        ListState::Superseded => wire::TrustListState::Superseded,
        ListState::Rejected => wire::TrustListState::Rejected,
        ListState::Damaged => wire::TrustListState::Damaged,
    }
}

const fn read_state(state: wire::TrustListState) -> Option<ListState> {
    match state {
        wire::TrustListState::Unspecified => None,
        wire::TrustListState::Staged => Some(ListState::Staged),
        wire::TrustListState::Active => Some(ListState::Active),
        wire::TrustListState::Superseded => Some(ListState::Superseded),
        wire::TrustListState::Rejected => Some(ListState::Rejected),
        wire::TrustListState::Damaged => Some(ListState::Damaged),
    }
}
