//! That an institution knows the holder of a card as one of its patients.

use lutong_kernel::{MedicalInstitutionId, PatientBindingId, SubjectId, Timestamp};

use crate::medical_institutions::domain::State;

/// A binding without the patient number, which is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatientBinding {
    pub id: PatientBindingId,
    pub subject: SubjectId,
    pub institution: MedicalInstitutionId,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl PatientBinding {
    pub const fn state(&self) -> State {
        State::since(self.ended_at)
    }
}
