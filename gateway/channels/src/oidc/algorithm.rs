//! Signature algorithms of ID tokens (RFC 7518, RFC 8037).

/// A signature algorithm that a channel may accept; `none` and those with a shared key are not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    #[strum(serialize = "EdDSA")]
    EdDsa,
}
