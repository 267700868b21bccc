//! Identity documents: the types of GA/T 517, resident ID numbers of GB 11643, and the number spaces in which
//! two documents are the same person.

use std::fmt;
use std::str::FromStr;

use crate::country::Country;
use crate::time::LocalDay;

macro_rules! document_types {
    ($($variant:ident, $name:literal, $zh:literal, $gat517:literal, $space:ident;)*) => {
        /// The document types that the province accepts, by their canonical names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DocumentType { $(#[doc = $zh] $variant,)* }

        impl DocumentType {
            pub const ALL: [Self; [$($gat517),*].len()] = [$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub const fn name_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// The GA/T 517 code.
            pub const fn gat517(self) -> u16 {
                match self { $(Self::$variant => $gat517,)* }
            }

            /// Numbers of types in one space are the same person when they are equal.
            pub const fn number_space(self) -> NumberSpace {
                match self { $(Self::$variant => NumberSpace::$space,)* }
            }
        }
    };
}

document_types! {
    ResidentId, "RESIDENT_ID", "居民身份证", 111, CnId;
    TempResidentId, "TEMP_RESIDENT_ID", "临时居民身份证", 112, CnId;
    HouseholdBook, "HOUSEHOLD_BOOK", "户口簿", 113, CnId;
    MilitaryOfficer, "MILITARY_OFFICER", "中国人民解放军军官证", 114, Military;
    ArmedPoliceOfficer, "ARMED_POLICE_OFFICER", "中国人民武装警察部队警官证", 115, ArmedPolice;
    BirthCert, "BIRTH_CERT", "出生医学证明", 117, BirthCertificate;
    PassportOrdinary, "PASSPORT_ORDINARY", "普通护照", 414, Passport;
    PassportDiplomatic, "PASSPORT_DIPLOMATIC", "外交护照", 411, Passport;
    PassportService, "PASSPORT_SERVICE", "公务护照", 412, Passport;
    TravelDoc, "TRAVEL_DOC", "旅行证", 415, TravelDocument;
    TwTravelPermit, "TW_TRAVEL_PERMIT", "台湾居民来往大陆通行证", 511, TaiwanPermit;
    TwTravelPermitOnce, "TW_TRAVEL_PERMIT_ONCE", "台湾居民来往大陆通行证(一次有效)", 512, TaiwanPermit;
    HkmoHomeReturn, "HKMO_HOME_RETURN", "港澳居民来往内地通行证", 516, HomeReturnPermit;
    ForeignPermanentResident, "FOREIGN_PERMANENT_RESIDENT", "外国人永久居留证", 553, ForeignPermanentResident;
    ForeignResidence, "FOREIGN_RESIDENCE", "外国人居留证", 554, ForeignResidence;
    Other, "OTHER", "其他", 990, Other;
}

/// The space in which a number names one person. Resident card, temporary card, household book and converted
/// 15-digit numbers are one space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberSpace {
    CnId,
    Military,
    ArmedPolice,
    BirthCertificate,
    Passport,
    TravelDocument,
    TaiwanPermit,
    HomeReturnPermit,
    ForeignPermanentResident,
    ForeignResidence,
    Other,
}

impl NumberSpace {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CnId => "CN-ID",
            Self::Military => "CN-MILITARY",
            Self::ArmedPolice => "CN-ARMED-POLICE",
            Self::BirthCertificate => "CN-BIRTH",
            Self::Passport => "PASSPORT",
            Self::TravelDocument => "CN-TRAVEL",
            Self::TaiwanPermit => "CN-TW-PERMIT",
            Self::HomeReturnPermit => "CN-HKMO-PERMIT",
            Self::ForeignPermanentResident => "CN-FPR",
            Self::ForeignResidence => "CN-FR",
            Self::Other => "OTHER",
        }
    }

    /// A passport number means nothing without the country that issued it; nor does "other".
    pub const fn needs_issuing_country(self) -> bool {
        matches!(self, Self::Passport | Self::Other)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no document type {0:?}")]
pub struct UnknownDocumentType(pub String);

impl FromStr for DocumentType {
    type Err = UnknownDocumentType;

    fn from_str(text: &str) -> Result<Self, UnknownDocumentType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownDocumentType(text.chars().take(40).collect()))
    }
}

/// What was done to a number before it was accepted: told to the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalisation {
    /// Full-width digits or letters became half-width.
    HalfWidth,
    /// Blanks or hyphens were taken out.
    SeparatorsRemoved,
    /// Lower-case letters became upper case.
    UpperCase,
    /// A 15-digit number of an old card was converted to its 18 characters.
    FifteenToEighteen,
}

impl Normalisation {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HalfWidth => "HALF_WIDTH",
            Self::SeparatorsRemoved => "SEPARATORS_REMOVED",
            Self::UpperCase => "UPPER_CASE",
            Self::FifteenToEighteen => "FIFTEEN_TO_EIGHTEEN",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("a document number is required")]
    Empty,
    #[error("a document number has at most 32 characters")]
    TooLong,
    #[error("a document number has only letters and digits")]
    Characters,
    #[error(
        "a resident ID number has 18 characters, 17 digits and a check character (or 15 digits on an old card)"
    )]
    ResidentShape,
    #[error("the check character of the resident ID number does not match (ISO 7064 MOD 11-2)")]
    CheckCharacter,
    #[error("the birth date in the resident ID number is not a day of the calendar")]
    BirthDate,
    #[error("the birth date in the resident ID number lies in the future")]
    FutureBirth,
    #[error("the division in the resident ID number does not begin with a province (GB/T 2260)")]
    Province,
    #[error("this document type needs its issuing country")]
    IssuingCountryMissing,
}

impl DocumentError {
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "DOCUMENT_NUMBER_MISSING",
            Self::TooLong => "DOCUMENT_NUMBER_TOO_LONG",
            Self::Characters => "DOCUMENT_NUMBER_CHARACTERS",
            Self::ResidentShape => "RESIDENT_ID_SHAPE",
            Self::CheckCharacter => "RESIDENT_ID_CHECK_CHARACTER",
            Self::BirthDate => "RESIDENT_ID_BIRTH_DATE",
            Self::FutureBirth => "RESIDENT_ID_FUTURE_BIRTH_DATE",
            Self::Province => "RESIDENT_ID_PROVINCE",
            Self::IssuingCountryMissing => "ISSUING_COUNTRY_MISSING",
        }
    }

    pub const fn zh(&self) -> &'static str {
        match self {
            Self::Empty => "请填写证件号码",
            Self::TooLong => "证件号码最多32个字符",
            Self::Characters => "证件号码只能包含字母和数字",
            Self::ResidentShape => "居民身份证号码应为18位（17位数字加校验码），旧证为15位数字",
            Self::CheckCharacter => "居民身份证号码校验码不正确，请核对",
            Self::BirthDate => "居民身份证号码中的出生日期不存在",
            Self::FutureBirth => "居民身份证号码中的出生日期晚于今天",
            Self::Province => "居民身份证号码的行政区划代码不正确",
            Self::IssuingCountryMissing => "该证件类型须填写签发国家或地区",
        }
    }

    /// The field of `Document` that the error is about.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::IssuingCountryMissing => "issuing_country",
            _ => "number",
        }
    }
}

/// A document as the system keys it: type, number in its one normal form, issuing country where it matters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document {
    kind: DocumentType,
    number: String,
    issuing_country: Option<Country>,
}

impl Document {
    /// Normalises and checks. `today` is the local day, against birth dates in the future.
    pub fn try_new(
        kind: DocumentType,
        number: &str,
        issuing_country: Option<Country>,
        today: LocalDay,
    ) -> Result<(Self, Vec<Normalisation>), DocumentError> {
        let (mut number, mut notes) = plain(number)?;
        if kind.number_space() == NumberSpace::CnId {
            if number.len() == 15 {
                number = convert_fifteen(&number)?;
                notes.push(Normalisation::FifteenToEighteen);
            }
            check_resident(&number, today)?;
        }
        if kind.number_space().needs_issuing_country() && issuing_country.is_none() {
            return Err(DocumentError::IssuingCountryMissing);
        }
        Ok((
            Self {
                kind,
                number,
                issuing_country,
            },
            notes,
        ))
    }

    pub const fn kind(&self) -> DocumentType {
        self.kind
    }

    pub fn number(&self) -> &str {
        &self.number
    }

    pub const fn issuing_country(&self) -> Option<Country> {
        self.issuing_country
    }

    /// The text under the blind index: space, issuing country where it matters, number.
    pub fn index_text(&self) -> String {
        let space = self.kind.number_space();
        let country = match self.issuing_country {
            Some(country) if space.needs_issuing_country() => country.to_string(),
            _ => String::new(),
        };
        format!("{}|{country}|{}", space.as_str(), self.number)
    }

    /// The birth date inside a resident number.
    pub fn birth_date(&self) -> Option<LocalDay> {
        if self.kind.number_space() == NumberSpace::CnId {
            birth_of(&self.number)
        } else {
            None
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Numbers are personal data and stay out of logs.
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Half-width, upper case, without separators.
fn plain(number: &str) -> Result<(String, Vec<Normalisation>), DocumentError> {
    if number.len() > 200 {
        return Err(DocumentError::TooLong);
    }
    let mut out = String::with_capacity(number.len());
    let mut notes = Vec::new();
    let mut note = |what| {
        if !notes.contains(&what) {
            notes.push(what);
        }
    };
    for c in number.trim().chars() {
        let narrow = match c {
            // The full-width forms stand at a fixed distance from ASCII in Unicode.
            '\u{FF01}'..='\u{FF5E}' => {
                note(Normalisation::HalfWidth);
                char::from_u32(c as u32 - 0xFEE0).unwrap_or(c)
            }
            other => other,
        };
        match narrow {
            ' ' | '\u{3000}' | '-' => note(Normalisation::SeparatorsRemoved),
            'a'..='z' => {
                note(Normalisation::UpperCase);
                out.push(narrow.to_ascii_uppercase());
            }
            '0'..='9' | 'A'..='Z' => out.push(narrow),
            _ => return Err(DocumentError::Characters),
        }
    }
    match out.len() {
        0 => Err(DocumentError::Empty),
        1..=32 => Ok((out, notes)),
        _ => Err(DocumentError::TooLong),
    }
}

/// The check character of ISO 7064 MOD 11-2 over 17 digits.
pub fn check_character(digits: &[u8]) -> Option<char> {
    if digits.len() != 17 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut sum = 0_u32;
    for digit in digits {
        sum = (sum + u32::from(digit - b'0')) * 2 % 11;
    }
    let check = (12 - sum) % 11;
    Some(if check == 10 {
        'X'
    } else {
        char::from_digit(check, 10)?
    })
}

/// Old 15-digit numbers say the year in two digits, always of the 1900s.
fn convert_fifteen(number: &str) -> Result<String, DocumentError> {
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DocumentError::ResidentShape);
    }
    let mut long = format!("{}19{}", &number[..6], &number[6..]);
    long.push(check_character(long.as_bytes()).ok_or(DocumentError::ResidentShape)?);
    Ok(long)
}

fn birth_of(number: &str) -> Option<LocalDay> {
    let year = number.get(6..10)?.parse().ok()?;
    let month = number.get(10..12)?.parse().ok()?;
    let day = number.get(12..14)?.parse().ok()?;
    LocalDay::from_ymd(year, month, day)
}

fn check_resident(number: &str, today: LocalDay) -> Result<(), DocumentError> {
    let bytes = number.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return Err(DocumentError::ResidentShape);
    }
    // Province codes of GB/T 2260, and 83 of the residence permits for people from Taiwan.
    let province: u8 = number[..2].parse().map_err(|_| DocumentError::Province)?;
    if !matches!(province, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83 | 91) {
        return Err(DocumentError::Province);
    }
    let birth = birth_of(number).ok_or(DocumentError::BirthDate)?;
    if birth > today {
        return Err(DocumentError::FutureBirth);
    }
    if check_character(&bytes[..17]) != number.chars().last() {
        return Err(DocumentError::CheckCharacter);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
