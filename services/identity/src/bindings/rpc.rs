//! `BindingService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::Fault;
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::BindingHandler;
use lutong_transport::access::{DivisionPermit, SelfPermit};
use lutong_transport::reply;
use wire::create_binding_request::Proof;

use super::domain::{Action, EndReason, Relation, Side, State};
use super::service::{Bindings, Confirmation, StatedProof, StatedWard, View};
use crate::one_time_codes::rpc::shown;
use crate::people::rpc::stated_document;

const COLLECTION: &str = "bindings";

pub struct BindingRpc(pub Bindings);

impl BindingHandler for BindingRpc {
    async fn create_binding(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::CreateBindingRequest,
    ) -> Result<wire::CreateBindingResponse, Fault> {
        let stated = StatedWard {
            relation: relation(message.relation()),
            full_name: &message.full_name,
            document: stated_document(document(message.document.as_ref())?),
            proof: proof(message.proof.as_ref())?,
        };
        let view = self.0.create(&call.permit, call.request, stated).await?;
        Ok(wire::CreateBindingResponse {
            binding: Some(view.into()),
        })
    }

    async fn get_binding(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetBindingRequest,
    ) -> Result<wire::GetBindingResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let view = self.0.get(&call.permit, id).await?;
        Ok(wire::GetBindingResponse {
            binding: Some(view.into()),
        })
    }

    async fn list_bindings(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListBindingsRequest,
    ) -> Result<wire::ListBindingsResponse, Fault> {
        let (views, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListBindingsResponse {
            bindings: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn consent_binding(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::ConsentBindingRequest,
    ) -> Result<wire::ConsentBindingResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let consented = self.0.consent(&call.permit, call.request, id, message.etag);
        Ok(wire::ConsentBindingResponse {
            binding: Some(consented.await?.into()),
        })
    }

    async fn end_binding(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::EndBindingRequest,
    ) -> Result<wire::EndBindingResponse, Fault> {
        let id = reply::uuid_of(&message.name, COLLECTION)?;
        let peers = call.grant.own_call();
        let ended = self.0.end(&call.permit, call.request, (id, message.etag), &peers);
        Ok(wire::EndBindingResponse {
            binding: Some(ended.await?.into()),
        })
    }

    async fn confirm_binding(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::ConfirmBindingRequest,
    ) -> Result<wire::ConfirmBindingResponse, Fault> {
        let confirmation = Confirmation {
            permit: call.permit,
            key: call.request,
            id: reply::uuid_of(&message.name, COLLECTION)?,
            document: stated_document(document(message.document.as_ref())?),
            etag: message.etag.clone(),
        };
        let view = self.0.confirm(confirmation).await?;
        Ok(wire::ConfirmBindingResponse {
            binding: Some(view.into()),
        })
    }
}

fn document(stated: Option<&types::Document>) -> Result<&types::Document, Fault> {
    reply::required(stated, "document").map_err(reply::wrong)
}

fn proof(stated: Option<&Proof>) -> Result<StatedProof<'_>, Fault> {
    match stated {
        None => Ok(StatedProof::None),
        Some(Proof::HouseholdBook(wire::HouseholdBook {})) => Ok(StatedProof::Household),
        Some(Proof::MobileConsent(consent)) => {
            let field = "mobile_consent.mobile_proof";
            let proof = reply::required(consent.mobile_proof.as_ref(), field).map_err(reply::wrong)?;
            let shown = shown(proof).map_err(|wrong| reply::wrong(wrong.within(field)))?;
            Ok(StatedProof::Mobile {
                mobile: &consent.mobile,
                shown,
            })
        }
    }
}

const fn relation(relation: wire::BindingRelation) -> Relation {
    match relation {
        wire::BindingRelation::Child => Relation::Child,
        wire::BindingRelation::Parent => Relation::Parent,
        wire::BindingRelation::Spouse => Relation::Spouse,
        // The contract refuses a value that is not of the list.
        wire::BindingRelation::Other | wire::BindingRelation::Unspecified => Relation::Other,
    }
}

impl From<Relation> for wire::BindingRelation {
    fn from(relation: Relation) -> Self {
        match relation {
            Relation::Child => Self::Child,
            Relation::Parent => Self::Parent,
            Relation::Spouse => Self::Spouse,
            Relation::Other => Self::Other,
        }
    }
}

impl From<State> for wire::BindingState {
    fn from(state: State) -> Self {
        match state {
            State::PendingConsent => Self::PendingConsent,
            State::Active => Self::Active,
            State::Ending => Self::Ending,
            State::Ended => Self::Ended,
        }
    }
}

impl From<Side> for wire::BindingSide {
    fn from(side: Side) -> Self {
        match side {
            Side::Binder => Self::Binder,
            Side::Ward => Self::Ward,
            Side::Counter => Self::Counter,
        }
    }
}

impl From<EndReason> for wire::BindingEndReason {
    fn from(reason: EndReason) -> Self {
        match reason {
            EndReason::UnboundByBinder => Self::UnboundByBinder,
            EndReason::UnboundByWard => Self::UnboundByWard,
            EndReason::CameOfAge => Self::CameOfAge,
            EndReason::ConsentExpired => Self::ConsentExpired,
            EndReason::Rejected => Self::Rejected,
        }
    }
}

/// The action of a side; a counter's is not one.
const fn action(action: Action) -> Option<wire::BindingAction> {
    match action {
        Action::Consent => Some(wire::BindingAction::Consent),
        Action::End => Some(wire::BindingAction::End),
        Action::Confirm => None,
    }
}

impl From<View> for wire::Binding {
    fn from(view: View) -> Self {
        let View {
            binding,
            side,
            ward_mask,
            binder_mask,
            expires_at,
            allowed,
        } = view;
        let is_over = binding.state == State::Ended;
        let shows_ward = side == Side::Binder && binding.state == State::Active;
        let ward = binding.ward.filter(|_| shows_ward);
        let actions = allowed.into_iter().filter_map(action);
        Self {
            name: format!("{COLLECTION}/{}", binding.id),
            binding_id: binding.id.to_string(),
            state: wire::BindingState::from(binding.state).into(),
            relation: wire::BindingRelation::from(binding.relation).into(),
            side: wire::BindingSide::from(side).into(),
            ward_name_mask: ward_mask,
            binder_name_mask: binder_mask,
            ward_subject_id: ward.map(|ward| ward.to_string()).unwrap_or_default(),
            create_time: Some(instant(binding.created_at)),
            expire_time: (binding.state == State::PendingConsent).then(|| instant(expires_at)),
            activate_time: binding.activated_at.map(instant),
            of_age_time: binding.of_age_at.map(instant),
            end_time: binding.ended_at.map(instant),
            end_reason: binding
                .end_reason
                .filter(|_| is_over)
                .map_or(0, |reason| wire::BindingEndReason::from(reason).into()),
            allowed_actions: actions.map(Into::into).collect(),
            etag: binding.etag().into(),
        }
    }
}
