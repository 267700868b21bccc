//! The kernel's words as the contract's shared types.

use lutong_kernel::{Colour, MissingProof, Violation};

use crate::types::v1::{Colour as WireColour, FieldError, LocalisedText, MissingProof as WireMissingProof};

impl LocalisedText {
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

impl From<Violation> for FieldError {
    fn from(wrong: Violation) -> Self {
        Self {
            field: wrong.field,
            reason: wrong.reason.into_owned(),
            message: Some(LocalisedText::new(wrong.zh, wrong.en)),
        }
    }
}

impl From<FieldError> for Violation {
    fn from(wrong: FieldError) -> Self {
        let message = wrong.message.unwrap_or_default();
        Self::new(wrong.field, wrong.reason, message.zh, message.en)
    }
}

impl From<Colour> for WireColour {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Green => Self::Green,
            Colour::Yellow => Self::Yellow,
            Colour::Red => Self::Red,
        }
    }
}

impl WireColour {
    /// `None`: UNSPECIFIED, which says nothing and is never read as green.
    pub const fn known(self) -> Option<Colour> {
        match self {
            Self::Unspecified => None,
            Self::Green => Some(Colour::Green),
            Self::Yellow => Some(Colour::Yellow),
            Self::Red => Some(Colour::Red),
        }
    }
}

impl From<MissingProof> for WireMissingProof {
    fn from(missing: MissingProof) -> Self {
        match missing {
            MissingProof::RealNameCheck => Self::RealNameCheck,
            MissingProof::KnownMobileOrCounter => Self::KnownMobileOrCounter,
        }
    }
}

impl WireMissingProof {
    /// None for UNSPECIFIED: nothing is missing.
    pub const fn missing(self) -> Option<MissingProof> {
        match self {
            Self::Unspecified => None,
            Self::RealNameCheck => Some(MissingProof::RealNameCheck),
            Self::KnownMobileOrCounter => Some(MissingProof::KnownMobileOrCounter),
        }
    }
}
