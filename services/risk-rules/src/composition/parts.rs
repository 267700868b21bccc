//! The parts of all capabilities: each is built here from the parts that it uses.

use std::sync::Arc;

use lutong_chassis::lookups::LookupLog;
use lutong_chassis::operations::Operations;
use lutong_chassis::{BuildError, Foundation, Store};
use lutong_kernel::{Clock, Random};
use lutong_storage::Database;
use lutong_storage::outbox::Outbox;
use tokio::sync::Notify;

use crate::areas::service::Areas;
use crate::areas::service::intervals::IntervalImporter;
use crate::areas::service::notices::NoticeImporter;
use crate::areas::service::stays::StayRedecider;
use crate::basis::service::BasisBook;
use crate::decisions::service::deciding::Decider;
use crate::decisions::service::delivery::Delivery;
use crate::decisions::service::due::DueDecisions;
use crate::decisions::service::explaining::Explainer;
use crate::decisions::service::reading::DecisionReader;
use crate::decisions::service::redeciding::Redecider;
use crate::decisions::service::replaying::Replayer;
use crate::designations::service::Designations;
use crate::designations::service::facts::DesignationFacts;
use crate::designations::service::scope::DesignationScope;
use crate::entries::service::Entries;
use crate::facts::service::appending::FactAppender;
use crate::facts::service::following::DeclarationFollower;
use crate::facts::service::intake::FactIntake;
use crate::facts::service::reader::StatementReader;
use crate::facts::service::statement::StatementPreparer;
use crate::facts::service::trial::FactTrial;
use crate::facts::store::stay_places::PlaceIndex;
use crate::history::domain::ChainKeys;
use crate::history::service::chains::ChainVerifier;
use crate::history::service::days::Days;
use crate::history_verifications::service::HistoryVerifications;
use crate::key_areas::service::KeyAreas;
use crate::operations::service::effect::Effects;
use crate::peers::code_rendering::CodeRendering;
use crate::peers::feeds::Feeds;
use crate::people::service::IdentityFollower;
use crate::recomparisons::service::Recomparisons;
use crate::recomparisons::service::running::RecomparisonRunner;
use crate::reliefs::service::Reliefs;
use crate::rollbacks::service::Rollbacks;
use crate::rollbacks::service::preview::RollbackPreview;
use crate::rollbacks::service::running::RollbackRunner;
use crate::rollbacks::service::undoing::UndoPages;
use crate::rule_sets::service::RuleSets;
use crate::rule_sets::service::activation::Activation;
use crate::rule_sets::service::shadow::ShadowCounter;
use crate::unplaced_areas::service::UnplacedAreas;
use crate::{CHAIN_KEY, Peers, areas, decisions, history};

/// The parts that several capabilities use.
pub struct Parts {
    basis: BasisParts,
    deciding: DecidingParts,
    facts: FactParts,
    jobs: JobParts,
}

/// The store with the basis of decisions and the keys.
struct BasisParts {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    book: BasisBook,
    chain: ChainKeys,
    places: PlaceIndex,
    outbox: Outbox,
    lookups: LookupLog,
}

/// The parts that decide and bring into force.
struct DecidingParts {
    decider: Decider,
    redecider: Redecider,
    delivery: Delivery,
    effects: Effects,
}

/// The parts that append facts.
struct FactParts {
    reader: StatementReader,
    appender: FactAppender,
    intake: FactIntake,
}

/// What an RPC handler and a worker share.
struct JobParts {
    recomparisons: Recomparisons,
    verifications: HistoryVerifications,
    feeds: Feeds,
    rollback_approved: Arc<Notify>,
    rule_set_requested: Arc<Notify>,
}

impl BasisParts {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn clock_and_random(&self) -> (Arc<dyn Clock>, Arc<dyn Random>) {
        (Arc::clone(&self.clock), Arc::clone(&self.random))
    }

    fn database(&self) -> Database {
        self.store.database.clone()
    }
}

impl Parts {
    pub fn new(store: &Store, foundation: &Foundation, peers: &Peers) -> Result<Self, BuildError> {
        let database = || store.database.clone();
        let basis = BasisParts {
            store: store.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            book: BasisBook::new(database(), Arc::clone(&foundation.clock)),
            chain: ChainKeys::new(store.keys.key(CHAIN_KEY)?),
            places: PlaceIndex::new(store.index_key.clone()),
            outbox: store.outbox(),
            lookups: LookupLog::new(store, foundation),
        };
        let (both, chain) = (basis.clock_and_random(), basis.chain.clone());
        let outbox = basis.outbox.clone();
        let decider = Decider::new(basis.book.clone(), store.fields.clone(), both, chain, outbox);
        let delivery = Delivery::new(CodeRendering::new(peers.code_rendering.clone()));
        let deciding = DecidingParts {
            redecider: Redecider::new(database(), decider.clone()),
            effects: Effects::new(database(), basis.clock_and_random(), delivery.clone()),
            delivery,
            decider,
        };
        let (clock, random) = basis.clock_and_random();
        let preparer = StatementPreparer::new(clock, random, basis.places.clone());
        let (book, decider) = (basis.book.clone(), deciding.decider.clone());
        let appender = FactAppender::new(database(), basis.clock(), book, preparer, decider);
        let facts = FactParts {
            reader: StatementReader::new(store.keys.key("fingerprint")?, basis.clock()),
            intake: FactIntake::start(appender.clone(), deciding.effects.clone()),
            appender,
        };
        let chains = ChainVerifier::new(database(), basis.chain.clone());
        let jobs = JobParts {
            recomparisons: Recomparisons::new(database(), basis.clock_and_random(), basis.book.clone()),
            verifications: HistoryVerifications::new(database(), basis.clock_and_random(), chains),
            feeds: Feeds::new(peers.identity.clone(), peers.declaration.clone()),
            rollback_approved: Arc::default(),
            rule_set_requested: Arc::default(),
        };
        Ok(Self {
            basis,
            deciding,
            facts,
            jobs,
        })
    }

    /// Who looked at whose data.
    pub fn lookups(&self) -> LookupLog {
        self.basis.lookups.clone()
    }

    /// Applies the events of identity.
    pub fn identity_follower(&self) -> IdentityFollower {
        let (basis, deciding) = (&self.basis, &self.deciding);
        IdentityFollower::new(
            basis.database(),
            basis.clock(),
            basis.book.clone(),
            deciding.decider.clone(),
            deciding.delivery.clone(),
        )
    }

    /// Applies the events of declaration.
    pub fn declaration_follower(&self) -> DeclarationFollower {
        DeclarationFollower::new(
            self.facts.appender.clone(),
            self.facts.reader.clone(),
            self.deciding.delivery.clone(),
        )
    }

    pub fn due_decisions(&self) -> DueDecisions {
        let (basis, deciding) = (&self.basis, &self.deciding);
        DueDecisions::new(
            basis.database(),
            basis.clock(),
            deciding.redecider.clone(),
            deciding.delivery.clone(),
        )
    }

    pub fn database(&self) -> Database {
        self.basis.database()
    }

    pub fn store(&self) -> &Store {
        &self.basis.store
    }

    pub fn outbox(&self) -> Outbox {
        self.basis.outbox.clone()
    }

    pub fn effects(&self) -> Effects {
        self.deciding.effects.clone()
    }

    pub fn recomparisons(&self) -> Recomparisons {
        self.jobs.recomparisons.clone()
    }

    pub fn verifications(&self) -> HistoryVerifications {
        self.jobs.verifications.clone()
    }

    pub fn operations(&self) -> Operations {
        Operations::new(self.basis.database(), self.basis.clock())
    }

    fn decision_reader(&self) -> DecisionReader {
        let (basis, deciding) = (&self.basis, &self.deciding);
        DecisionReader::new(
            basis.database(),
            basis.clock(),
            self.explainer(),
            deciding.redecider.clone(),
            deciding.delivery.clone(),
        )
    }

    fn explainer(&self) -> Explainer {
        let basis = &self.basis;
        Explainer::new(basis.database(), basis.store.fields.clone(), basis.book.clone())
    }

    pub fn decisions(&self) -> decisions::rpc::Handler {
        let (basis, facts) = (&self.basis, &self.facts);
        let fields = basis.store.fields.clone();
        let entries = Entries::new(basis.database(), fields, basis.clock(), basis.book.clone());
        let (intake, reader) = (facts.intake.clone(), facts.reader.clone());
        decisions::rpc::Handler::new(intake, reader, self.decision_reader(), entries)
    }

    pub fn days(&self) -> Days {
        let basis = &self.basis;
        Days::new(basis.database(), basis.clock(), basis.chain.clone())
    }

    pub fn history(&self) -> history::rpc::Handler {
        let basis = &self.basis;
        let replayer = Replayer::new(
            basis.database(),
            basis.store.fields.clone(),
            basis.book.clone(),
            basis.chain.clone(),
            self.explainer(),
        );
        let verifications = self.jobs.verifications.clone();
        history::rpc::Handler::new(self.decision_reader(), replayer, verifications, self.days())
    }

    fn stays(&self) -> StayRedecider {
        let basis = &self.basis;
        let redecider = self.deciding.redecider.clone();
        StayRedecider::new(
            basis.database(),
            basis.book.clone(),
            basis.places.clone(),
            redecider,
        )
    }

    pub fn areas(&self) -> areas::rpc::Handler {
        let (basis, effects) = (&self.basis, || self.deciding.effects.clone());
        let (book, random) = (|| basis.book.clone(), || Arc::clone(&basis.random));
        areas::rpc::Handler::new(
            Areas::new(basis.database(), basis.clock(), book()),
            NoticeImporter::new(random(), book(), self.stays(), effects()),
            IntervalImporter::new(random(), book(), self.stays(), effects()),
            UnplacedAreas::new(basis.database(), book(), self.stays(), effects()),
        )
    }

    pub fn key_areas(&self) -> KeyAreas {
        let basis = &self.basis;
        KeyAreas::new(
            basis.database(),
            basis.clock_and_random(),
            basis.book.clone(),
            self.stays(),
            self.deciding.effects.clone(),
        )
    }

    pub fn designations(&self) -> Designations {
        let (basis, deciding, facts) = (&self.basis, &self.deciding, &self.facts);
        let fields = basis.store.fields.clone();
        let stating = DesignationFacts::new(
            basis.clock(),
            deciding.decider.clone(),
            facts.appender.clone(),
            facts.reader.clone(),
        );
        Designations::new(
            basis.database(),
            basis.clock_and_random(),
            DesignationScope::new(basis.database(), fields, basis.book.clone()),
            stating,
            deciding.effects.clone(),
        )
    }

    pub fn reliefs(&self) -> Reliefs {
        let facts = &self.facts;
        Reliefs::new(self.basis.database(), facts.intake.clone(), facts.reader.clone())
    }

    fn undo_pages(&self) -> UndoPages {
        let fields = self.basis.store.fields.clone();
        UndoPages::new(self.basis.database(), fields, self.facts.reader.clone())
    }

    pub fn rollbacks(&self) -> Rollbacks {
        let (basis, decider) = (&self.basis, self.deciding.decider.clone());
        let trial = FactTrial::new(basis.database(), decider, self.facts.appender.clone());
        Rollbacks::new(
            basis.database(),
            basis.clock_and_random(),
            self.jobs.feeds.clone(),
            RollbackPreview::new(self.undo_pages(), trial),
            Arc::clone(&self.jobs.rollback_approved),
        )
    }

    pub fn rollback_runner(&self) -> RollbackRunner {
        RollbackRunner::new(
            self.basis.database(),
            self.basis.clock(),
            self.undo_pages(),
            (self.facts.appender.clone(), self.deciding.effects.clone()),
            Arc::clone(&self.jobs.rollback_approved),
        )
    }

    pub fn rule_sets(&self) -> RuleSets {
        let requested = Arc::clone(&self.jobs.rule_set_requested);
        RuleSets::new(self.basis.database(), self.basis.clock_and_random(), requested)
    }

    pub fn activation(&self) -> Activation {
        let basis = &self.basis;
        let shadow = ShadowCounter::new(basis.database(), basis.store.fields.clone());
        Activation::new(
            basis.database(),
            basis.clock_and_random(),
            basis.book.clone(),
            (shadow, self.jobs.recomparisons.clone()),
            Arc::clone(&self.jobs.rule_set_requested),
        )
    }

    pub fn recomparison_runner(&self) -> RecomparisonRunner {
        let (basis, deciding) = (&self.basis, &self.deciding);
        RecomparisonRunner::new(
            basis.database(),
            basis.clock_and_random(),
            basis.book.clone(),
            (deciding.decider.clone(), deciding.delivery.clone()),
            self.jobs.recomparisons.clone(),
        )
    }
}
