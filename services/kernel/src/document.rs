//! Identity documents: the types of GA/T 517, resident ID numbers of GB 11643, and the number spaces in which equal
//! numbers belong to one person.

mod shape;

use std::borrow::Cow;
use std::fmt;

use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::country::Country;
use crate::time::LocalDay;

/// The document types that the province accepts, with their codes in GA/T 517. The text form is the name in
/// the contract: `RESIDENT_ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum DocumentType {
    /// 居民身份证 (111).
    ResidentId,
    /// 临时居民身份证 (112).
    TempResidentId,
    /// 户口簿 (113).
    HouseholdBook,
    /// 中国人民解放军军官证 (114).
    MilitaryOfficer,
    /// 中国人民武装警察部队警官证 (115).
    ArmedPoliceOfficer,
    /// 出生医学证明 (117).
    BirthCert,
    /// 普通护照 (414).
    PassportOrdinary,
    /// 外交护照 (411).
    PassportDiplomatic,
    /// 公务护照 (412).
    PassportService,
    /// 旅行证 (415).
    TravelDoc,
    /// 台湾居民来往大陆通行证 (511).
    TwTravelPermit,
    /// 台湾居民来往大陆通行证(一次有效) (512).
    TwTravelPermitOnce,
    /// 港澳居民来往内地通行证 (516).
    HkmoHomeReturn,
    /// 外国人永久居留证 (553).
    ForeignPermanentResident,
    /// 外国人居留证 (554).
    ForeignResidence,
    /// 其他 (990).
    Other,
}

impl DocumentType {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Whether a document of this type may take the place of one of type `old` of the same person: it is of the same kind, or a resident
    /// ID, which its holder had or gets whatever they showed before.
    pub fn may_replace(self, old: Self) -> bool {
        let space = self.number_space();
        space == NumberSpace::CnId || space == old.number_space()
    }

    const fn number_space(self) -> NumberSpace {
        match self {
            Self::ResidentId | Self::TempResidentId | Self::HouseholdBook => NumberSpace::CnId,
            Self::MilitaryOfficer => NumberSpace::Military,
            Self::ArmedPoliceOfficer => NumberSpace::ArmedPolice,
            Self::BirthCert => NumberSpace::BirthCertificate,
            Self::PassportOrdinary | Self::PassportDiplomatic | Self::PassportService => {
                NumberSpace::Passport
            }
            Self::TravelDoc => NumberSpace::TravelDocument,
            Self::TwTravelPermit | Self::TwTravelPermitOnce => NumberSpace::TaiwanPermit,
            Self::HkmoHomeReturn => NumberSpace::HomeReturnPermit,
            Self::ForeignPermanentResident => NumberSpace::ForeignPermanentResident,
            Self::ForeignResidence => NumberSpace::ForeignResidence,
            Self::Other => NumberSpace::Other,
        }
    }
}

/// A set of numbers in which equal numbers belong to one person. Resident card, temporary card and household book share
/// the space of resident ID numbers. The text form goes into blind indexes and must not change.
#[derive(Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(const_into_str)]
enum NumberSpace {
    #[strum(serialize = "CN-ID")]
    CnId,
    #[strum(serialize = "CN-MILITARY")]
    Military,
    #[strum(serialize = "CN-ARMED-POLICE")]
    ArmedPolice,
    #[strum(serialize = "CN-BIRTH")]
    BirthCertificate,
    #[strum(serialize = "PASSPORT")]
    Passport,
    #[strum(serialize = "CN-TRAVEL")]
    TravelDocument,
    #[strum(serialize = "CN-TW-PERMIT")]
    TaiwanPermit,
    #[strum(serialize = "CN-HKMO-PERMIT")]
    HomeReturnPermit,
    #[strum(serialize = "CN-FPR")]
    ForeignPermanentResident,
    #[strum(serialize = "CN-FR")]
    ForeignResidence,
    #[strum(serialize = "OTHER")]
    Other,
}

impl NumberSpace {
    /// Whether a number is unique only together with the country that issued the document.
    const fn needs_issuing_country(self) -> bool {
        matches!(self, Self::Passport | Self::Other)
    }
}

/// A change made to a document number before it was accepted. The person who typed the number is shown it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalisation {
    /// Full-width digits or letters became half-width.
    HalfWidth,
    /// Blanks or hyphens were removed.
    SeparatorsRemoved,
    /// Lower-case letters became upper case.
    UpperCase,
    /// A 15-digit number of an old card was converted to 18 characters.
    FifteenToEighteen,
}

/// The rule that a document breaks.
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
    #[error("a number of this document type has {}", shape::description(*.0).map_or("", |text| text.1))]
    Shape(DocumentType),
    #[error("this document type needs its issuing country")]
    IssuingCountryMissing,
}

impl DocumentError {
    /// The stable code of the rule, `UPPER_SNAKE`.
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
            Self::Shape(_) => "DOCUMENT_NUMBER_SHAPE",
            Self::IssuingCountryMissing => "ISSUING_COUNTRY_MISSING",
        }
    }

    /// The rule in Chinese.
    pub fn zh(&self) -> Cow<'static, str> {
        if let Self::Shape(kind) = self {
            let shape = shape::description(*kind).map_or("", |text| text.0);
            return format!("该证件号码应为{shape}").into();
        }
        self.fixed_zh().into()
    }

    const fn fixed_zh(&self) -> &'static str {
        match self {
            Self::Empty => "请填写证件号码",
            Self::TooLong => "证件号码最多32个字符",
            Self::Characters => "证件号码只能包含字母和数字",
            Self::ResidentShape => "居民身份证号码应为18位（17位数字加校验码），旧证为15位数字",
            Self::CheckCharacter => "居民身份证号码校验码不正确，请核对",
            Self::BirthDate => "居民身份证号码中的出生日期不存在",
            Self::FutureBirth => "居民身份证号码中的出生日期晚于今天",
            Self::Province => "居民身份证号码的行政区划代码不正确",
            // Its text depends on the type.
            Self::Shape(_) => "",
            Self::IssuingCountryMissing => "该证件类型须填写签发国家或地区",
        }
    }

    /// The field of the contract's `Document` that breaks the rule.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::IssuingCountryMissing => "issuing_country",
            _ => "number",
        }
    }
}

/// An identity document with its number in normal form: half-width, upper case, without separators, resident ID numbers
/// with 18 characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document {
    kind: DocumentType,
    number: String,
    issuing_country: Option<Country>,
}

impl Document {
    /// Normalises and checks a number. `today` is the last birth date that a resident ID number may have.
    pub fn try_new(
        kind: DocumentType,
        number: &str,
        issuing_country: Option<Country>,
        today: LocalDay,
    ) -> Result<(Self, Vec<Normalisation>), DocumentError> {
        let (mut number, mut notes) = normalise(number)?;
        if !number.is_ascii() && !may_have_han(kind) {
            return Err(DocumentError::Characters);
        }
        if kind.number_space() == NumberSpace::CnId {
            if number.len() == 15 {
                number = convert_fifteen(&number)?;
                notes.push(Normalisation::FifteenToEighteen);
            }
            check_resident(&number, today)?;
        } else if !shape::fits(kind, &number) {
            return Err(DocumentError::Shape(kind));
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

    /// The type of the document.
    pub const fn kind(&self) -> DocumentType {
        self.kind
    }

    /// The number in normal form.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// The issuing country as it was given, for every type of document.
    pub const fn issuing_country(&self) -> Option<Country> {
        self.issuing_country
    }

    /// The text whose keyed hash is the blind index: `{number space}|{issuing country}|{number}`. The country is empty
    /// where the number space does not need it, so that two documents of one person have one text.
    pub fn index_text(&self) -> String {
        let space = self.kind.number_space();
        let country = match self.issuing_country {
            Some(country) if space.needs_issuing_country() => country.to_string(),
            _ => String::new(),
        };
        format!(
            "{}|{country}|{}",
            space.into_str(),
            shape::lasting(self.kind, &self.number)
        )
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number is personal data and must not appear in logs.
        f.debug_struct("Document")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The number half-width, in upper case and without separators, and the changes that this took.
fn normalise(number: &str) -> Result<(String, Vec<Normalisation>), DocumentError> {
    // Limits the work on a hostile input: no number of 32 characters with separators has this length.
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
            // 某字第…号 of military cards: the words between the unit and the number say nothing.
            ' ' | '\u{3000}' | '-' | '(' | ')' | '字' | '第' | '号' | '號' => {
                note(Normalisation::SeparatorsRemoved);
            }
            'a'..='z' => {
                note(Normalisation::UpperCase);
                out.push(narrow.to_ascii_uppercase());
            }
            '0'..='9' | 'A'..='Z' | '\u{4E00}'..='\u{9FFF}' => out.push(narrow),
            _ => return Err(DocumentError::Characters),
        }
    }
    match out.chars().count() {
        0 => Err(DocumentError::Empty),
        1..=32 => Ok((out, notes)),
        _ => Err(DocumentError::TooLong),
    }
}

/// Whether a number of this type may begin with the word of the unit that issued it.
const fn may_have_han(kind: DocumentType) -> bool {
    matches!(
        kind,
        DocumentType::MilitaryOfficer | DocumentType::ArmedPoliceOfficer
    )
}

/// The check character of GB 11643 (ISO 7064, MOD 11-2) over 17 ASCII digits; `None` for anything else.
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

/// Converts a 15-digit number of GB 11643-1989. It has two digits for the year, which is always in the 1900s.
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
    // The province codes of GB/T 2260; 83 for the residence permits of people from Taiwan; 91 abroad.
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
