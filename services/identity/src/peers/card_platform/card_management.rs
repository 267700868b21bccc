//! The national card-management system behind a front machine, V2: one address, a method in the body, head and body signed by SM3, personal
//! fields under SM4 (ECB, padded with zeros, as the published interface has it). Source: its interface description V2, sections 6.1 and
//! 6.5.

use std::sync::Arc;

use cipher::{Block, BlockCipherEncrypt as _, KeyInit as _};
use lutong_chassis::Foundation;
use lutong_kernel::{Clock, Random, Secret};
use lutong_storage::crypto::hex;
use serde_json::{Value, json};
use sm3::{Digest as _, Sm3};
use sm4::Sm4;

use super::{Answer, Endpoint, code_of, document_code, signed_text};
use crate::health_cards::domain::CardNumber;
use crate::medical_steps::domain::MedicalStep;
use crate::medical_terminals::domain::Place;
use crate::people::domain::Person;

const PATH: &str = "api/do";
const VERSION: &str = "V2.0.0";
/// One province answers `0`, another `000`.
const GOOD: [&str; 2] = ["0", "000"];
const BLOCK: usize = 16;
/// An application, in bulk and ahead (批量预生成).
const AHEAD: &str = "4";
/// At a counter.
const COUNTER: &str = "3";

/// Speaks to the card-management system.
pub struct CardManagement {
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl CardManagement {
    pub fn new(endpoint: Endpoint, foundation: &Foundation) -> Self {
        Self {
            endpoint,
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
        }
    }

    /// `createVmcardQRcode` (6.1).
    pub async fn register(&self, person: &Person) -> Answer<CardNumber> {
        let Some(keys) = self.keys().await else {
            return Answer::Unavailable;
        };
        let body = self.items(person, &keys);
        self.call("createVmcardQRcode", body, &keys).await
    }

    /// `modifyVmcardInfo`. The card keeps its number where the answer names none.
    pub async fn modify(&self, person: &Person, number: &CardNumber) -> Answer<CardNumber> {
        let Some(keys) = self.keys().await else {
            return Answer::Unavailable;
        };
        let mut body = self.items(person, &keys);
        body["erhcCardNo"] = number.expose().into();
        let answer = self.ask("modifyVmcardInfo", body, &keys).await;
        answer.and_then(|datas| match number_in(&datas) {
            Answer::Good(number) => Answer::Good(number),
            Answer::Refused | Answer::Unavailable => Answer::Good(number.clone()),
        })
    }

    /// What a registration and a change say of a person.
    fn items(&self, person: &Person, keys: &Keys) -> Value {
        json!({
            "orgCode": self.endpoint.config.organisation,
            "appMode": AHEAD,
            "personnelType": "1",
            "name": keys.field.seal(person.name.expose()),
            "idCardTypeCode": document_code(person.document.kind()),
            "idCode": keys.field.seal(person.document.number()),
            "phone": keys.field.seal(person.mobile.expose()),
            "currentAddress": keys.field.seal(person.home_detail.expose()),
        })
    }

    /// `getPersonInfoByQrCode` (6.5).
    pub async fn verify(
        &self,
        code: &Secret<String>,
        place: &Place,
        step: MedicalStep,
    ) -> Answer<CardNumber> {
        let Some(keys) = self.keys().await else {
            return Answer::Unavailable;
        };
        let body = json!({
            "orgCode": place.institution.code,
            "qrCode": code.expose(),
            "terminalCode": place.terminal.code,
            "medStepCode": step.code(),
            "appMode": COUNTER,
            "appRecordNo": hex(&self.random.bytes::<16>()),
        });
        self.call("getPersonInfoByQrCode", body, &keys).await
    }

    /// The secret, read anew, and the key that it begins with.
    async fn keys(&self) -> Option<Keys> {
        let secret = self.endpoint.secret().await?;
        let field = FieldKey::new(&secret)?;
        Some(Keys { secret, field })
    }

    /// Calls a method that answers a card.
    async fn call(&self, method: &str, body: Value, keys: &Keys) -> Answer<CardNumber> {
        let answer = self.ask(method, body, keys).await;
        answer.and_then(|datas| number_in(&datas))
    }

    async fn ask(&self, method: &str, body: Value, keys: &Keys) -> Answer<Value> {
        let seconds = (self.clock.now().millis() / 1_000).to_string();
        // Fifteen decimal digits: shorter than sixteen, as front machines demand.
        let nonce = u64::from_be_bytes(self.random.bytes::<8>()) % 1_000_000_000_000_000;
        let mut message = json!({
            "appId": self.endpoint.config.app_id,
            "version": VERSION,
            "method": method,
            "timestamp": keys.field.seal(&seconds),
            "nonceStr": format!("{nonce:015}"),
            "signMode": "SM3",
            "encryptMode": "SM4/ECB/ZeroBytePadding",
        });
        message["headSign"] = sign(&message, &keys.secret).into();
        message["bodySign"] = sign(&body, &keys.secret).into();
        message["body"] = body;
        let Some(answer) = self.endpoint.post(PATH, &message).await else {
            return Answer::Unavailable;
        };
        match code_of(answer.get("returnCode")) {
            Some(code) if GOOD.contains(&code.as_str()) => Answer::Good(answer["datas"].clone()),
            Some(code) => self.endpoint.refusal(&code),
            None => Answer::Unavailable,
        }
    }
}

/// SM3 over the fields and the secret, in capitals.
pub fn sign(fields: &Value, secret: &Secret<String>) -> String {
    let text = signed_text(fields.as_object().into_iter().flatten());
    let digest = Sm3::digest(format!("{text}{}", secret.expose()));
    hex(digest.as_slice()).to_ascii_uppercase()
}

/// The card's index is what stands before the colon of its static code, where it has no field of its own.
fn number_in(datas: &Value) -> Answer<CardNumber> {
    let index = datas["erhcCardNo"].as_str().or_else(|| datas["qrCode"].as_str());
    let number = index.and_then(|text| CardNumber::parse(text.split(':').next()?));
    number.map_or(Answer::Unavailable, Answer::Good)
}

/// What signs, and what encrypts.
struct Keys {
    secret: Secret<String>,
    field: FieldKey,
}

/// The key of personal fields: the first 16 bytes of the secret.
struct FieldKey(Sm4);

impl FieldKey {
    fn new(secret: &Secret<String>) -> Option<Self> {
        let key = secret.expose().as_bytes().get(..BLOCK)?;
        let key = Sm4::new_from_slice(key);
        Some(Self(key.ok()?))
    }

    /// SM4 block by block, hexadecimal in capitals.
    fn seal(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        for chunk in bytes.chunks_exact_mut(BLOCK) {
            let mut block = Block::<Sm4>::default();
            block.copy_from_slice(chunk);
            self.0.encrypt_block(&mut block);
            chunk.copy_from_slice(&block);
        }
        hex(&bytes).to_ascii_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GB/T 32907-2016, appendix A.1, whose plain text is its own key.
    #[test]
    fn a_field_is_encrypted_as_the_standard_s_example() {
        let text = "0123456789ABCDEF";
        let key = FieldKey::new(&Secret::new(text.to_owned())).unwrap();
        // One block of text gives one block; one more character gives two.
        let sealed = key.seal(text);
        assert_eq!(sealed.len(), 32);
        assert_eq!(key.seal(&format!("{text}0")).len(), 64);
        let bytes = [
            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
        ];
        let standard = FieldKey(Sm4::new_from_slice(&bytes).unwrap());
        let mut block = Block::<Sm4>::default();
        block.copy_from_slice(&bytes);
        standard.0.encrypt_block(&mut block);
        assert_eq!(hex(&block), "681edf34d206965e86b3e94f536e4246");
    }

    /// GB/T 32905-2016, appendix A.1: SM3 of `abc`.
    #[test]
    fn a_signature_is_sm3_over_the_fields_and_the_secret() {
        let secret = Secret::new("bc".to_owned());
        let digest = sign(&json!({}), &Secret::new("abc".to_owned()));
        assert_eq!(
            digest,
            "66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0"
        );
        assert_ne!(
            sign(&json!({"a": "1"}), &secret),
            sign(&json!({"a": "2"}), &secret)
        );
    }
}
