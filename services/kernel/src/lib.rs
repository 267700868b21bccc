#![doc = include_str!("../README.md")]

pub mod channel;
pub mod clock;
pub mod colour;
pub mod country;
pub mod desk;
pub mod division;
pub mod document;
pub mod fault;
pub mod id;
pub mod jurisdiction;
pub mod name;
pub mod partner;
pub mod phone;
pub mod proof;
pub mod random;
pub mod secret;
pub mod service;
pub mod source;
pub mod text;
pub mod time;

pub use channel::Channel;
pub use clock::{Clock, ManualClock};
pub use colour::Colour;
pub use desk::Desk;
pub use division::DivisionCode;
pub use fault::{Fault, FaultCode, Violation};
pub use id::{
    AccountabilityCaseId, ApplicationId, AttachmentId, CheckpointDeviceId, CheckpointId, ConversionChangeId,
    ConversionId, ConversionRollbackId, DecisionId, DoorReportId, FactId, HealthCardReadId, HealthCardUseId,
    LookupId, MedicalInstitutionId, MedicalTerminalId, PartnerConsentId, PatientBindingId, PlaceId,
    RecognitionRefusalId, RequestId, StaffSignInId, SubjectId,
};
pub use jurisdiction::Jurisdiction;
pub use partner::PartnerCode;
pub use proof::MissingProof;
pub use random::Random;
pub use secret::Secret;
pub use service::ServiceName;
pub use source::{Authority, Source};
pub use text::{FreeText, TextError, TextRule};
pub use time::{LocalDay, Timestamp};
