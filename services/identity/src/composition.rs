//! The parts that serve health cards, built in one place: they share the cards.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use lutong_chassis::lookups::LookupLog;
use lutong_chassis::skin::Skin;
use lutong_chassis::{BuildError, Foundation, Store};
use lutong_skin::identity::v1::{
    HealthCardService, HealthCardUseService, MedicalInstitutionService, MedicalTerminalService,
    PatientBindingService,
};
use tonic::service::Routes;

use crate::health_card_uses::rpc::HealthCardUseRpc;
use crate::health_card_uses::service::HealthCardUses;
use crate::health_cards::rpc::HealthCardRpc;
use crate::health_cards::service::{HealthCards, Parts};
use crate::medical_institutions::rpc::MedicalInstitutionRpc;
use crate::medical_institutions::service::MedicalInstitutions;
use crate::medical_terminals::rpc::MedicalTerminalRpc;
use crate::medical_terminals::service::MedicalTerminals;
use crate::patient_bindings::rpc::PatientBindingRpc;
use crate::patient_bindings::service::PatientBindings;
use crate::peers::card_platform::{CardPlatform, CardPlatformConfig};
use crate::peers::code_rendering::CodeRendering;

/// What serves health cards.
pub struct CardParts {
    institutions: MedicalInstitutions,
    terminals: MedicalTerminals,
    cards: HealthCards,
    platform: CardPlatform,
    uses: HealthCardUses,
    patients: PatientBindings,
}

impl CardParts {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        config: &CardPlatformConfig,
        code_rendering: CodeRendering,
    ) -> Result<Self, BuildError> {
        let terminals = MedicalTerminals::new(store, foundation);
        let (platform, retry) = (
            CardPlatform::new(config, foundation)?,
            Duration::from_secs(config.retry_s),
        );
        let parts = Parts {
            platform: platform.clone(),
            code_rendering,
            terminals: terminals.clone(),
            retry,
        };
        let cards = HealthCards::new(store, foundation, parts);
        Ok(Self {
            institutions: MedicalInstitutions::new(store, foundation),
            terminals,
            uses: HealthCardUses::new(store, foundation, cards.clone(), (platform.clone(), retry)),
            patients: PatientBindings::new(store, foundation, cards.clone()),
            cards,
            platform,
        })
    }

    /// Whether a card is asked for with the confirmation of a registration.
    pub const fn is_on(&self) -> bool {
        self.platform.is_on()
    }

    /// Adds the services to those of identity.
    pub fn routes(&self, routes: Routes, skin: &Skin, log: &LookupLog) -> Routes {
        let institutions = MedicalInstitutionRpc(self.institutions.clone());
        let terminals = MedicalTerminalRpc(self.terminals.clone());
        let cards = HealthCardRpc(self.cards.clone());
        let uses = HealthCardUseRpc(self.uses.clone());
        let patients = PatientBindingRpc(self.patients.clone());
        routes
            .add_service(MedicalInstitutionService::server(institutions, skin.clone()))
            .add_service(MedicalTerminalService::server(terminals, skin.clone()))
            .add_service(HealthCardService::server(cards, skin.clone(), log.clone()))
            .add_service(HealthCardUseService::server(uses, skin.clone()))
            .add_service(PatientBindingService::server(patients, skin.clone()))
    }

    /// What runs until the process stops.
    pub fn tasks(self, foundation: &Foundation) -> Vec<BoxFuture<'static, ()>> {
        vec![
            self.cards.clone().run(foundation.clone()).boxed(),
            self.cards.delete_old_reads(foundation.clone()).boxed(),
            self.uses.run(foundation.clone()).boxed(),
        ]
    }
}
