//! The clauses that a code system keeps towards its partners, and why a machine cannot test some of them. Ids are never given to another clause.

/// A clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Clause {
    Signature,
    Coverage,
    OwnProvince,
    Ninety,
    Once,
    Sizes,
    Readable,
    Reasons,
    Answer,
    Json,
    InTime,
    Clock,
    PublishedKey,
    Agreement,
    Fields,
    Salt,
    Consent,
    Names,
    OnlyGreen,
    Repeated,
    OwnStatements,
    References,
    ShownCode,
    Provenance,
    Batches,
    Comparison,
    Verification,
    HealthDeclaration,
    ItineraryDeclaration,
    Query,
    CodeMaking,
    CodeCall,
    Correction,
    Quota,
    TestState,
    Ledger,
    MessageRecord,
    InForce,
}

/// What a clause says.
#[derive(Clone, Copy, Debug)]
pub struct AboutClause {
    pub id: &'static str,
    /// Where it is written.
    pub source: &'static str,
    pub text: &'static str,
    /// Why no case tests it; empty for one that is tested.
    pub untested: &'static str,
}

const MESSAGE: &str = "lutong.federation.v1.SignedMessage";
const SERVICE: &str = "lutong.federation.v1.ExchangeService";
const BODIES: &str = "lutong/federation/v1/exchange_body.proto";
const CHANGES: &str = "lutong.federation.v1.SubscriptionService";

impl Clause {
    pub const fn about(self) -> AboutClause {
        let (id, source) = self.id_and_source();
        AboutClause {
            id,
            source,
            text: self.text(),
            untested: self.untested(),
        }
    }

    const fn id_and_source(self) -> (&'static str, &'static str) {
        match self {
            Self::Signature => ("FED-SIGNATURE", MESSAGE),
            Self::Coverage => ("FED-COVERAGE", MESSAGE),
            Self::OwnProvince => ("FED-OWN-PROVINCE", MESSAGE),
            Self::Ninety => ("FED-NINETY-SECONDS", MESSAGE),
            Self::Once => ("FED-ONCE", MESSAGE),
            Self::Sizes => ("FED-SIZES", MESSAGE),
            Self::Readable => ("FED-READABLE", SERVICE),
            Self::Reasons => ("FED-REASONS", SERVICE),
            Self::Answer => ("FED-ANSWER", SERVICE),
            Self::Json => ("FED-JSON", SERVICE),
            Self::InTime => ("FED-IN-TIME", SERVICE),
            Self::Clock => ("FED-CLOCK", MESSAGE),
            Self::PublishedKey => (
                "FED-PUBLISHED-KEY",
                "lutong.federation.v1.ExchangeService/GetMessageKey",
            ),
            Self::Agreement => ("FED-AGREEMENT", BODIES),
            Self::Fields => ("FED-FIELDS", BODIES),
            Self::Salt => ("FED-SALT", BODIES),
            Self::Consent => ("FED-CONSENT", BODIES),
            Self::Names => ("FED-NAMES", BODIES),
            Self::OnlyGreen => ("FED-ONLY-GREEN", "lutong.federation.v1.RecognitionOutcome"),
            Self::Repeated => ("FED-REPEATED", BODIES),
            Self::OwnStatements => ("FED-OWN-STATEMENTS", BODIES),
            Self::References => ("FED-REFERENCES", BODIES),
            Self::ShownCode => ("FED-SHOWN-CODE", BODIES),
            Self::Provenance => ("FED-PROVENANCE", BODIES),
            Self::Batches => ("FED-BATCHES", CHANGES),
            Self::Comparison => ("FED-COMPARISON", CHANGES),
            Self::Verification => ("GBT38963-6-VERIFICATION", "GB/T 38963-2020, 6: code verification"),
            Self::HealthDeclaration => ("GBT38963-6-HEALTH", "GB/T 38963-2020, 6: health declaration"),
            Self::ItineraryDeclaration => (
                "GBT38963-6-ITINERARY",
                "GB/T 38963-2020, 6: itinerary declaration",
            ),
            Self::Query => ("GBT38963-6-QUERY", "GB/T 38963-2020, 6: query"),
            Self::CodeMaking => ("GBT38963-6-MAKING", "GB/T 38963-2020, 6: code making"),
            Self::CodeCall => ("GBT38963-6-CALL", "GB/T 38963-2020, 6: code call"),
            Self::Correction => ("GBT38963-6-CORRECTION", "GB/T 38963-2020, 6: correction"),
            Self::Quota => ("FED-QUOTA", SERVICE),
            Self::TestState => ("FED-TEST-STATE", BODIES),
            Self::Ledger => ("FED-LEDGER", "services/federation/README.md"),
            Self::MessageRecord => ("FED-MESSAGE-RECORD", "services/federation/README.md"),
            Self::InForce => ("FED-IN-FORCE", CHANGES),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Signature => {
                "a message counts under the signature of a key for messages that is on the list"
            }
            Self::Coverage => "the signature covers method, audience, body and what is answered",
            Self::OwnProvince => "a key speaks for its own province and no other",
            Self::Ninety => "a message is accepted for a minute, with thirty seconds for the clocks",
            Self::Once => "a message is accepted once",
            Self::Sizes => "a header has at most 512 bytes, a body 16,384",
            Self::Readable => "what cannot be read is refused as the fault of the sender",
            Self::Reasons => "a refusal states its reason and outcome",
            Self::Answer => {
                "an answer is signed by the system, for this very message, with a nonce of its own"
            }
            Self::Json => "an answer over HTTP is JSON and says so",
            Self::InTime => "a shown code is answered within two seconds: somebody stands at a door",
            Self::Clock => "the clock of the system is right",
            Self::PublishedKey => "the keys that sign messages and batches are published",
            Self::Agreement => "an exchange that is not agreed is not served",
            Self::Fields => {
                "a body that is wrong is answered with INVALID and its fields, and nothing is stored"
            }
            Self::Salt => "a person in a body has a salt of 16 bytes or more",
            Self::Consent => "nothing is told or shown of somebody who has not consented",
            Self::Names => "a person of another name is a mismatch, and neither a record nor a code",
            Self::OnlyGreen => "what is no code has no colour, and what failed is never a colour",
            Self::Repeated => "a declaration that is sent again under its key is there once",
            Self::OwnStatements => "what was declared is taken back by who declared it, and nothing else is",
            Self::References => "a reference names one code, for one partner",
            Self::ShownCode => {
                "a code that is shown is signed with the key for codes and lives for 60 seconds"
            }
            Self::Provenance => "each record says which province holds it",
            Self::Batches => {
                "changes are told in batches after a tag; a tag that is not kept is said to be gone"
            }
            Self::Comparison => "at most 400 codes are compared; one that is not followed is NOT_FOUND",
            Self::Verification => "a code that is shown is verified by its issuer",
            Self::HealthDeclaration => "a health declaration is taken in",
            Self::ItineraryDeclaration => "an itinerary declaration is taken in",
            Self::Query => "records of a person are answered",
            Self::CodeMaking => "a code is made",
            Self::CodeCall => "a code that was made is called",
            Self::Correction => "a declaration is corrected",
            Self::Quota => "a partner has its quota and no more",
            Self::TestState => "a partner in TEST gets nobody's data",
            Self::Ledger => "each disclosure stands in the ledger of its person",
            Self::MessageRecord => "both messages are recorded",
            Self::InForce => "a batch is acknowledged once it is in force",
        }
    }

    /// Why no case tests it.
    const fn untested(self) -> &'static str {
        match self {
            Self::Quota => "testing it would use up what partner and system agreed on",
            Self::TestState => "the kit speaks as one partner in one state",
            Self::Ledger => "not to be seen from outside: attested by people",
            Self::MessageRecord => "not to be seen from outside: `lutong federation evidence` proves it",
            Self::InForce => "the kit changes nobody's code",
            _ => "",
        }
    }
}
