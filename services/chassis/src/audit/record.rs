//! Records, heads and seals as they are stored and chained.

use lutong_kernel::{LocalDay, Timestamp};

use lutong_storage::crypto::{ChainKey, Entry};
use lutong_transport::record::CallRecord;
use lutong_transport::record::objects::Object;
use lutong_transport::record::shape::purpose_of;

/// A record; `sequence` is assigned when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub sequence: i64,
    pub at: Timestamp,
    pub rpc: String,
    pub caller: String,
    pub account: String,
    /// Names of roles, comma-separated.
    pub roles: String,
    pub division: String,
    pub purpose: Option<String>,
    pub outcome: String,
    pub reason: String,
    /// JSON: pairs of field and id.
    pub objects: String,
    pub unrecorded: i64,
}

impl Record {
    pub fn of(call: CallRecord) -> Self {
        let roles: Vec<_> = call.roles.iter().map(|role| role.as_str_name()).collect();
        Self {
            sequence: 0,
            at: call.at,
            rpc: call.rpc.to_owned(),
            caller: call.caller.map_or("", |caller| caller.as_str_name()).to_owned(),
            account: call.account,
            roles: roles.join(","),
            division: call
                .division
                .map(|division| division.to_string())
                .unwrap_or_default(),
            purpose: call.purpose.as_deref().map(purpose_of),
            outcome: lutong_operating::telemetry::code_name(call.outcome).to_owned(),
            reason: call.reason,
            // Pairs of strings always serialize.
            objects: serde_json::to_string(&call.objects).unwrap_or_default(),
            unrecorded: call.unrecorded,
        }
    }

    pub fn objects(&self) -> Vec<Object> {
        serde_json::from_str(&self.objects).unwrap_or_default()
    }

    /// The canonical encoding of the record, over which its entry is computed.
    fn content(&self) -> Vec<u8> {
        let mut content = Vec::with_capacity(256);
        for number in [self.sequence, self.at.micros(), self.unrecorded] {
            content.extend(number.to_be_bytes());
        }
        content.push(u8::from(self.purpose.is_some()));
        for text in [
            &self.rpc,
            &self.caller,
            &self.account,
            &self.roles,
            &self.division,
            self.purpose.as_ref().unwrap_or(&String::new()),
            &self.outcome,
            &self.reason,
            &self.objects,
        ] {
            content.extend((text.len() as u64).to_be_bytes());
            content.extend(text.as_bytes());
        }
        content
    }
}

/// The keys of a service's audit log.
#[derive(Debug, Clone)]
pub struct AuditKeys {
    records: ChainKey,
    heads: ChainKey,
    seals: ChainKey,
}

impl AuditKeys {
    /// From a key of the service, under labels of their own.
    pub fn new(material: &[u8; 32]) -> Self {
        Self {
            records: ChainKey::new(material, "lutong-audit-record/1\n"),
            heads: ChainKey::new(material, "lutong-audit-head/1\n"),
            seals: ChainKey::new(material, "lutong-audit-seal/1\n"),
        }
    }

    pub fn entry(&self, previous: &Entry, record: &Record) -> Entry {
        self.records.entry(previous, &record.content())
    }
}

/// The end of the log. Its proof prevents anyone without the key from moving it back to truncate the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub sequence: i64,
    pub entry: Entry,
    /// The last record from before the log was chained.
    pub unchained: i64,
    /// The last sealed day and its seal's proof.
    pub sealed: Option<(LocalDay, Entry)>,
}

impl Head {
    pub fn proof(&self, keys: &AuditKeys) -> Entry {
        let mut content = Vec::new();
        content.extend(self.sequence.to_be_bytes());
        content.extend(self.unchained.to_be_bytes());
        if let Some((day, seal)) = &self.sealed {
            content.extend(day.days().to_be_bytes());
            content.extend(seal);
        }
        keys.heads.entry(&self.entry, &content)
    }
}

/// The end of the log at the end of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub day: LocalDay,
    pub sealed_at: Timestamp,
    pub sequence: i64,
    pub entry: Entry,
    /// Records since the previous seal.
    pub records: i64,
}

impl Seal {
    /// The proof over this seal and the previous seal's proof.
    pub fn proof(&self, keys: &AuditKeys, previous: &Entry) -> Entry {
        let mut content = Vec::new();
        content.extend(self.day.days().to_be_bytes());
        for number in [self.sealed_at.micros(), self.sequence, self.records] {
            content.extend(number.to_be_bytes());
        }
        content.extend(self.entry);
        keys.seals.entry(previous, &content)
    }
}
