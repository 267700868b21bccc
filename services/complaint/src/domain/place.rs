//! Places where codes are looked at.

/// A kind of place, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum PlaceKind {
    Community,
    Restaurant,
    Mall,
    Hospital,
    Hotel,
    Transport,
    CultureAndTourism,
    OfficeBuilding,
}
