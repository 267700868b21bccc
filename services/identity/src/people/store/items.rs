//! The items of a person as they are stored: each encrypted for its subject and its field.

use lutong_kernel::phone::Mobile;
use lutong_kernel::{Fault, LocalDay, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::crypto::{CipherError, ReadyCipher};

use crate::people::domain::item::Item;
use crate::people::domain::{Person, StatedDocument, StatedPerson};

/// The items of a person, encrypted for one subject.
#[derive(Debug, Clone)]
pub struct SealedPerson {
    pub(super) full_name: Vec<u8>,
    pub(super) document: Vec<u8>,
    pub(super) mobile: Vec<u8>,
    pub(super) nationality: Vec<u8>,
    pub(super) home: Vec<u8>,
}

pub(super) fn context(field: &str, subject: SubjectId) -> Vec<u8> {
    format!("people/{field}/{subject}").into_bytes()
}

impl SealedPerson {
    pub fn seal(cipher: &ReadyCipher, subject: SubjectId, person: &Person) -> Result<Self, CipherError> {
        let seal = |field: &str, item: Item| {
            let text = person.text_of(item);
            cipher.encrypt(text.expose().as_bytes(), &context(field, subject))
        };
        Ok(Self {
            full_name: seal("full_name", Item::FullName)?,
            document: seal("document", Item::Document)?,
            mobile: seal("mobile", Item::Mobile)?,
            nationality: seal("nationality", Item::Nationality)?,
            home: seal("home", Item::Home)?,
        })
    }
}

/// Decrypts the name of `subject`.
pub fn open_name(cipher: &ReadyCipher, subject: SubjectId, sealed: &[u8]) -> Result<String, CipherError> {
    cipher.decrypt_text(sealed, &context("full_name", subject))
}

/// Decrypts the mobile of `subject`.
pub fn open_mobile(cipher: &ReadyCipher, subject: SubjectId, sealed: &[u8]) -> Result<Mobile, Fault> {
    let text = cipher.decrypt_text(sealed, &context("mobile", subject))?;
    Mobile::parse(&text).map_err(|_| StorageError::Damaged("people.mobile".to_owned()).into())
}

impl SealedPerson {
    /// Of the columns; none where one is missing.
    pub fn of_columns(
        full_name: Option<Vec<u8>>,
        document: Option<Vec<u8>>,
        mobile: Option<Vec<u8>>,
        nationality: Option<Vec<u8>>,
        home: Option<Vec<u8>>,
    ) -> Option<Self> {
        Some(Self {
            full_name: full_name?,
            document: document?,
            mobile: mobile?,
            nationality: nationality?,
            home: home?,
        })
    }

    /// Name, document, mobile, nationality, home.
    pub fn into_columns(self) -> [Vec<u8>; 5] {
        [
            self.full_name,
            self.document,
            self.mobile,
            self.nationality,
            self.home,
        ]
    }

    /// The items, read as they were stated: in normal form already.
    pub fn open(&self, cipher: &ReadyCipher, subject: SubjectId, today: LocalDay) -> Result<Person, Fault> {
        let damaged = |what: &str| Fault::from(StorageError::Damaged(format!("people.{what}")));
        let open = |field: &str, sealed: &[u8]| cipher.decrypt_text(sealed, &context(field, subject));
        let document = open("document", &self.document)?;
        let [kind, country, number] = document.splitn(3, '\n').collect::<Vec<_>>()[..] else {
            return Err(damaged("document"));
        };
        let home = open("home", &self.home)?;
        let (division, detail) = home.split_once('\n').ok_or_else(|| damaged("home"))?;
        let (full_name, mobile) = (open("full_name", &self.full_name)?, open("mobile", &self.mobile)?);
        let nationality = open("nationality", &self.nationality)?;
        let stated = StatedPerson {
            full_name: &full_name,
            document: Some(StatedDocument {
                kind: kind.parse().ok(),
                number,
                issuing_country: country,
            }),
            mobile: &mobile,
            nationality: &nationality,
            home: Some((division, detail)),
        };
        let (person, _) = stated.check(today).map_err(|fault| {
            let fields: Vec<_> = fault
                .violations
                .iter()
                .map(|wrong| wrong.field.as_str())
                .collect();
            damaged(&fields.join(", "))
        })?;
        Ok(person)
    }
}
